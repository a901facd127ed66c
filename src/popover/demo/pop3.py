"""A small POP3 server (RFC 1939; CAPA and PIPELINING: RFC 2449) for the demo's one user."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable

from popover.demo.mailbox import Letter, Mailbox
from popover.demo.serving import serve_lines

USER, PASSWORD = "demo", "popover"
IDLE = 600.0
"""Seconds without a command after which the server closes (RFC 1939 section 3: at least 10 minutes)."""

_CAPABILITIES = ("TOP", "UIDL", "USER", "PIPELINING", "IMPLEMENTATION popover-demo")


def is_right(user: str, password: str) -> bool:
    """Whether these two sign in. Clients send the whole address, or only what is before its @."""
    return hmac.compare_digest(password.encode(), PASSWORD.encode()) and user.partition("@")[0] == USER


class _NotNow(Exception):  # noqa: N818 - a word for the client, no fault of the program
    """The command cannot be done: the text of the -ERR line."""


class Pop3Session:
    """One client, from the greeting to QUIT. A method for each command gives the whole answer."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._user = ""
        self._letters: list[Letter] | None = None  # None: not logged in
        self._deleted: set[int] = set()
        self.over = False
        self._before: dict[str, Callable[[list[str]], str | bytes]] = {
            "CAPA": self._capa,
            "USER": self._take_user,
            "PASS": self._take_password,
            "QUIT": self._quit,
        }
        self._after: dict[str, Callable[[list[str]], str | bytes]] = {
            "CAPA": self._capa,
            "STAT": self._stat,
            "LIST": self._list,
            "UIDL": self._uidl,
            "RETR": self._retr,
            "TOP": self._top,
            "DELE": self._dele,
            "RSET": self._rset,
            "NOOP": lambda _words: "+OK",
            "QUIT": self._quit,
        }

    def answer(self, line: bytes) -> bytes:
        """Answer one command line."""
        verb, *words = line.decode("latin-1").split() or [""]
        known = self._before if self._letters is None else self._after
        try:
            answer = known.get(verb.upper(), _unknown)(words)
        except _NotNow as why:
            answer = f"-ERR {why}"
        return answer if isinstance(answer, bytes) else answer.encode() + b"\r\n"

    def _capa(self, _words: list[str]) -> str:
        return "\r\n".join(["+OK these are they", *_CAPABILITIES, "."])

    def _take_user(self, words: list[str]) -> str:
        self._user = words[0] if words else ""
        return "+OK and the password?"

    def _take_password(self, words: list[str]) -> str:
        if not is_right(self._user, " ".join(words)):
            raise _NotNow(f"[AUTH] the demo's user is {USER} and its password {PASSWORD}")
        self._letters = self._mailbox.letters()
        return f"+OK {len(self._letters)} letters for you"

    def _stat(self, _words: list[str]) -> str:
        there = self._present()
        return f"+OK {len(there)} {sum(len(letter.raw) for _, letter in there)}"

    def _list(self, words: list[str]) -> str:
        return self._listing(words, lambda letter: str(len(letter.raw)))

    def _uidl(self, words: list[str]) -> str:
        return self._listing(words, lambda letter: letter.uid)

    def _listing(self, words: list[str], what: Callable[[Letter], str]) -> str:
        if words:
            number = self._number(words)
            return f"+OK {number} {what(self._all()[number - 1])}"
        return "\r\n".join(["+OK", *(f"{number} {what(letter)}" for number, letter in self._present()), "."])

    def _retr(self, words: list[str]) -> bytes:
        raw = self._all()[self._number(words) - 1].raw
        return b"+OK %d octets\r\n" % len(raw) + _stuffed(raw)

    def _top(self, words: list[str]) -> bytes:
        if len(words) != 2 or not words[1].isdecimal():  # noqa: PLR2004 - TOP message lines
            raise _NotNow("TOP takes the number of a letter and a number of lines")
        head, _, body = self._all()[self._number(words) - 1].raw.partition(b"\r\n\r\n")
        lines = body.split(b"\r\n")[: int(words[1])]
        return b"+OK\r\n" + _stuffed(head + b"\r\n\r\n" + b"".join(line + b"\r\n" for line in lines))

    def _dele(self, words: list[str]) -> str:
        self._deleted.add(self._number(words))
        return "+OK"

    def _rset(self, _words: list[str]) -> str:
        self._deleted.clear()
        return "+OK"

    def _quit(self, _words: list[str]) -> str:
        if self._letters is not None:
            self._mailbox.remove({self._letters[number - 1].uid for number in self._deleted})
        self.over = True
        return "+OK goodbye"

    def _all(self) -> list[Letter]:
        return self._letters or []

    def _present(self) -> list[tuple[int, Letter]]:
        return [(at, letter) for at, letter in enumerate(self._all(), 1) if at not in self._deleted]

    def _number(self, words: list[str]) -> int:
        number = int(words[0]) if words and words[0].isdecimal() else 0
        if not 1 <= number <= len(self._all()) or number in self._deleted:
            raise _NotNow("no such letter")
        return number


def _unknown(_words: list[str]) -> str:
    raise _NotNow("unknown command, or not at this time")


def _stuffed(raw: bytes) -> bytes:
    """A body with its dots doubled, and the dot that ends it (RFC 1939 section 3)."""
    body = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
    return (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


async def serve_pop3(mailbox: Mailbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection to its end."""
    await serve_lines(
        Pop3Session(mailbox), b"+OK popover demo: a mail server that speaks only TLS\r\n", IDLE, reader, writer
    )
