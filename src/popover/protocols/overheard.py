"""What a trace has heard of both sides and cannot show yet, for dialects that speak in lines."""

from __future__ import annotations

SHOWN = 200
"""Characters of a line that are shown: more than RFC 1939 section 3 or RFC 5321 allow (512) are rarely said."""


def sizes(side: str, octets: int, dialect: str) -> str:
    """Say that nothing but sizes is shown from here on."""
    return f"{side}: {octets:,} octets that are no {dialect}; from here on only sizes are shown"


class Overheard:
    """What both sides have said and is no whole line yet. `is_lost`: it is not what we understand, and only sizes are
    shown.
    """

    def __init__(self, dialect: str) -> None:
        self.said = bytearray()
        self.got = bytearray()
        self.is_lost = False
        self._dialect = dialect

    def lose(self, side: str, octets: int) -> str:
        """It is nothing that we understand."""
        self.is_lost = True
        self.said.clear()
        self.got.clear()
        return sizes(side, octets, self._dialect)
