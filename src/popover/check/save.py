"""`--save-certificate`: fetch what a server of one's own shows, so that `ca_file` can name it.

Saved is only what makes it trusted: a certificate that vouches for itself, the server's or its authority's. Of all
others the check has the better advice.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from popover.check.report import Part, Report
from popover.config import Service, pin_text
from popover.errors import ConfigError, Failure, TLSFailure
from popover.outside.certificate import Certificate, pem_of, read_certificate
from popover.outside.chain import way_up
from popover.outside.dial import Dialler
from popover.outside.reasons.shown import day, name
from popover.process.trust_stores import verifiers_of
from popover.wire.stream import Scratch


async def save_certificate(report: Report, service: Service, path: Path) -> bool:
    """Write it to `path`; whether there is now a file to trust by. Raises ConfigError if that cannot be written."""
    dialler = Dialler(asyncio.get_running_loop(), Scratch(), lambda _address: False)
    dialler.verifiers = verifiers_of([service])
    host = service.server.host
    try:
        is_trusted = await _is_trusted(dialler, service)
        found = None if is_trusted else await _self_made(dialler, service)
    except Failure:
        return False  # the check will say it
    report.begin(Part(f"the certificate of {host}"))
    if is_trusted:
        report.add("tls", "ok", f"nothing to save: the certificate of {host} is trusted already")
    elif found is None:
        report.add("tls", "ok", f"not saved: {host} shows none that vouches for itself, or it is refused for another "
                   "reason, which is told below")  # fmt: skip
    else:
        _write(path, found[0])
        _tell(report, path, found[1], is_servers=found[2])
    return found is not None


async def _is_trusted(dialler: Dialler, service: Service) -> bool:
    """Whether there is nothing to mend. Raises Failure for what trust would not mend."""
    try:
        dialled = await dialler.dial(service.target)
    except TLSFailure:
        return False
    dialled.stream.leave()
    return True


async def _self_made(dialler: Dialler, service: Service) -> tuple[bytes, Certificate, bool] | None:
    """Find the certificate at the top of what the server shows, in DER and read; None: it does not vouch for itself, or
    is trusted. True: it is the server's own. Raises Failure.
    """
    trusted = dialler.verifiers.of(service.target).authorities()
    for info in await dialler.look_up(service.server):
        shown = await dialler.look_at_chain(info[4][:2], service.target)
        if way := way_up(shown.sent, trusted, datetime.now(UTC)):
            top, is_ours = way[-1]
            found = next((der for der in shown.sent if _is(der, top)), None)
            return (found, top, len(way) == 1) if found and top.self_signed and not is_ours else None
    return None


def _is(der: bytes, certificate: Certificate) -> bool:
    try:
        return read_certificate(der) == certificate
    except ValueError:
        return False


def _write(path: Path, der: bytes) -> None:
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(pem_of(der))
    except FileExistsError:
        raise ConfigError(f"--save-certificate: {path} is there already: remove it, or name another file") from None
    except OSError as fault:
        with suppress(OSError):  # a full disk: the next try shall not find half of it
            path.unlink()
        raise ConfigError(f"--save-certificate: {path} cannot be written: {fault.strerror}") from None


def _tell(report: Report, path: Path, certificate: Certificate, *, is_servers: bool) -> None:
    what = "that one certificate and no other" if is_servers else "whatever this authority vouches for"
    key = pin_text(certificate.pin)
    report.add(
        "tls",
        "warn",
        f"{path}: saved the certificate of {name(certificate.subject)}, valid {day(certificate.not_before)} to "
        f"{day(certificate.not_after)}; with it as ca_file {what} is trusted",
        "whoever stands between you and the server could have shown his own: compare its public key, "
        f"{key}, with that on the server",
        saved=str(path),
        key=key,
    )
