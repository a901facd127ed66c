"""The measurements, by the names that --only takes, in the order in which they run."""

from collections.abc import Callable

from bench import (
    measure_bulk,
    measure_crowd,
    measure_desk,
    measure_fairness,
    measure_greeting,
    measure_idle,
    measure_inside,
    measure_routed,
    measure_sessions,
    measure_soak,
    measure_tokens,
    measure_version,
)
from bench.field import Field
from bench.findings import Findings

MEASURES: dict[str, Callable[[Field], Findings]] = {
    "sessions": measure_sessions.measure,
    "bulk": measure_bulk.measure,
    "idle": measure_idle.measure,
    "inside": measure_inside.measure,
    "desk": measure_desk.measure,
    "routed": measure_routed.measure,
    "tokens": measure_tokens.measure,
    "greeting": measure_greeting.measure,
    "crowd": measure_crowd.measure,
    "fairness": measure_fairness.measure,
    "soak": measure_soak.measure,
    "version": measure_version.measure,
}
