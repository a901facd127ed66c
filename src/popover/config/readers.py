"""Readers for what stands in a file: from what TOML gives to what values.py holds. For any key; fields.py has the keys.

A reader raises ConfigError with what would be right.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

from popover.config.words import quote
from popover.errors import ConfigError

T = TypeVar("T")
Reader = Callable[[Any], Any]

WEEK = 7 * 86400
"""Seconds; no timeout is longer. One that was meant to be "never" would keep dead sessions for good."""

SHOWN_LIMIT = 10**15
"""Greater numbers are not repeated in messages: they may have thousands of digits."""

NAME_LIMIT = 64
"""Characters of a service's name, which stands in every line of the log. A host name's label has 63."""


def show(value: object) -> str:
    """What stands in the file, short and on one line."""
    match value:
        case str():
            return quote(value)
        case bool():
            return str(value).lower()
        case float():
            return str(value)
        case int():
            return str(value) if abs(value) < SHOWN_LIMIT else "a number beyond all measure"
        case dt.date() | dt.time():
            return "a date or time (write it in quotes)"
    return "a list" if isinstance(value, list) else "a table"


def read_text(value: object) -> str:
    """A string that is not empty."""
    if not isinstance(value, str):
        raise ConfigError(f"must be a text in quotes; is {show(value)}")
    if not value:
        raise ConfigError("must not be empty")
    return value


def word(parse: Callable[[str], T]) -> Callable[[object], T]:
    """A reader for one of the small languages of words.py and places.py."""
    return lambda value: parse(read_text(value))


def words(parse: Callable[[str], T]) -> Callable[[object], tuple[T, ...]]:
    """A reader for a list of such words; a single one needs no brackets."""

    def read(value: object) -> tuple[T, ...]:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list):
            raise ConfigError(f"must be a text in quotes, or a list of them; is {show(value)}")
        done: list[T] = []
        mistakes: list[str] = []
        for item in items:
            try:
                done.append(parse(read_text(item)))
            except ConfigError as mistake:
                mistakes += mistake.mistakes
        if mistakes:
            raise ConfigError(mistakes)
        return tuple(done)

    return read


def choice(words: tuple[T, ...], or_else: str = "") -> Callable[[object], T]:
    """A reader for one of a few words. `or_else`: what else there is, as the end of the sentence."""
    *first, last = (f'"{one}"' for one in words)
    right = f"{', '.join(first)} or {last}"

    def read(value: object) -> T:
        for one in words:
            if value == one:
                return one
        quotes = ", in quotes" if show(value) in words else ""
        raise ConfigError(f"must be {right}{quotes}{or_else}; is {show(value)}")

    return read


def read_name(value: object) -> str:
    """A name that fits into a line of the log."""
    name = read_text(value)
    if len(name) > NAME_LIMIT or not name.isprintable():
        raise ConfigError(f"must be at most {NAME_LIMIT} characters, all printable; is {show(name)}")
    return name


def read_count(value: object) -> int:
    """A limit; 0 is none."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigError(f"must be a whole number, 0 or more; is {show(value)}")
    return value


def read_seconds(value: Any) -> float:
    """A time to wait, more than none."""
    if not (_is_number(value) and 0 < value <= WEEK):
        raise ConfigError(f"must be a number of seconds, more than 0 and at most {WEEK}; is {show(value)}")
    return float(value)


def read_drain(value: Any) -> float:
    """A time to wait; 0 is none."""
    if not (_is_number(value) and 0 <= value <= WEEK):
        raise ConfigError(f"must be a number of seconds, 0 to {WEEK}; is {show(value)}")
    return float(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_switch(value: object) -> bool:
    """True or false, nothing like it."""
    if not isinstance(value, bool):
        raise ConfigError(f"must be true or false, without quotes; is {show(value)}")
    return value
