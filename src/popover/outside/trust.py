"""TLS to the server: what is verified, and the tickets that make it cheap.

One `Verifier` per policy (trust store, lowest version, ALPN, pins, the certificate's name, how TLS begins): targets
with the same policy share it. A ticket is kept under its verifier, host and port, because **a resumed session is not
verified again**: OpenSSL accepts the ticket of one host under the name of another and skips the host check
(measured; protocol notes, 4.2). For the same reason a ticket lives an hour at most, never longer than the
certificate that earned it, and a reload makes new verifiers, which have none.
"""

from __future__ import annotations

import hmac
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from popover.config import Security, Target, Trust
from popover.errors import ConfigError, TLSFailure
from popover.outside.certificate import pin_of, read_certificate
from popover.protocols import DIALECTS
from popover.wire.engine import Engine
from popover.wire.openssl import OpenSSL, tell_cuts
from popover.wire.verified import verified_context

TICKET_LIFETIME = 3600.0
"""Seconds for which a ticket stands in for a verified certificate. RFC 8446 section 4.6.1 allows seven
days; chain, pins and revocation are not looked at meanwhile, so an hour, as the protocol notes advise."""

TICKETS_LIMIT = 1024
"""Tickets of one policy, the last that were given. Most gateways need a few; a table may lead to thousands of servers,
and one is some KiB."""

_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The clock of that hour: it goes on while the machine sleeps, and nobody sets it. Linux's CLOCK_MONOTONIC stands still
in a suspend; systems without CLOCK_BOOTTIME have no better one, and on macOS it goes on."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What makes one context differ from another."""

    trust: Trust
    alpn: str | None
    security: Security = "tls"  # no ticket of the one is offered to the other

    @classmethod
    def of(cls, target: Target, *, asks: bool) -> Policy:
        """Read a target's policy. `asks`: for the dialect, by ALPN, where it has a name there."""
        server = target.server
        return cls(target.trust, DIALECTS[server.dialect].ALPN if asks else None, server.security)


class _Kept(NamedTuple):
    """A session to resume. Its hour is one of `_CLOCK`; the certificate's last day is a date of the calendar, which a
    suspend, or whoever sets the clock, may reach at any moment.
    """

    session: Any
    until: float  # seconds of _CLOCK
    not_after: float  # seconds of time.time()

    def is_good(self) -> bool:
        """Whether it may still stand in for a verification."""
        return time.clock_gettime(_CLOCK) < self.until and time.time() < self.not_after


class Verifier:
    """The TLS context of one policy, and its tickets by host and port."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.context = _context(policy)
        self._tickets: dict[tuple[str, int], _Kept] = {}

    def engine(self, host: str, port: int) -> Engine:
        """Make the TLS of a new connection, with a ticket, if there is one. The certificate must be for `host`, or for
        whom the policy names in its place.
        """
        return OpenSSL(self.context, self.policy.trust.certificate_name or host, self.ticket(host, port))

    def ticket(self, host: str, port: int) -> Any:
        """Look for a ticket to offer; the engine's own, or None. It is offered again and again until it is refused or
        too old: a new one for each connection would cost a copy of the session each time (65 us of 280).
        """
        ticket = self._tickets.get((host, port))
        if ticket is None:
            return None
        if not ticket.is_good():
            del self._tickets[host, port]
            return None
        return ticket.session

    def keep(self, host: str, port: int, tls: Engine) -> None:
        """Keep the ticket of a fully verified connection, after its first bytes were read: in TLS 1.3 the
        ticket comes after the handshake (RFC 8446 section 4.6.1). One whose certificate we cannot read is not kept.
        """
        if tls.resumed or (host, port) in self._tickets or (ticket := tls.ticket) is None:
            return
        try:
            not_after = read_certificate(tls.certificate).not_after.timestamp()
        except ValueError:  # OpenSSL has read and verified it; without its last day each handshake is a full one
            return
        lifetime = min(TICKET_LIFETIME, ticket.lifetime or TICKET_LIFETIME)
        self._tickets[host, port] = _Kept(ticket.session, time.clock_gettime(_CLOCK) + lifetime, not_after)
        if len(self._tickets) > TICKETS_LIMIT:
            del self._tickets[next(iter(self._tickets))]

    def authorities(self) -> list[bytes]:
        """Give the certificates that are trusted, in DER, as far as they were needed so far."""
        return self.context.get_ca_certs(binary_form=True)

    def drop(self, host: str, port: int) -> None:
        """Forget a ticket that the server did not want."""
        self._tickets.pop((host, port), None)

    def check_pin(self, host: str, tls: Engine) -> None:
        """Insist on the configured public keys, besides the chain. Raises TLSFailure."""
        if not self.policy.trust.pin:
            return
        try:
            found = pin_of(tls.certificate)
        except ValueError as fault:
            raise TLSFailure(
                f"the certificate of {host} cannot be read, so its public key cannot be compared with the pin",
                f"its operator must renew it: {fault}",
            ) from None
        if not any(hmac.compare_digest(found, wanted) for wanted in self.policy.trust.pin):
            raise TLSFailure(
                f"the public key of {host} is not the one that was pinned",
                f'if the server has a new key on purpose, write pin = ["sha256:{found.hex()}"]',
            )


class Verifiers:
    """The verifiers in force, one per policy. Reading the system's trust store costs 20 ms: once is enough."""

    def __init__(self) -> None:
        self._known: dict[Policy, Verifier] = {}
        self._unasked: set[Target] = set()

    def ask_no_more(self, target: Target) -> None:
        """Remember that this server refuses whoever asks by ALPN."""
        self._unasked.add(target)

    def of(self, target: Target, *, asks: bool = True) -> Verifier:
        """Find or make the verifier of a target; with `asks`, one that uses ALPN, unless the server is known to refuse
        that. Raises ConfigError for a trust store we cannot use.
        """
        policy = Policy.of(target, asks=asks and target not in self._unasked)
        if policy not in self._known:
            try:
                self._known[policy] = Verifier(policy)
            except (OSError, ssl.SSLError) as fault:
                what = f"ca_file: {target.trust.ca_file}" if target.trust.ca_file else "the system's trust store"
                raise ConfigError(f"{what} cannot be used: {fault}") from None
        return self._known[policy]


def store_is_empty() -> bool:
    """Whether this machine trusts nobody: small images come without the package ca-certificates."""
    paths = ssl.get_default_verify_paths()
    return not (paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())))


def unverified(host: str, heard: bytearray, *, may_be_new: bool) -> OpenSSL:
    """TLS with whoever answers, to look at what it shows; no byte of mail goes this way. `heard`: gets the sealed
    octets of the handshake; `may_be_new`: TLS 1.3, too, which seals the certificates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tell_cuts(context)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # its key may be the very thing that is too weak
    if not may_be_new:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return OpenSSL(context, host, heard=heard)


def _context(policy: Policy) -> ssl.SSLContext:
    """Make a context that verifies chain and host name; there is no way to make one that does not."""
    context = verified_context(policy.trust.ca_file, policy.trust.min_tls)
    if policy.alpn:
        context.set_alpn_protocols([policy.alpn])
    return context
