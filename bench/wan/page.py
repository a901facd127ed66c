"""The findings as a section of docs/benchmarks.md, which the rest of the bench leaves alone."""

import re
from pathlib import Path

from bench.machine import today
from bench.wan.errands import ERRANDS, Goal
from bench.wan.measure import PRACTICE, Start, Table

_BEGIN, _END = "<!-- long lines: begin -->", "<!-- long lines: end -->"

_ABOUT = """\
## Over a long line

How long a person waits, in milliseconds: the mail program is Python's poplib, which asks USER, PASS, STAT, LIST,
UIDL, fetches (and deletes) one message after the other, and waits for each answer, as nearly all programs do;
smtplib, which says EHLO, AUTH PLAIN, MAIL, RCPT and DATA; or imaplib, which says CAPABILITY, LOGIN, SELECT and
LOGOUT. The line is simulated (`bench/wan/link.py`): round trip and bandwidth (100 Mbit/s, and 20 Mbit/s for large
mails) as stated, TCP's handshake included, lost packets and slow start left out. The server offers PIPELINING.
popover is shown after {practice} sessions of practice: before, it does not trust the server, as "The first sessions"
shows; "cold" has no connection standing ready (`warm = 0`). Medians of three; of nine at 0 ms, of one at 150 ms. At 0
ms and 5 ms one after the other, else all at once.

Written by `python -m bench.wan` on {date}.
"""


_STARTS = """\
### The first sessions

A popover that was just started, over a line of 40 ms: milliseconds, and how many times faster than directly. What
leaves ahead of the client leaves only where this server has shown that it loses nothing; until then a session goes as
through a wire. The first has to dial, too: no connection stands ready yet.
"""


def section(tables: list[Table], starts: list[Start], goals: list[Goal]) -> str:
    """The whole section."""
    return "\n".join(
        [
            _BEGIN,
            _ABOUT.format(practice=PRACTICE, date=today()),
            *map(table, tables),
            _STARTS,
            first(starts),
            _goals(tables, goals),
            _END,
        ]
    )


def write(path: Path, text: str) -> None:
    """Put it in the page, in place of the one that was there, or at its end."""
    old = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    kept = re.sub(f"\n*{_BEGIN}.*?{_END}\n", "\n", old, flags=re.DOTALL)
    path.write_text(kept.rstrip("\n") + "\n\n" + text + "\n", encoding="utf-8")


def table(found: Table) -> str:
    """One length of the line: errands by racers, and popover's times beside the best of the others."""
    names = list(next(iter(found.seconds.values())))
    head = [f"Round trip {found.round_trip * 1000:.0f} ms", *names, "popover is faster by"]
    rows = []
    for errand in ERRANDS:
        if seconds := found.seconds.get(errand.title):
            ratio = _best(seconds) / seconds["popover"]
            rows.append([errand.title, *(f"{seconds[name] * 1000:,.0f}" for name in names), f"{ratio:.1f} x"])
    return _markdown(head, rows)


def first(starts: list[Start]) -> str:
    """The first sessions one by one, beside the direct way."""
    count = max((len(start.sessions) for start in starts), default=0)
    head = ["Round trip 40 ms", "directly over TLS", *(f"session {number + 1}" for number in range(count))]
    rows = [
        [
            start.errand,
            f"{start.directly * 1000:,.0f}",
            *(f"{seconds * 1000:,.0f} ({start.directly / seconds:.1f} x)" for seconds in start.sessions),
        ]
        for start in starts
    ]
    return _markdown(head, rows)


def _goals(tables: list[Table], goals: list[Goal]) -> str:
    rows = []
    for goal in goals:
        for found in tables:
            if round(found.round_trip * 1000) == goal.round_trip and (seconds := found.seconds.get(goal.errand.title)):
                times = _best(seconds) / seconds[goal.popover]
                what = f"{goal.errand.title}, {goal.round_trip} ms, {goal.popover}"
                rows.append([what, f">= {goal.times:g} x", f"{times:.2f} x", "ok" if times >= goal.times else "MISS"])
    return _markdown(["Beside the best of the others", "target", "measured", ""], rows)


def _best(seconds: dict[str, float]) -> float:
    return min(value for name, value in seconds.items() if not name.startswith("popover"))


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
