"""The one line of log that a session leaves."""

from __future__ import annotations

import math
from typing import Literal

from popover.config import host_port
from popover.session.case import Case
from popover.session.outcome import Outcome

_Fields = dict[str, str | int | float | bool | None]


def tell(case: Case, outcome: Outcome) -> None:
    """Log how the session was, and how it ended."""
    fields = _fields(case, outcome)
    level: Literal["warning", "info"] = "info" if outcome.failure is None else "warning"
    case.log.event(level, "session", _sentence(fields), **fields)


def _fields(case: Case, outcome: Outcome) -> _Fields:
    relay, dialled, failure, sealing = case.relay, case.dialled, outcome.failure, case.sealing
    server = None if case.service.desk.is_open else str(case.service.server)
    fields: _Fields = {
        "id": case.id,
        "service": case.service.name,
        "client": case.address,
        "server": host_port(*dialled.address) if dialled else server,
        "tls": dialled.tls.version if dialled else None,
        "cipher": dialled.tls.cipher if dialled else None,
        "resumed": dialled.tls.resumed if dialled else None,
        "warm": case.is_warm,
        "client_tls": sealing.version or None,
        "client_cipher": sealing.cipher or None,
        "bytes_in": case.bytes_in,
        "bytes_out": case.bytes_out,
        "seconds": round(case.loop.time() - case.since, 3),
        "end": outcome.end,
    }
    if saved := math.floor(case.saved * 1000):
        fields["saved_seconds"] = saved / 1000
    if user := case.user or (relay.ears.user if relay is not None else ""):
        fields["user"] = user
    if failure is not None:
        fields |= {"cause": failure.cause, "remedy": failure.remedy}
    return fields


def _sentence(fields: _Fields) -> str:
    """The line for people, from the fields."""
    how = f"{fields['tls']} {fields['cipher']}{' resumed' if fields['resumed'] else ''}, " if fields["tls"] else ""
    where = fields["server"] or "no server"
    if "user" in fields:
        where = f"{where} as {fields['user']}"
    if fields["warm"]:
        how = f"warm, {how}"
    by = f" ({fields['client_tls']} {fields['client_cipher']})" if fields["client_tls"] else ""
    saved = f"saved {fields['saved_seconds']} s, " if "saved_seconds" in fields else ""
    line = (
        f"{fields['client']}{by} -> {where}, {how}{fields['bytes_in']} in, {fields['bytes_out']} out, "
        f"{fields['seconds']} s, {saved}{fields['end']}"
    )
    if "cause" in fields:
        line += f": {fields['cause']}; {fields['remedy']}" if fields["remedy"] else f": {fields['cause']}"
    return line
