"""Servers, clients and cuts by chance: a case is made of its seed alone, and can be made smaller by hand."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from pairs.features import FEATURES
from pairs.servers import SERVERS, deleting, ends
from pairs.servers.base import Pop3, Visit
from pairs.talk import PASSWORD, Client, Talk
from pairs.wire import HowItEnds

# What makes a session wait for most of its time; taken rarely, so that there are many sessions.
RARE = 0.03

Ending = Literal["quit", "close", "reset", "half"]


@dataclass(frozen=True)
class Step:
    """Commands in one piece, or in two with a cut at that octet; then a pause, in seconds."""

    commands: tuple[bytes, ...]
    cut: int = 0
    pause: float = 0.0


@dataclass(frozen=True)
class Script:
    """What a client does in one session. `eol`: with which it ends its lines."""

    steps: tuple[Step, ...]
    ending: Ending = "quit"
    strict: bool = False
    eol: bytes = b"\r\n"


@dataclass(frozen=True)
class Case:
    """A server with some manners, and the sessions it has with one client, one after the other."""

    seed: int
    manners: tuple[str, ...]
    mails: tuple[bytes, ...] | None
    end: tuple[bytes, int, HowItEnds] | None
    scripts: tuple[Script, ...]
    features: str


def _is_quick(kind: type[Pop3]) -> bool:
    slow = ("Slow", "Drips", "Silent", "Status in", "BodyIn", "StatusIn")
    return kind.patience == Pop3.patience and not kind.__name__.startswith(slow)


_QUICK = [name for name, kind in SERVERS.items() if _is_quick(kind)]
_OTHERS = [name for name in SERVERS if name not in _QUICK]

# --- making


def case(seed: int) -> Case:
    """The case of that seed."""
    chance = Random(seed)
    many = chance.choice((0, 1, 1, 1, 2, 2, 3))
    manners = tuple(chance.choice(_OTHERS if chance.random() < RARE else _QUICK) for _ in range(many))
    loses = any(SERVERS[name].alone for name in manners)
    return Case(
        seed=seed,
        manners=manners,
        mails=_mails(chance) if chance.random() < 0.5 else None,
        end=_end(chance) if chance.random() < 0.1 else None,
        scripts=tuple(_script(chance, alone=loses) for _ in range(chance.choice((2, 3, 4)))),
        features="on" if chance.random() < 0.8 else chance.choice(list(FEATURES)),
    )


_LINES = (b".", b"..", b"", b"x", b"+OK", b"-ERR no", b"a" * 300, b"\xfc", b"QUIT", b". ", b"\0")


def _mails(chance: Random) -> tuple[bytes, ...]:
    """Mails of some lines, dots stuffed; now and then a great one."""

    def one() -> bytes:
        lines = [chance.choice(_LINES) for _ in range(chance.randrange(5))]
        stuffed = [b"." + line if line.startswith(b".") else line for line in lines]
        great = [b"z" * 70] * chance.choice((0, 0, 0, 0, 500))
        return b"".join(line + b"\r\n" for line in [b"Subject: %d" % chance.randrange(99), b"", *stuffed, *great])

    return tuple(one() for _ in range(chance.choice((0, 1, 2, 3, 5, 8, 12))))


def _end(chance: Random) -> tuple[bytes, int, HowItEnds]:
    at = chance.choice(
        (b"PASS", b"STAT", b"LIST", b"UIDL", b"RETR 1", b"RETR 2", b"RETR 4", b"TOP 2", b"DELE 2", b"QUIT")
    )
    how: list[HowItEnds] = ["closed", "cut", "reset"]
    return at, chance.choice((0, 2, 20, 100, 9999)), chance.choice(how)


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


def _script(chance: Random, *, alone: bool) -> Script:
    """A session; `alone`: no two commands in one piece, where the tunnel itself would lose one."""
    groups = _groups(chance)
    if alone:
        groups = ((command,) for group in groups for command in group)
    steps = tuple(_step(chance, group) for group in groups)
    endings: tuple[Ending, ...] = ("quit", "close", "reset", "half")
    ending, strict = chance.choices(endings, (9, 1, 1, 1))[0], chance.random() < 0.15
    return Script(steps, ending, strict, b"\n" if chance.random() < 0.05 else b"\r\n")


def _groups(chance: Random) -> Iterable[tuple[bytes, ...]]:
    if chance.random() < 0.15:
        yield (chance.choice((b"CAPA", b"AUTH", b"STLS", b"HELP", b"STAT")),)
    if chance.random() < 0.1:
        yield (b"USER anna",)
        yield (b"PASS wrong",)
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


def kind(of: Case) -> type[Pop3]:
    """The server's class: its manners one upon the other; TypeError where they cannot be."""
    bases: tuple[type[Pop3], ...] = tuple(dict.fromkeys(SERVERS[name] for name in of.manners)) or (Pop3,)
    more: dict[str, object] = {"cuts": of.seed, "patience": min([1.2, *(base.patience for base in bases)])}
    if of.mails is not None:
        more["mails"] = of.mails
    if any(base.better for base in bases):
        more["better"] = True
    if of.end is not None:
        more["at"], more["after"], more["how"] = of.end
        bases = (ends.Ends, *(base for base in bases if base is not Pop3))
    for base in bases:
        if issubclass(base, deleting.Expire):
            more["capa"] = base.capa  # it must say what it does
    if any(base.ends for base in bases):
        more["ends"] = True
    made: type[Pop3] = type("+".join(of.manners) or "Plain", (*((_Cuts,) if of.seed % 3 == 0 else ()), *bases), more)
    return made


