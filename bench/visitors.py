"""People who come and go, thousands of them: looks, fetches, deletions, wrong passwords, and some who are cut off."""

import itertools
import random
import socket
from collections import Counter
from functools import partial
from typing import NamedTuple

from bench.clients import _run, _sockets
from bench.loop import WRITABLE, Work, patiently

_HOST = "127.0.0.1"
_SEED = 20261127

# The mailbox, as `bench.wan.mailboxes` names it, and how many lines its answers have: 25 lines a message.
_MAILBOX = "20x2000"
_LISTED = 22
_MESSAGE = 27

# One in so many breaks off, at any step, before or after its answer.
_CUT = 8


class Step(NamedTuple):
    """What is said, and how many lines of answer are waited for."""

    words: bytes
    lines: int = 1


_LOGIN = (Step(f"USER {_MAILBOX}\r\n".encode()), Step(b"PASS secret\r\n"))
_LOOK = (*_LOGIN, Step(b"STAT\r\n"), Step(b"LIST\r\n", _LISTED), Step(b"UIDL\r\n", _LISTED))
_QUIT = Step(b"QUIT\r\n")


def _fetch(number: int) -> Step:
    return Step(b"RETR %d\r\n" % number, _MESSAGE)


# What they come for, and how many of a dozen do.
ERRANDS: dict[str, tuple[int, tuple[Step, ...]]] = {
    "looked": (5, (*_LOOK, _QUIT)),
    "fetched": (3, (*_LOOK, *map(_fetch, range(1, 6)), _QUIT)),
    "deleted": (
        2,
        (*_LOOK, *itertools.chain(*((_fetch(n), Step(b"DELE %d\r\n" % n)) for n in range(1, 4))), _QUIT),
    ),
    "had a wrong password": (2, (_LOGIN[0], Step(b"PASS wrong\r\n"), _QUIT)),
}


class Visitors:
    """The same people whenever they are made: their chances come from a seed."""

    def __init__(self) -> None:
        self._chance = random.Random(_SEED)

    def come(self, port: int, count: int, width: int) -> Counter[str]:
        """So many sessions, `width` at a time. Returns how many did what; "cut off" are those that broke off."""
        seen: Counter[str] = Counter()
        _run(((sock, self._visit(sock, port, seen)) for sock in _sockets(count)), width)
        return seen

    def _visit(self, sock: socket.socket, port: int, seen: Counter[str]) -> Work[None]:
        kinds = list(ERRANDS)
        (kind,) = self._chance.choices(kinds, [ERRANDS[name][0] for name in kinds])
        steps = (Step(b""), *ERRANDS[kind][1])  # the greeting is an answer to nothing
        last = self._chance.randrange(len(steps)) if not self._chance.randrange(_CUT) else len(steps)
        deaf = self._chance.random() < 0.5
        try:
            sock.connect_ex((_HOST, port))
            yield WRITABLE
            for number, step in enumerate(steps):
                sock.send(step.words)
                if number == last and deaf:
                    break
                yield from _hear(sock, step.lines)
                if number == last:
                    break
        finally:
            sock.close()
        seen["cut off" if last < len(steps) else kind] += 1


def _hear(sock: socket.socket, lines: int) -> Work[None]:
    while lines > 0:
        data = yield from patiently(partial(sock.recv, 65536))
        if not data:
            raise RuntimeError(f"the session ended, and {lines} lines were still to come")
        lines -= data.count(b"\n")
