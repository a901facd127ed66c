"""A mail in chunks (BDAT, RFC 3030 section 2), which nobody was offered: it becomes one of DATA."""

from __future__ import annotations

import re
from typing import NamedTuple

from popover.protocols.device import Errand
from popover.protocols.guest import Gone
from popover.protocols.smtp.device.carriage import Carriage
from popover.protocols.smtp.device.stuffing import Stuffed
from popover.talk import End, More

_CHUNK = re.compile(rb"([0-9]{1,20})([ \t]+LAST)?[ \t]*", re.IGNORECASE)


class Chunk(NamedTuple):
    """What is announced. `size`: its octets; `is_last`: the mail ends with it."""

    size: int
    is_last: bool


def announced(argument: bytes) -> Chunk | None:
    """Read what stands behind the word BDAT; None: that is none."""
    found = _CHUNK.fullmatch(argument)
    return None if found is None else Chunk(int(found[1]), is_last=bool(found[2]))


class Chunks:
    """A mail whose chunks come."""

    def __init__(self, carriage: Carriage) -> None:
        self.carriage = carriage
        self._stuffed = Stuffed()

    def take(self, piece: bytes) -> None:
        """Pass it on as DATA has it."""
        self.carriage.take(bytearray(self._stuffed.feed(piece)))

    def end(self) -> Carriage:
        """The last one has come."""
        self.carriage.take(bytearray(self._stuffed.end()))
        return self.carriage


def pour(client: End, size: int, chunks: Chunks | None) -> Errand[None]:
    """Hear so many octets, and pass them on if somebody is to get them. Raises Gone."""
    inbox = client.inbox
    while size:
        if not inbox:
            if client.ended:
                raise Gone
            yield More(client)
        piece = bytes(inbox[:size])
        del inbox[: len(piece)]
        size -= len(piece)
        if chunks is not None:
            chunks.take(piece)
