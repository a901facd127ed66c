"""Servers, clients and cuts by chance: a case is made of its seed alone, and can be made smaller by hand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from pairs import scripts
from pairs.features import FEATURES, MORE
from pairs.scripts import Script
from pairs.servers import SERVERS, deleting, ends, providers
from pairs.servers.base import Pop3, Visit
from pairs.wire import HowItEnds

# What makes a session wait for most of its time; taken rarely, so that there are many sessions.
RARE = 0.03


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
        scripts=tuple(scripts.script(chance, alone=loses) for _ in range(chance.choice((2, 3, 4)))),
        features="on" if chance.random() < 0.7 else chance.choice([*FEATURES, *MORE]),
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
    readers = [base for base in bases if issubclass(base, (deleting.Expire, providers.Gmail))]
    for base in sorted(readers, key=lambda base: issubclass(base, deleting.Expire)):
        more["capa"] = base.capa  # it must say what it does: of both, that TOP deletes as well
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
        for less in scripts.shorter(script):
            yield replace(of, scripts=(*of.scripts[:number], less, *of.scripts[number + 1 :]))


def told(of: Case) -> str:
    """A case for people: what each session says."""
    lines = [f"server: {' + '.join(of.manners) or 'plain'}{f', ends {of.end}' if of.end else ''}; {of.features}"]
    if of.mails is not None:
        lines.append(f"mails: {[len(mail) for mail in of.mails]} octets")
    lines += [f"session: {scripts.told(script)}" for script in of.scripts]
    return "\n  ".join(re.sub(r"PASS secret", "PASS", line) for line in lines)
