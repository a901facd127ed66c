"""`python -m bench`: measure, print the tables, and after a full run write docs/benchmarks.md."""

import argparse
import resource
import signal
import sys
import traceback
from pathlib import Path

from bench import machine, report, section
from bench.field import FULL, QUICK, Sizes, lay_out
from bench.findings import Findings
from bench.measures import MEASURES
from bench.peers import OTHERS, Peer, Popover

_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def main(argv: list[str]) -> int:
    """Returns the exit code: 0, whatever the figures; 1 when a measurement could not be made."""
    options = _parse(argv)
    _raise_descriptor_limit()
    # SIGTERM, too, must end the peers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sizes = QUICK if options.quick else FULL
    peers = _choose(options)
    bystanders = machine.Bystanders()
    findings, failed = _measure(peers, sizes, options.only)
    findings.remarks.append(
        f"Other programs took {bystanders.share():.0%} of the machine's processor time during the run."
    )
    found = [name for column in findings.columns for name in column.figures]
    names = list(dict.fromkeys([*(peer.name for peer in peers), *found]))  # some measures have peers of their own
    print(report.terminal(names, findings))
    if failed:
        print(f"Not measured: {', '.join(failed)}.", file=sys.stderr)
        return 1
    if options.section:
        text = report.section(names, findings, machine.describe(peers), options.only)
        section.write(_PAGE, ", ".join(options.only), text)
        print(f"A section of {_PAGE.name} was written.", file=sys.stderr)
    elif path := options.write or (None if _partial(options) else _PAGE):
        facts = machine.describe(peers)
        few = min(peer.most_idle for peer in peers)
        text = report.page(names, findings, facts, mail_mb=sizes.mail_mb, idle=sizes.idle, idle_few=few)
        path.write_text(text, encoding="utf-8")
        print(f"Written to {path.name}.", file=sys.stderr)
    return 0


def _measure(peers: list[Peer], sizes: Sizes, only: list[str]) -> tuple[Findings, list[str]]:
    """What was found, and the names of the measurements that failed: the others' minutes are not thrown away."""
    total = Findings()
    failed = []
    with lay_out(peers, sizes) as field:
        for name in only:
            try:
                found = MEASURES[name](field)
            except Exception:  # noqa: BLE001  whatever it was, it is shown, and makes the exit code 1
                traceback.print_exc()
                failed.append(name)
                continue
            total.columns += found.columns
            total.targets += found.targets
            total.remarks += found.remarks
    return total, failed


def _choose(options: argparse.Namespace) -> list[Peer]:
    """The peers asked for that are installed."""
    ours: list[Peer] = [Popover(options.popover_python)]
    ours += [Popover(options.popover_python, variant) for variant in options.variant]
    wanted = [peer for peer in (*ours, *OTHERS) if not options.peers or peer.name.split()[0] in options.peers]
    missing = [peer.name for peer in wanted if not peer.installed()]
    if missing:
        print(f"Not installed: {', '.join(missing)}; see bench/install-peers.", file=sys.stderr)
    return [peer for peer in wanted if peer.installed()]


def _partial(options: argparse.Namespace) -> bool:
    """Whether this run is too little for docs/benchmarks.md."""
    return bool(options.quick or options.peers or options.variant or options.only != list(MEASURES))


def _raise_descriptor_limit() -> None:
    """What the machine allows, for the clients, the server and the peers alike: they inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _words(known: list[str]) -> "argparse._ActionType":
    def parse(text: str) -> list[str]:
        words = text.split(",")
        for word in words:
            if word not in known:
                raise argparse.ArgumentTypeError(f"{word!r}: known are {', '.join(known)}")
        return words

    return parse


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small version, in less than a minute")
    parser.add_argument(
        "--only", type=_words(list(MEASURES)), default=list(MEASURES), metavar="NAME,...", help=", ".join(MEASURES)
    )
    peers = ["popover", *(peer.name.split()[0] for peer in OTHERS)]
    parser.add_argument("--peers", type=_words(peers), default=[], metavar="NAME,...", help=", ".join(peers))
    parser.add_argument(
        "--popover-python", default=sys.executable, metavar="PATH", help="the interpreter that runs popover"
    )
    parser.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="measure popover also with this in its environment; may be given again",
    )
    parser.add_argument(
        "--section",
        action="store_true",
        help="write what was measured into docs/benchmarks.md, as a section of its own",
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page there, also after a partial run")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
