"""The words for places: LISTEN, SERVER, and `[LISTEN=]SERVER` of the command line.

A message never repeats a place that holds an `@`: somebody may have written `user:password@host`.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address
from typing import Final

from popover.config.values import Activated, Address, DialectName, Listen, Security, Server, host_port, scheme_of
from popover.config.words import parse_ip, quote
from popover.errors import ConfigError

SERVER_PORTS: Final[dict[tuple[DialectName, Security], int]] = {
    ("pop3", "tls"): 995, ("imap", "tls"): 993, ("smtp", "tls"): 465,
    ("pop3", "starttls"): 110, ("imap", "starttls"): 143, ("smtp", "starttls"): 587,
    ("sieve", "tls"): 4190, ("sieve", "starttls"): 4190,
}  # fmt: skip
"""TLS from the first octet on: RFC 8314 section 3.3 and 7.3. STARTTLS: RFC 2595 section 7, RFC 6409 section 3.1.
ManageSieve has one port (RFC 5804 section 1.8), where TLS begins with STARTTLS; a server may be set up otherwise."""

SCHEMES: Final = {scheme_of(*kind): kind for kind in SERVER_PORTS} | {"sieve": ("sieve", "starttls")}
"""`sieve://` is RFC 5804's own (section 3), and TLS begins there with STARTTLS: it never is plain text."""

LISTEN_PORTS: Final[dict[DialectName, int]] = {"pop3": 1110, "imap": 1143, "smtp": 1587, "sieve": 5190}
"""The well-known 110, 143, 587 and 4190, each with a thousand more: ports below 1024 ask for root."""

HIGHEST_PORT: Final = 65535
NAME_LIMIT: Final = 253
"""Characters of a host name (RFC 1035 section 2.3.4: 255 octets in DNS, two of them not for us)."""

LABEL_LIMIT: Final = 63
SOCKET_NAME_LIMIT: Final = 255
"""Characters of a FileDescriptorName: systemd.socket(5), which forbids `:` and control characters, too."""

_PORT = re.compile(r"[0-9]{1,5}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")  # the underscore is no RFC's, but home networks have it
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SOCKET_NAME = re.compile(r"[ -9;-~]+")


_HOST = r"((?:[a-z0-9+]+://)?[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+)"
_PORT_HOST = re.compile(rf"([0-9]+):{_HOST}", re.IGNORECASE)
_HOST_PORT = re.compile(rf"{_HOST}=([0-9]+)", re.IGNORECASE)


def parse_service_word(text: str) -> tuple[Listen | None, Server]:
    """`[LISTEN=]SERVER`. No LISTEN gives None: see `default_listen`."""
    if len(text.split()) > 1 and "@" not in text:  # else there may be a password in it, and parse_server says so
        raise ConfigError(
            f"{quote(text)} holds blanks: several servers are several words, each by itself, not in one pair of quotes"
        )
    listen, equals, server = text.rpartition("=")
    if meant := _other_order(text):
        raise ConfigError(f"{quote(text)} is no [LISTEN=]SERVER: write {meant}")
    if not equals or "://" in listen:  # an = in the server's URL: parse_server tells what is wrong with it
        return None, parse_server(text)
    leads_to = parse_server(server)  # before LISTEN: a part of a password may stand there, too
    return parse_listen(listen), leads_to


def _other_order(text: str) -> str:
    """What is meant by PORT:HOST and HOST=PORT; nothing where that is none of them."""
    if found := _PORT_HOST.fullmatch(text):
        return f"{found[1]}={found[2]}"
    found = _HOST_PORT.fullmatch(text)
    return f"{found[2]}={found[1]}" if found else ""


def default_listen(dialect: DialectName) -> Address:
    """Where a service listens that was not told: this machine only."""
    return Address("127.0.0.1", LISTEN_PORTS[dialect])


def default_names(servers: Sequence[Server], taken: Iterable[str] = ()) -> list[str]:
    """Names for services that have none: the server's host, or the dialect where a desk asks first; with more behind it
    where that is not unique.

    In the order of `servers`. `taken`: names that somebody chose.
    """
    used = set(taken)
    hosts = [server.host or server.dialect for server in servers]
    names = []
    for server, host in zip(servers, hosts, strict=True):
        plain = hosts.count(host) == 1 or not server.host
        stem = host if plain and host not in used else host_port(host, server.port)
        name, number = stem, 1
        while name in used:
            number += 1
            name = f"{stem} ({number})"
        used.add(name)
        names.append(name)
    return names


def parse_listen(text: str) -> Listen:
    """PORT, ADDRESS:PORT, [IPv6]:PORT or systemd:NAME; `localhost` is 127.0.0.1; port 0 is any free one."""
    if text.startswith("systemd:"):
        return _parse_activated(text)
    if "@" in text:
        raise ConfigError("a place to listen holds no user name: write PORT, ADDRESS:PORT or [IPv6]:PORT")
    if text.isascii() and text.isdigit():
        return Address("127.0.0.1", _parse_port(text, lowest=0))
    host, port = _split(text)
    if not host or port is None:
        raise ConfigError(f"{quote(text)} is no place to listen: write PORT, ADDRESS:PORT, [IPv6]:PORT or systemd:NAME")
    if host.lower() == "localhost":
        host = "127.0.0.1"
    if ":" not in host and not re.fullmatch(r"[0-9.]+", host):
        raise ConfigError(f"{quote(text)} has a name before the port: write the IP address of this machine")
    return Address(str(parse_ip(host)), _parse_port(port, lowest=0))