class _Cuts(Pop3):
    """Answers in pieces, by chance."""

    cuts = 0

    def __init__(self) -> None:
        super().__init__()
        self._chance = Random(self.cuts)

    async def say(self, visit: Visit, answer: bytes) -> None:
        while answer and self._chance.random() < 0.3:
            size = self._chance.randrange(1, len(answer) + 1)
            await super().say(visit, answer[:size])
            await self.pause(self._chance.choice((0, 0.001, 0.004)))
            answer = answer[size:]
        if answer:
            await super().say(visit, answer)


def client(script: Script) -> Client:
    """The client that plays a script."""

    async def play(talk: Talk) -> None:
        talk.strict = script.strict
        for step in script.steps:
            await _say(talk, step, script.eol)
            for command in step.commands:
                await talk.hear(command + script.eol)
            await asyncio.sleep(step.pause)
        await _part_from(talk, script.ending)

    return play


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


# --- making smaller


def smaller(of: Case) -> Iterator[Case]:
    """Cases with something less, the greatest steps first."""
    for number in range(len(of.scripts)):
        yield replace(of, scripts=of.scripts[:number] + of.scripts[number + 1 :])
    for number in range(len(of.manners)):
        yield replace(of, manners=of.manners[:number] + of.manners[number + 1 :])
    if of.end is not None:
        yield replace(of, end=None)
    if of.mails is not None:
        yield replace(of, mails=None)
    for number, script in enumerate(of.scripts):
        for steps in _fewer(script.steps):
            less = replace(script, steps=steps)
            yield replace(of, scripts=(*of.scripts[:number], less, *of.scripts[number + 1 :]))


def _fewer(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    for number in range(len(steps) - 1, -1, -1):
        yield steps[:number] + steps[number + 1 :]
    for number, step in enumerate(steps):
        if step.cut or step.pause:
            yield (*steps[:number], Step(step.commands), *steps[number + 1 :])


def told(of: Case) -> str:
    """A case for people: what each session says."""
    lines = [f"server: {' + '.join(of.manners) or 'plain'}{f', ends {of.end}' if of.end else ''}; {of.features}"]
    if of.mails is not None:
        lines.append(f"mails: {[len(mail) for mail in of.mails]} octets")
    for script in of.scripts:
        said = " | ".join(b" + ".join(step.commands).decode("latin-1") for step in script.steps)
        manner = (", strict" if script.strict else "") + (", LF" if script.eol != b"\r\n" else "")
        lines.append(f"session: {said} | {script.ending}{manner}")
    return "\n  ".join(re.sub(r"PASS secret", "PASS", line) for line in lines)
