"""IMAP: how the gateway logs in for a client, as the client of the talk's own ears, with that client's tag.

What a password can be said by in one round trip is AUTHENTICATE PLAIN where the server has it with SASL-IR (RFC 4959):
it carries any octets, and is there, too, where LOGIN is switched off (LOGINDISABLED, which the ears show to nobody).
Else it is LOGIN, in quoted strings, or literals for what those cannot hold.

A client that has read our list of capabilities must read the server's after the login. Where the server does not tell
it with its answer (Exchange), it is asked, and stands before the answer.
"""

from __future__ import annotations

import re

from popover.config import Server
from popover.errors import SignInFailure
from popover.protocols import sasl_client
from popover.protocols.caller import Caller
from popover.protocols.dialect import sentence
from popover.protocols.imap.capability import listed_in
from popover.protocols.imap.grammar import literal_of_server
from popover.protocols.imap.said import quoted
from popover.protocols.login import Credentials
from popover.protocols.reception import SignedIn
from popover.talk import End, Talk

TAG = b"a1"
"""Where the client has none."""

_QUOTABLE = re.compile(rb"[ -~]*")
_CODE = re.compile(rb"\[([A-Za-z-]+)[^\]]*\]\s*")


def sign_in(me: End, credentials: Credentials, server: Server, tag: bytes = TAG) -> Talk[SignedIn]:
    """Log in, from the greeting on. Raises SignInFailure."""
    talk = _Talk(Caller(me, credentials, server), tag)
    yield from talk.greeting()
    line, why = yield from (talk.bearer if credentials.kind == "bearer" else talk.password)(credentials)
    status = b"" if _is_challenge(line) else b"".join(line.split(None, 2)[1:2]).upper()  # there is a `+ OK`, too
    if status == b"OK":
        return SignedIn(accepted=True, words=(yield from talk.with_capabilities(line)))
    if status == b"NO":
        hushed = tag + talk.caller.hushed(line[len(tag) :])
        words = _refusal(tag, hushed, why) if credentials.is_ours else hushed
        return SignedIn(accepted=False, words=talk.caller.hushed(talk.before) + words)
    raise talk.caller.unwilling("the login", line)


class _Talk:
    """One login. `listed`: the capabilities that the server has told last, upper case; None: it has told none.

    `before`: its untagged lines since the login was said, whole.
    """

    def __init__(self, caller: Caller, tag: bytes) -> None:
        self.caller = caller
        self.listed: list[bytes] | None = None
        self.before = b""
        self._tag = tag
        self._our_tag = TAG if tag != TAG else b"a2"  # of what the client has not asked

    def greeting(self) -> Talk[None]:
        """Read it. One that wants no login would show somebody's mail, and nobody knows whose."""
        line = yield from self.caller.line()
        if line[:9].upper().startswith(b"* PREAUTH"):
            raise self.caller.unwilling("a login", line)
        self._learn(line)

    def password(self, credentials: Credentials) -> Talk[tuple[bytes, str]]:
        """Say a name and a password; give the server's answer."""
        listed = self.listed or []
        if not (b"AUTH=PLAIN" in listed and b"SASL-IR" in listed):
            return (yield from self._login(sasl_client.name(credentials), sasl_client.password(credentials))), ""
        response = sasl_client.plain(credentials)
        self.caller.say(self._begin() + b" AUTHENTICATE PLAIN " + response, response)
        line = yield from self._answer()
        if _is_challenge(line):
            self.caller.say(response, response)
            line = yield from self._answer()
        return line, ""

    def _login(self, *words: bytes) -> Talk[bytes]:
        text = self._begin() + b" LOGIN"
        for octets in words:
            if _QUOTABLE.fullmatch(octets):
                text += b" " + quoted(octets)
                continue
            self.caller.say(text + b" {%d}" % len(octets))
            line = yield from self._answer()
            if not _is_challenge(line):
                return line
            text = octets
        self.caller.say(text, quoted(words[-1])[1:-1])
        return (yield from self._answer())

    def bearer(self, credentials: Credentials) -> Talk[tuple[bytes, str]]:
        """Say a name and a token; give the server's answer, and its reasons."""
        if self.listed is None:
            self.caller.say(self._our_tag + b" CAPABILITY")
            yield from self._answer(self._our_tag)
        listed, command = self.listed or [], self._begin() + b" AUTHENTICATE "
        offered = [name.removeprefix(b"AUTH=") for name in listed if name.startswith(b"AUTH=")]
        mechanism = sasl_client.bearer_mechanism(offered)
        response = sasl_client.bearer(mechanism, credentials, self.caller.server)
        if b"SASL-IR" in listed and mechanism in offered:
            self.caller.say(command + mechanism + b" " + response, response)
        else:
            self.caller.say(command + mechanism)
            line = yield from self._answer()
            if not _is_challenge(line):
                raise self.caller.unwilling(f"AUTHENTICATE {mechanism.decode()}", line)
            self.caller.say(response, response)
        line, why = (yield from self._answer()), ""
        if _is_challenge(line):
            why = self.caller.reasons(line[1:])
            self.caller.say(sasl_client.last_word(mechanism))
            line = yield from self._answer()
        return line, why

    def with_capabilities(self, line: bytes) -> Talk[bytes]:
        """Give the answer to a login that is through, and the server's capabilities with it."""
        if self.listed is not None:
            return self.before + line
        before, self.before = self.before, b""
        self.caller.say(self._our_tag + b" CAPABILITY")
        yield from self._answer(self._our_tag)
        return before + self.before + line

    # -- lines -----------------------------------------------------------------------------------

    def _begin(self) -> bytes:
        """Begin the client's login with its tag. What the server tells from now on it tells the client."""
        self.listed, self.before = None, b""
        return self._tag

    def _answer(self, tag: bytes = b"") -> Talk[bytes]:
        """Give the next line that asks to go on, or bears the tag; all others tell something."""
        begin = (tag or self._tag) + b" "
        while True:
            line = yield from self.caller.line()
            if _is_challenge(line) or line.startswith(begin):
                self._learn(line)
                return line.rstrip(b"\r\n") + b"\r\n"
            if line[:5].upper() == b"* BYE":
                raise SignInFailure(f"{self.caller.server.host} closes at the login: it says {self.caller.shown(line)}")
            while (size := literal_of_server(line)) is not None:
                self.before += line + (yield from self.caller.octets(size))
                line = yield from self.caller.line()
            self._learn(line)
            self.before += line

    def _learn(self, line: bytes) -> None:
        if (found := listed_in(line)) is not None:
            self.listed = found[1].upper().split()


def _is_challenge(line: bytes) -> bool:
    return line[:1] == b"+"


def _refusal(tag: bytes, line: bytes, why: str) -> bytes:
    """Tell in the server's words that a secret of ours was refused. The client's password is right all the same, and
    it is not to forget it: so the code is none that speaks of it, nor is there none (RFC 5530 section 3).
    """
    told = line.split(None, 2)[2].strip() if len(line.split(None, 2)) > 2 else b""  # noqa: PLR2004 - tag and NO
    found = _CODE.match(told)
    code = found[1].upper().decode() if found is not None else ""
    words = told[found.end() if found is not None else 0 :].decode("latin-1")
    shown = code if code in _KEPT else "CONTACTADMIN"
    return tag + f" NO [{shown}] {sentence(f'{words} ({why})' if why else words)}\r\n".encode()


_KEPT = ("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "ALERT")
