"""What a configuration is once it has been read: frozen values, nothing to open and nothing to close.

    Config            the whole, in whole.py: services, accounts, user, drain_timeout
    +-- Status        `[status]`: where the gateway tells how it is, and whom
    +-- Account       one `[[account]]`, in accounts.py
    +-- Service       one `[[service]]`, in parts, each for those who need it:
        +-- Listen    where it listens: Address ("127.0.0.1:1110") | Activated ("systemd:NAME")
        +-- Target    which server it leads to, and how: Server ("pop3s://mail.example.com:995"), Trust
        +-- Desk      or whom it asks first, and what (desk.py)
        +-- DeviceRules  what holds for a device's mails (device.py)
        +-- Inside    TLS between clients and us
        +-- Admission who may come in: Network (networks.py); Hours: when; Rate: how fast (times.py)
        +-- Patience  how long to wait for whom
        +-- Ahead     what is done before the client asks (ahead.py)

In a file the parts' keys stand flat in their `[[service]]` (flat.py). `str()` of each of the small ones gives back
what a person would write. Standard library only, so that a
command line without a file starts quickly. The defaults stand here and nowhere else; examples/popover.toml
tells the reason for each.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Literal, TypeAlias

from popover.config.ahead import Ahead
from popover.config.desk import Desk
from popover.config.device import DeviceRules
from popover.config.networks import Network, is_private
from popover.config.times import Hours, Rate

DialectName: TypeAlias = Literal["pop3", "imap", "smtp", "sieve"]
Security: TypeAlias = Literal["tls", "starttls"]  # from the first octet on; after a word in plain text
TLSVersion: TypeAlias = Literal["1.2", "1.3"]
InsideTLS: TypeAlias = Literal["off", "offer", "require", "implicit"]
ProxyVersion: TypeAlias = Literal["v1", "v2"]  # of the PROXY header, protocols/proxy_header.py
BareLF: TypeAlias = Literal["pass", "normalize"]


def host_port(host: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def scheme_of(dialect: DialectName, security: Security) -> str:
    """`pop3s` is IANA's name; for STARTTLS there is none, and `pop3+starttls` says what it is. `sieves` is nobody's."""
    return f"{dialect}s" if security == "tls" else f"{dialect}+starttls"


def usual_scheme(dialect: DialectName) -> str:
    """How a server is reached that was written without one: with TLS from the first octet on; but ManageSieve has only
    STARTTLS (RFC 5804 section 2.2).
    """
    return scheme_of(dialect, "starttls" if dialect == "sieve" else "tls")


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server outside. `host`: an IP address, or a name in ASCII (IDNA) and lower case."""

    dialect: DialectName
    host: str
    port: int  # 1..65535
    security: Security = "tls"

    @property
    def scheme(self) -> str:
        """What its URL begins with: "pop3s", "pop3+starttls"."""
        return scheme_of(self.dialect, self.security)

    def __str__(self) -> str:
        return f"{self.scheme}://{host_port(self.host, self.port)}"


def nobody(dialect: DialectName) -> Server:
    """In the place of a server that is not known before a login."""
    return Server(dialect, "", 0)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens. `host`: an IP address as `ipaddress` writes it; `port` 0: any free one."""

    host: str
    port: int  # 0..65535

    @property
    def ip(self) -> IPv4Address | IPv6Address:
        """The host as an address one can ask questions."""
        return ip_address(self.host)

    @property
    def is_loopback(self) -> bool:
        """Only programs of this machine can reach it."""
        return self.ip.is_loopback

    def __str__(self) -> str:
        return host_port(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Activated:
    """A listening socket that systemd hands over under this name (`FileDescriptorName=`)."""

    name: str

    def __str__(self) -> str:
        return f"systemd:{self.name}"


Listen: TypeAlias = Address | Activated


@dataclass(frozen=True, slots=True)
class Trust:
    """What must hold for a server to be trusted. It must always prove who it is."""

    ca_file: Path | None = None  # PEM; None: the system's trust store
    min_tls: TLSVersion = "1.2"
    pin: tuple[bytes, ...] = ()  # SHA-256 (32 bytes) of a SubjectPublicKeyInfo; one must match
    certificate_name: str | None = None  # whom the certificate must be for; None: the server's host


@dataclass(frozen=True, slots=True)
class Target:
    """A server and the way to it: all that `outside/` may know. Timeouts in seconds."""

    server: Server
    trust: Trust = Trust()
    source_address: str | None = None  # an IP address; None: the system chooses
    connect_timeout: float = 10  # TCP and TLS together, over all addresses of the server
    greeting_timeout: float = 30  # until the server's first line; with STARTTLS also until it has agreed to TLS
    proxy_to_server: ProxyVersion | None = None  # tell it who the client is by such a header, before TLS

    @property
    def certificate_name(self) -> str:
        """Whom the server's certificate must be for, and whom the server is told that we want (SNI)."""
        return self.trust.certificate_name or self.server.host

    def __hash__(self) -> int:
        """By what hardly two targets share: as a key it is looked for several times a session."""
        return hash((self.server.host, self.server.port))


