"""Bugs in calls from the event loop: they must end the session they are in, and be told."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar


class _Talk(Protocol):
    def fail(self, bug: Exception) -> None: ...


_T = TypeVar("_T", bound="_Talk")
_P = ParamSpec("_P")


def fails_aloud(work: Callable[Concatenate[_T, _P], None]) -> Callable[Concatenate[_T, _P], None]:
    """Let what is raised in a call from the event loop end the talk: the loop would only log it, and both wait."""

    @wraps(work)
    def run(talk: _T, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            work(talk, *args, **kwargs)
        except Exception as bug:  # noqa: BLE001 - Session.run says what it was
            talk.fail(bug)

    return run
