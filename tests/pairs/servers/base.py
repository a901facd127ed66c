"""A POP3 server as RFC 1939 and 2449 have it; the odd ones change one thing each.

It lives for several sessions of one client. `begin` puts the mailbox back to what it was, so that each session
can be compared with any other; what it heard, and what it removed, is the session's own.
"""

import asyncio
import contextlib
import re
import time
from typing import ClassVar, NamedTuple

from pairs.servers.mailbox import MAILS, Mail, numbered
from pairs.wire import Inbox, Line

CLOSING = 1.0  # seconds for the other side to end as well, before the socket is let go

# What may be asked by popover itself, or answered by it, and changes nothing at a server.
HARMLESS = frozenset(b"STAT LIST UIDL RETR TOP CAPA NOOP USER STLS LAST".split()) | {b""}


class State(NamedTuple):
    """What a session has done to a server."""

    removed: frozenset[str]  # mails that are gone for good, or hidden
    said: tuple[tuple[bytes, ...], ...]  # what was heard that may change something, by connection
    left: bool  # the server ended a login's connection before QUIT was heard
    open: bool  # a login's connection is still there


class Visit:
    """One connection to a server, and one command after the other."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.inbox = Inbox(line)
        self.box: list[Mail] = []
        self.logged_in = False
        self.over = False
        self.gone: set[int] = set()
        self.read: list[int] = []
        self.bad = 0
        self.verb = b""
        self.argument = b""

    @property
    def number(self) -> int:
        """The message a command is about; 0 for none that is there."""
        first = self.argument.split(b" ")[0]
        number = int(first) if first.isdigit() and len(first) < 10 else 0
        return number if number in self.numbers else 0

    @property
    def numbers(self) -> list[int]:
        """The messages that are there and not marked as deleted."""
        return [number for number in range(1, len(self.box) + 1) if number not in self.gone]

    @property
    def waiting(self) -> bool:
        """Whether another command is there already."""
        return b"\n" in self.inbox.held


class Pop3:
    """The server. `patience`: seconds of silence after which its clients give up, scaled down as its delays are."""

    scheme: ClassVar[str] = "pop3s"
    capa: ClassVar[tuple[str, ...]] = ("TOP", "UIDL", "USER", "PIPELINING")
    eol: ClassVar[bytes] = b"\r\n"
    mails: ClassVar[tuple[bytes, ...]] = MAILS
    greeting: ClassVar[bytes] = b"+OK ready"
    patience: ClassVar[float] = 2.5
    changes: ClassVar[bool] = False  # whether its sessions differ from each other
    better: ClassVar[bool] = False  # whether popover may keep it alive where a tunnel loses it
    alone: ClassVar[bool] = False  # whether one command at a time is all that it can answer
    ends: ClassVar[bool] = False  # whether a question asked ahead may be its end
    ends_mail: ClassVar[bytes] = b""

    def __init__(self) -> None:
        self.box: list[Mail] = []
        self.heard: dict[Visit, list[bytes]] = {}
        self.removed: set[str] = set()
        self.left_first = False
        self.visits: set[Visit] = set()
        self._ended = asyncio.Event()
        self.begin(0)

    def begin(self, session: int) -> None:
        """A new session is to come: the mailbox is as ever, and nothing was heard."""
        self.box = numbered(self.mailbox(session))
        self.heard = {}
        self.removed = set()
        self.left_first = False

    def mailbox(self, _: int) -> tuple[bytes, ...]:
        """What lies in the mailbox for the session of that number."""
        return self.mails

    # --- one connection

    async def handle(self, line: Line) -> None:
        """Serve one connection to its end."""
        visit = Visit(line)
        self.visits.add(visit)
        try:
            try:
                await self.serve(visit)
            finally:
                self.left_first |= visit.logged_in and visit.inbox.how is None and visit.verb != b"QUIT"
            await visit.line.end()
            deadline = time.monotonic() + CLOSING
            while await visit.inbox.more(max(0, deadline - time.monotonic())):
                visit.inbox.held.clear()
        except OSError:
            pass  # the other side has gone, as it may
        finally:
            self.visits.discard(visit)
            self._ended.set()
            await visit.inbox.stop()
            self.left(visit)
            visit.line.close()

    async def serve(self, visit: Visit) -> None:
        await self.greet(visit)
        while not visit.over and (line := await self.listen(visit)) is not None:
            self.parse(visit, line)
            answer = await self.answer(visit)
            if answer is not None:
                await self.say(visit, answer)

    async def greet(self, visit: Visit) -> None:
        await self.say(visit, self.greeting + self.eol)

    async def listen(self, visit: Visit) -> bytes | None:
        """The next command, None at the end of the connection."""
        while not visit.waiting:
            if not await visit.inbox.more():
                return None
        return visit.inbox.take(visit.inbox.held.index(b"\n") + 1)

    def parse(self, visit: Visit, line: bytes) -> None:
        verb, _, argument = line.strip().partition(b" ")
        visit.verb, visit.argument = verb.upper(), argument.strip()
        if visit.verb in HARMLESS or (visit.verb == b"AUTH" and not visit.argument):
            return
        if visit.verb != b"QUIT" or visit.logged_in:
            self.heard.setdefault(visit, []).append(b" ".join([visit.verb, visit.argument]).strip())

    async def answer(self, visit: Visit) -> bytes | None:
        method = getattr(self, "do_" + visit.verb.decode("latin-1").lower(), None)
        if method is None:
            return await self.unknown(visit)
        if not visit.logged_in and visit.verb not in (b"USER", b"PASS", b"CAPA", b"QUIT", b"AUTH", b"STLS"):
            return await self.too_early(visit)
        answer: bytes | None = await method(visit)
        return answer

    async def say(self, visit: Visit, answer: bytes) -> None:
        await visit.line.send(answer)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def left(self, visit: Visit) -> None:
        """A connection is over."""

    # --- answers

    def status(self, words: bytes) -> bytes:
        return words + self.eol

    def many(self, words: bytes, lines: list[bytes]) -> bytes:
        return b"".join(line + self.eol for line in [words, *lines, b"."])

    def mail(self, visit: Visit) -> bytes:
        return visit.box[visit.number - 1][1]

    def size(self, visit: Visit, number: int) -> int:
        return len(visit.box[number - 1][1])

    async def unknown(self, _: Visit) -> bytes | None:
        return self.status(b"-ERR unknown command")

    async def too_early(self, _: Visit) -> bytes | None:
        return self.status(b"-ERR log in first")

    async def none_such(self, _: Visit) -> bytes | None:
        return self.status(b"-ERR no such message")

    # --- commands

    async def do_capa(self, visit: Visit) -> bytes | None:
        return self.many(b"+OK what I can do", [word.encode() for word in self.capabilities(visit)])

    def capabilities(self, _: Visit) -> tuple[str, ...]:
        return self.capa

    async def do_user(self, _: Visit) -> bytes | None:
        return self.status(b"+OK and the password?")

    async def do_pass(self, visit: Visit) -> bytes | None:
        if visit.argument != b"secret":
            return self.status(b"-ERR [AUTH] wrong")
        visit.logged_in, visit.box = True, list(self.box)
        return self.status(b"+OK logged in")

    async def do_stat(self, visit: Visit) -> bytes | None:
        numbers = visit.numbers
        return self.status(b"+OK %d %d" % (len(numbers), sum(self.size(visit, number) for number in numbers)))

    async def do_list(self, visit: Visit) -> bytes | None:
        rows = {number: b"%d %d" % (number, self.size(visit, number)) for number in visit.numbers}
        return await self.rows(visit, rows)

    async def do_uidl(self, visit: Visit) -> bytes | None:
        rows = {number: b"%d %s" % (number, visit.box[number - 1][0].encode()) for number in visit.numbers}
        return await self.rows(visit, rows)

    async def rows(self, visit: Visit, rows: dict[int, bytes]) -> bytes | None:
        if not visit.argument:
            return self.many(b"+OK", list(rows.values()))
        return self.status(b"+OK " + rows[visit.number]) if visit.number else await self.none_such(visit)

    async def do_retr(self, visit: Visit) -> bytes | None:
        if not visit.number:
            return await self.none_such(visit)
        visit.read.append(visit.number)
        return self.status(b"+OK %d octets" % self.size(visit, visit.number)) + self.body(self.mail(visit))

    async def do_top(self, visit: Visit) -> bytes | None:
        words = visit.argument.split()
        if not visit.number or len(words) != 2 or not words[1].isdigit():
            return await self.none_such(visit)
        head, blank, rest = self.mail(visit).partition(b"\r\n\r\n")
        lines = re.findall(rb"[^\n]*\n|[^\n]+$", rest)[: int(words[1])]
        return self.status(b"+OK top") + self.body(head + blank + b"".join(lines))

    def body(self, octets: bytes) -> bytes:
        return octets + self.ends_mail + b"." + self.eol

    async def do_dele(self, visit: Visit) -> bytes | None:
        if not (number := visit.number):
            return await self.none_such(visit)
        visit.gone.add(number)
        return self.status(b"+OK marked")

    async def do_rset(self, visit: Visit) -> bytes | None:
        visit.gone.clear()
        return self.status(b"+OK as it was")

    async def do_noop(self, _: Visit) -> bytes | None:
        return self.status(b"+OK")

    async def do_quit(self, visit: Visit) -> bytes | None:
        visit.over = True
        if visit.logged_in:
            self.commit(visit, visit.gone)
        return self.status(b"+OK bye")

    def commit(self, visit: Visit, numbers: set[int]) -> None:
        """Remove these for good."""
        names = {visit.box[number - 1][0] for number in numbers}
        self.removed |= names
        self.box = [mail for mail in self.box if mail[0] not in names]

    # --- what is compared

    async def state(self, patience: float) -> State:
        """What the session has done, once its connections have ended, or `patience` seconds later."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._open():
                    self._ended.clear()
                    await self._ended.wait()
        return State(frozenset(self.removed), tuple(map(tuple, self.heard.values())), self.left_first, self._open())

    def _open(self) -> bool:
        return any(visit.logged_in for visit in self.visits)
