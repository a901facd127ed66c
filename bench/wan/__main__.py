"""`python -m bench.wan`: measure, print the tables, and after a full run write them into docs/benchmarks.md."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.apart import Apart
from bench.certificates import issue
from bench.peers import OTHERS, Peer
from bench.wan import page, picture
from bench.wan.errands import CHECK, CONTROL, ERRANDS, FETCH, SEEN, SELECT, SEND
from bench.wan.folders import Folders
from bench.wan.link import Link
from bench.wan.mailboxes import Mailboxes
from bench.wan.measure import Racer, Start, Table, begin, race, watch
from bench.wan.peers import PopoverAsIs, PopoverCold
from bench.wan.programs import Errand, Line
from bench.wan.submission import Submission

_DOCS = Path(__file__).parents[2] / "docs"


def main(argv: list[str]) -> int:
    """Returns the exit code: 0, whatever the figures."""
    options = _parse(argv)
    with _racers() as (racers, link, start):
        tables: list[Table] = []
        for milliseconds in options.round_trips:
            rounds = 1 if options.quick or milliseconds > 100 else 3 if milliseconds else 9
            tables.append(
                race(racers, link, milliseconds / 1000, [CHECK, SEND, SELECT] if options.quick else ERRANDS, rounds)
            )
            print(page.table(tables[-1]), flush=True)
        starts = [start(errand) for errand in ([CHECK] if options.quick else [CHECK, FETCH, SEND])]
        moments = watch(racers, link, 0.04, SEEN)
    text = page.section(tables, starts, CONTROL)
    print(text)
    if not options.quick:
        page.write(_DOCS / "benchmarks.md", text)
        (_DOCS / "timeline.svg").write_text(picture.draw(moments, 0.04), encoding="utf-8")
    return 0


@contextmanager
def _racers() -> Iterator[tuple[list[Racer], Apart[Link], Callable[[Errand], Start]]]:
    """All who take part, at work in front of one line: TLS spoken by the mail program itself, and the peers.

    The last one lets a popover do its first sessions, which was started for that and ends with them.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        directory.chmod(0o755)
        ca_file, certificate = issue(directory)
        server = stack.enter_context(Apart(Mailboxes, certificate))
        sends = stack.enter_context(Apart(Submission, certificate, 100))
        link = stack.enter_context(Apart(Link, server.do(Mailboxes.port)))
        shows = stack.enter_context(Apart(Folders, certificate, 100))
        port = link.do(Link.open)
        beside = (link.do(Link.open, sends.do(Submission.port)), link.do(Link.open, shows.do(Folders.port)))
        racers = [Racer("directly over TLS", Line(port, ca_file, *beside))]
        peers: list[Peer] = [PopoverAsIs(), PopoverCold(), *(one for one in OTHERS if one.divisor == 1)]
        for peer in peers:
            if peer.installed():
                running = stack.enter_context(peer.start(port, ca_file, beside=beside))
                racers.append(Racer(peer.name, Line(running.port, None, *running.ports[1:])))

        def start(errand: Errand) -> Start:
            fresh = PopoverAsIs()
            with fresh.start(port, ca_file, beside=beside) as running:
                line = Line(running.port, None, *running.ports[1:])
                return begin(racers[0], Racer(fresh.name, line), link, 0.04, errand)

        yield racers, link, start


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.wan", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only look for mail, once, and write nothing")
    parser.add_argument(
        "--round-trips", type=int, nargs="+", default=[0, 5, 40, 150], metavar="MS", help="lengths of the line"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
