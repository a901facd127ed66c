"""What all odd servers share: connections, what was heard on each, drips, line ends, delays."""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from pairs.wire import HowItEnds, Inbox, Line

CLOSING = 1.0  # seconds for the other side to end as well
ON_ITS_WAY = 0.5  # seconds in which the first words of a client that has gone already arrive
DELAY = 1.2  # seconds of a slow answer: more than waiting.GONE, less than a client's patience here
MANNERS_OF_ALL = ("lf", "drip", "slow", "mute", "leave", "cut", "leave-at-goodbye", "cut-at-goodbye")

# What a server is like before anybody has said anything, so that it is so on a connection that stands ready, too.
AT_ALL_TIMES = frozenset(
    ("lf", "drip", "greets-long", "speaks-behind-greeting", "short-ehlo", "bare-codes", "starttls-twice", "folded",
     "tells", "preauth", "no-ehlo")
)  # fmt: skip


class OverError(Exception):
    """The server has had enough of this connection."""

    def __init__(self, how: HowItEnds = "closed") -> None:
        super().__init__(how)
        self.how = how


class Heard(NamedTuple):
    """What a session has said to its server, and how it went; nothing said: nothing heard."""

    said: bytes
    how: HowItEnds | None
    is_over: bool


class Visit:
    """One connection."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.inbox = Inbox(line)
        self.heard = bytearray()
        self.commands = 0  # but for those that popover may ask by itself
        self.is_over = False
        self.hears = True  # what is said behind a goodbye is for nobody
        self.logged_in = False

    async def read_line(self) -> bytes:
        """The next line, its end included; what is left of one at the end of the connection."""
        while b"\n" not in self.inbox.held:
            if not await self.inbox.more():
                self.heard += self.inbox.take(len(self.inbox.held))
                raise OverError
        return self._take(self.inbox.held.index(b"\n") + 1)

    async def read(self, size: int) -> bytes:
        """So many octets."""
        while len(self.inbox.held) < size:
            if not await self.inbox.more():
                self.heard += self.inbox.take(len(self.inbox.held))
                raise OverError
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = self.inbox.take(size)
        self.heard += taken
        return taken


class Odd(ABC):
    """A server with manners; `at`: the command (by its number) with which those that happen once happen."""

    scheme: ClassVar[str]

    def __init__(self, manners: frozenset[str], at: int) -> None:
        self.manners = manners
        self.at = at
        self.visits: list[Visit] = []

    def begin(self) -> None:
        """A new session is to come."""
        self.visits = [visit for visit in self.visits if not visit.is_over and not self.stripped(bytes(visit.heard))]

    @abstractmethod
    def stripped(self, heard: bytes) -> bytes:
        """What the client said, without what popover may ask by itself."""

    @abstractmethod
    async def talk(self, visit: Visit) -> None:
        """From the greeting to the end."""

    async def handle(self, line: Line) -> None:
        """Serve one connection to its end."""
        visit = Visit(line)
        self.visits.append(visit)
        how: HowItEnds = "closed"
        try:
            try:
                await self.talk(visit)
            except OverError as over:
                how = over.how  # what comes from here on is heard by nobody
            if how == "closed":
                await line.end()
            else:
                line.reset()
            deadline = time.monotonic() + CLOSING
            while await visit.inbox.more(max(0.0, deadline - time.monotonic())):
                pass
        except OSError:  # the other side has gone, as it may: what it had said before is here
            while await visit.inbox.more(0):
                pass
            if visit.hears:
                visit.heard += visit.inbox.take(len(visit.inbox.held))
        finally:
            visit.is_over = True
            await visit.inbox.stop()
            with contextlib.suppress(OSError):
                line.close()

    async def say(self, visit: Visit, words: bytes) -> None:
        """Say it, in drips and with other line ends if that is the manner."""
        if "lf" in self.manners:
            words = words.replace(b"\r\n", b"\n")
        if "drip" in self.manners and len(words) < 400:
            for at in range(0, len(words), 3):
                await visit.line.send(words[at : at + 3])
                await asyncio.sleep(0)
        else:
            await visit.line.send(words)

    async def say_goodbye(self, visit: Visit, words: bytes) -> None:
        """Say it, and hear no more."""
        visit.hears = False
        await self.say(visit, words)

    async def once(self, visit: Visit, farewell: bytes) -> bool:
        """Do what happens once, at this command; whether it is not answered."""
        visit.commands += 1
        if visit.commands != self.at:
            return False
        if "leave" in self.manners:
            await self.say_goodbye(visit, farewell)
            raise OverError
        if "cut" in self.manners:
            raise OverError("cut")
        if "slow" in self.manners:
            await asyncio.sleep(DELAY)
        return "mute" in self.manners

    async def heard(self, settling: float) -> Heard:
        """What the session has said, once its connection is over or so many seconds have gone by."""
        since = time.monotonic()
        while True:
            ours = [visit for visit in self.visits if self.stripped(bytes(visit.heard))]
            is_settled = bool(ours) and all(visit.is_over for visit in ours)
            if is_settled or time.monotonic() - since > (settling if ours else min(settling, ON_ITS_WAY)):
                break
            await asyncio.sleep(0.02)
        said = b"\0".join(self.stripped(bytes(visit.heard)) for visit in ours)
        return Heard(said, ours[0].inbox.how if ours else None, all(visit.is_over for visit in ours))