@dataclass(frozen=True, slots=True)
class Inside:
    """TLS between clients and us. `tls`: there is none; it may begin (STLS, STARTTLS); it has to, before a login; it is
    there from the first octet on.
    """

    tls: InsideTLS = "off"
    tls_cert: Path | None = None  # PEM, the chain behind it; None: one that popover makes
    tls_key: Path | None = None  # PEM; None: it stands in tls_cert, too
    legacy: bool = False  # also what is broken by today's standards: TLS 1.0 and 1.1, RSA key exchange

    @property
    def may_speak(self) -> bool:
        """Whether TLS may come into it at all."""
        return self.tls != "off"

    @property
    def seals_logins(self) -> bool:
        """No password comes here in plain text."""
        return self.tls in {"require", "implicit"}


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may come in, and how many."""

    allow: tuple[Network, ...] | None = None  # None: PRIVATE_NETWORKS
    deny: tuple[Network, ...] = ()  # wins over allow
    hours: Hours | None = None  # None: always
    max_sessions: int = 1000  # 0: no limit. The xinetd recipe had 10, Dovecot's client_limit is 1000
    max_sessions_per_client: int = 20  # 0: no limit. Thunderbird opens 5 per account, Dovecot allows 10
    max_rate: Rate | None = None  # None: no limit
    unsafe_public: bool = False
    proxy_from: tuple[Network, ...] = ()  # who connects from there says by a PROXY header for whom


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, to wait for whom while the two talk."""

    login_timeout: float = 60  # until the client has logged in; nginx mail has 60, too
    idle_timeout: float = 1860  # all are silent: 30 minutes (RFC 9051 section 5.4), and one to spare
    stall_timeout: float = 300  # one side does not take what it asked for


@dataclass(frozen=True, slots=True)
class Service:
    """One way in and what it leads to."""

    name: str
    listen: tuple[Listen, ...]
    target: Target
    inside: Inside = Inside()
    admission: Admission = Admission()
    patience: Patience = Patience()
    ahead: Ahead = Ahead()  # noqa: RUF009 - frozen
    hide: tuple[str, ...] = ()  # capabilities that its clients are not to see, in upper case
    trace: bool = False  # log what is said, without secrets and bodies
    bare_lf: BareLF = "pass"  # what becomes of the lines of a mail that end in LF alone (SMTP)
    desk: Desk = Desk()  # noqa: RUF009 - frozen. Where it is open, the target's server is `nobody` of its dialect
    rules: DeviceRules = DeviceRules()  # noqa: RUF009 - frozen, too

    @property
    def dialect(self) -> DialectName:
        """What its clients speak."""
        return self.target.server.dialect

    @property
    def server(self) -> Server:
        """The server it leads to."""
        return self.target.server

    @property
    def leads_to(self) -> str:
        """Where its clients get to, in words: the server's URL, or whom its desk asks."""
        return f"{self.desk} ({self.dialect})" if self.desk.is_open else str(self.server)

    @property
    def is_public(self) -> bool:
        """`allow` reaches beyond the private networks, and someone from there could come in.

        A socket from systemd counts as reachable: we do not know yet where it listens.
        """
        return is_public(self.listen, self.admission)


def is_public(listen: tuple[Listen, ...], admission: Admission) -> bool:
    """Whether someone from beyond the private networks could come in; a balancer in front brings them everywhere."""
    if admission.allow is None:
        return False
    reachable = any(not (isinstance(at, Address) and at.is_loopback) for at in listen)
    return (reachable or bool(admission.proxy_from)) and not all(map(is_private, admission.allow))
