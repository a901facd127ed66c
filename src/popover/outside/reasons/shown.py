"""How names, days and the clock are written in the words about certificates."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from popover.protocols import printable

Words = tuple[str, str]
"""The cause, for both people, and the remedy, for the operator."""


def name(text: str) -> str:
    """Write a name that stands in a certificate: in quotes, and harmless."""
    return f'"{printable(text.encode("latin-1", "replace"))}"'


def day(moment: datetime) -> str:
    """Write a date."""
    return f"{moment:%Y-%m-%d}"


def now() -> datetime:
    """Ask the clock of the calendar, which a test may set."""
    return datetime.fromtimestamp(time.time(), UTC)


def clock() -> str:
    """Write what this machine's clock says."""
    return f"{now():%Y-%m-%d %H:%M} UTC"
