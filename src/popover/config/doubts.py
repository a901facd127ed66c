"""What is allowed but most likely not meant: a server's name or port that says another dialect, or another way to begin
TLS, than its URL.
"""

import re
from typing import Final

from popover.config.places import SERVER_PORTS
from popover.config.values import DialectName, Security, Server, host_port, scheme_of

_NAMES: Final[dict[DialectName, str]] = {"pop3": "POP3", "imap": "IMAP", "smtp": "SMTP", "sieve": "ManageSieve"}
_PORTS: Final[dict[int, tuple[DialectName, Security]]] = {
    25: ("smtp", "starttls"),
    **{port: kind for kind, port in SERVER_PORTS.items()},
}
"""RFC 8314 section 7.3, and the older ones, where TLS begins with STARTTLS."""

_BEGINS: Final[dict[Security, str]] = {"tls": "TLS from the first octet on", "starttls": "STARTTLS"}

_STARTTLS_ONLY: Final = {"smtp.office365.com", "smtp-mail.outlook.com", "smtp.mail.me.com"}
"""Submission servers, Microsoft's and Apple's, that have nothing at port 465 (their help pages, as of 2026)."""

_WORD = re.compile(r"(?:secure|ssl)?(pop|imap|smtp)[34]?s?[0-9]*")  # imap, pop3, securesmtp, imap-mail, smtp2


def doubt(server: Server) -> tuple[str, str]:
    """What is odd about a server, and what to write; two empty texts where nothing is.

    The port tells more than the name: a name may be an old one that serves other dialects by now.
    """
    named = _named(server.host) if server.dialect != "sieve" else []  # it is at home on an IMAP server
    by_port, begins = _PORTS.get(server.port, (server.dialect, server.security))
    if by_port != server.dialect:
        place, says = f"port {server.port} of {server.host}", by_port
        other = f"or {server.scheme}://{_host(server)} for {_NAMES[server.dialect]}"
    elif server.dialect == "smtp" and server.security == "tls" and server.host in _STARTTLS_ONLY:
        return f"{server.host} has STARTTLS only", f"write smtp+starttls://{server.host}"
    elif begins != server.security:
        return _other_beginning(server, begins)
    elif named and server.dialect not in named:
        place, says, begins = f"the name {server.host}", named[0], server.security
        other = f"or the name of the provider's {_NAMES[server.dialect]} server"
    else:
        return "", ""
    meant, is_now = _NAMES[says], _NAMES[server.dialect]
    return (
        f"{place} sounds like {meant}, but {server.scheme}:// is {is_now}",
        f"write {scheme_of(says, begins)}://{_host(server)} for {meant}, {other}",
    )


def _other_beginning(server: Server, begins: Security) -> tuple[str, str]:
    place = f"port {server.port} of {server.host}"
    return (
        f"{place} sounds like {_BEGINS[begins]}, but {server.scheme}:// is {_BEGINS[server.security]}",
        f"write {scheme_of(server.dialect, begins)}://{_host(server)}, or {server.scheme}://{_host(server)}",
    )


def _named(host: str) -> list[DialectName]:
    """Give the dialects that the first label of a host name speaks of."""
    kinds: dict[str, DialectName] = {"pop": "pop3", "imap": "imap", "smtp": "smtp"}
    found = [_WORD.fullmatch(word) for word in re.split("[-_]", host.partition(".")[0])]
    return [kinds[one[1]] for one in found if one]


def _host(server: Server) -> str:
    return host_port(server.host, 0).removesuffix(":0")  # with the brackets of an IPv6 address
