"""What to type into the mail client."""

from __future__ import annotations

from popover.check.report import Fact
from popover.config import Address, Service
from popover.inside.machine import reachable_at

_KINDS = {"pop3": "incoming mail (POP3)", "imap": "incoming mail (IMAP)", "smtp": "outgoing mail (SMTP)",
          "sieve": "rules for mail (ManageSieve)"}  # fmt: skip

_TLS = {
    "off": "SSL off",
    "offer": "SSL off, or STARTTLS",
    "require": "STARTTLS",
    "implicit": "SSL/TLS on",
}

HINTS = (
    ("Apple Mail 2", "Preferences, Accounts, Advanced: Use SSL off, Authentication Password, and the port"),
    ("Eudora", "Secure Sockets Never; ports: POPPort and SMTPPort in eudora.ini, [Settings]; on a Mac take 110 and 25"),
    ("Outlook Express", "account's Properties, Advanced: both ports; This server requires a secure connection off"),
    ("a scanner", "SMTP server and port, SSL/TLS off, SMTP authentication on; a sender that the provider allows"),
)
"""One line each; docs/clients has a page each."""


_DEVICE = "none"
_PROVIDERS = "user name and password as with the provider"
_ACCOUNTS = "name and password of the account here"
_WHOSE = {
    frozenset(): "there is no login to type in",
    frozenset({_PROVIDERS}): "user name and password are those of the provider",
    frozenset({_ACCOUNTS}): "user name and password are those of the account here, not the provider's",
    frozenset({_PROVIDERS, _ACCOUNTS}): "user name and password are those of the account here, or of the provider",
}


def settings_of(service: Service) -> list[dict[str, Fact]]:
    """Give one entry for each address that clients can be told."""
    return [setting(service, listen) for listen in service.listen if isinstance(listen, Address)]


def setting(service: Service, listen: Address) -> dict[str, Fact]:
    """Give the entry for one address of a service."""
    dialect, tls = service.dialect, service.inside.tls
    return {
        "what": _KINDS[dialect],
        "dialect": dialect,
        "server": reachable_at(listen.host),
        "port": listen.port,
        "tls": tls,
        "login": _DEVICE if service.desk.device else _ACCOUNTS if service.desk.accounts else _PROVIDERS,
    }


def settings_lines(entries: list[dict[str, Fact]], when: str = "", who: str = "") -> list[str]:
    """Write the table, and the hints; `when`: from when on it works, ", once popover runs"; `who`: whose user name and
    password, where more is known of it.
    """
    rows = []
    for entry in entries:
        hosts = entry["server"]
        shown = " or ".join(hosts) if isinstance(hosts, list) else str(hosts)
        how = _TLS[str(entry["tls"])] + (", no login (a device's)" if entry["login"] == _DEVICE else "")
        rows.append((str(entry["what"]), f"server {shown}", f"port {entry['port']}", how))
    whose = _WHOSE[frozenset(str(entry["login"]) for entry in entries) - {_DEVICE}]
    hints = HINTS if any(entry["login"] != _DEVICE for entry in entries) else ()
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    cells = [[cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)] for row in rows]
    return [
        "",
        f"What to type into the mail client{when}; {who or whose}:",
        *("  " + "   ".join(row) for row in cells),
        *(f"  {client}: {hint}" for client, hint in hints if all(entry["tls"] == "off" for entry in entries)),
    ]
