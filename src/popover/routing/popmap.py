r"""Perdition's tables, read as they are: `popmap` and `popmap.re` (perditiondb(5)). Dry but for reading the file.

    horms:foo.example:110               popmap: a name, a colon, [user@]host[:port]
    jain:jane@foo.example
    (.*)@(.*): $1_$2@localhost          popmap.re: a POSIX regular expression, a colon or not, blanks, what it leads to

A popmap is what makegdbm and makebdb make their `.gdbm.db` and `.bdb.db` of: the database itself is not needed. Of
several servers with commas between them the first that answers serves, as in Perdition's `-s`.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from pathlib import Path

from popover.config.routes import Popmap
from popover.errors import ConfigError
from popover.routing.answers import Answer, Entry, Missing, Query
from popover.routing.posix import compile_posix
from popover.routing.vanessa import logical_lines
from popover.routing.written import check_value, split_value

FILE_LIMIT = 256 * 1024 * 1024
"""Octets of a popmap: a million users need some 40 MB."""

MISTAKES_LIMIT = 20
"""Lines that are told of one file; a file of another kind would have one mistake in each."""

_BINARY = b"\0"


class PopmapTable:
    """One file, held in memory. `load` it before use, and again at a reload: with a new object, the old one stays as it
    is if that fails.
    """

    is_quick = True

    def __init__(self, source: Popmap, delimiter: str) -> None:
        self._source = source
        self._delimiter = delimiter
        self._exact: dict[str, tuple[int, str]] = {}
        self._patterns: list[tuple[int, re.Pattern[str], str]] = []

    def load(self) -> None:
        """Read the file. Raises ConfigError with all that is wrong in it."""
        text = _read(self._source.file)
        mistakes = []
        for number, name, value in _expressions(text) if self._source.regex else _pairs(text):
            try:
                self._add(number, name, value)
            except ConfigError as wrong:
                mistakes += [f"{self._source.file}: line {number}: {line}" for line in wrong.mistakes]
        if mistakes:
            more = len(mistakes) - MISTAKES_LIMIT
            raise ConfigError(
                mistakes[:MISTAKES_LIMIT] + ([f"{self._source.file}: and {more} more"] if more > 0 else [])
            )

    def _add(self, number: int, name: str, value: str) -> None:
        if not self._source.regex:
            check_value(value, self._delimiter)
            self._exact.setdefault(name, (number, value))
            return
        if "$" not in value:
            check_value(value, self._delimiter)
        self._patterns.append((number, compile_posix(name), value))

    def depends_on(self, query: Query) -> Hashable:
        """Of the key alone."""
        return query.key

    async def find(self, query: Query) -> Answer:
        """Look in memory."""
        if self._source.regex:
            return self._match(query.key)
        found = self._exact.get(query.key)
        return self._entry(*found) if found else Missing(str(self._source.file))

    def _match(self, key: str) -> Answer:
        for number, pattern, value in self._patterns:
            if found := pattern.search(key):
                # What stands before the match stays, what stands behind it goes: so does Perdition.
                return self._entry(number, key[: found.start()] + _filled(value, found))
        return Missing(str(self._source.file))

    def _entry(self, number: int, value: str) -> Entry:
        user, servers = split_value(value, self._delimiter)
        return Entry(servers, user, where=f"{self._source.file}: line {number}")

    async def close(self) -> None:
        """There is nothing to let go of."""


def _read(file: Path) -> str:
    try:
        octets = file.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file") from None
    except OSError as fault:
        raise ConfigError(f"{file}: cannot be read: {fault.strerror}") from None
    if _BINARY in octets or file.suffix in {".db", ".gdbm", ".bdb"}:
        raise ConfigError(f"{file}: is a database; name the popmap that it was made of, no database is needed")
    if len(octets) > FILE_LIMIT:
        raise ConfigError(f"{file}: more than {FILE_LIMIT} bytes: this is no popmap")
    return octets.decode(errors="surrogateescape")  # names are octets, as the client says them


def _pairs(text: str) -> Iterator[tuple[int, str, str]]:
    """As makegdbm reads them: what stands before the first colon, and behind it; what has none is passed over."""
    for number, line in enumerate(text.split("\n"), 1):
        name, colon, value = line.strip().partition(":")
        if colon and name and not name.startswith("#"):
            yield number, name.strip(), value.strip()


def _expressions(text: str) -> Iterator[tuple[int, str, str]]:
    for number, words in logical_lines(text):
        pattern, value = words[0].removesuffix(":"), " ".join(words[1:]).strip()
        if pattern and value:
            yield number, pattern, value


def _filled(value: str, found: re.Match[str]) -> str:
    """Put what the parentheses caught in the place of `$1` to `$9`; of one that there is not, the `$1` stays."""

    def caught(reference: re.Match[str]) -> str:
        number = int(reference[1])
        part = found[number] if number <= (found.re.groups or 0) else None
        return reference[0] if part is None else part

    return re.sub(r"\$([0-9])", caught, value)
