"""What clients do by chance: sessions of steps, and how they are played."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from pairs.talk import PASSWORD, Client, Talk

Ending = Literal["quit", "close", "reset", "half"]


@dataclass(frozen=True)
class Step:
    """Commands in one piece, or in two with a cut at that octet; then a pause, in seconds."""

    commands: tuple[bytes, ...]
    cut: int = 0
    pause: float = 0.0


@dataclass(frozen=True)
class Script:
    """What a client does in one session. `eol`: with which it ends its lines. `again`: in another, in which it comes
    again at once, with QUIT or without before that.
    """

    steps: tuple[Step, ...]
    ending: Ending = "quit"
    strict: bool = False
    eol: bytes = b"\r\n"
    again: tuple[Step, ...] = ()
    quits_before: bool = True


# --- making


_SINGLES = (b"STAT", b"LIST", b"UIDL", b"NOOP", b"RSET", b"CAPA", b"LIST 1", b"UIDL 2", b"RETR 1", b"RETR 2", b"RETR 9")
_ODD = (
    b"LAST",
    b"stat",
    b" UIDL ",
    b"HUH",
    b"DELE x",
    b"RETR 01",
    b"AUTH ",
    b"STLS",
    b"XTND XLST",
    b"RETR",
    b"DELE 1 2",
    b"RETR  1",
    b"retr 2 ",
    b"RETR 99999999999",
    b"TOP 1",
    b"TOP 1 x",
    b"LIST 0",
    b"LIST 1 2",
    b"UIDL x",
    b"STAT 1",
    b"NOOP x",
    b"CAPA x",
    b"USER",
    b"PASS",
    b"USER ben",
    b"RSET 1",
)


# What some try first, and go on from with USER.
_OTHER_LOGINS = (
    (b"AUTH PLAIN AGFubmEAc2VjcmV0",),
    (b"AUTH PLAIN", b"AGFubmEAc2VjcmV0"),
    (b"AUTH PLAIN", b"*"),
    (b"AUTH NTLM",),
    (b"APOP anna c4c9334bac560ecc979e58001b3e22fb",),
)


def script(chance: Random, *, alone: bool) -> Script:
    """A session; `alone`: no two commands in one piece, where the tunnel itself would lose one."""
    steps = _steps(chance, alone=alone)
    endings: tuple[Ending, ...] = ("quit", "close", "reset", "half")
    ending, strict = chance.choices(endings, (9, 1, 1, 1))[0], chance.random() < 0.15
    eol = b"\n" if chance.random() < 0.05 else b"\r\n"
    again = _steps(chance, alone=alone) if chance.random() < 0.15 else ()
    return Script(steps, ending, strict, eol, again, chance.random() < 0.7)


def _steps(chance: Random, *, alone: bool) -> tuple[Step, ...]:
    groups = _groups(chance)
    if alone:
        groups = ((command,) for group in groups for command in group)
    return tuple(_step(chance, group) for group in groups)


def _groups(chance: Random) -> Iterable[tuple[bytes, ...]]:
    if chance.random() < 0.15:
        yield (chance.choice((b"CAPA", b"AUTH", b"STLS", b"HELP", b"STAT")),)
    if chance.random() < 0.1:
        yield (b"USER anna",)
        yield (b"PASS wrong",)
    if chance.random() < 0.07:
        yield from ((line,) for line in chance.choice(_OTHER_LOGINS))
    login = (b"USER anna", b"PASS " + PASSWORD)
    yield from [login] if chance.random() < 0.05 else [(line,) for line in login]
    for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 4))):
        yield from _part(chance)


def _part(chance: Random) -> list[tuple[bytes, ...]]:
    if (turn := chance.random()) < 0.5:
        verb = chance.choice((b"RETR %d", b"RETR %d", b"RETR %d", b"TOP %d 3", b"LIST %d", b"UIDL %d"))
        first = chance.choice((1, 1, 1, 2, 3))
        numbers = range(first, first + chance.randrange(2, 8))
        asked = [[verb % n] + ([b"DELE %d" % n] if turn < 0.2 else []) for n in numbers]
    elif turn < 0.85:
        asked = [[chance.choice(_SINGLES)] for _ in range(chance.randrange(1, 4))]
    elif turn < 0.93:
        asked = [[b"DELE %d" % chance.randrange(1, 6)]]
    else:
        asked = [[chance.choice(_ODD)]]
    lines = [line for group in asked for line in group]
    return [tuple(lines)] if chance.random() < 0.1 else [(line,) for line in lines]


def _step(chance: Random, commands: tuple[bytes, ...]) -> Step:
    cut = chance.randrange(1, 12) if chance.random() < 0.1 else 0
    pause = chance.choice((0.001, 0.01, 0.05)) if chance.random() < 0.15 else 0.0
    return Step(commands, cut, pause)


# --- playing


def client(script: Script) -> Client:
    """The client that plays a script."""

    async def play(talk: Talk) -> None:
        talk.strict = script.strict
        await _follow(talk, script.steps, script.eol)
        if script.again:
            if script.quits_before:
                await talk.quit()
            await talk.open()
            await _follow(talk, script.again, script.eol)
        await _part_from(talk, script.ending)

    return play


async def _follow(talk: Talk, steps: tuple[Step, ...], eol: bytes) -> None:
    for step in steps:
        await _say(talk, step, eol)
        for command in step.commands:
            await talk.hear(command + eol)
        await asyncio.sleep(step.pause)


async def _say(talk: Talk, step: Step, eol: bytes) -> None:
    octets = b"".join(command + eol for command in step.commands)
    if step.cut:
        await talk.say(octets[: step.cut])
        await asyncio.sleep(0.002)
    await talk.say(octets[step.cut :])


async def _part_from(talk: Talk, ending: Ending) -> None:
    if ending == "quit":
        await talk.quit()
    elif ending == "reset":
        await talk.reset()
    elif ending == "half":
        await talk.line.end()
        await talk.until_end()


# --- making smaller, and telling


def shorter(script: Script) -> Iterator[Script]:
    """Scripts with something less."""
    if script.again:
        yield replace(script, again=())
    for steps in _fewer(script.steps):
        yield replace(script, steps=steps)
    for steps in _fewer(script.again):
        if steps:
            yield replace(script, again=steps)


def _fewer(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    for number in range(len(steps) - 1, -1, -1):
        yield steps[:number] + steps[number + 1 :]
    for number, step in enumerate(steps):
        if step.cut or step.pause:
            yield (*steps[:number], Step(step.commands), *steps[number + 1 :])


def told(script: Script) -> str:
    """A script for people."""
    said = _said(script.steps)
    if script.again:
        said += (" | quit" if script.quits_before else " | close") + f", and again: {_said(script.again)}"
    manner = (", strict" if script.strict else "") + (", LF" if script.eol != b"\r\n" else "")
    return f"{said} | {script.ending}{manner}"


def _said(steps: tuple[Step, ...]) -> str:
    return " | ".join(b" + ".join(step.commands).decode("latin-1") for step in steps)
