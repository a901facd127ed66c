"""The mail server for long lines: the user's name says what is in the mailbox, `messages x octets`."""

import ssl
from functools import partial
from typing import NamedTuple

from bench.loop import Work, patiently
from bench.server import Server, _send

_CAPA = b"+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nUSER\r\nSASL PLAIN\r\n.\r\n"
_LINE = b"TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQsIGNvbnNlY3RldHVyIGFkaXBpc2NpbmcgZWxpdC4\r\n"

_OK = b"+OK\r\n"
_ANSWERS = {b"CAPA": _CAPA, **dict.fromkeys((b"USER", b"PASS", b"NOOP", b"RSET", b"QUIT"), _OK)}

# The one password that is not right, and what is said then (RFC 3206).
_WRONG = (b"PASS", b"WRONG")
_REFUSED = b"-ERR [AUTH] Authentication failed.\r\n"

# What every other word gets, and every message that is not there: popover asks for both before it trusts an answer.
_UNKNOWN = b"-ERR Unknown command.\r\n"
_NO_MESSAGE = b"-ERR There's no message.\r\n"


class Mailbox(NamedTuple):
    """Messages of one size. Deletions are taken and forgotten: each session finds it full."""

    total: int
    size: int

    @classmethod
    def named(cls, user: bytes) -> "Mailbox":
        """Read `100x4000`."""
        total, _, size = user.partition(b"x")
        return cls(int(total), int(size))

    def octets(self) -> int:
        """The size of a message: as many whole lines as there is room for."""
        return self.size // len(_LINE) * len(_LINE)

    def message(self) -> bytes:
        """One message, as RETR gives it."""
        return b"+OK %d octets\r\n" % self.octets() + _LINE * (self.size // len(_LINE)) + b".\r\n"

    def listing(self, what: bytes) -> bytes:
        """The answer to LIST or UIDL."""
        return b"+OK\r\n" + b"".join(self._line(what, n) for n in range(1, self.total + 1)) + b".\r\n"

    def one(self, what: bytes, number: int) -> bytes:
        """The answer to LIST or UIDL with a number."""
        return b"+OK " + self._line(what, number)

    def _line(self, what: bytes, number: int) -> bytes:
        return b"%d %d\r\n" % (number, self.octets()) if what == b"LIST" else b"%d %08x5f5e1234\r\n" % (number, number)


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
                yield from _send(sock, memoryview(_answer(verb, rest, mailbox, message)))
                if verb == b"QUIT":
                    return


def _answer(verb: bytes, rest: bytes, mailbox: Mailbox, message: bytes) -> bytes:
    if (verb, rest) == _WRONG:
        return _REFUSED
    if rest and verb in (b"RETR", b"TOP", b"LIST", b"UIDL", b"DELE"):
        return _about_one(verb, int(rest.split()[0]), mailbox, message)
    if verb in (b"LIST", b"UIDL"):
        return mailbox.listing(verb)
    if verb == b"STAT":
        return b"+OK %d %d\r\n" % (mailbox.total, mailbox.total * mailbox.octets())
    return _ANSWERS.get(verb, _UNKNOWN)


def _about_one(verb: bytes, number: int, mailbox: Mailbox, message: bytes) -> bytes:
    if not 1 <= number <= mailbox.total:
        return _NO_MESSAGE
    if verb in (b"LIST", b"UIDL"):
        return mailbox.one(verb, number)
    return _OK if verb == b"DELE" else message
