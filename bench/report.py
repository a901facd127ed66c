"""The findings as Markdown: for the terminal, and with what a stranger must know, for docs/benchmarks.md."""

from collections.abc import Callable, Iterable

from bench.findings import Column, Findings, Target
from bench.machine import today

_ABOUT = """\
# Benchmarks

popover beside the other programs that give an old mail client a TLS server, and beside the recipe it replaces
(xinetd, which starts `openssl s_client`). All were measured in one run on one machine, in turn, round by round:
the ratios travel to other machines, the figures themselves do not.

This page was written by `make bench` on {date}.
"""

_HOW = """\
## What was measured

The mail server is a small one written for this (`bench/server.py`): POP3 over TLS 1.3, an ECDSA P-256
certificate, tickets for resumption. It and the clients (`bench/clients.py`) are processes of their own and not
counted. All verify the certificate and the host name but for the recipe, which never does. nginx and HAProxy have
one worker or thread, as popover has. popover, nginx, HAProxy and stunnel log each session to a file.

- **CPU per session**: connect, greeting, USER, PASS, STAT, QUIT; four sessions at a time; user and system time of
  the peer with all its children.
- **CPU per GB, MB/s**: one client fetches mails of {mail_mb} MB. Clients, peer and server share the machine, so MB/s
  is what all three together reach.
- **Idle session**: memory (PSS) with {idle} sessions logged in and silent, less the memory at rest, for each.
  The recipe and its processes: {idle_few} sessions.
- **TLS on both sides**: CPU per GB and idle sessions as before, the clients in TLS from their first octet on; stunnel
  accepts it with one service and leads to another one of the same process, which goes to the server.
- **At rest**: memory after one session, as if the program were alone on the machine: pages that it shares with
  other programs count whole.
- **Routing by user name**: as CPU per session, greeting and idle session, but the program itself greets, and finds the
  server by the name: by Perdition's popmap.re with twenty other lines before; nginx asks a back end that says the same
  to all, and its own `stream` speaks TLS for it; Dovecot has a static table. All trust the system's authorities and one
  more, in one file, which Perdition reads anew for each session.
- **OAuth2**: the client says a password of the house, popover and email-oauth2-proxy say a token that the same provider
  has given; both verify the same local password, popover by a hash of scrypt. From connecting to the end of the login;
  processor time of that; a hundred mails of 2 kB, one RETR after the other; memory as at rest, with 20 sessions.
- **Greeting after**: from connecting to the server's first line; median and 95th percentile; one session at a time.
- **Ready after**: from the start of the program to the first greeting through it.
- **NOOP, Greeting**: how long a small session waits for an answer, and a new one for its greeting, while others make
  much work (`bench/fair/loads.py`): 50 sessions that fetch mails of 1 MB as fast as they can, or 120 MB a second all
  together; a client that has deleted 59,999 of 60,000 messages and says RETR 1, 500 of them in a segment; one that
  pipelines 500 NOOP and DELE; twenty that ask for mails and read nothing; a server that sends 20,000 of TLS's
  KeyUpdate a second, each to be answered. The small session has a server and a client that nobody else uses; all of
  them, the crowd, its server and the peer share the machine's processors, so a peer that takes more of them when 50
  go as fast as they can also takes them from the small session's server. Each peer is started anew, and is alone.
  "The better": of nginx and stunnel.
- **Memory for 1,000 sessions**: sessions of all kinds (`bench/visitors.py`) through one popover; the slope of the line
  through its memory after every fiftieth of them, the first fifth left out. Noise is twice the slope's standard
  error, or one arena that Python's allocator takes (1 MiB), whichever is more.

## Repeat it

    bench/install-peers    # Debian's packages of the peers; starts no service
    make bench             # about ten minutes; needs no root
    python -m bench --quick --only sessions,bulk --peers popover,nginx
    python -m bench.wan.real    # over a long line to Courier, Cyrus and GNU Mailutils, set up by tests/install-parts

Where a ratio is given, it is the median of the ratios of the rounds: what disturbed a round disturbed both.
"""


def terminal(peers: list[str], findings: Findings) -> str:
    """The tables."""
    return "\n".join(_tables(peers, findings))


