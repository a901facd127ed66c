"""AUTH, as the desk answers it (RFC 4954)."""

from __future__ import annotations

from popover.protocols import sasl_server
from popover.protocols.guest import Guest
from popover.protocols.login import Login
from popover.protocols.sasl_server import Unreadable, Withdrawn
from popover.protocols.smtp.commands import LINE_LIMIT
from popover.talk import Talk


def auth(guest: Guest, argument: bytes, challenge: bytes) -> Talk[Login | None]:
    """Talk through one AUTH; `argument`: what stands behind the word. None: it has its answer, and was no login. AUTH
    LOGIN's prompts are those that Outlook compares letter by letter (prompts.py). Raises what `Guest.line` raises.
    """
    mechanism, _, initial = argument.partition(b" ")
    if mechanism.upper() not in sasl_server.mechanisms(challenge):
        guest.say(b"504 5.5.4 no such mechanism" if mechanism else b"501 5.5.4 AUTH names a mechanism")
        return None

    def asking(challenge: bytes) -> Talk[bytes]:
        guest.say(b"334 " + challenge)
        return (yield from guest.line(LINE_LIMIT)).rstrip(b"\r\n")

    try:
        return (yield from sasl_server.prove(mechanism.upper(), initial, challenge, asking))
    except Unreadable as unreadable:
        guest.say(b"501 5.5.2 " + unreadable.what.encode())
    except Withdrawn:
        guest.say(b"501 5.7.0 as you wish")
    return None
