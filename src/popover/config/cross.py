"""What can be wrong although each word is right: services that get into each other's way, missing files.

Used for files and for the command line alike. A mistake names its services by their *places*: by default
`service "example"`; file.py puts the file before it.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from stat import S_ISREG

from popover.config.doubts import doubt
from popover.config.networks import Network, is_private
from popover.config.values import Activated, Address, Listen, Server, Service, Trust
from popover.config.whole import Config, Status
from popover.config.words import quote, visible
from popover.errors import ConfigError

CA_FILE_LIMIT = 16 * 1024 * 1024
"""Octets of a CA file. Debian's bundle of all public CAs has 0.22 MiB; this keeps /dev/zero out."""

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to

# PEM's first lines as OpenSSL reads them (PEM_STRING_X509, _OLD, _TRUSTED in its pem.h).
_PEM_HEADS = (b"-----BEGIN CERTIFICATE", b"-----BEGIN X509 CERTIFICATE", b"-----BEGIN TRUSTED CERTIFICATE")
_KEY_HEADS = (b"PRIVATE KEY-----",)  # of PKCS 8, and with RSA or EC before it (PEM_STRING_RSA, ... there)
_MISSING = "does not exist"
_INSTEAD = {
    "ca_file": "; popover check --save-certificate FILE SERVER fetches one; without this line the system's trust "
    "store serves",
    "tls_cert": "; without this line popover makes a certificate of its own",
    "tls_key": "",
}
_TURNED = {_PEM_HEADS: "x509", _KEY_HEADS: "pkey"}
_HELD = {
    _PEM_HEADS: 'PEM certificate (no line "-----BEGIN CERTIFICATE-----")',
    _KEY_HEADS: 'private key in PEM (no line "-----BEGIN PRIVATE KEY-----")',
}


def check(config: Config) -> None:
    """Raise ConfigError with all mistakes that only show when the services are seen together."""
    if mistakes := find_mistakes(config.services, [f"service {quote(one.name)}" for one in config.services]):
        raise ConfigError(mistakes)


def find_mistakes(services: tuple[Service, ...], places: list[str]) -> list[str]:
    """All mistakes, one line each; `places[i]` says where services[i] was written."""
    if not services:
        return ["no service: say at least which server to lead to"]
    mistakes = _same_names(services, places) + _same_listeners(services, places)
    for service, place in zip(services, places, strict=True):
        found = (
            _listens_nowhere(service),
            _leads_to_itself(service),
            _unsafe(service),
            _unsafe_proxy(service),
            wrong_ca_file(service.target.trust),
            _idle_tls(service),
            *_wrong_tls_files(service),
        )
        mistakes += [f"{place}: {mistake}" for mistake in found if mistake]
    return mistakes


def find_status_mistakes(status: Status, services: tuple[Service, ...], place: str) -> list[str]:
    """Give all mistakes of `[status]`, one line each."""
    mistakes = []
    seen = [
        (listen, f"service {quote(service.name)} listens there") for service in services for listen in service.listen
    ]
    for listen in status.listen:
        taken = next((where for other, where in seen if clash(listen, other)), None)
        if taken:
            mistakes.append(f"{place}: listen: {listen} is taken, {taken}")
        seen.append((listen, "it is listed twice"))
    if status.is_public and not status.admission.unsafe_public:
        public = _public(status.admission.allow or ())
        mistakes.append(f"{place}: allow: {public} reaches beyond private networks, and the page tells strangers what "
                        "this gateway does; narrow it, or write unsafe_public = true if you mean it")  # fmt: skip
    return mistakes


def server_mistake(stated: Mapping[str, object]) -> str | None:
    """Say what is wrong with how a service's keys name its server, or whom its desk asks; None: nothing."""
    asks = bool(stated.get("accounts")) or "table" in stated
    if not asks:
        if "server" not in stated:
            return 'server: is missing; write server = "pop3s://mail.example.com"'
        idle = [key for key in ("dialect", "device", "authenticate") if stated.get(key)]
        return f"{idle[0]}: goes with accounts or a table, and there is none" if idle else None
    if "authenticate" in stated and "table" not in stated:
        return "authenticate: goes with a table; accounts have passwords of their own"
    if "server" in stated and "table" not in stated:
        return "server: the account says which; leave one of the two out"
    if "server" not in stated and "dialect" not in stated:
        return 'dialect: is missing; write dialect = "pop3", "imap" or "smtp": what its clients speak'
    return None


def _same_names(services: tuple[Service, ...], places: list[str]) -> list[str]:
    first: dict[str, str] = {}
    mistakes = []
    for service, place in zip(services, places, strict=True):
        if service.name in first:
            mistakes.append(f"{place}: name: {first[service.name]} has the same; each service needs its own")
        else:
            first[service.name] = place
    return mistakes


def _same_listeners(services: tuple[Service, ...], places: list[str]) -> list[str]:
    seen: list[tuple[Listen, str]] = []
    mistakes = []
    for service, place in zip(services, places, strict=True):
        for listen in service.listen:
            for other, where in seen:
                if clash(listen, other):
                    whose = "it is listed twice" if where == place else f"{where} listens there"
                    what = "" if other == listen else f" (as {other})"
                    odd, remedy = doubt(service.server)  # imap.example.com alone is POP3, and at POP3's port
                    hint = f"; {odd}: {remedy}" if odd else ""
                    mistakes.append(f"{place}: listen: {listen} is taken, {whose}{what}{hint}")
                    break
            seen.append((listen, place))
    return mistakes


