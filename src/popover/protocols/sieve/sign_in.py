"""ManageSieve: how the gateway logs in for a client, as the client of the talk's own ears."""

from __future__ import annotations

from popover.config import Server
from popover.protocols import sasl_client
from popover.protocols.caller import Caller
from popover.protocols.login import Credentials
from popover.protocols.reception import SignedIn
from popover.protocols.sieve.grammar import LITERAL, status, string, tokens
from popover.talk import End, Talk


def sign_in(me: End, credentials: Credentials, server: Server) -> Talk[SignedIn]:
    """Log in, from the greeting on. Raises SignInFailure."""
    caller = Caller(me, credentials, server)
    offered: frozenset[bytes] = frozenset()
    while not status(line := (yield from _answer(caller))):
        found = tokens(line)
        if found[:1] and found[0].upper() == b"SASL":
            offered = frozenset(found[1].upper().split()) if len(found) > 1 else frozenset()
    if status(line) != b"OK":
        raise caller.unwilling("a login", line)
    if credentials.kind == "bearer":
        mechanism = sasl_client.bearer_mechanism(offered)
        response = sasl_client.bearer(mechanism, credentials, server)
    else:
        mechanism, response = b"PLAIN", sasl_client.plain(credentials)
    caller.say(b"AUTHENTICATE " + string(mechanism) + b" " + string(response), response)
    line, has_asked = (yield from _answer(caller)), False
    while not status(line):  # the reasons for a refusal (RFC 7628 section 3.2.3), or a server that asks once more
        asks = tokens(line)[:1] in ([], [b""]) and not has_asked
        has_asked = has_asked or asks
        caller.say(string(response if asks else sasl_client.last_word(mechanism)), response)
        line = yield from _answer(caller)
    if status(line) == b"BYE":
        raise caller.unwilling("the login", line)
    return SignedIn(status(line) == b"OK", caller.hushed(line))


def _answer(caller: Caller) -> Talk[bytes]:
    """Take a whole line of an answer, literals and all; each of its line ends is CRLF, whatever the server's are."""
    line = yield from _line(caller)
    while literal := LITERAL.search(line):
        line += yield from caller.octets(int(literal[1]))
        line += yield from _line(caller)
    return line


def _line(caller: Caller) -> Talk[bytes]:
    line = yield from caller.line()
    return line[:-1].removesuffix(b"\r") + b"\r\n"
