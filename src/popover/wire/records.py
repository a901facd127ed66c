"""TLS records in what a peer says: where each of them begins and ends (RFC 8446 section 5.1)."""

from __future__ import annotations

from typing import Protocol

from popover.wire.engine import Sealed

PIECE = 32 * 1024
FEW = 16
"""OpenSSL gets this many octets, or records, at a time, and the record that they end in, for what it has got it works
through in one go. 16 changes of the key take it 0.25 ms, 32 KiB of tickets 7 ms; the time is looked at in between
(`openssl.TURN`). Pieces of 16 KiB would cost the whole gateway 5 % of what it takes for a large mail."""

HEAD = 5
"""Octets before a record: type, version (2), length (2)."""

_TYPES, _MAJOR = range(20, 25), 3  # what the first two octets of a record may be


class Sink(Protocol):
    """Who gets the pieces: a `MemoryBIO`."""

    def write(self, data: bytes | memoryview, /) -> int:
        """Take a piece."""

    def write_eof(self) -> None:
        """Hear that nothing more comes."""


class Records:
    """What one peer says, handed on in pieces that end where a record does. `to_come`: octets of the record in progress
    that are still to come. `rest`: what has come and was not handed on yet; it begins with the head of a record, or a
    part of it.
    """

    __slots__ = ("_sink", "rest", "to_come")

    def __init__(self, sink: Sink, to_come: int = 0) -> None:
        self.to_come = to_come
        self.rest = b""
        self._sink = sink

    def gather(self, sealed: Sealed) -> bytes | memoryview:
        """Give what waited, and what has come now."""
        data = sealed or b""
        if self.rest:
            data, self.rest = self.rest + data, b""
        return data

    def feed(self, data: bytes | memoryview, start: int, sealed: Sealed) -> int:
        """Hand on the next piece, from `start` on; where it ends: after a whole record, so that none is tried in vain,
        and less than a head waits. At the end of all (`sealed` is None) the sink gets the rest and is told so.

        Where what comes is no TLS at all, pieces end anywhere, and OpenSSL says what is wrong.
        """
        size, at = len(data), start + self.to_come
        for _ in range(FEW):
            if at + HEAD > size or at - start >= PIECE:
                break
            at += HEAD + (data[at + 3] << 8 | data[at + 4])
        if at > size:
            self.to_come, at = at - size, size
        else:
            self.to_come = 0
        if sealed is None:
            self._sink.write(data[start:])
            self._sink.write_eof()
            return size
        if at > start:
            self._sink.write(data[start:at])
        return at


def is_plain(data: bytes | memoryview, head: int) -> bool:
    """Whether plain text stands where a record should begin; the first one that begins in `data` does so at `head`.

    Once we have said goodbye, that is one, too: exim with GnuTLS says "421 lost input connection" behind its TLS.
    """
    while head + HEAD <= len(data):
        if data[head] not in _TYPES or data[head + 1] != _MAJOR:
            return True
        head += HEAD + (data[head + 3] << 8 | data[head + 4])
    return False
