"""What a service's clients get of TLS, and what they have to trust for it."""

from __future__ import annotations

from popover.check.report import Report
from popover.config import Service
from popover.errors import ConfigError
from popover.inside.identity import Identity, given, own
from popover.process.identities import doubts
from popover.process.state import state_file

_WHEN = {
    "offer": "clients may begin TLS (STARTTLS)",
    "require": "clients have to begin TLS (STARTTLS) before they log in",
    "implicit": "clients speak TLS from the first octet on",
}


def check_inside(report: Report, service: Service) -> None:
    """Look at the certificate, and make none: that is the gateway's business, at its start."""
    inside = service.inside
    if not inside.may_speak:
        return
    try:
        identity = given(inside) if inside.tls_cert is not None else own(state_file().parent, inside)
    except ConfigError as fault:
        report.add("inside", "fail", str(fault))
        return
    when = _WHEN[inside.tls]
    versions = "TLS 1.0 to 1.3" if inside.legacy else "TLS 1.2 and 1.3"
    if identity is None:
        report.add("inside", "ok", f"{when}, {versions}; popover makes a certificate when it starts", tls=inside.tls)
        return
    _tell(report, service, identity, f"{when}, {versions}; certificate SHA-256 {identity.fingerprint}")


def _tell(report: Report, service: Service, identity: Identity, text: str) -> None:
    files = " or ".join(map(str, identity.to_import))
    how = f"; import {files}" if files else ""
    report.add("inside", "ok", text + how, tls=service.inside.tls, fingerprint=identity.fingerprint)
    for doubt in doubts(service, identity):
        what, _, remedy = doubt.partition(": ")
        report.add("inside", "warn", what, remedy)
