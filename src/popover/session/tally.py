"""What came of one client's logins at the desk."""

from __future__ import annotations

from dataclasses import dataclass

from popover.errors import Failure


@dataclass(slots=True)
class Tally:
    """`refused`: wrong ones; `undecided`: those of which nobody could say, or that our own trouble kept from their
    server; `trouble`: the last such.
    """

    refused: int = 0
    undecided: int = 0
    trouble: Failure | None = None
