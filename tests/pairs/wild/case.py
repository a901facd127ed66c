"""A case: a server of some manners and a client, made of a seed alone."""

from random import Random
from types import ModuleType
from typing import NamedTuple

from pairs.wild import imap, sieve, smtp
from pairs.wild.client import Script
from pairs.wild.odd import Odd

SERVERS: dict[ModuleType, type[Odd]] = {imap: imap.Imap, smtp: smtp.Smtp, sieve: sieve.Sieve}


ALONE = ("warm", "ask_ahead", "quit_at_once")


class Case(NamedTuple):
    """A server with some manners, and a client."""

    seed: int
    dialect: ModuleType
    manners: frozenset[str]
    at: int
    script: Script

    def same(self, got: bytes) -> bytes:
        """What is compared of all that the client got."""
        same: bytes = self.dialect.same(got)
        return same

    def ordered(self, got: bytes) -> bytes:
        """The same, for what may come in any order: a server that swaps its answers looks whether more has come, and
        STARTTLS is answered by popover, behind what has a tag.
        """
        is_ordered = "swapped" not in self.manners and not any(b"STARTTLS" in step.say for step in self.script.steps)
        return got if is_ordered else b"".join(sorted(got.splitlines(keepends=True)))

    @property
    def is_cut(self) -> bool:
        """Whether a side goes by itself, so that it is by chance how the other sees it."""
        return self.script.ending == "close" or bool(
            self.manners & {"cut", "cut-at-goodbye", "leave", "leave-at-goodbye"}
        )

    @property
    def features(self) -> str:
        """With which features popover serves it: every seventh has TLS inside as well, every eleventh has all off, and
        every thirteenth one that matters here alone.
        """
        if not self.seed % 7 or not self.seed % 11:
            return "off" if self.seed % 7 else "sealed"
        return ALONE[self.seed // 13 % len(ALONE)] if not self.seed % 13 else "on"

    def server(self) -> Odd:
        """One such server."""
        return SERVERS[self.dialect](self.manners, self.at)


def case(seed: int) -> Case:
    """The case of a seed: every fifth is ManageSieve's, of the others the even ones are IMAP's."""
    random = Random(seed)
    dialect = sieve if seed % 5 == 4 else smtp if seed % 2 else imap
    manners = frozenset(random.sample(dialect.MANNERS, random.choice((0, 1, 1, 1, 2, 3))))
    return Case(seed, dialect, manners, random.randint(1, 6), dialect.script(random))


def told(one: Case) -> str:
    """A case in words."""
    steps = "\n".join(f"    {short(step.say)}, pieces {step.piece}, until {step.until!r}" for step in one.script.steps)
    name = one.dialect.__name__.rpartition(".")[2]
    return f"  {name} {one.features} {sorted(one.manners)} at {one.at}; {one.script.ending}\n{steps}"


def short(octets: bytes) -> str:
    """Octets in words, without their middle if they are many."""
    return repr(octets) if len(octets) < 400 else f"{octets[:200]!r}...{octets[-150:]!r} ({len(octets)} octets)"
