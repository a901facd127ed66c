"""A client that follows a script: octets, cut anywhere, with or without waiting for what they ask."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

from pairs.tunnel import connect
from pairs.wire import Inbox

# half: its side is closed behind the last word, and what comes is read; close: it goes without reading any more.
Ending = Literal["read", "half", "close"]
End = Literal["closed", "reset", "gave up", "left"]

RARE = 0.15
SHORT = 60  # octets
CUT_PAUSE = 0.01  # seconds between two pieces of one word


@dataclass(frozen=True)
class Step:
    """Octets, in pieces of `piece` (0: in one), then a wait until `until` finds its answer in all that has come."""

    say: bytes
    until: bytes = b""  # IMAP: a tag; SMTP: nothing for no wait, else how many more replies, as digits
    piece: int = 0
    pause: float = 0.0


@dataclass(frozen=True)
class Script:
    """What a client does in one session."""

    steps: tuple[Step, ...]
    ending: Ending = "read"


def cut(random: Random, said: bytes) -> int:
    """By chance, the size of the pieces in which something is said."""
    if len(said) < SHORT:
        return random.choice((0, 0, 0, 1, 2, 5))
    return random.choice((0, 0, len(said) // 3, len(said) - 2))


def with_a_rare_one(random: Random, script: Script, rare: tuple[Step, ...]) -> Script:
    """The script, now and then with one of these in it, but not behind what may be half a line."""
    if random.random() > RARE:
        return script
    steps, at = list(script.steps), random.randint(0, max(len(script.steps) - 1, 0))
    return replace(script, steps=(*steps[:at], random.choice(rare), *steps[at:]))


@dataclass
class Lived:
    """What came of it. `got`: all octets."""

    got: bytes = b""
    end: End = "left"
    seconds: float = 0.0
    turns: list[float] = field(default_factory=list)  # seconds of each wait
    is_unheard: bool = False  # it could not say all: a connection that was reset looks closed then


EndOf = Callable[[bytes, bytes], int]
"""Where, in what has come since the last wait's answer, the answer to `until` ends; 0: it is not whole."""


Send = Callable[[bytes], Awaitable[None]]
Wait = Callable[[bytes], Awaitable[bool]]


async def live(script: Script, port: int, patience: float, end_of: EndOf) -> Lived:
    """One session of a script with whatever listens on `port`."""
    lived = Lived()
    line = await connect(port)
    inbox = Inbox(line)
    started = time.monotonic()
    seen = 0

    async def wait(until: bytes) -> bool:
        nonlocal seen
        since = time.monotonic()
        while not (end := end_of(bytes(inbox.held[seen:]), until)):
            if not await inbox.more(patience):
                lived.end = {None: "gave up", "closed": "closed"}.get(inbox.how, "reset")  # type: ignore[assignment]
                return False
        lived.turns.append(time.monotonic() - since)
        seen += end
        return True

    try:
        if await wait(b""):
            lived.is_unheard = not await _follow(script, line.send, wait)
        if lived.end == "left" and script.ending != "close":
            if script.ending == "half":
                await line.end()
            await wait(b"\0")
    except OSError:
        lived.end = "reset"
    finally:
        lived.seconds = time.monotonic() - started
        await inbox.stop()
        lived.got = bytes(inbox.held)
        line.close()
    return lived


async def _follow(script: Script, send: Send, wait: Wait) -> bool:
    """Whether all could be said, as far as the client went."""
    for step in script.steps:
        size = step.piece or len(step.say) or 1
        for at in range(0, len(step.say), size):
            if at:
                await asyncio.sleep(CUT_PAUSE)
            try:
                await send(step.say[at : at + size])
            except OSError:
                return False  # what came before the end is still to be read, and then tells
        if step.until and not await wait(step.until):
            break
        await asyncio.sleep(step.pause)
    return True
