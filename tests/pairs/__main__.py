"""Play pairs by hand, with src and tests in the path: python -m pairs [-s SERVER ...] [-c CLIENT ...] [-f SET ...]."""

import argparse
import asyncio
import collections
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from pairs.clients import CLIENTS
from pairs.features import FEATURES
from pairs.play import Pair, meet, play
from pairs.servers import SERVERS
from parts.certificates import Authority

_TOGETHER = 600  # services of one popover


def main(words: list[str]) -> int:
    """Print what was different; 1 if anything was."""
    arguments = argparse.ArgumentParser(prog="python -m pairs")
    arguments.add_argument("-s", "--server", nargs="+", default=list(SERVERS), choices=list(SERVERS), metavar="SERVER")
    arguments.add_argument("-c", "--client", nargs="+", default=list(CLIENTS), choices=list(CLIENTS), metavar="CLIENT")
    arguments.add_argument("-f", "--features", nargs="+", default=["on"], choices=list(FEATURES), metavar="FEATURES")
    chosen = arguments.parse_args(words)
    pairs = [Pair(s, c, f) for s in chosen.server for c in chosen.client for f in chosen.features if meet(s, c)]
    with tempfile.TemporaryDirectory() as directory:
        bad = _play(pairs, Authority(Path(directory)))
    return 1 if bad else 0


def _play(pairs: list[Pair], authority: Authority) -> int:
    started, sessions, bad = time.monotonic(), 0, 0
    by_server: collections.Counter[str] = collections.Counter()
    for some in _portions(pairs):
        plays = asyncio.run(play(some, authority))
        sessions += plays.sessions
        for pair in some:
            if found := plays.found[pair]:
                bad += 1
                by_server[pair.server] += 1
                print(f"{pair}: " + "; ".join(item.words for item in found[:2]), flush=True)
    took = time.monotonic() - started
    print(f"{len(pairs)} pairs, {bad} with differences; {sessions} sessions in {took:.0f} s")
    print(", ".join(f"{server} {count}" for server, count in by_server.most_common()))
    return bad


def _portions(pairs: list[Pair]) -> Iterable[list[Pair]]:
    for start in range(0, len(pairs), _TOGETHER):
        yield pairs[start : start + _TOGETHER]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
