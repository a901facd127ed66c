"""What a reload may ask for, imported before we become a user who may not be able to read it."""

from __future__ import annotations

from popover.session.modes import get_ready_for_any


def import_all() -> None:
    """Import all that any configuration may need, but for accounts and tables, which have libraries of their own."""
    from popover.process.queue import post  # noqa: F401, PLC0415 - elsewhere each is imported where it is needed
    from popover.process.status import server  # noqa: F401, PLC0415

    get_ready_for_any()
