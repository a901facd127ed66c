"""The buffers that all streams of one event loop share."""

from __future__ import annotations

from popover.wire.engine import RECORD

CHUNK = 128 * 1024
"""Octets read from a socket at once, and so the most that one side of a session holds for a peer that
does not take them. nginx and HAProxy use 16 KiB; in Python each call costs more, and 128 KiB halves the
CPU per GB against that while it stays under the promised 256 KiB."""


class Scratch:
    """Buffers that all streams of one event loop share: what is in them is used before the next event."""

    def __init__(self) -> None:
        self.raw = memoryview(bytearray(CHUNK))
        self.clear = memoryview(bytearray(CHUNK + 2 * RECORD))
