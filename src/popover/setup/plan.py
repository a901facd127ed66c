"""What will be served: one service a dialect, on ports that are free, and how that is written in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from popover.config import Address, Service, Target, Trust, default_listen
from popover.setup.found import Found, Offer


@dataclass(frozen=True, slots=True)
class Row:
    """A server and where its clients connect."""

    offer: Offer
    listen: Address


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it. `trust`: whom the servers must be vouched for by; in most cases the system's trust store."""

    found: Found
    rows: tuple[Row, ...]
    trust: Trust

    def services(self) -> tuple[Service, ...]:
        """For the checks."""
        return tuple(
            Service(row.offer.server.host, (row.listen,), Target(row.offer.server, self.trust)) for row in self.rows
        )

    def text(self) -> str:
        """For a file."""
        head = f"# Made by `popover setup` for addresses of {self.found.domain}; found by: {self.found.where}.\n"
        return head + "".join(map(self._block, self.rows))

    def _block(self, row: Row) -> str:
        keys = {"server": str(row.offer.server), "listen": str(row.listen)}
        if self.trust.ca_file is not None:
            keys["ca_file"] = str(self.trust.ca_file.resolve())
        return "\n[[service]]\n" + "".join(f"{key} = {quoted(value)}\n" for key, value in keys.items())


def make_plan(found: Found, host: str, taken: Iterable[Address], trust: Trust) -> Plan:
    """Serve all that was found at this address of this machine, on the usual ports or the next that are not `taken`."""
    ports = {at.port for at in taken}
    rows = []
    for offer in found.offers:
        port = default_listen(offer.server.dialect).port
        while port in ports:
            port += 1
        ports.add(port)
        rows.append(Row(offer, Address(host, port)))
    return Plan(found, tuple(rows), trust)


def quoted(text: str) -> str:
    """A text as TOML writes it; what JSON escapes, TOML does alike."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
