"""The body of a mail on its way to the server: only where it ends is looked for, and nothing of it is kept.

The end of DATA is CRLF.CRLF and nothing else (RFC 5321 section 4.1.1.4): whoever takes LF.LF or CR.CR for it lets one
mail smuggle another. The octets may be cut anywhere.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

_END = b"\r\n.\r\n"
_LOOSE_END = re.compile(rb"[\r\n]\.[\r\n]{1,2}\Z")


class Fed(NamedTuple):
    """What came of a piece: `out` goes to the server, `taken` octets were the body's, `is_over`: the last of it."""

    out: memoryview | bytes
    taken: int
    is_over: bool


class Body(Protocol):
    """A body that comes."""

    @property
    def looks_over(self) -> bool:
        """Whether a server of loose manners may have seen its end, although it has none."""

    def feed(self, piece: memoryview) -> Fed:
        """Take what there is of it."""

    def rest(self) -> bytes:
        """Give what was kept back, for the client says no more."""


class Dots:
    """DATA, passed on as it comes."""

    def __init__(self) -> None:
        self._carry = b"\r\n"  # DATA's own line end: the dot may come first

    @property
    def looks_over(self) -> bool:
        """See `Body`."""
        return _LOOSE_END.search(self._carry) is not None

    def feed(self, piece: memoryview) -> Fed:
        """See `Body`."""
        carry = self._carry
        joined = b"".join((carry, piece))
        found = joined.find(_END)
        if found < 0:
            self._carry = joined[1 - len(_END) :]
            return Fed(piece, len(piece), is_over=False)
        taken = found + len(_END) - len(carry)
        return Fed(piece[:taken], taken, is_over=True)

    def rest(self) -> bytes:
        """Nothing is kept back."""
        return b""


class Mended:
    """DATA whose lines all end in CRLF when it leaves (Postfix: `smtpd_forbid_bare_newline = normalize`).

    Its end is CRLF.CRLF as the client said it. A dot that stands alone between other line ends is a line of the mail,
    and gets a second one (section 4.5.2): else the mended line ends would make it the end.
    """

    looks_over = False  # the server hears no other line ends than ours

    def __init__(self) -> None:
        self._before = b"\r\n"  # the line end, or the half of one, behind which we are; it has left
        self._kept = b""  # a dot that may stand alone, and its CR

    def feed(self, piece: memoryview) -> Fed:
        """See `Body`."""
        behind = len(self._before) + len(self._kept)
        joined = b"".join((self._before, self._kept, piece))
        found = joined.find(_END)
        if found >= 0:
            out = self._mend(joined[: found + 2]) + _END[2:]
            return Fed(out, found + len(_END) - behind, is_over=True)
        cut = next((len(joined) - len(dot) for dot in _PERHAPS_LONE if joined.endswith(b"\n" + dot)), len(joined))
        out = self._mend(joined[:cut])
        self._kept = joined[cut:]
        self._before = next((end for end in _LINE_ENDS if joined.endswith(end, 0, cut)), b"")
        return Fed(out, len(piece), is_over=False)

    def _mend(self, octets: bytes) -> bytes:
        """Mend what begins with `_before`, and give what is behind it."""
        if octets.count(b"\n") > octets.count(b"\r\n"):  # else it has its CRLFs, and of dots just the last one
            octets = octets.replace(b"\r\n", b"\n")
            for _ in range(2):  # each second one of those that stand one below the other
                octets = octets.replace(b"\n.\n", b"\n..\n")
            octets = octets.replace(b"\n", b"\r\n")
        return octets[2 if self._before.endswith(b"\n") else len(self._before) :]

    def rest(self) -> bytes:
        """See `Body`."""
        rest, self._kept = self._kept, b""
        return rest


class Chunk:
    """BDAT: so many octets, whatever they are (RFC 3030 section 2). `is_dropped`: the server is not to get them."""

    looks_over = False

    def __init__(self, octets: int, *, is_dropped: bool = False) -> None:
        self._left = octets
        self._is_dropped = is_dropped

    def feed(self, piece: memoryview) -> Fed:
        """See `Body`."""
        taken = min(self._left, len(piece))
        self._left -= taken
        return Fed(b"" if self._is_dropped else piece[:taken], taken, is_over=not self._left)

    def rest(self) -> bytes:
        """Nothing is kept back."""
        return b""


_PERHAPS_LONE = (b".", b".\r")
_LINE_ENDS = (b"\r\n", b"\n", b"\r")
