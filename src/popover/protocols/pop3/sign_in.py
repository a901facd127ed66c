"""POP3: how the gateway logs in for a client, as the client of the talk's own ears.

USER and PASS are said one after the other: the ears answer USER at once and send both in one flight where the server
has shown that it hears them. A token goes in two steps, always: Microsoft closes at a long AUTH line ("Protocol error.
Connection is closed").
"""

from __future__ import annotations

import re

from popover.config import Server
from popover.protocols import sasl_client
from popover.protocols.caller import Caller
from popover.protocols.dialect import sentence
from popover.protocols.login import Credentials
from popover.protocols.pop3.answers import capabilities
from popover.protocols.reception import SignedIn
from popover.talk import End, Talk

_CODE = re.compile(rb"\[([A-Za-z/.-]+)\]\s*")


def sign_in(me: End, credentials: Credentials, server: Server) -> Talk[SignedIn]:
    """Log in, from the greeting on. Raises SignInFailure."""
    caller = Caller(me, credentials, server)
    yield from caller.line()
    me.inbox.clear()  # a second greeting answers nothing, and would be taken for the answer to USER
    return (yield from (_bearer if credentials.kind == "bearer" else _password)(caller, credentials))


def _password(caller: Caller, credentials: Credentials) -> Talk[SignedIn]:
    user, password = sasl_client.name(credentials), sasl_client.password(credentials)
    caller.say(b"USER " + user)
    line = yield from caller.line()
    if _is_ok(line):
        caller.say(b"PASS " + password)
        line = yield from caller.line()
    return _signed_in(caller, credentials, line)


def _bearer(caller: Caller, credentials: Credentials) -> Talk[SignedIn]:
    mechanism = sasl_client.bearer_mechanism((yield from _mechanisms(caller)))
    response = sasl_client.bearer(mechanism, credentials, caller.server)
    caller.say(b"AUTH " + mechanism)
    line = yield from caller.line()
    if not _is_challenge(line):
        raise caller.unwilling(f"AUTH {mechanism.decode()}", line)
    caller.say(response, response)
    line, why = (yield from caller.line()), ""
    if _is_challenge(line):
        why = caller.reasons(line[1:])
        caller.say(sasl_client.last_word(mechanism))
        line = yield from caller.line()
    return _signed_in(caller, credentials, line, why)


def _signed_in(caller: Caller, credentials: Credentials, line: bytes, why: str = "") -> SignedIn:
    """Read the answer to a login. What is neither yes nor no has refused nothing, and no client could read it."""
    if _is_ok(line):
        return SignedIn(accepted=True, words=_whole(line))
    if line[:4].upper() != b"-ERR":
        raise caller.unwilling("the login", line)
    line = line[:4] + caller.hushed(line[4:])
    return SignedIn(accepted=False, words=_refusal(line, why) if credentials.is_ours else _whole(line))


def _mechanisms(caller: Caller) -> Talk[list[bytes]]:
    """What CAPA's SASL line lists; a connection that has waited knows it already."""
    caller.say(b"CAPA")
    line = answer = yield from caller.line()
    while _is_ok(answer) and line.rstrip(b"\r\n") != b".":
        line = yield from caller.line()
        answer += line
    return next((name.split()[1:] for name in capabilities(answer) if name.startswith(b"SASL")), [])


def _is_ok(line: bytes) -> bool:
    return line[:3].upper() == b"+OK"


def _is_challenge(line: bytes) -> bool:
    return line.startswith(b"+ ") or line.strip() == b"+"


def _whole(line: bytes) -> bytes:
    return line.rstrip(b"\r\n") + b"\r\n"


def _refusal(line: bytes, why: str) -> bytes:
    """Tell in the server's words that a secret of ours was refused. The client's password is right all the same, and it
    is not to forget it: so the code is not AUTH, nor none (RFC 3206 section 4).
    """
    told = line.partition(b" ")[2].strip()
    found = _CODE.match(told)
    code = found[1].upper().decode() if found is not None else "AUTH"
    words = told[found.end() if found is not None else 0 :].decode("latin-1")
    shown = "SYS/PERM" if code == "AUTH" else code
    return f"-ERR [{shown}] {sentence(f'{words} ({why})' if why else words)}\r\n".encode()
