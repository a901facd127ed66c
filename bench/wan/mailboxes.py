"""The mail server for long lines: the user's name says what is in the mailbox, `messages x octets`."""

import ssl
from functools import partial
from typing import NamedTuple

from bench.loop import Work, patiently
from bench.server import Server, _send

_CAPA = b"+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nUSER\r\nSASL PLAIN\r\n.\r\n"
_LINE = b"TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQsIGNvbnNlY3RldHVyIGFkaXBpc2NpbmcgZWxpdC4\r\n"


class Mailbox(NamedTuple):
    """Messages of one size. Deletions are taken and forgotten: each session finds it full."""

    total: int
    size: int

    @classmethod
    def named(cls, user: bytes) -> "Mailbox":
        """Read `100x4000`."""
        total, _, size = user.partition(b"x")
        return cls(int(total), int(size))

    def message(self) -> bytes:
        """One message, as RETR gives it."""
        lines = _LINE * (self.size // len(_LINE))
        return b"+OK %d octets\r\n" % len(lines) + lines + b".\r\n"

    def listing(self, what: bytes) -> bytes:
        """The answer to LIST or UIDL."""
        size = self.size // len(_LINE) * len(_LINE)
        lines = (
            b"%d %d\r\n" % (n, size) if what == b"LIST" else b"%d %08x5f5e1234\r\n" % (n, n) for n in self._numbers()
        )
        return b"+OK\r\n" + b"".join(lines) + b".\r\n"

    def _numbers(self) -> range:
        return range(1, self.total + 1)


class Mailboxes(Server):
    """Like the bench's server, with mailboxes."""

    def __init__(self, certificate: object, mail_bytes: int = 100) -> None:
        super().__init__(certificate, mail_bytes)  # type: ignore[arg-type]

    def _converse(self, sock: ssl.SSLSocket) -> Work[None]:
        buffer, mailbox, message = b"", Mailbox(0, 0), b""
        while received := (yield from patiently(partial(sock.recv, 65536))):
            buffer += received
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                verb, _, rest = line.strip().upper().partition(b" ")
                if verb == b"USER":
                    mailbox = Mailbox.named(rest.lower())
                    message = mailbox.message()
                yield from _send(sock, memoryview(_answer(verb, mailbox, message)))
                if verb == b"QUIT":
                    return


def _answer(verb: bytes, mailbox: Mailbox, message: bytes) -> bytes:
    if verb in (b"RETR", b"TOP"):
        return message
    if verb in (b"LIST", b"UIDL"):
        return mailbox.listing(verb)
    if verb == b"CAPA":
        return _CAPA
    if verb == b"STAT":
        return b"+OK %d %d\r\n" % (mailbox.total, mailbox.total * mailbox.size)
    return b"+OK\r\n"
