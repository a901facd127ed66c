"""A small SMTP server (RFC 5321) for the demo's one mailbox: what is sent, to whomever, arrives there."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable

from popover.demo.mailbox import Mailbox
from popover.demo.pop3 import is_right
from popover.demo.serving import serve_lines

SIZE = 32 * 1024 * 1024
"""Octets of one message at most (RFC 1870). Providers take 25 to 50 MB."""

IDLE = 300.0
"""Seconds without a line after which the server closes (RFC 5321 section 4.5.3.2.7: at least 5 minutes)."""

_EXTENSIONS = (f"SIZE {SIZE}", "8BITMIME", "PIPELINING", "AUTH PLAIN LOGIN")

_ORDER = "503 5.5.1 not at this time"


class SmtpSession:
    """One client, from the greeting to QUIT. Who signs in must do it right, but nobody has to: scanners cannot."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._commands: dict[str, Callable[[str], str]] = {
            "EHLO": lambda _rest: (
                "\r\n250-".join(["250-demo.example", *_EXTENSIONS[:-1]]) + f"\r\n250 {_EXTENSIONS[-1]}"
            ),
            "HELO": lambda _rest: "250 demo.example",
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda _rest: "250 2.0.0 here",
            "QUIT": self._quit,
        }
        self._next: Callable[[bytes], str] | None = None  # who gets the next line, if it is no command
        self._user = ""
        self._stage = "idle"  # idle, mail, rcpt
        self._lines: list[bytes] = []
        self._size = 0
        self.over = False

    def answer(self, line: bytes) -> bytes:
        """Answer one line, command or not; empty: nothing is to be said."""
        if self._next is not None:
            said = self._next(line)
        else:
            verb, _, rest = line.decode("latin-1").rstrip("\r\n").partition(" ")
            said = self._commands.get(verb.upper(), _unknown)(rest.strip())
        return said.encode("latin-1") + b"\r\n" if said else b""

    def _mail(self, rest: str) -> str:
        if self._stage != "idle":
            return _ORDER
        if not rest.upper().startswith("FROM:"):
            return "501 5.5.4 MAIL FROM:<address>"
        self._stage = "mail"
        return "250 2.1.0 go on"

    def _rcpt(self, rest: str) -> str:
        if self._stage == "idle":
            return _ORDER
        if not rest.upper().startswith("TO:"):
            return "501 5.5.4 RCPT TO:<address>"
        self._stage = "rcpt"
        return "250 2.1.5 whoever that is"

    def _rset(self, _rest: str) -> str:
        self._stage, self._lines, self._size = "idle", [], 0
        return "250 2.0.0 forgotten"

    def _quit(self, _rest: str) -> str:
        self.over = True
        return "221 2.0.0 goodbye"

    def _data(self, _rest: str) -> str:
        if self._stage != "rcpt":
            return _ORDER
        self._next = self._content
        return "354 end it with a dot on a line of its own"

    def _content(self, line: bytes) -> str:
        if line != b".\r\n":
            self._size += len(line)
            if self._size <= SIZE:
                # The dot that the client doubled goes (section 4.5.2); in the mailbox lines end with CRLF.
                self._lines.append(line.removeprefix(b".").rstrip(b"\r\n") + b"\r\n")
            return ""
        raw, fits = b"".join(self._lines), self._size <= SIZE
        self._next = None
        self._rset("")
        if not fits:
            return "552 5.3.4 too large"
        return "250 2.0.0 it is in the mailbox" if self._mailbox.add(raw) else "452 4.2.2 the mailbox is full"

    def _auth(self, rest: str) -> str:
        mechanism, _, first = rest.partition(" ")
        steps = {"PLAIN": (self._plain, "334 "), "LOGIN": (self._name, "334 VXNlcm5hbWU6")}
        if mechanism.upper() not in steps:
            return "504 5.5.4 PLAIN or LOGIN"
        step, question = steps[mechanism.upper()]
        if first:
            return step(first.encode())
        self._next = step
        return question

    def _plain(self, line: bytes) -> str:
        """RFC 4616: whom to be, who it is, the password."""
        self._next = None
        _, user, password, *_ = [*_decoded(line).split("\0"), "", ""]
        return self._verdict(user, password)

    def _name(self, line: bytes) -> str:
        self._user, self._next = _decoded(line), self._password
        return "334 UGFzc3dvcmQ6"

    def _password(self, line: bytes) -> str:
        self._next = None
        return self._verdict(self._user, _decoded(line))

    def _verdict(self, user: str, password: str) -> str:
        return "235 2.7.0 welcome" if is_right(user, password) else "535 5.7.8 the demo knows one user and one password"


def _unknown(_rest: str) -> str:
    return "500 5.5.1 unknown command"


def _decoded(line: bytes) -> str:
    """What base64 hides; empty if it is none, which no login is."""
    try:
        return base64.b64decode(line.strip(), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return ""


async def serve_smtp(mailbox: Mailbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection to its end."""
    await serve_lines(
        SmtpSession(mailbox),
        b"220 demo.example popover demo: a mail server that speaks only TLS\r\n",
        IDLE,
        reader,
        writer,
    )
