"""The list of capabilities, wherever it stands: what a client may see of it.

Left out is what cannot work through a gateway, and what would lead a client around it (protocol notes, U8); added is
what the gateway offers itself. All else keeps its octets and its place.
"""

from __future__ import annotations

import re

from popover.protocols.dialect import Terms
from popover.protocols.sasl import is_bound

_LEFT_OUT = frozenset(
    (
        *(b"STARTTLS", b"LOGINDISABLED"),  # the server's; ours are added
        *(b"LOGIN-REFERRALS", b"MAILBOX-REFERRALS"),  # RFC 2221, 2193: elsewhere there is no gateway
    )
)

_LINE = re.compile(rb"(\* CAPABILITY)((?: [^\r\n{]*)?)(\r?\n)\Z", re.IGNORECASE)
_CODE = re.compile(
    rb"([^ \r\n]+ (?:OK|NO|BAD|BYE|PREAUTH) \[CAPABILITY)((?: [^\]\r\n{]*)?)(\][^\r\n]*\r?\n)\Z", re.IGNORECASE
)


class View:
    """What clients of one service see, on these terms."""

    def __init__(self, terms: Terms) -> None:
        self._tls = terms.tls
        self._hidden = frozenset(name.upper().encode() for name in terms.hide)

    def of(self, listed: bytes, *, logged_in: bool) -> bytes:
        """Give a list, each name with a blank before it, as the client may see it."""
        before, *names = listed.split(b" ")
        kept = [before, *(name for name in names if self._shows(name.upper(), logged_in=logged_in))]
        if not logged_in:
            kept += [name for name in self._ours if name not in self._hidden]
        return b" ".join(kept)

    @property
    def _ours(self) -> tuple[bytes, ...]:
        if self._tls == "require":
            return (b"STARTTLS", b"LOGINDISABLED")
        return (b"STARTTLS",) if self._tls == "offer" else ()

    def _shows(self, name: bytes, *, logged_in: bool) -> bool:
        if name in _LEFT_OUT or name in self._hidden or name.startswith(b"COMPRESS="):
            return False
        if name.startswith(b"AUTH="):
            return not is_bound(name[5:], self._tls) and (logged_in or self._tls != "require")
        return True


def listed_in(line: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Find the list of capabilities in a server's whole line: what stands before it, the list, what stands behind it.

    It is a line of its own, or the code of a status line (RFC 9051 sections 7.2.2 and 7.1). None: there is none.
    """
    found = _LINE.match(line) or _CODE.match(line)
    return None if found is None else (found[1], found[2], found[3])
