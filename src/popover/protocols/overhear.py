"""What `--trace` shows of a session, decided before a line reaches any log.

An `Overhearer` is told what the client says and what it gets, in octets, and gives lines about it that hold no
secret and no body. What it does not know for sure to be harmless is shown by its size alone. It only listens:
it changes nothing and is asked nothing. Each dialect's room has its own.
"""

from __future__ import annotations

# ruff: noqa: PLC0415 - a room is entered when it is wanted
from collections.abc import Callable
from typing import Protocol

from popover.protocols.rooms import Rooms


class Overhearer(Protocol):
    """Listens to one session, on its client's side."""

    def client_said(self, data: bytes) -> list[str]:
        """Give the lines about octets from the client."""

    def client_got(self, data: bytes) -> list[str]:
        """Give the lines about octets for the client."""


def overhearer(dialect: str) -> Overhearer:
    """Give the one for a dialect."""
    return _OVERHEARERS[dialect]()


def _pop3() -> Callable[[], Overhearer]:
    from popover.protocols.pop3.overhear import Pop3

    return Pop3


def _imap() -> Callable[[], Overhearer]:
    from popover.protocols.imap.overhear import Imap

    return Imap


def _smtp() -> Callable[[], Overhearer]:
    from popover.protocols.smtp.overhear import Smtp

    return Smtp


def _sieve() -> Callable[[], Overhearer]:
    from popover.protocols.sieve.overhear import Sieve

    return Sieve


_OVERHEARERS = Rooms({"pop3": _pop3, "imap": _imap, "smtp": _smtp, "sieve": _sieve})
