"""What the client gets: octets of the server's uncopied, as long as nothing comes between, and words besides."""

from __future__ import annotations

from popover.talk import End

STRAIGHT = 4096
"""Octets from which handing a view on beats copying it into the outbox."""


class Mouth:
    """Speaks to one client."""

    def __init__(self, client: End) -> None:
        self._client = client
        self._view = memoryview(b"")
        self._from = self._to = 0  # what of the view goes straight to the client

    def begin(self, view: memoryview) -> None:
        """What the server says now."""
        self._view, self._from, self._to = view, 0, 0

    def pass_on(self, at: int, end: int) -> None:
        """Give the client this of the view."""
        if at != self._to:
            self._commit()
            self._from = at
        self._to = end

    def say(self, words: bytes | bytearray) -> None:
        """Give the client something that is not in the view."""
        self._commit()
        self._client.outbox += words

    def finish(self) -> memoryview:
        """All was heard of the view: what goes to the client as it is, after its outbox."""
        straight = self._view[self._from : self._to]
        self._view = memoryview(b"")
        if len(straight) < STRAIGHT:
            self._client.outbox += straight
            straight = straight[:0]
        return straight

    def _commit(self) -> None:
        """What was to go straight must go into the outbox after all: other octets follow it."""
        self._client.outbox += self._view[self._from : self._to]
        self._from = self._to
