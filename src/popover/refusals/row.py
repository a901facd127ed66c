"""A row of the table: by which signs a refusal is known, and what it means."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Who: TypeAlias = Literal["person", "operator", "time"]
"""Who can mend a sign-in that was refused: a person, by signing in once more; the operator, in the configuration or at
the provider's, after which nobody need sign in; or it passes by itself."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a refusal means, in sentences for the operator; no line ends.

    `cause`: what the server means. `remedy`: what to do about it. `source`: where that is written (URL, RFC).
    `provider`: whose words they are; "" where any server may say it, so that what is known of the server's provider may
    be the better advice. `sign`: what it was known by.
    """

    cause: str
    remedy: str
    source: str
    provider: str
    sign: str


@dataclass(frozen=True, slots=True)
class Row:
    """One. `signs`: any of them will do, and each is a text whose parts, between ` & `, must all be there.

    A part is a code or words, lower case, and stands there as a whole: "5.7.1" is not in "5.7.139". One that begins
    with `^` stands at the beginning of a reply. The first row that fits counts, so what is more special stands first.
    `who` stands in the rows that a sign-in by OAuth2 may be refused with (accounts/oauth2/codes.py).
    """

    signs: tuple[str, ...]
    cause: str
    remedy: str
    source: str
    provider: str = ""
    who: Who | None = None

    def explanation(self, sign: str) -> Explanation:
        """Give it, known by this sign."""
        return Explanation(self.cause, self.remedy, self.source, self.provider, sign)
