"""What will be served: one service a dialect, on ports that are free, and how that is written in a file.

With own logins a service leads to no server, but asks who it is: one of a dialect is enough for all of them, and where
there is one already it serves the new one, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from popover.config import Address, Desk, DialectName, Service, Target, Trust, default_listen, nobody
from popover.setup.found import Found, Offer

_TRIES = 100
"""Ports that are looked at. If none of them is free, the check says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """A server and where its clients connect. `is_there`: the service is, and stays as it is."""

    offer: Offer
    listen: Address
    is_there: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it. `trust`: whom the servers must be vouched for by; in most cases the system's trust store. `asks`: who
    logs in is asked, and has an own login.
    """

    found: Found
    rows: tuple[Row, ...]
    trust: Trust
    asks: bool = False

    def services(self) -> tuple[Service, ...]:
        """For the checks."""
        return tuple(
            Service(row.offer.server.host, () if row.is_there else (row.listen,), Target(row.offer.server, self.trust))
            for row in self.rows
        )

    def served(self) -> tuple[Service, ...]:
        """What the mail program meets, in the order of the rows."""
        found = []
        for row in self.rows:
            dialect = row.offer.server.dialect
            target = Target(nobody(dialect)) if self.asks else Target(row.offer.server, self.trust)
            desk = Desk(dialect, accounts=True) if self.asks else Desk()
            found.append(Service(row.offer.server.host, (row.listen,), target, desk=desk))
        return tuple(found)

    def text(self) -> str:
        """For a file; empty where all is there."""
        rows = [row for row in self.rows if not row.is_there]
        if not rows:
            return ""
        what = (
            "for own logins: popover account list shows them"
            if self.asks
            else f"for addresses of {self.found.domain}; {self.found.by}"
        )
        return f"# Made by `popover setup` {what}.\n" + "".join(map(self._block, rows))

    def _block(self, row: Row) -> str:
        lines = [f"listen = {quoted(str(row.listen))}"]
        if self.asks:
            lines += [f"dialect = {quoted(row.offer.server.dialect)}", "accounts = true"]
        else:
            lines.insert(0, f"server = {quoted(str(row.offer.server))}")
            if self.trust.ca_file is not None:
                lines.append(f"ca_file = {quoted(str(self.trust.ca_file.resolve()))}")
        return "\n[[service]]\n" + "".join(f"{line}\n" for line in lines)


Free = Callable[[Address], bool]


def make_plan(found: Found, host: str, taken: Iterable[Address], trust: Trust, is_free: Free) -> Plan:
    """Serve all that was found at this address of this machine, on the usual ports or the next that are neither `taken`
    by other services nor held by other programs.
    """
    ports = {at.port for at in taken}
    rows = []
    for offer in found.offers:
        port = usual = default_listen(offer.server.dialect).port
        while port in ports or (port - usual < _TRIES and not is_free(Address(host, port))):
            port += 1
        ports.add(port)
        rows.append(Row(offer, Address(host, port)))
    return Plan(found, tuple(rows), trust)


def make_own_plan(new: Plan, desks: Mapping[DialectName, Address]) -> Plan:
    """The same with own logins. `desks`: where who logs in is asked already."""
    rows = tuple(
        Row(row.offer, desks[dialect], is_there=True) if (dialect := row.offer.server.dialect) in desks else row
        for row in new.rows
    )
    return replace(new, rows=rows, asks=True)


def quoted(text: str) -> str:
    """A text as TOML writes it; what JSON escapes, TOML does alike."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
