"""Which certificate a service shows to clients that speak TLS: read at the start and at each reload, and told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from popover.config import Address, Inside, Service, is_private, quote
from popover.errors import ConfigError, StartError
from popover.inside import selfmade
from popover.inside.identity import Identity, given, others_may_read, own
from popover.inside.machine import own_addresses, own_names, reachable_at
from popover.log import Log
from popover.outside.certificate import Certificate, read_certificate

SOON = timedelta(days=30)
"""Before its end a certificate is renewed if it is ours, and spoken of if it is not. Let's Encrypt's are renewed so."""

_RSA = bytes.fromhex("2a864886f70d010101")  # rsaEncryption, the kind of a key (RFC 8017 appendix C)

Known = dict[Inside, Identity]


class Identities:
    """Those in force. `directory`: where the one that popover makes is kept; None: nowhere."""

    def __init__(self, log: Log, directory: Path | None) -> None:
        self._log = log
        self._directory = directory
        self._known: Known = {}
        self._before: Known = {}  # for who was let in before the last reload, and has not begun
        self._told: dict[str, str] = {}  # fingerprints, by service

    def of(self, service: Service) -> Identity | None:
        """Find a service's; None: it speaks no TLS. A session from before a reload may have a service that is gone."""
        return self._known.get(service.inside) or self._before.get(service.inside)

    def read(self, services: Iterable[Service]) -> Known:
        """Read all that these need, which is in force only with `become`. What cannot be read any more stays as it was,
        with a word about it. Raises ConfigError, StartError.
        """
        found: Known = {}
        wanted = [service for service in services if service.inside.may_speak]
        for service in wanted:
            inside = service.inside
            if inside not in found:
                try:
                    found[inside] = self._read(inside, wanted)
                except (ConfigError, StartError) as fault:
                    if inside not in self._known:
                        raise type(fault)(f"service {quote(service.name)}: {fault}") from None
                    self._warn(f"{service.name}: the old certificate stays in force: {fault}")
                    found[inside] = self._known[inside]
        return found

    def become(self, known: Known, services: Iterable[Service]) -> None:
        """Put in force what `read` gave, and say what each service shows."""
        self._before, self._known = self._known, known
        for service in services:
            if (identity := known.get(service.inside)) is not None:
                self._tell(service, identity)

    # -- reading ---------------------------------------------------------------------------------

    def _read(self, inside: Inside, wanted: list[Service]) -> Identity:
        if inside.tls_cert is not None:
            return given(inside)
        old = self._known.get(inside)
        if old is not None and not _ends_soon(old):
            return old  # it is ours alone, and popover's user may not be who made it
        if self._directory is None:
            raise StartError("tls: there is no place for the certificate that popover makes: name a tls_cert")
        found = own(self._directory, inside)
        if found is None:
            selfmade.make(self._directory, _names(wanted))
            found = own(self._directory, inside)
        elif _ends_soon(found):
            found = self._renewed(found, self._directory, wanted)
        if found is None:
            raise StartError(f"tls: the certificate in {self._directory} vanished while it was made: try again")
        return found

    def _renewed(self, old: Identity, directory: Path, wanted: list[Service]) -> Identity:
        """Make a certificate that stays longer, or go on with the old one and say why."""
        try:
            selfmade.make(directory, _names(wanted), anew=True)
            return own(directory, old.inside) or old
        except StartError as fault:
            self._warn(f"the certificate that popover has made ends soon, and no new one can be made: {fault}")
            return old

    # -- telling ---------------------------------------------------------------------------------

    def _tell(self, service: Service, identity: Identity) -> None:
        inside, name = service.inside, service.name
        if self._told.get(name) != identity.fingerprint:
            self._told[name] = identity.fingerprint
            files = " or ".join(map(str, identity.to_import))
            how = f"; import {files} into the mail program or its system" if files else ""
            self._log.event(
                "notice", "tls", f"TLS {inside.tls}, certificate SHA-256 {identity.fingerprint}{how}",
                service=name, tls=inside.tls, fingerprint=identity.fingerprint, files=files,
            )  # fmt: skip
        for doubt in doubts(service, identity):
            self._warn(f"{name}: {doubt}")

    def _warn(self, text: str) -> None:
        self._log.event("warning", "warning", text)


def doubts(service: Service, identity: Identity) -> list[str]:
    """Say what about a service's TLS is dangerous, or will not do for long."""
    inside, found = service.inside, list[str]()
    certificate = _certificate(identity)
    if certificate is not None and inside.tls_cert is not None:
        left = certificate.not_after - datetime.now(UTC)
        if left < timedelta(0):
            found.append(
                f"tls_cert: {inside.tls_cert} expired on {certificate.not_after:%Y-%m-%d}: renew it, and reload"
            )
        elif left < SOON:
            found.append(f"tls_cert: {inside.tls_cert} expires on {certificate.not_after:%Y-%m-%d}: renew it soon")
    if certificate is not None and identity.to_import and (strange := ", ".join(_unnamed(service, certificate))):
        made = identity.to_import[0].with_name(selfmade.IDENTITY)
        found.append(
            f"tls: the certificate that popover has made does not name {strange}: clients that call it so will refuse "
            f"it; remove {made} for a new one, which they have to import"
        )
    if inside.legacy and _RSA not in identity.der:
        found.append("legacy: the key of tls_cert is no RSA key, and programs from before 2006 know no other kind")
    if (place := others_may_read(inside)) is not None:
        found.append(f"tls_key: every user of this machine can read {place}: chmod 600 it")
    if inside.legacy:
        cannot = ", ".join(identity.keys.missing())
        but = f"; what this machine's OpenSSL cannot do at all: {cannot}" if cannot else ""
        found.append(f"legacy: old TLS is let in, which a listener on the way may be able to read{but}")
    return found


def _certificate(identity: Identity) -> Certificate | None:
    try:
        return read_certificate(identity.der)
    except ValueError:  # OpenSSL has taken it
        return None


def _ends_soon(identity: Identity) -> bool:
    certificate = _certificate(identity)
    return certificate is not None and certificate.not_after - datetime.now(UTC) < SOON


def _unnamed(service: Service, certificate: Certificate) -> list[str]:
    """Give the addresses at which clients find this service and that its certificate does not name. IPv6's come and go
    by themselves, and few old clients are told one.
    """
    listens = [at.host for at in service.listen if isinstance(at, Address)]
    told = {one for host in listens for one in reachable_at(host) if ":" not in one}
    return sorted(told - set(certificate.names))


def check_given(services: Iterable[Service]) -> None:
    """Read the operators' certificates, to say whether they are right. Raises ConfigError."""
    for service in services:
        if service.inside.tls_cert is not None:
            try:
                given(service.inside)
            except ConfigError as fault:
                raise ConfigError(f"service {quote(service.name)}: {fault}") from None


def _names(services: Iterable[Service]) -> list[str]:
    """Give all by which clients of the local network may call this machine, the best known name first."""
    addresses = [one for one in own_addresses() if is_private(ip_network(one))]
    listens = [at.host for service in services for at in service.listen if isinstance(at, Address)]
    told = [one for one in listens if not Address(one, 0).ip.is_unspecified]
    return list(dict.fromkeys([*own_names(), *told, *addresses, "127.0.0.1", "::1"]))