def clash(one: Listen, other: Listen) -> bool:
    """Whether only one of them can be had: they are the same, or one is all addresses, with the other among them.

    0.0.0.0 and :: leave each other alone (IPV6_V6ONLY), and each port 0 becomes another free one.
    """
    if isinstance(one, Activated) or isinstance(other, Activated):
        return one == other
    if one.port != other.port or one.port == 0 or (":" in one.host) != (":" in other.host):
        return False
    return one.host == other.host or not _EVERYWHERE.isdisjoint({one.host, other.host})


def _listens_nowhere(service: Service) -> str | None:
    return None if service.listen else "listen: it is empty; leave it out for the usual address"


def _leads_to_itself(service: Service) -> str | None:
    for listen in service.listen:
        if isinstance(listen, Address) and _is_at(service.server, listen):
            return f"server: {service.server} is where this service listens; the gateway would talk to itself"
    return None


def _is_at(server: Server, listen: Address) -> bool:
    if server.port != listen.port:
        return False
    if server.host == "localhost":
        return listen.is_loopback or listen.ip.is_unspecified
    try:
        host = ip_address(server.host)
    except ValueError:
        return False  # a name: dial.py finds out where it leads
    everywhere = listen.ip.is_unspecified and host.version == listen.ip.version and host.is_loopback
    return host == listen.ip or everywhere


def _unsafe(service: Service) -> str | None:
    if service.admission.unsafe_public or not service.is_public:
        return None
    danger = (
        "whoever comes from there sends as this account, without a password"
        if service.desk.device
        else "strangers there may try passwords on the server through this gateway"
        if service.inside.seals_logins
        else "passwords travel in plain text between those clients and this gateway"
    )
    return (
        f"allow: {_public(service.admission.allow or ())} reaches beyond private networks, and {danger}; narrow it, or "
        "write unsafe_public = true (--unsafe-public) if you mean it"
    )


def _unsafe_proxy(service: Service) -> str | None:
    """Whoever is in `proxy_from` may say that it is anybody, and so passes `allow`."""
    public = _public(service.admission.proxy_from)
    if not public or service.admission.unsafe_public:
        return None
    return (
        f"proxy_from: {public} reaches beyond private networks, and whoever connects from there can say that it is any "
        "address; name the balancer alone, or write unsafe_public = true if you mean it"
    )


def _public(networks: Iterable[Network]) -> str:
    return ", ".join(str(network) for network in networks if not is_private(network))


def wrong_ca_file(trust: Trust) -> str | None:
    """Say what is wrong with the file of those to trust."""
    return _wrong_file("ca_file", trust.ca_file, _PEM_HEADS)


def _idle_tls(service: Service) -> str | None:
    """What would silently do nothing is a mistake."""
    inside = service.inside
    if inside.tls_key is not None and inside.tls_cert is None:
        return "tls_key: goes with a tls_cert, and there is none"
    idle = [key for key in ("tls_cert", "legacy") if getattr(inside, key)] if inside.tls == "off" else []
    return f'{", ".join(idle)}: nothing without TLS; write tls = "offer", "require" or "implicit"' if idle else None


def _wrong_tls_files(service: Service) -> list[str | None]:
    """A key that cannot be read is told later (inside/identity.py): at a reload popover may have become another user,
    and what is in force then stays so.
    """
    inside = service.inside
    if inside.tls_key is None:
        return [_wrong_file("tls_cert", inside.tls_cert, _PEM_HEADS)]
    return [_wrong_file("tls_cert", inside.tls_cert, _PEM_HEADS), _wrong_file("tls_key", inside.tls_key, _KEY_HEADS)]


def _wrong_file(key: str, path: Path | None, heads: tuple[bytes, ...]) -> str | None:
    try:
        wrong = path and _why_not(path, heads)
    except PermissionError as problem:
        wrong = f"cannot be read: {problem.strerror}" if key == "ca_file" else None
    return f'{key}: "{visible(str(path))}" {wrong}{_INSTEAD[key] if wrong is _MISSING else ""}' if wrong else None


def _why_not(path: Path, heads: tuple[bytes, ...]) -> str | None:
    """Say what is wrong with a PEM file. Raises PermissionError."""
    try:
        if not S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
            return "is no ordinary file"
        with path.open("rb") as file:
            text = file.read(CA_FILE_LIMIT)
    except FileNotFoundError:
        return _MISSING
    except PermissionError:
        raise
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
        return f"cannot be read: {problem.strerror if isinstance(problem, OSError) else problem}"
    if any(head in text for head in heads):
        return None
    if text.startswith(b"\x30\x82"):  # the ASN.1 SEQUENCE that every certificate is
        return f'looks like DER; turn it into PEM with "openssl {_TURNED[heads]} -inform der"'
    return f"holds no {_HELD[heads]}"
