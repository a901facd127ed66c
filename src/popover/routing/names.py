"""What becomes of a name: rules, parts, keys. Dry.

    what the client said --strip, add, lower--> for the table, for the local check, for the server

in Perdition's order (username_mangle): the domain is stripped, then added where there is none, then all is lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from popover.config.places import parse_server
from popover.config.route_words import fits
from popover.config.routes import KEY_WORDS, USES, Names, Use
from popover.config.values import host_port
from popover.errors import ConfigError
from popover.protocols.login import Visit
from popover.routing.answers import Query

NAME_LIMIT = 512
"""Characters of a name that is looked for. RFC 5321 section 4.5.3.1 lets an address have 320 octets, POP3 a command 255
(RFC 2449 section 4); what is longer is nobody's, and an operator's regular expressions are not to be fed with it."""

_FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A name, once for each use; `server`: whom it names by itself, as an entry would write it."""

    lookup: str
    check: str
    login: str
    server: str | None = None


def understand(names: Names, said: str, listen: str) -> Spoken:
    """Apply the rules to a name, said at this address of ours."""
    user, server = _named_server(names, said)
    lookup, check, login = (_mangle(names, user, use, listen) for use in USES)
    return Spoken(lookup, check, login, server)


def is_fit(said: str) -> bool:
    """Whether a table may be asked for it: no line ends or other control characters, not empty, not endless."""
    return 0 < len(said) <= NAME_LIMIT and not any(char < " " or char == "\x7f" for char in said)


def is_text(query: Query) -> bool:
    """Whether it can be written in UTF-8: octets of another coding are nobody's name in a database or a directory."""
    try:
        query.user.encode()
    except UnicodeEncodeError:
        return False
    return True


def queries(names: Names, user: str, visit: Visit) -> Iterator[Query]:
    """All that is looked for, in this order; the same key but once, and none that is empty."""
    local, domain = split(names, user)
    words = (user, local, domain, names.delimiter, visit.client, visit.local, visit.service, visit.dialect)
    values = dict(zip(KEY_WORDS, words, strict=True))
    asked = set()
    for wanted in names.keys:
        key = values.get(wanted) if wanted in values else _FIELD.sub(lambda found: values[found[1]], wanted)
        if key and key not in asked:
            asked.add(key)
            yield Query(key, user, local, domain, visit.client, visit.local, visit.service, visit.dialect)


def split(names: Names, user: str) -> tuple[str, str]:
    """Local part and domain, at the last delimiter; without one there is no domain."""
    local, found, domain = user.rpartition(names.delimiter)
    return (local, domain) if found else (user, "")


def _mangle(names: Names, user: str, use: Use, listen: str) -> str:
    if use in names.strip_domain:
        user = split(names, user)[0]
    if use in names.add_domain_for and names.delimiter not in user:
        domains = dict(names.add_domain)
        domain = domains.get(listen) or domains.get("")
        user = f"{user}{names.delimiter}{domain}" if domain else user
    return user.lower() if use in names.lower_case else user


def _named_server(names: Names, said: str) -> tuple[str, str | None]:
    """`user%host:port`, for a host that stands on the list; any other is part of the name, which nobody will have."""
    if not names.named_servers:
        return said, None
    user, found, place = said.rpartition(names.server_delimiter)
    if not (found and user and place) or "/" in place:
        return said, None
    try:
        server = parse_server(f"pop3s://{place}")
        bare = parse_server(f"pop3s://{server.host if ':' not in server.host else f'[{server.host}]'}")
    except ConfigError:
        return said, None
    wanted = server.host if server.port == bare.port else host_port(server.host, server.port)
    return (user, wanted) if any(fits(wanted, one) for one in names.named_servers) else (said, None)
