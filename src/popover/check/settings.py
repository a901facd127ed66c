"""What to type into the mail client."""

from __future__ import annotations

from popover.check.report import Fact
from popover.config import Address, DialectName, InsideTLS, Service
from popover.inside.machine import reachable_at

_KINDS = {"pop3": "incoming mail (POP3)", "imap": "incoming mail (IMAP)", "smtp": "outgoing mail (SMTP)"}

_TLS = {
    "off": "SSL off",
    "offer": "SSL off, or STARTTLS",
    "require": "STARTTLS",
    "implicit": "SSL/TLS on",
}

HINTS = (
    ("Apple Mail 2", "Preferences, Accounts, Advanced: Use SSL off, Authentication Password, and the port"),
    ("Eudora", "Tools, Options: Secure Sockets Never; the ports are POPPort and SMTPPort in eudora.ini, [Settings]"),
    ("Outlook Express", "account's Properties, Advanced: both ports; This server requires a secure connection off"),
    ("a scanner", "SMTP server and port, SSL/TLS off, SMTP authentication on; a sender that the provider allows"),
)
"""One line each; docs/clients has a page each."""


def settings_of(service: Service) -> list[dict[str, Fact]]:
    """Give one entry for each address that clients can be told."""
    dialect, tls = service.server.dialect, service.inside.tls
    return [setting(dialect, listen, tls) for listen in service.listen if isinstance(listen, Address)]


def setting(dialect: DialectName, listen: Address, tls: InsideTLS = "off") -> dict[str, Fact]:
    """Give the entry for one address."""
    return {
        "what": _KINDS[dialect],
        "dialect": dialect,
        "server": reachable_at(listen.host),
        "port": listen.port,
        "tls": tls,
        "login": "user name and password as with the provider",
    }


def settings_lines(
    entries: list[dict[str, Fact]], when: str = "", who: str = "user name and password are those of the provider"
) -> list[str]:
    """Write the table, and the hints; `when`: from when on it works, ", once popover runs"."""
    rows = []
    for entry in entries:
        hosts = entry["server"]
        shown = " or ".join(hosts) if isinstance(hosts, list) else str(hosts)
        rows.append((str(entry["what"]), f"server {shown}", f"port {entry['port']}", _TLS[str(entry["tls"])]))
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    cells = [[cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)] for row in rows]
    return [
        "",
        f"What to type into the mail client{when}; {who}:",
        *("  " + "   ".join(row) for row in cells),
        *(f"  {client}: {hint}" for client, hint in HINTS if all(entry["tls"] == "off" for entry in entries)),
    ]
