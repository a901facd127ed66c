"""What a trace may show of ManageSieve: commands by their verb, answers by their status; of all else the size."""

from __future__ import annotations

from popover.protocols.overheard import Overheard
from popover.protocols.sieve.grammar import LIMIT, status, take, tokens
from popover.protocols.sieve.words import KNOWN


class Sieve:
    """Listens to one session, on its client's side. See `overhear.Overhearer`."""

    def __init__(self) -> None:
        self._heard = Overheard("ManageSieve")

    def client_said(self, data: bytes) -> list[str]:
        """Show verbs."""
        return self._hear("C", self._heard.said, data)

    def client_got(self, data: bytes) -> list[str]:
        """Show whether it was well."""
        return self._hear("S", self._heard.got, data)

    def _hear(self, side: str, inbox: bytearray, data: bytes) -> list[str]:
        if self._heard.is_lost:
            return [f"{side}: {len(data):,} octets"]
        inbox += data
        lines = []
        while line := take(inbox):
            lines.append(f"{side}: {_shown(line)}")
        if len(inbox) > LIMIT:
            lines.append(self._heard.lose(side, len(inbox)))
        return lines


def _shown(line: bytes) -> str:
    found = tokens(line)
    verb = found[0].upper() if found and not line.startswith((b'"', b"{")) else b""
    known = status(line) or (verb if verb in KNOWN else b"")
    return f"{known.decode()} ({len(line):,} octets)" if known else f"{len(line):,} octets"
