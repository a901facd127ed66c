"""`python -m bench.wan.real`: what popover gains in front of real servers, over a line of 40 ms. Writes no page.

The servers are those of the tests (`tests/parts`, set up by `tests/install-parts`): each has its own manners, and how
much may be done ahead of a client there is up to them.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

# The servers are the tests' own.
sys.path.append(str(Path(__file__).parents[2] / "tests"))

from bench.apart import Apart
from bench.field import say
from bench.wan import page
from bench.wan.link import Link
from bench.wan.measure import FIRST, Start, rest
from bench.wan.peers import PopoverAsIs
from bench.wan.programs import Errand, Line, run
from parts.certificates import Authority
from parts.courier import courier
from parts.cyrus import Cyrus
from parts.mailutils import MailutilsMaildir
from parts.messages import of_size
from parts.places import short_directory

_ROUND_TRIP = 0.04
_OCTETS = 2000


class _Server(Protocol):
    @property
    def port(self) -> int: ...
    @property
    def password(self) -> str: ...

    def new_user(self, messages: Sequence[bytes], /) -> str: ...


_SERVERS: dict[str, Callable[[Path, Authority], AbstractContextManager[_Server]]] = {
    "courier": courier,
    "cyrus": Cyrus,
    "mailutils": MailutilsMaildir.started,
}

# Its sessions delete at QUIT what was read: nobody finds the same messages twice.
_DELETES = {"mailutils"}


def main(argv: list[str]) -> int:
    """Returns the exit code: 0, whatever the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.wan.real", description=__doc__)
    parser.add_argument("--servers", nargs="+", choices=list(_SERVERS), default=list(_SERVERS), metavar="NAME")
    parser.add_argument("--messages", type=int, default=100, metavar="N", help="how many are fetched")
    options = parser.parse_args(argv)
    starts = [start for name in options.servers for start in _measure(name, options.messages)]
    print(page.first(starts))
    return 0


def _measure(name: str, count: int) -> Iterator[Start]:
    messages = [of_size(_OCTETS)] * count
    with _line(name) as (server, port, ca_file):
        user = server.new_user(messages)

        def look() -> Errand:
            return Errand("look", user, password=server.password)

        def fetch() -> Errand:
            whose = server.new_user(messages) if name in _DELETES else user
            return Errand("fetch", whose, 1, count, password=server.password)

        for title, errand in ((f"{name}: look", look), (f"{name}: fetch {count}", fetch)):
            say(f"real: {title}")
            with PopoverAsIs().start(port, ca_file) as running:
                directly, *_ = _each(Line(port, ca_file), errand, 1)
                yield Start(title, directly, _each(Line(running.port), errand, FIRST))


def _each(line: Line, errand: Callable[[], Errand], count: int) -> list[float]:
    """Seconds of so many sessions, one after the other."""
    times = []
    for _ in range(count):
        one = errand()
        times.append(run(line, one)[-1].at)
        rest(_ROUND_TRIP)
    return times


@contextmanager
def _line(name: str) -> Iterator[tuple[_Server, int, Path]]:
    """One of the servers, the port of a line to it, and whom its certificate is from."""
    with ExitStack() as stack:
        directory = stack.enter_context(short_directory("bench"))
        authority = Authority(directory)
        server = stack.enter_context(_SERVERS[name](directory, authority))
        link = stack.enter_context(Apart(Link, server.port))
        link.do(Link.become, _ROUND_TRIP, 100e6)
        yield server, link.do(Link.open), authority.ca_file


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
