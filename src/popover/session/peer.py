"""Who talks with a server through a relay: a client, or who stands in for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from popover.talk import End
from popover.wire.engine import Ending


class Peer(Protocol):
    """What a relay asks of the inner side; see `wire.stream.Stream`, which is one."""

    end: End
    ending: Ending | None
    on_data: Callable[[memoryview], None]
    on_end: Callable[[Ending], None]
    on_drain: Callable[[], None]
    moved_at: float

    @property
    def backlog(self) -> int:
        """Octets that were written and not taken yet."""

    def write(self, data: bytes | bytearray | memoryview, flags: int = 0) -> None:
        """Say it."""

    def end_writing(self) -> None:
        """Say that nothing more comes."""

    def pause(self) -> None:
        """Hear nothing for now."""

    def resume(self) -> None:
        """Hear again."""
