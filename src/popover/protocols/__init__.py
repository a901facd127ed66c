"""One room per dialect. Each module is a `Dialect`."""

from popover.protocols import imap, pop3, sieve, smtp
from popover.protocols.device import ForDevices
from popover.protocols.dialect import Dialect, Ears, Greeting, Memory, Terms, printable, sentence

DIALECTS: dict[str, Dialect] = {"pop3": pop3, "imap": imap, "smtp": smtp, "sieve": sieve}

FOR_DEVICES: ForDevices = smtp.device

__all__ = ["DIALECTS", "FOR_DEVICES", "Dialect", "Ears", "Greeting", "Memory", "Terms", "printable", "sentence"]
