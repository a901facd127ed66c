"""One room per dialect, which is a `Dialect`; and of SMTP one more, for devices. Each is entered when it is wanted."""

# ruff: noqa: PLC0415 - as said

from popover.protocols.device import ForDevices
from popover.protocols.dialect import Dialect, Ears, Greeting, Memory, Terms, printable, sentence
from popover.protocols.rooms import Rooms

__all__ = ["DIALECTS", "Dialect", "Ears", "Greeting", "Memory", "Terms", "for_devices", "printable", "sentence"]


def _pop3() -> Dialect:
    from popover.protocols import pop3

    return pop3


def _imap() -> Dialect:
    from popover.protocols import imap

    return imap


def _smtp() -> Dialect:
    from popover.protocols import smtp

    return smtp


def _sieve() -> Dialect:
    from popover.protocols import sieve

    return sieve


DIALECTS = Rooms({"pop3": _pop3, "imap": _imap, "smtp": _smtp, "sieve": _sieve})


def for_devices() -> ForDevices:
    """Enter the room of what is said with devices."""
    from popover.protocols.smtp import device

    return device
