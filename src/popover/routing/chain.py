"""Several tables, in order: the first that knows the name answers; and several keys of one table likewise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from popover.routing.answers import Answer, Missing

T = TypeVar("T")


async def first_found(asked: Iterable[T], find: Callable[[T], Awaitable[Answer]]) -> Answer:
    """Ask for one after the other until one is found, or cannot be asked: behind a table that is down, the next one may
    know another server of that name, or none, and neither would be true.
    """
    nowhere: list[str] = []
    for one in asked:
        answer = await find(one)
        if not isinstance(answer, Missing):
            return answer
        if answer.where not in nowhere:
            nowhere.append(answer.where)
    return Missing(", ".join(nowhere))