def page(peers: list[str], findings: Findings, machine: Iterable[str], **sizes: int) -> str:
    """The whole of docs/benchmarks.md."""
    columns = findings.columns
    rounds = {
        column.table or column.title: max(len(figure.samples) for figure in column.figures.values())
        for column in columns
    }
    repeats = ", ".join(f"{title.partition(',')[0]} {count}" for title, count in rounds.items())
    spread = _by_table(peers, columns, Column.spread)
    return "\n".join(
        [
            _ABOUT.format(date=today()),
            *_tables(peers, findings),
            _HOW.format(**sizes),
            "## How much the figures vary",
            "",
            f"The middle half of the rounds lies between these. Rounds: {repeats}.",
            "",
            *spread,
            "## Machine and versions",
            "",
            *(f"- {line}" for line in machine),
            "",
        ]
    )


def section(peers: list[str], findings: Findings, machine: Iterable[str], names: Iterable[str]) -> str:
    """What was measured by itself, of these measurements, as a section of docs/benchmarks.md."""
    command = f"python -m bench --only {','.join(names)} --section"
    return "\n".join(
        [
            f"## {' and '.join(dict.fromkeys(column.table or 'Measured' for column in findings.columns))}, by itself",
            "",
            f"*Measured on {today()}. Written by `{command}`.*",
            "",
            *_tables(peers, findings),
            "The middle half of the rounds lies between these:",
            "",
            *_by_table(peers, findings.columns, Column.spread),
            *(f"- {line}" for line in machine),
        ]
    )


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table whose columns also line up for those who read the source; numbers to the right."""
    widths = [max(map(len, cells)) for cells in zip(head, *rows, strict=True)]
    rule = [("-" * (width - 1) + ":") if number else "-" * width for number, width in enumerate(widths)]
    return [_row(cells, widths) for cells in (head, rule, *rows)]


def _tables(peers: list[str], findings: Findings) -> list[str]:
    columns = findings.columns
    lines = [*_by_table(peers, columns, Column.text), *_ratios(peers, columns)]
    if findings.targets:
        head = ["popover's targets", "target", "measured", "middle half of the rounds", ""]
        lines += [*table(head, [_target(target) for target in findings.targets]), ""]
    lines += [f"- {remark}" for remark in findings.remarks]
    return [*lines, ""] if findings.remarks else lines


def _by_table(peers: list[str], columns: list[Column], show: Callable[[Column, str], str]) -> list[str]:
    """Each table with its columns, and the peers that have a figure there."""
    lines = []
    for title in dict.fromkeys(column.table for column in columns):
        mine = [column for column in columns if column.table == title]
        rows = [
            [peer, *(show(column, peer) for column in mine)]
            for peer in peers
            if any(peer in column.figures for column in mine)
        ]
        lines += [*table([title, *(column.title for column in mine)], rows), ""]
    return lines


def _ratios(peers: list[str], columns: list[Column]) -> list[str]:
    """Each peer's figures as multiples of another's, for each table that has any."""
    lines = []
    for title in dict.fromkeys(column.table for column in columns):
        mine = [column for column in columns if column.table == title]
        pairs = [(column, other) for column in mine for other in column.beside if other in column.figures]
        if not pairs:
            continue
        head = [title, *(f"{column.title.partition(',')[0]}, x {other}'s" for column, other in pairs)]
        rows = [
            [peer, *(_ratio(column, peer, other) for column, other in pairs)]
            for peer in peers
            if any(peer in column.figures for column, _ in pairs)
        ]
        lines += [*table(head, rows), ""]
    return lines


def _ratio(column: Column, peer: str, other: str) -> str:
    if peer not in column.figures:
        return "-"
    return f"{column.figures[peer].beside(column.figures[other]).value:.2f}"


def _target(target: Target) -> list[str]:
    sign = ">=" if target.at_least else "<="
    goal, measured = (f"{_number(value)} {target.unit}".rstrip() for value in (target.limit, target.measured))
    spread = " .. ".join(map(_number, target.spread)) if target.spread else "-"
    return [target.what, f"{sign} {goal}", measured, spread, "ok" if target.met() else "MISS"]


def _number(value: float) -> str:
    """Two digits behind the point for ratios, none for what is large."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _row(cells: list[str], widths: list[int]) -> str:
    first, *rest = cells
    padded = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))]
    return f"| {' | '.join(padded)} |"
