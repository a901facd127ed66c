"""What is allowed but most likely not meant: a server's name or port that says another dialect than its URL."""

import re
from typing import Final

from popover.config.values import DialectName, Server, host_port

_NAMES: Final[dict[DialectName, str]] = {"pop3": "POP3", "imap": "IMAP", "smtp": "SMTP"}
_PORTS: Final[dict[int, DialectName]] = {
    110: "pop3", 995: "pop3", 143: "imap", 993: "imap", 25: "smtp", 465: "smtp", 587: "smtp",
}  # fmt: skip
"""RFC 8314 section 7.3, and the older ones without TLS."""

_WORD = re.compile(r"(?:secure|ssl)?(pop|imap|smtp)[34]?s?[0-9]*")  # imap, pop3, securesmtp, imap-mail, smtp2


def doubt(server: Server) -> tuple[str, str]:
    """What is odd about a server, and what to write; two empty texts where nothing is.

    The port tells more than the name: a name may be an old one that serves other dialects by now.
    """
    named = _named(server.host)
    by_port = _PORTS.get(server.port, server.dialect)
    if by_port != server.dialect:
        place, says = f"port {server.port} of {server.host}", by_port
        other = f"or {server.dialect}s://{_host(server)} for {_NAMES[server.dialect]}"
    elif named and server.dialect not in named:
        place, says = f"the name {server.host}", named[0]
        other = f"or the name of the provider's {_NAMES[server.dialect]} server"
    else:
        return "", ""
    meant, is_now = _NAMES[says], _NAMES[server.dialect]
    return (
        f"{place} sounds like {meant}, but {server.dialect}s:// is {is_now}",
        f"write {says}s://{_host(server)} for {meant}, {other}",
    )


def _named(host: str) -> list[DialectName]:
    """Give the dialects that the first label of a host name speaks of."""
    kinds: dict[str, DialectName] = {"pop": "pop3", "imap": "imap", "smtp": "smtp"}
    found = [_WORD.fullmatch(word) for word in re.split("[-_]", host.partition(".")[0])]
    return [kinds[one[1]] for one in found if one]


def _host(server: Server) -> str:
    return host_port(server.host, 0).removesuffix(":0")  # with the brackets of an IPv6 address
