"""What holds for the mails of a device (`device = true`): a scanner, a printer, a NAS."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

QueueWord: TypeAlias = Literal["off", "when-down"]

MAX_RECIPIENTS = 20
"""Of one mail. A scanner's address book holds a handful, and what has got into the house shall not write to thousands
in one go; Gmail takes 100 by SMTP, Microsoft 365 500 a mail and 10,000 a day. RFC 5321 section 4.5.3.1.8 wants 100 of a
server for everybody, which this is not."""

_ROUTING = frozenset("%!@")
"""In a local part they may be a way on to somewhere else: `eve%elsewhere.example@example.com`. Postfix obeys those whom
it trusts (allow_percent_hack, swap_bangpath), and it trusts the account that we sign in as."""


@dataclass(frozen=True, slots=True)
class DeviceRules:
    """`sender`: who all its mails are from; None: as it says. `recipients`: to whom it may write, an address or
    `*@domain` each, in lower case; none: to anybody. `queue` "when-down": what the server cannot take now is kept.
    """

    sender: str | None = None
    recipients: tuple[str, ...] = ()
    max_recipients: int = MAX_RECIPIENTS
    queue: QueueWord = "off"

    def may_get(self, address: str) -> bool:
        """Whether a mail may go there. The case of a local part tells nothing anywhere, whatever RFC 5321 allows."""
        if not self.recipients:
            return True
        address = address.lower()
        local, _, domain = address.rpartition("@")
        return address in self.recipients or (f"*@{domain}" in self.recipients and not _ROUTING.intersection(local))
