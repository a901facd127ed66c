"""What the refusals of mail providers mean, and what to do about them: one table, for `explain`, `check`, the log,
and the sign-in by OAuth2 (accounts/oauth2/codes.py).

    reading.py    a refusal as it came -> what can be looked for in it
    row.py        what a row of the table is
    own.py        popover's own words
    microsoft.py  Exchange Online, Outlook.com; entra.py: their sign-in (AADSTS...)
    google.py, providers.py  Gmail; Yahoo, GMX, mail.ru and others
    oauth.py      the words of OAuth2 itself
    standards.py  what any server may say: RFC 2449, 3206, 3463, 4954, 5321, 5530

The dry floor: words in, words out. An explanation never holds any part of the text that was explained.
"""

from popover.refusals.explain import SIGN_IN_ROWS, explain
from popover.refusals.row import Explanation, Row, Who

__all__ = ["SIGN_IN_ROWS", "Explanation", "Row", "Who", "explain"]