def _parse_activated(text: str) -> Activated:
    name = text.removeprefix("systemd:")
    if not _SOCKET_NAME.fullmatch(name) or len(name) > SOCKET_NAME_LIMIT:
        raise ConfigError(f"{quote(text)} names no socket: write systemd: and the socket's FileDescriptorName=")
    return Activated(name)


def parse_server(text: str) -> Server:
    """`pop3s://host[:port]`, `imaps://`, `smtps://`, or with `+starttls` in the place of the s; without a scheme it is
    POP3 with TLS.
    """
    if "@" in text:
        raise ConfigError(
            "a server holds no user name or password: the mail program sends them; leave out what ends in @"
        )
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "pop3s", text
    dialect, security = parse_scheme(scheme)
    rest = rest.removesuffix("/") if mark else rest
    for sign, what in ("/", "a path"), ("?", "a query"), ("#", "a fragment"):
        if sign in rest:
            raise ConfigError(
                f"{quote(text)} holds {what}: write only {scheme.lower()}://HOST or {scheme.lower()}://HOST:PORT"
            )
    host, port = _split(rest)
    if not host:
        raise ConfigError(f"{quote(text)} names no server: write pop3s://HOST or pop3s://HOST:PORT")
    number = SERVER_PORTS[dialect, security] if port is None else _parse_port(port, lowest=1)
    return Server(dialect, parse_host(host), number, security)


def parse_scheme(scheme: str) -> tuple[DialectName, Security]:
    """Dialect and way of a URL's beginning. Raises ConfigError."""
    known = scheme.lower()
    if known in SCHEMES:
        return SCHEMES[known]
    dialect = re.split(r"s?\+", known)[0]
    if "+" in known and dialect + "s" in SCHEMES:  # pop3s+starttls, imap+tls, smtp+stls
        raise ConfigError(f"{quote(scheme)} is no kind of mail server: write {dialect}s:// or {dialect}+starttls://")
    if known + "s" in SCHEMES:
        raise ConfigError(
            f"{known}:// would send passwords in plain text to the server: write {known}s://, "
            f"or {known}+starttls:// for a server that has TLS only after STARTTLS"
        )
    raise ConfigError(
        f"{quote(scheme)} is no kind of mail server: write pop3s://, imaps:// or smtps:// (or, with STARTTLS, "
        "pop3+starttls://, imap+starttls:// or smtp+starttls://); sieve:// for ManageSieve"
    )


def _split(text: str) -> tuple[str, str | None]:
    """Host and port of `host`, `host:port`, `[IPv6]`, `[IPv6]:port` or bare IPv6 (which has no port)."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in host or (rest and not rest.startswith(":")):
            raise ConfigError(f"{quote(text)}: an IPv6 address with a port is written [2001:db8::1]:110")
        return host, rest[1:] if rest else None
    if text.count(":") > 1:
        return text, None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _parse_port(text: str, *, lowest: int) -> int:
    if not _PORT.fullmatch(text) or not lowest <= int(text) <= HIGHEST_PORT:
        raise ConfigError(f"{quote(text)} is no port: it must be a whole number from {lowest} to {HIGHEST_PORT}")
    return int(text)


def parse_host(text: str) -> str:
    """A server's name in ASCII and lower case, without the dot at its end, or its IP address."""
    if ":" in text:
        address = parse_ip(text)
        if isinstance(address, IPv6Address) and address.scope_id:
            raise ConfigError(f"{quote(text)} names an interface: no certificate can vouch for such a server")
        return str(address)
    name = _to_ascii(text).lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(
        labels[-1]
    ):  # no top-level domain is a number, but C libraries take 127.1 and 0x7f for addresses
        return str(parse_ip(name))
    right = len(name) <= NAME_LIMIT and all(len(label) <= LABEL_LIMIT and _LABEL.fullmatch(label) for label in labels)
    if not right:
        raise ConfigError(f"{quote(text)} is no host name: letters, digits, hyphens and dots make one")
    return name


def _to_ascii(name: str) -> str:
    """Write a name as DNS has it. Python's codec is IDNA 2003's, which makes other names of some (RFC 5894
    section 7.2): those characters are kept here, as IDNA 2008, and so every registry and browser, has them.
    """
    if name.isascii():
        return name
    try:
        if len(name) <= NAME_LIMIT:  # IDNA takes time by the square of the length
            return ".".join(map(_label_to_ascii, _DOT.split(name)))
    except UnicodeError:
        pass
    raise ConfigError(f"{quote(name)} is no host name that can be written in ASCII (IDNA); write its xn-- form")


def _label_to_ascii(label: str) -> str:
    if "\u200c" in label or "\u200d" in label:
        raise UnicodeError(label)  # IDNA 2003 leaves them out
    lower = unicodedata.normalize("NFC", label.lower())
    kept = [char for char in _KEPT if char in lower]
    if not kept:
        return label.encode("idna").decode("ascii")
    for part in re.split("[" + "".join(kept) + "]", lower):
        if part and part.encode("idna").startswith(b"-"):
            raise UnicodeError(label)
    return "xn--" + lower.encode("punycode").decode("ascii")


_DOT = re.compile("[.\u3002\uff0e\uff61]")  # RFC 3490 section 3.1
_KEPT = "\u00df\u03c2"  # sharp s and final sigma.
