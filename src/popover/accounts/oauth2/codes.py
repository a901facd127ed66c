"""What a provider's refusal of a token means, and who can mend it: rows of the table of all refusals (refusals/)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from popover.refusals import SIGN_IN_ROWS, Row, Who

KNOWN: dict[str, Row] = {sign: row for row in SIGN_IN_ROWS for sign in row.signs}
"""By its sign: a code, or words that stand in the description of one ("expired or revoked")."""

_WORDS = tuple(sign for sign in KNOWN if " " in sign)
_NUMBER = re.compile(r"AADSTS(\d{4,8})")


@dataclass(frozen=True, slots=True)
class Told:
    """What a refusal means. `code`: the most telling of its own ("AADSTS700082", "invalid_grant"); `cause` and `remedy`
    as in refusals/row.py.
    """

    code: str
    cause: str
    remedy: str
    who: Who


def meaning(code: str, description: str = "") -> Told | None:
    """Look a refusal up: by Microsoft's number in its description, by what that says, by its code."""
    number = _NUMBER.search(description)
    said = description.lower()
    signs = (*([number[0].lower()] if number else []), *(words for words in _WORDS if words in said), code.lower())
    row = next((KNOWN[sign] for sign in signs if sign in KNOWN), None)
    if row is None or row.who is None:
        return None
    return Told(number[0] if number else code, row.cause, row.remedy, row.who)
