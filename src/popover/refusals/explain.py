"""From a refusal to its row."""

from popover.refusals import entra, google, microsoft, oauth, own, providers, standards
from popover.refusals.reading import Refusal
from popover.refusals.row import Explanation, Row

TABLE: tuple[Row, ...] = (
    *own.ROWS,
    *entra.ROWS,
    *microsoft.ROWS,
    *google.ROWS,
    *providers.ROWS,
    *oauth.ROWS,
    *standards.ROWS,
)
"""What is more special stands first."""

SIGN_IN_ROWS: tuple[Row, ...] = tuple(row for row in TABLE if row.who is not None)
"""Those that a provider may say in a token's place."""


def explain(text: str) -> Explanation | None:
    """Say what a refusal means: a reply as it came, in any of the dialects, an OAuth2 answer, a line of a log that
    holds one. None: nobody knows. Takes no secrets out of it and keeps nothing of it.
    """
    refusal = Refusal(text)
    for row in TABLE:
        for sign in row.signs:
            if refusal.has(sign):
                return row.explanation(sign)
    return None
