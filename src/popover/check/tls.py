"""TLS with the server, by the gateway's own dialler: version, certificate, trust store, resumption."""

from __future__ import annotations

import math
import ssl
import time
from datetime import UTC, datetime

from aiohappyeyeballs import AddrInfoType

from popover.check.dialogues import DIALOGUES
from popover.check.report import Fact, Report, step_of
from popover.check.way import milliseconds
from popover.config import Service
from popover.errors import Failure, TLSFailure
from popover.outside.certificate import Certificate, read_certificate
from popover.outside.dial import Dialled, Dialler
from popover.outside.trust import store_is_empty
from popover.protocols import printable

FEW_DAYS = 14
"""Days left of a certificate below which it is worth a word: automatic renewal (ACME) comes 30 days before the end."""

ADDRESSES = 6
"""Addresses of one server that are tried, each for itself. Big providers name two to eight."""

_SECONDS_PER_DAY = 86400


async def check_tls(report: Report, dialler: Dialler, service: Service, reached: list[AddrInfoType]) -> Dialled | None:
    """Shake hands with each address. The first one's connection, which a session would use; None if it failed."""
    first: Dialled | None = None
    for info in reached[:ADDRESSES]:
        since = time.monotonic()
        try:
            async with report.waiting(f"TLS with {info[4][0]}"):
                dialled = await dialler.dial(service.target, [info])
        except Failure as failure:
            await _refused(report, dialler, service, info, failure)
            continue
        if info is reached[0]:
            first = dialled
            _accepted(report, service, dialled, time.monotonic() - since)
        else:
            dialled.stream.leave()
    return first


async def _refused(report: Report, dialler: Dialler, service: Service, info: AddrInfoType, failure: Failure) -> None:
    """Note the failure, and beside it what was expected and what was found instead."""
    host, address = service.target.certificate_name, str(info[4][0])
    facts: dict[str, Fact] = {"address": address, "expected_name": host}
    report.fail(step_of(failure), failure, **facts)
    if not isinstance(failure, TLSFailure) or "certificate of" not in failure.cause:
        return
    found = await dialler.look_at_certificate((address, info[4][1]), service.target)
    if found is not None:
        report.add(
            "tls",
            "fail",
            f"expected: valid today, for {host}, signed by an authority in {trust_store(service)}; "
            f"found: {_tell(found)}",
            "",
            **_facts(found),
        )


def _accepted(report: Report, service: Service, dialled: Dialled, seconds: float) -> None:
    tls = dialled.tls
    cipher = tls.cipher
    alpn = tls.alpn
    word = DIALOGUES[service.server.dialect].starttls
    begun = f"{word}, then " if service.server.security == "starttls" else ""
    report.add(
        "tls",
        "ok",
        f"{begun}{tls.version}, {cipher}, ALPN {alpn or 'none'} ({milliseconds(seconds)} with connecting)",
        version=tls.version,
        cipher=cipher,
        alpn=alpn,
        starttls=bool(begun),
        seconds=round(seconds, 3),
    )
    try:
        found = read_certificate(tls.certificate)
    except ValueError:  # OpenSSL could read it, and that is what counts
        report.add("tls", "ok", f"certificate verified against {trust_store(service)}; more cannot be read from it")
        return
    days = _days_left(found)
    facts = _facts(found) | {"days_left": days, "trust_store": trust_store(service)}
    text = f"certificate verified against {trust_store(service)}: {_tell(found)} ({days} days left)"
    if days < FEW_DAYS:
        report.add(
            "tls",
            "warn",
            text,
            f"it runs out in {days} days and its operator has not renewed it: after that popover refuses it",
            **facts,
        )
    else:
        report.add("tls", "ok", text, "", **facts)


async def check_resumption(report: Report, dialler: Dialler, service: Service) -> Dialled:
    """Connect a second time, with the ticket of the first; the new connection. Raises Failure."""
    since = time.monotonic()
    async with report.waiting("a second connection"):
        dialled = await dialler.dial(service.target)
    seconds = time.monotonic() - since
    resumed = dialled.tls.resumed
    words = (
        "resumed by a ticket" if resumed else "not resumed: the server gives no tickets, each session costs a handshake"
    )
    report.add("tls", "ok", f"a second connection is {words} ({milliseconds(seconds)})",
               resumed=resumed, seconds=round(seconds, 3))  # fmt: skip
    return dialled


def trust_store(service: Service) -> str:
    """Say where the authorities come from that are trusted."""
    if (ca_file := service.target.trust.ca_file) is not None:
        return str(ca_file)
    paths = ssl.get_default_verify_paths()
    return f"this machine's trust store ({paths.cafile or paths.capath or paths.openssl_cafile})"


def check_trust_store(report: Report, service: Service) -> None:
    """Warn of a machine that trusts nobody."""
    if service.target.trust.ca_file is None and store_is_empty():
        paths = ssl.get_default_verify_paths()
        report.add(
            "tls",
            "warn",
            f"this machine has no trust store: neither {paths.openssl_cafile} nor anything in {paths.openssl_capath}",
            "install the package ca-certificates",
        )


def _days_left(found: Certificate) -> int:
    return math.floor((found.not_after - datetime.fromtimestamp(time.time(), UTC)).total_seconds() / _SECONDS_PER_DAY)


def _tell(found: Certificate) -> str:
    names = ", ".join(_shown(name) for name in found.names[:8]) or "no name"
    return (
        f'subject "{_shown(found.subject)}", for {names}, issued by "{_shown(found.issuer)}", '
        f"valid {found.not_before:%Y-%m-%d} to {found.not_after:%Y-%m-%d}"
    )


def _facts(found: Certificate) -> dict[str, Fact]:
    return {
        "subject": _shown(found.subject),
        "names": [_shown(name) for name in found.names],
        "issuer": _shown(found.issuer),
        "not_before": found.not_before.isoformat(),
        "not_after": found.not_after.isoformat(),
    }


def _shown(text: str) -> str:
    return printable(text.encode("latin-1", "replace"), 200)
