"""The numbers for Prometheus: as OpenMetrics text 1.0 (openmetrics.io), or in its older form (text format 0.0.4).

Whoever asks for OpenMetrics by its name gets it; the two differ in how counters are called and in how the text ends.
There is one label of ours, the service's name: never a user's, never a client's address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from popover.log import escape
from popover.process.status.figures import Figures, Picture

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
CLASSIC = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


class Family(NamedTuple):
    """One metric: its name without a suffix, what it means, and its values."""

    name: str
    kind: Literal["gauge", "counter", "info"]
    meaning: str
    samples: Iterable[tuple[Labels, float]]


def openmetrics(picture: Picture) -> Iterator[str]:
    """Write the picture as OpenMetrics, line by line."""
    for one in _families(picture):
        yield f"# TYPE {one.name} {one.kind}"
        if unit := _unit(one.name):
            yield f"# UNIT {one.name} {unit}"
        yield f"# HELP {one.name} {one.meaning}"
        yield from _samples(one)
    yield "# EOF"


def classic(picture: Picture) -> Iterator[str]:
    """Write it in the older form, which knows no `info` and calls a counter by its whole name."""
    for one in _families(picture):
        name, kind = _sample_name(one), "gauge" if one.kind == "info" else one.kind
        yield f"# HELP {name} {one.meaning}"
        yield f"# TYPE {name} {kind}"
        yield from _samples(one)


def _sample_name(family: Family) -> str:
    return family.name + {"gauge": "", "counter": "_total", "info": "_info"}[family.kind]


def _unit(name: str) -> str:
    last = name.rpartition("_")[2]
    return last if last in ("bytes", "seconds") else ""


def _samples(family: Family) -> Iterator[str]:
    name = _sample_name(family)
    for labels, value in family.samples:
        inner = ",".join(f'{label}="{_quoted(words)}"' for label, words in labels)
        yield f"{name}{{{inner}}} {_number(value)}" if inner else f"{name} {_number(value)}"


def _quoted(words: str) -> str:
    return escape(words).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _families(picture: Picture) -> Iterator[Family]:
    yield Family("popover_build", "info", "The version that runs.", (((("version", picture.version),), 1),))
    yield _whole("start_time_seconds", "When it was started, in seconds since 1970.", picture.began)
    yield _whole("ready", "Whether new clients are taken: 0 while it stops.", picture.ready)
    yield _whole("sessions_limit", "Sessions that the limit of open files allows.", picture.ceiling)
    if (mails := picture.mails) is not None:
        yield _whole("waiting_mails", "Mails of devices that are kept for their server.", mails.waiting)
        yield _whole("failed_mails", "Mails of devices that some recipient will never get.", mails.failed)
    for name, kind, meaning, value in _EACH:
        yield Family(f"popover_{name}", kind, meaning, _of_each(picture.services, value))
    yield Family(
        "popover_failed_sessions", "counter", "Sessions that failed, by how the log calls their end.",
        _failures(picture.services),
    )  # fmt: skip


def _whole(name: str, meaning: str, value: float) -> Family:
    return Family(f"popover_{name}", "gauge", meaning, (((), value),))


def _of_each(services: Iterable[Figures], value: Callable[[Figures], float | None]) -> Iterator[tuple[Labels, float]]:
    for one in services:
        if (number := value(one)) is not None:
            yield (("service", one.name),), number


def _failures(services: Iterable[Figures]) -> Iterator[tuple[Labels, float]]:
    for one in services:
        for end, number in sorted(one.failed.items()):
            yield (("service", one.name), ("end", end)), number


_EACH: tuple[tuple[str, Literal["gauge", "counter"], str, Callable[[Figures], float | None]], ...] = (
    ("sessions", "gauge", "Sessions now.", lambda one: one.sessions),
    ("ended_sessions", "counter", "Sessions that are over.", lambda one: one.ended),
    ("warm_sessions", "counter", "Sessions given a connection that stood ready.", lambda one: one.warm),
    ("saved_seconds", "counter", "Waiting that running ahead has spared mail programs, at least.",
     lambda one: round(one.saved, 6)),
    ("refused_clients", "counter", "Clients that were not let in.", lambda one: one.refused),
    ("wrong_logins", "counter", "Logins at the desk with a wrong name or password.", lambda one: one.wrong_logins),
    ("undecided_logins", "counter", "Logins at the desk that nobody could judge, or that did not get to their server.",
     lambda one: one.undecided_logins),
    ("from_clients_bytes", "counter", "What mail programs have sent.", lambda one: one.octets_in),
    ("to_clients_bytes", "counter", "What mail programs have got.", lambda one: one.octets_out),
    ("server_reachable", "gauge", "Whether the last session had its server.", lambda one: one.is_reachable),
    ("server_reached_timestamp_seconds", "gauge", "When a session last had its server.", lambda one: one.reached),
    ("session_timestamp_seconds", "gauge", "When the last session ended.", lambda one: one.last_session),
    ("certificate_end_timestamp_seconds", "gauge", "When the server's certificate ends.",
     lambda one: one.certificate_end),
)  # fmt: skip
