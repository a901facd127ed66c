"""The small words of a routing table: what stands for a server, for a key, for a database. Text in, values out."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from popover.config.places import SERVER_PORTS, parse_scheme, parse_server
from popover.config.readers import read_text, show, words
from popover.config.routes import KEY_WORDS, USES, Place, Use
from popover.config.values import DialectName, Server, host_port, usual_scheme
from popover.config.words import parse_ip, quote
from popover.errors import ConfigError

SERVERS_LIMIT = 20
"""Servers of one entry: Perdition's lists have two or three, and a login waits for each that is silent."""

_PORT_NAMES = {"pop3": 110, "pop3s": 995, "imap": 143, "imap2": 143, "imaps": 993, "submission": 587, "smtps": 465,
               "submissions": 465, "sieve": 4190}  # fmt: skip
"""Ports as /etc/services calls them: a popmap may have them."""

_FIELD = re.compile(r"\{([^{}]*)\}")


def parse_place(text: str, dialect: DialectName, schemes: tuple[str, ...] = ()) -> Server | None:
    """A server as an entry writes it: a URL, or HOST[:PORT] for whichever dialect asks. None: it is one of another
    dialect. Raises ConfigError.
    """
    if "://" not in text:
        host, colon, port = text.rpartition(":")
        if colon and ":" not in host and port in _PORT_NAMES:
            text = f"{host}:{_PORT_NAMES[port]}"
        chosen = next((one for one in schemes if parse_scheme(one)[0] == dialect), usual_scheme(dialect))
        text = f"{chosen}://{text}"
    server = parse_server(text)
    return server if server.dialect == dialect else None


def check_place(text: str) -> str:
    """Raise ConfigError for what can be no server of an entry, whatever the dialect."""
    parse_place(text, "pop3")
    return text


def parse_scheme_word(text: str) -> str:
    """`pop3s`, `imap+starttls`: how servers without a scheme are reached."""
    parse_scheme(text.removesuffix("://"))
    return text.removesuffix("://").lower()


def read_schemes(value: object) -> tuple[str, ...]:
    """One a dialect."""
    found = words(parse_scheme_word)(value)
    dialects = [parse_scheme(one)[0] for one in found]
    if len(set(dialects)) < len(dialects):
        raise ConfigError("names a dialect twice: one scheme for each")
    return found


def read_place(value: object) -> Place:
    """What a static table says of one name: a server, several, or a table that also has the name to say there."""
    if isinstance(value, dict):
        strange = [key for key in value if key not in ("server", "user")]
        if strange or "server" not in value:
            raise ConfigError('write { server = "...", user = "..." }')
        user = value.get("user")
        return Place(read_place(value["server"]).servers, None if user is None else read_text(user))
    found = words(check_place)(value)
    if not 0 < len(found) <= SERVERS_LIMIT:
        raise ConfigError(f"must name 1 to {SERVERS_LIMIT} servers; has {len(found)}")
    return Place(found)


def read_routes(value: object) -> tuple[tuple[str, Place], ...]:
    """`{ alice = "pop3s://mail.a.example", "*@b.example" = ["one.b.example", "two.b.example"] }`."""
    if not isinstance(value, dict):
        raise ConfigError(f'must be names and servers: {{ alice = "pop3s://mail.example.com" }}; is {show(value)}')
    routes: list[tuple[str, Place]] = []
    mistakes: list[str] = []
    for name, place in value.items():
        try:
            routes.append((read_text(name), read_place(place)))
        except ConfigError as wrong:
            mistakes += [f"{quote(name)}: {line}" for line in wrong.mistakes]
    if mistakes:
        raise ConfigError(mistakes)
    return tuple(routes)


def read_uses(value: object) -> tuple[Use, ...]:
    """Where a rule holds: everywhere, or in some of three places."""
    if isinstance(value, bool):
        return USES if value else ()
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or any(one not in USES for one in found):
        raise ConfigError(f'must be true, false or a list of "lookup", "check", "login"; is {show(value)}')
    return tuple(use for use in USES if use in found)


def read_domains(value: object) -> tuple[tuple[str, str], ...]:
    """A domain for all, or one for each address that clients connect to."""
    if isinstance(value, dict):
        return tuple((str(parse_ip(address)), read_text(domain)) for address, domain in value.items())
    return (("", read_text(value)),)


def parse_key(text: str) -> str:
    """A word of KEY_WORDS, or a text that has some in braces: `{local}+{listen}`."""
    if text in KEY_WORDS:
        return text
    fields = _FIELD.findall(text)
    strange = [one for one in fields if one not in KEY_WORDS]
    if not fields or strange or re.search(r"[{}]", _FIELD.sub("", text)):
        raise ConfigError(f"{quote(text)} is no key: write one of {', '.join(KEY_WORDS)}, or them in braces")
    return text


def parse_named_server(text: str) -> str:
    """A host that a user may name, with a `*` for any label before it, and a port if it is another than the usual, as
    servers have theirs.
    """
    if "://" in text:
        raise ConfigError(f"{quote(text)}: write it without a scheme; it holds for all dialects")
    bare = text.removeprefix("*.")
    server = parse_server(f"pop3s://{bare}")
    is_usual = server.port == SERVER_PORTS["pop3", "tls"]
    place = server.host if is_usual else host_port(server.host, server.port)
    return place if bare == text else f"*.{place}"


def fits(place: str, listed: str) -> bool:
    """Whether a host, or a host and its port, is the one that stands on a list, or lies below `*.`."""
    return place.endswith(listed[1:]) if listed.startswith("*.") else place == listed


def parse_url(schemes: tuple[str, ...]) -> Any:
    """Make a reader for a URL of these kinds. What is wrong is told without it: it may hold a password."""

    def parse(text: str) -> str:
        try:
            parts = urlsplit(text)
            parts.port  # noqa: B018 - raises for one that is none
        except ValueError:
            raise ConfigError("is no URL") from None
        if parts.scheme not in schemes or (parts.scheme != "sqlite" and not parts.hostname and "unix" not in text):
            raise ConfigError(f"must be a URL with {', '.join(f'{one}://' for one in schemes)}")
        return text

    return parse


def read_urls(value: object) -> tuple[str, ...]:
    """One URL, or a list of them. What is wrong is told without repeating it."""
    if isinstance(value, str | list) and value:
        return words(str)(value)
    raise ConfigError("must be a URL in quotes")
