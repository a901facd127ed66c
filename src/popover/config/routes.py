"""A routing table as it is configured: where it looks, by which words, and how long it remembers what it found.

    Table         one `[[table]]`
    +-- source    Static | Popmap | SQL | LDAP | HTTP | Chain: one a kind
    +-- Names     what becomes of a name before it is looked for
    +-- Keeping   how long an answer is believed

In a file the keys of all of them stand flat (table_file.py). Secrets are not here: only where they are.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from popover.config.accounts import SecretSource
from popover.config.values import Trust

Kind: TypeAlias = Literal["static", "popmap", "sql", "ldap", "http", "chain"]
Balance: TypeAlias = Literal["failover", "round_robin"]
Use: TypeAlias = Literal["lookup", "check", "login"]
"""Where a rule for names holds: for what the table is asked, what `authenticate` is asked, what the server is told.
Perdition's states are servername_lookup, local_authentication and remote_login."""

USES: tuple[Use, ...] = ("lookup", "check", "login")
KEY_WORDS = ("user", "local", "domain", "delimiter", "client", "listen", "service", "dialect")
"""What a lookup key may be made of: Perdition's \\U, \\u, \\d, \\D, \\i, \\I and, in the place of its ports, the
service."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a static table says of a name: servers as they are written, with or without a scheme; `user`: the name to
    say there, where it is another.
    """

    servers: tuple[str, ...]
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Static:
    """In the file itself. A name may hold `*`, which stands for anything; a name without one comes first, then the
    others in their order.
    """

    routes: tuple[tuple[str, Place], ...]


@dataclass(frozen=True, slots=True)
class Popmap:
    """Perdition's own files: `name:[user@]host[:port]`, or with regular expressions (perditiondb(5)). Relative to the
    file that names it.
    """

    file: Path
    regex: bool = False


@dataclass(frozen=True, slots=True)
class SQL:
    """A database, by SQLAlchemy's URL and one query with :user :local :domain :client_ip :listen :service :dialect
    :key.
    """

    url: str = field(repr=False)  # somebody may have written a password into it
    query: str
    password: SecretSource | None = None


@dataclass(frozen=True, slots=True)
class LDAP:
    """A directory, or several that know the same: the first that answers. `filter`: with {user} {local} {domain} {key};
    `attributes`: server, and user if it has one.
    """

    urls: tuple[str, ...]
    base: str
    filter: str
    attributes: tuple[str, ...]
    bind: str | None = None
    password: SecretSource | None = None
    starttls: bool = False
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class HTTP:
    """A back end that speaks nginx's auth_http (ngx_mail_auth_http_module). `secret`: what Auth-Key says."""

    url: str
    secret: SecretSource | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """Several tables by name: the first that knows the name answers."""

    tables: tuple[str, ...]


Source: TypeAlias = Static | Popmap | SQL | LDAP | HTTP | Chain


@dataclass(frozen=True, slots=True)
class Names:
    """What becomes of a name. `add_domain`: by the address that the client has connected to, "" for all others."""

    delimiter: str = "@"  # may have several characters; the last one in a name counts
    add_domain: tuple[tuple[str, str], ...] = ()
    add_domain_for: tuple[Use, ...] = USES
    strip_domain: tuple[Use, ...] = ()
    lower_case: tuple[Use, ...] = ()
    keys: tuple[str, ...] = (
        "user",
    )  # what is looked for, in this order; each a word of KEY_WORDS, or a text with {user}
    named_servers: tuple[str, ...] = ()  # whom `user%host:port` may name
    server_delimiter: str = "%"


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long an answer is believed, in seconds; 0: not at all."""

    cache_ttl: float = 60  # Dovecot's auth_cache_ttl is an hour, but a moved mailbox shall be found soon
    negative_ttl: float = 5  # a new user tries again at once; a wrong name is asked in bursts
    stale_for: float = 86400  # while the table is down; a day: somebody will have mended it


@dataclass(frozen=True, slots=True)
class Table:
    """One. `schemes`: how servers without a scheme are reached, at most one a dialect; others: TLS from the first octet
    on. `deadline`: seconds for one look-up. `refuse_after`: seconds until an unknown name is refused, counted from the
    login, while no server has refused anybody: as long as one takes for a wrong password (Dovecot: 2 s, Perdition: 3
    s). `trust`: how some of its servers prove who they are, by host, where that is not as the service says; a host may
    begin with `*.`. `place`: where it is written, for mistakes.
    """

    name: str
    source: Source
    names: Names = Names()
    keeping: Keeping = Keeping()
    schemes: tuple[str, ...] = ()
    balance: Balance = "failover"
    rest_for: float = 30  # seconds for which a server that could not be reached is asked last
    deadline: float = 5
    refuse_after: float = 2
    trust: tuple[tuple[str, Trust], ...] = ()
    place: str = field(default="", compare=False)
