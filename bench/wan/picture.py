"""One fetch as a time line, with its round trips drawn: an SVG for the README, from what was measured."""

from collections.abc import Iterator
from typing import NamedTuple

from bench.wan.programs import Moment

_WIDTH, _LEFT, _TOP = 860, 20, 56
_LANE = 118  # height of one lane
_DEEP = 44  # from the program's line to the server's
_COLOURS = {"login": "#7a5195", "look": "#2f7ebc", "fetch": "#2a9d5c", "quit": "#8a8a8a", "connect": "#d1603d"}


class _Step(NamedTuple):
    what: str
    kind: str
    start: float
    end: float


def draw(moments: dict[str, list[Moment]], round_trip: float) -> str:
    """Lanes one below the other, all to the same scale; a V is one round trip to the server and back."""
    longest = max(found[-1].at for found in moments.values())
    scale = (_WIDTH - 2 * _LEFT) / longest
    height = _TOP + _LANE * len(moments) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(_LEFT, 24, f"Fetching five messages over a line of {round_trip * 1000:.0f} ms", size=17, weight="bold"),
        _text(_LEFT, 42, "each V is a round trip to the mail server and back, as measured", size=12),
    ]
    for number, (name, found) in enumerate(moments.items()):
        parts += _lane(name, found, _TOP + number * _LANE, scale, round_trip)
    parts += [*_legend(height - 12), "</svg>", ""]
    return "\n".join(parts)


def _lane(name: str, moments: list[Moment], top: float, scale: float, round_trip: float) -> Iterator[str]:
    title = "directly" if name.startswith("directly") else "through popover"
    total = moments[-1].at
    yield _text(_LEFT, top + 22, f"{title}: {total * 1000:,.0f} ms", size=14, weight="bold")
    line = top + 36
    for step in _steps(moments):
        trips = round((step.end - step.start) / round_trip)
        colour = _COLOURS[step.kind]
        x, width = _LEFT + step.start * scale, max((step.end - step.start) * scale, 1.5)
        title = f"<title>{step.what}</title>"
        yield f'<rect x="{x:.1f}" y="{line}" width="{width:.1f}" height="5" fill="{colour}">{title}</rect>'
        for trip in range(trips):
            wide = width / trips
            yield _trip(x + trip * wide, line + 5, wide, colour)
    end = _LEFT + total * scale
    yield f'<line x1="{_LEFT}" y1="{line + 5 + _DEEP}" x2="{end:.1f}" y2="{line + 5 + _DEEP}" stroke="#cccccc"/>'


def _trip(x: float, y: float, wide: float, colour: str) -> str:
    points = f"{x:.1f},{y} {x + wide / 2:.1f},{y + _DEEP} {x + wide:.1f},{y}"
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def _steps(moments: list[Moment]) -> Iterator[_Step]:
    start = 0.0
    for what, end in moments:
        yield _Step(what, _kind(what), start, end)
        start = end


def _kind(what: str) -> str:
    verb = what.partition(" ")[0]
    kinds = {"greeting": "connect", "USER": "login", "PASS": "login", "RETR": "fetch", "DELE": "fetch", "QUIT": "quit"}
    return kinds.get(verb, "look")


def _legend(y: float) -> Iterator[str]:
    words = {
        "connect": "connect, TLS, greeting",
        "login": "log in",
        "look": "STAT, LIST, UIDL",
        "fetch": "fetch",
        "quit": "QUIT",
    }
    x = float(_LEFT)
    for kind, word in words.items():
        yield f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{_COLOURS[kind]}"/>'
        yield _text(x + 15, y, word, size=12)
        x += 40 + 7 * len(word)


def _text(x: float, y: float, words: str, *, size: int, weight: str = "normal") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="#333333">{words}</text>'
