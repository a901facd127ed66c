"""Who is told what the server's answers come to."""

from __future__ import annotations

from typing import Protocol

from popover.protocols.pop3.ask import Ask


class Judge(Protocol):
    """Is told what the answers come to."""

    def judge(self, ask: Ask, line: bytes) -> None:
        """An answer is complete; `line` is its status line."""

    def hold(self, ask: Ask, octets: int) -> None:
        """Octets are kept for a client that has not asked for them."""

    def unasked(self) -> None:
        """The server has said something although it owed no answer."""

    def lost(self, ask: Ask) -> None:
        """The server has answered a STAT that left after this and its flight, which it has not heard."""

    def wrong(self, ask: Ask, line: bytes) -> None:
        """What came, beginning with this line, cannot answer this: nobody knows any more which answer is whose."""
