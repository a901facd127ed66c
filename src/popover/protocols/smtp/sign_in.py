"""SMTP: how the gateway logs in for a client, as the client of the talk's own ears.

A line of AUTH has 512 octets at most (RFC 5321 section 4.5.3.1.4): with a token it goes in two steps, for Dovecot says
500 to a longer one. What the ears hide from clients is hidden from us, too: where no AUTH is to be seen, one is tried
without a secret, and the secret follows if the server asks for it.
"""

from __future__ import annotations

import base64

from popover.config import Server
from popover.errors import SignInFailure
from popover.protocols import sasl_client
from popover.protocols.caller import Caller
from popover.protocols.dialect import sentence
from popover.protocols.login import Credentials
from popover.protocols.reception import SignedIn
from popover.protocols.starttls.smtp import HELLO as _STARTTLS_HELLO
from popover.talk import End, Talk

HELLO = _STARTTLS_HELLO.removeprefix(b"EHLO ")
"""What we call ourselves where the client has no name that could be said: an address literal, as Thunderbird does."""

_LINE_LIMIT = 512
_CODE = 3  # digits, RFC 5321 section 4.2
_NO_COMMAND = (b"500", b"502", b"503", b"504")
"""Replies that speak of the command, not of the login: syntax, not implemented, bad sequence, no such mechanism."""


def sign_in(me: End, credentials: Credentials, server: Server, name: bytes = HELLO) -> Talk[SignedIn]:
    """Log in, from the greeting on. `name`: what EHLO says. Raises SignInFailure."""
    caller = Caller(me, credentials, server)
    yield from _reply(caller)
    offered = yield from _hello(caller, name)
    if credentials.kind == "bearer":
        mechanism = sasl_client.bearer_mechanism(offered)
        response = sasl_client.bearer(mechanism, credentials, server)
        return (yield from _auth(caller, mechanism, response, is_offered=mechanism in offered))
    if offered and b"PLAIN" not in offered:
        return (yield from _auth_login(caller, credentials, offered))
    return (yield from _auth(caller, b"PLAIN", sasl_client.plain(credentials), is_offered=bool(offered)))


def _hello(caller: Caller, name: bytes) -> Talk[frozenset[bytes]]:
    """Say EHLO, and give the mechanisms that are offered, upper case. A server may find fault with a client's name; or
    with a second EHLO, where this is another login on the same connection, and then it does not say what it offers.
    """
    reply = yield from _ask(caller, b"EHLO " + name)
    if reply.startswith(b"503"):
        return frozenset()
    if reply.startswith(b"5") and name != HELLO:
        reply = yield from _ask(caller, b"EHLO " + HELLO)
    if not reply.startswith(b"250"):
        raise caller.unwilling("EHLO", _last(reply))
    words = [line[_CODE + 1 :].replace(b"=", b" ").upper().split() for line in reply.split(b"\n")]
    return frozenset(name for found in words if found[:1] == [b"AUTH"] for name in found[1:])


def _auth(caller: Caller, mechanism: bytes, response: bytes, *, is_offered: bool) -> Talk[SignedIn]:
    """Say it in one line, where that is known to be understood and is short enough, or in two."""
    command = b"AUTH " + mechanism
    if is_offered and len(command) + len(response) + len(b" \r\n") <= _LINE_LIMIT:
        reply = yield from _ask(caller, command + b" " + response, response)
    else:
        yield from _begin(caller, command)
        reply = yield from _ask(caller, response, response)
    why = ""
    if reply.startswith(b"334"):
        why = caller.reasons(reply[_CODE:])
        reply = yield from _ask(caller, sasl_client.last_word(mechanism))
    return _signed_in(caller, command, reply, why)


def _auth_login(caller: Caller, credentials: Credentials, offered: frozenset[bytes]) -> Talk[SignedIn]:
    """Say name and password one after the other, where the server has only that."""
    if b"LOGIN" not in offered:
        listed = sentence(b" ".join(sorted(offered)).decode("latin-1"))
        raise SignInFailure(
            f"{caller.server.host} takes no password: it offers {listed}",
            "does the provider want OAuth2?",
            needs_person=True,
        )
    user, password = sasl_client.name(credentials), sasl_client.password(credentials)
    yield from _begin(caller, b"AUTH LOGIN")
    reply = yield from _ask(caller, base64.b64encode(user))
    if reply.startswith(b"334"):
        response = base64.b64encode(password)
        reply = yield from _ask(caller, response, response)
    return _signed_in(caller, b"AUTH LOGIN", reply, "")


def _begin(caller: Caller, command: bytes) -> Talk[None]:
    """Say an AUTH without a secret; the server asks for it, or does not know this one."""
    reply = yield from _ask(caller, command)
    if not reply.startswith(b"334"):
        raise caller.unwilling(command.decode(), _last(reply))


def _signed_in(caller: Caller, command: bytes, reply: bytes, why: str) -> SignedIn:
    if reply.startswith(b"3") or reply[:_CODE] in _NO_COMMAND:
        raise caller.unwilling(command.decode(), _last(reply))
    words = b"".join(line.rstrip(b"\r") + b"\r\n" for line in reply.split(b"\n")[:-1])
    room = _LINE_LIMIT - len(_last(words)) - len(" ()\r\n")
    if why and room > 0:  # a reply's line has 512 octets at most, too
        words = words.removesuffix(b"\r\n") + f" ({sentence(why)[:room]})\r\n".encode()
    return SignedIn(reply.startswith(b"2"), words)


def _ask(caller: Caller, line: bytes, secret: bytes = b"") -> Talk[bytes]:
    caller.say(line, secret)
    return caller.hushed((yield from _reply(caller)))


def _reply(caller: Caller) -> Talk[bytes]:
    """Read a reply of one line or more. With 421 the server goes, whatever it was asked (RFC 5321 section 3.8)."""
    line = reply = yield from caller.line()
    while line[_CODE : _CODE + 1] == b"-" and line[:_CODE].isdigit():
        line = yield from caller.line()
        reply += line
    if not line[:_CODE].isdigit() or line[:1] not in b"2345" or line[_CODE : _CODE + 1] not in b" \r\n":
        raise caller.unwilling("SMTP", line)
    if line.startswith(b"421"):
        raise SignInFailure(f"{caller.server.host} takes no login now: it says {caller.shown(line)}", "try again later")
    return reply


def _last(reply: bytes) -> bytes:
    return reply.split(b"\n")[-2].rstrip(b"\r")
