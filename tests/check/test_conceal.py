"""What a server repeats of a secret is not shown, in whatever form."""

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popover.check.conceal import RUN, conceal
from popover.check.dialogues import Answer

SECRET = "g\u00e9heim-pw"
RAW = SECRET.encode()
RESPONSE = b"\0anna\0" + RAW


@pytest.mark.parametrize(
    "repeated",
    [
        RAW,
        SECRET.encode("latin-1"),
        RAW.upper(),
        RAW[:-1],  # as much as went into its buffer
        RAW[2:],
        base64.b64encode(RAW),
        base64.b64encode(RESPONSE),
        base64.b64encode(RESPONSE)[:-2],
        base64.urlsafe_b64encode(RESPONSE),
        RESPONSE,
        RAW.hex().encode(),
        RESPONSE.hex(" ").encode(),
        quote(SECRET).encode(),
    ],
)
def test_no_answer_shows_a_secret_that_it_repeats(repeated: bytes) -> None:
    said = Answer(ok=False, text=(b"-ERR bad line: PASS " + repeated + b" (again)").decode("latin-1"))
    shown = said.without("anna", SECRET)
    assert shown.startswith(b"-ERR bad line: PASS ")
    assert shown.endswith(b"(again)")
    assert b"***" in shown
    for part in (RAW[:RUN], RAW[-RUN:], base64.b64encode(RESPONSE)[8:16]):
        assert part.lower() not in shown.lower()


def test_words_that_hold_no_secret_are_shown_as_they_are() -> None:
    words = b"-ERR [AUTH] wrong password, 4865 tries, AAAABBBBCCCC=="
    assert conceal(words, [RAW, b""]) == words


@given(st.binary(min_size=1, max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_a_secret_is_nowhere(secret: bytes, before: bytes, behind: bytes) -> None:
    shown = conceal(before + secret + behind, [secret])
    assert secret not in shown.replace(b"***", b"") or len(secret) < RUN or secret in before + behind
