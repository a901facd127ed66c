"""One session as its client lives it: what was said, what came for an answer, how long that took, how it ended."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from pairs.tunnel import connect
from pairs.wire import Inbox, Plain

# gave up: no octet came for longer than the client's patience; left: the client's own doing; done: QUIT was answered.
End = Literal["closed", "reset", "gave up", "left", "done"]

LISTS = re.compile(rb"(?i)\s*(?:(?:capa|retr|top)\b.*|(?:list|uidl|auth)\s*)$", re.DOTALL)

# An answer takes so many times a client's patience at most, if it comes in drips.
DRIPS = 3

# A client's patience through popover is greater by so many seconds, so that being late is told from being lost.
LONGER = 2.0

# Seconds that a client waits for the other side's end behind QUIT, when it waits for it. Through popover, what is on
# its way to one that has lost count may be a second late, as anything may.
END_WAIT = 1.0
LATE_END_WAIT = END_WAIT + 1.0

PASSWORD = b"secret"


class OverError(Exception):
    """The session is over for its client."""


@dataclass
class Turn:
    """A command, its line end included, and the octets of its answer; nothing said for the greeting."""

    said: bytes
    got: bytes = b""
    whole: bool = False
    waited: float = 0.0
    leaves: bool = False  # more had come than the answer


@dataclass
class Record:
    """A session, or several of them that make one play."""

    turns: list[Turn] = field(default_factory=list)
    said: bytes = b""  # all of it, heard or not
    rests: list[bytes] = field(default_factory=list)  # by connection, what came and answers nothing
    end: End = "left"
    was_reset: bool = False  # by the client
    seconds: float = 0.0
    silence: float = 0.0  # the longest time without an octet while one was waited for
    lag: float = 0.0  # how late the event loop was at worst: what a busy machine did to the figures

    @property
    def rest(self) -> bytes:
        """All that answers nothing."""
        return b"".join(self.rests)


class Talk:
    """A client's connection. `patience`: seconds without an octet after which it gives up; `end_wait`: for the end."""

    def __init__(self, port: int, patience: float, end_wait: float = END_WAIT) -> None:
        self.record = Record()
        self._end_wait = end_wait
        self.strict = False  # whether only CRLF.CRLF is an end
        self._port = port
        self._patience = patience
        self._line: Plain | None = None
        self._inbox: Inbox | None = None
        self._was_reset = False
        self._fault = b""  # of the server, at its end

    # --- the connection

    async def open(self) -> bytes:
        """Connect and hear the greeting; a connection before this one is left."""
        await self.leave()
        self.record.end = "left"
        self._line = await connect(self._port)
        self._inbox = Inbox(self._line)
        self._was_reset, self._fault = False, b""
        return await self.hear(b"")

    @property
    def line(self) -> Plain:
        assert self._line is not None
        return self._line

    @property
    def inbox(self) -> Inbox:
        assert self._inbox is not None
        return self._inbox

    async def leave(self) -> None:
        """Close, whatever is under way."""
        if self._inbox is not None:
            await self._inbox.stop()
            self.record.rests.append(self._fault + bytes(self._inbox.held))
            self.line.close()
            self._inbox = self._line = None

    async def reset(self) -> None:
        """Go away with a RST."""
        self.record.was_reset = True
        await self.inbox.stop()
        self.line.reset()
        self._inbox = self._line = None
        raise OverError

    # --- commands and answers

    async def ask(self, command: bytes, end: bytes = b"\r\n") -> bytes:
        """Say it, and hear the answer."""
        await self.say(command + end)
        return await self.hear(command + end)

    async def say(self, octets: bytes) -> None:
        """Send octets as they are."""
        self.record.said += octets
        try:
            await self.line.send(octets)
        except ConnectionResetError:
            self._was_reset = True  # the kernel tells it once: who reads now finds an end like any other
        except OSError:
            pass  # what came before the end is still to be read, and then tells

    async def together(self, *commands: bytes) -> list[bytes]:
        """Say all in one piece, and hear all the answers."""
        await self.say(b"".join(command + b"\r\n" for command in commands))
        return [await self.hear(command + b"\r\n") for command in commands]

    async def hear(self, said: bytes) -> bytes:
        """The answer to `said`, as poplib reads it: up to a line that is a dot, where there is a list."""
        turn = Turn(said)
        self.record.turns.append(turn)
        started = time.monotonic()
        try:
            await self._hear(turn, started)
        finally:
            turn.waited = time.monotonic() - started
        return turn.got

    async def _hear(self, turn: Turn, started: float) -> None:
        while (end := self._end_of(turn.said)) is None:
            before = time.monotonic()
            came = await self.inbox.more(self._patience)
            self.record.silence = max(self.record.silence, time.monotonic() - before)
            if came and time.monotonic() - started < DRIPS * self._patience:
                continue
            turn.got = self.inbox.take(len(self.inbox.held))
            self.record.end = self._how()
            raise OverError
        turn.got, turn.whole = self.inbox.take(end), True
        turn.leaves = bool(self.inbox.held)

    def _end_of(self, said: bytes) -> int | None:
        """Where the answer ends; None while that is not there."""
        held = self.inbox.held
        if (first := held.find(b"\n") + 1) == 0:
            return None
        if not (LISTS.match(said) and held[:3].upper() == b"+OK"):
            return first
        found = re.compile(rb"\r\n\.\r\n" if self.strict else rb"\n\.\r?\n").search(
            held, first - (2 if self.strict else 1)
        )
        return found.end() if found else None

    async def until_end(self) -> bytes:
        """All that still comes, up to the other side's end."""
        while await self.inbox.more(self._patience):
            pass
        self.record.end = self._how()
        return bytes(self.inbox.held)

    def _how(self) -> End:
        """How the other side has ended, if it has."""
        if self.inbox.how is None:
            return "gave up"
        return "closed" if self.inbox.how == "closed" and not self._was_reset else "reset"

    # --- what nearly all do

    async def login(self, password: bytes = PASSWORD) -> bytes:
        """USER and PASS, one after the other."""
        await self.ask(b"USER anna")
        return await self.ask(b"PASS " + password)

    async def count(self, most: int = 40) -> int:
        """STAT, and how many messages that says there are; four where it makes no sense."""
        words = (await self.ask(b"STAT")).split()
        return min(int(words[1]), most) if len(words) > 1 and words[1].isdigit() else 4

    async def quit(self) -> None:
        """QUIT, its answer, and the end of the connection."""
        try:
            await self.ask(b"QUIT")
        except OverError:
            return  # a client that comes again comes again all the same
        await self.wait_for_end()

    async def wait_for_end(self) -> None:
        """QUIT is answered: wait for the connection's end, a little. Who has lost count still gets all there is."""
        self.record.end = "done"
        deadline = time.monotonic() + self._end_wait
        while await self.inbox.more(deadline - time.monotonic()):
            pass
        if self.inbox.how is None:
            self._fault = b"(not closed behind QUIT)"


Client = Callable[[Talk], Awaitable[None]]


class Meter:
    """How late the event loop is, all the time: what a busy machine does to every figure."""

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []

    async def run(self) -> None:
        """Look every 20 ms, until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_LOOK)
            now = time.monotonic()
            if (late := now - before - _LOOK) > _LOOK:
                self._late.append((now, late))

    def worst(self, since: float) -> float:
        """The greatest delay since then, in seconds."""
        return max((late for when, late in reversed(self._late) if when >= since), default=0.0)


_LOOK = 0.02


async def converse(client: Client, port: int, patience: float, meter: Meter, longer: float = 0) -> Record:
    """One play of a client against whatever listens on `port`. `longer`: seconds of patience more, through popover."""
    talk = Talk(port, patience + longer, LATE_END_WAIT if longer else END_WAIT)
    started = time.monotonic()
    try:
        await talk.open()
        await client(talk)
    except OverError:
        pass
    except OSError:
        talk.record.end = "reset"
    finally:
        talk.record.seconds = time.monotonic() - started
        talk.record.lag = meter.worst(started)
        await talk.leave()
    return talk.record
