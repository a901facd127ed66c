"""The demo's only mailbox: in memory, gone with the process."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import count
from typing import NamedTuple

LIMIT = 500
"""Letters at most. It is memory of this process, and a demo left running by mistake must not fill it."""

OCTETS_LIMIT = 64 * 1024 * 1024
"""Octets of all letters together: two of the largest that the demo takes (aiosmtpd: 32 MiB), or 500 of a usual size.
The oldest make room for a new one."""


class Letter(NamedTuple):
    """`uid`: unlike that of every other letter (UIDL). `raw`: whole CRLF lines, dots not stuffed."""

    uid: str
    raw: bytes


class Mailbox:
    """What SMTP puts in, POP3 takes out."""

    def __init__(self, letters: Iterable[bytes]) -> None:
        self._numbers = count(1)
        self._letters: list[Letter] = []
        self._octets = 0
        for raw in letters:
            self.add(raw)

    def add(self, raw: bytes) -> bool:
        """Put a letter at the end; False: the mailbox is full."""
        if len(self._letters) >= LIMIT or len(raw) > OCTETS_LIMIT:
            return False
        self._octets += len(raw)
        while self._octets > OCTETS_LIMIT:
            self._octets -= len(self._letters.pop(0).raw)
        self._letters.append(Letter(f"demo{next(self._numbers):05}", raw))
        return True

    def letters(self) -> list[Letter]:
        """Give all letters as they are now, in their order of arrival."""
        return list(self._letters)

    def remove(self, uids: Collection[str]) -> None:
        """Take letters out; those that are gone already are nobody's loss."""
        self._letters = [letter for letter in self._letters if letter.uid not in uids]
        self._octets = sum(len(letter.raw) for letter in self._letters)
