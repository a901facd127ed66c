"""Dovecot with Pigeonhole's ManageSieve, from below .parts on every machine.

with Pigeonhole(directory, authority) as server:
    user = server.new_user()
    with ManageSieve((server.host, server.ports["sieve"])) as client: ...
"""

import base64
import ssl
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from parts.dovecot import Dovecot
from parts.lines import Lines
from parts.net import Address
from parts.private import OWN, inside


class Pigeonhole(Dovecot):
    """`ports["sieve"]` begins in plain text, `ports["sieves"]` with TLS."""

    program: ClassVar[Sequence[str | Path]] = inside(OWN, "dovecot")
    more: ClassVar[Sequence[str]] = ("sieve", "sieves")


class ManageSieve:
    """A client that waits for each answer, and remembers the last one."""

    def __init__(self, place: Address, context: ssl.SSLContext | None = None) -> None:
        self._server = Lines(place, context)
        self.greeting = self.answer()

    def ask(self, *words: bytes) -> list[bytes]:
        """Say a command; the lines of the answer, the status last."""
        self._server.send(b" ".join(words) + b"\r\n")
        return self.answer()

    def send(self, data: bytes) -> None:
        """Say it as it is."""
        self._server.send(data)

    def answer(self) -> list[bytes]:
        """Read lines up to a status; a literal is part of its line."""
        lines: list[bytes] = []
        while not lines or not lines[-1].upper().startswith((b"OK", b"NO", b"BYE")):
            line = self._server.line()
            assert line, lines
            while line.endswith(b"}\r\n"):
                size = int(line.rpartition(b"{")[2].rstrip(b"+}\r\n"))
                line += self._server.exactly(size) + self._server.line()
            lines.append(line)
        return lines

    def line(self) -> bytes:
        """Read one line."""
        return self._server.line()

    def login(self, user: str, password: str) -> bytes:
        """AUTHENTICATE PLAIN in one line; the status."""
        secret = base64.b64encode(f"\0{user}\0{password}".encode())
        return self.ask(b'AUTHENTICATE "PLAIN"', b'"' + secret + b'"')[-1]

    def put(self, name: str, script: bytes) -> bytes:
        """PUTSCRIPT; the status."""
        return self.ask(b'PUTSCRIPT "%s" {%d+}\r\n%s' % (name.encode(), len(script), script))[-1]

    def start_tls(self, context: ssl.SSLContext) -> list[bytes]:
        """STARTTLS; what is said inside TLS before it is asked."""
        assert self.ask(b"STARTTLS")[-1].startswith(b"OK")
        self._server.begin_tls(context)
        return self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
