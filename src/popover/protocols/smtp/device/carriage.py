"""The octets of a mail on their way: its end looked for, its lines and its header mended, to the server and to a draft.

What cannot be written down (a full disk) is not kept any more, and that is all: while the server takes the mail, nobody
needs the draft.
"""

from __future__ import annotations

from popover.protocols.device import Draft
from popover.protocols.smtp.body import Dots, Mended
from popover.protocols.smtp.device.header import Head
from popover.protocols.smtp.device.line import LOST, Line, Reply
from popover.talk import Talk


class Carriage:
    """One mail's. `line`: its server; None: there is none. `draft`: where it is written down, if it is; `limit`: octets
    of it. `is_refused`: the server has spoken before the mail's end, and hears nothing more of it.
    """

    def __init__(self, head: Head, line: Line | None, draft: Draft | None, limit: int, *, normalizes: bool) -> None:
        self.line = line
        self.draft = draft
        self.is_refused = self.is_too_large = False
        self._head = head
        self._limit = limit
        self._body = Mended() if normalizes else Dots()
        self._size = 0

    def take(self, inbox: bytearray) -> bool:
        """Take what has come of the mail off the inbox; whether that was all of it."""
        piece = bytes(inbox)
        fed = self._body.feed(memoryview(piece))
        del inbox[: fed.taken]
        self._pass(self._head.feed(fed.out))
        return fed.is_over

    def _pass(self, octets: bytes | memoryview) -> None:
        self._size += len(octets)
        if self.line is not None and not self.is_refused:
            if self.line.has_news:
                self.is_refused = True
            else:
                self.line.end.outbox += octets
        if self.draft is not None:
            self._write(self.draft, octets)

    def _write(self, draft: Draft, octets: bytes | memoryview) -> None:
        self.is_too_large = self._size > self._limit
        try:
            if not self.is_too_large:
                draft.write(octets)
        except OSError:
            self.drop()
        else:
            if self.is_too_large:
                self.drop()

    def verdict(self) -> Talk[Reply]:
        """Hear what the server says to the whole mail. From one that has spoken before its end a yes is none: what it
        takes for the mail, and what for commands, nobody knows.
        """
        line = self.line
        if line is None:
            return LOST
        line.has_mail = False
        reply = yield from line.reply()
        if self.is_refused:
            line.give_up()
        if reply.kind not in (b"4", b"5") and (reply.kind != b"2" or self.is_refused):
            line.give_up()
            return LOST
        return reply

    def drop(self) -> None:
        """Keep nothing of it."""
        if self.draft is not None:
            self.draft.drop()
            self.draft = None
