"""What a refusal means: each provider's own words, as they were seen, lead to their row and to no other."""

import string
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popover.refusals import SIGN_IN_ROWS, entra, explain, oauth
from popover.refusals.explain import TABLE
from popover.refusals.reading import READ_LIMIT
from popover.refusals.row import Row

FILE = Path(__file__).with_name("seen.txt")
SEEN = [line.replace("\\n", "\r\n").split(" => ") for line in FILE.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(("refusal", "meaning"), SEEN, ids=[text[:44] for text, _ in SEEN])
def test_a_refusal_that_was_seen_is_known(refusal: str, meaning: str) -> None:
    found = explain(refusal)
    assert found is not None
    assert meaning in found.cause
    for around in (
        f"popover[1]: mail.example.com does not let a@b in; it says: {refusal}",
        f'"{refusal}"',
        f"  {refusal}\n",
    ):
        assert explain(around) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "+OK 550 messages",
        "OK 451 octets",
        "5.7.1390",
        "15.7.139",
        "aadsts5007",
        "aadsts500760",
        "5.7.1.9",
        "250 2.0.0 Ok",
    ],
)
def test_what_is_no_refusal_is_not_explained(text: str) -> None:
    assert explain(text) is None


def test_a_code_is_not_taken_for_a_shorter_one() -> None:
    assert explain("550 5.7.139 x") != explain("550 5.7.1 x")


def test_a_code_alone_is_enough() -> None:
    for code in ("5.7.139", "AADSTS50076", "5.2.252", "[AUTH]", "535"):
        assert explain(code) is not None


def test_of_all_that_a_sign_in_may_be_told_it_is_known_who_can_mend_it() -> None:
    """What an account with OAuth2 logs of a provider can be asked about here, and the other way round."""
    assert {*entra.ROWS, *oauth.ROWS} - {*SIGN_IN_ROWS} == {row for row in oauth.ROWS if "invalid_token" in row.signs}
    assert all(len(row.cause) < 120 for row in SIGN_IN_ROWS)  # a client's user sees it in one line


def test_every_row_can_be_reached() -> None:
    """By each of its signs: none is hidden behind one that stands before it."""
    lost = []
    for row in TABLE:
        for sign in row.signs:
            text = " ".join(part.removeprefix("^") for part in sign.split(" & "))
            found = explain(text)
            if found is None or (found.cause, found.remedy) != (row.cause, row.remedy):
                lost.append((sign, found and found.sign))
    assert lost == []


def test_no_sign_stands_twice() -> None:
    signs = Counter(sign for row in TABLE for sign in row.signs)
    assert [sign for sign, times in signs.items() if times > 1] == []


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.signs[0])
def test_a_row_is_for_people(row: Row) -> None:
    """One line each, without the word at which Apple Mail 2 stumbles, and with a source that can be looked up."""
    for text in (row.cause, row.remedy, row.source):
        assert text
        assert text.isprintable()
        assert not text.endswith(".")
        assert "error" not in text.lower() or "http" in text
    assert row.source.startswith(("https://", "RFC ", "OpenID", "the server", "docs/", "examples/"))
    assert all(sign == sign.lower() and sign for sign in row.signs)


@given(st.text(max_size=400))
def test_any_text_is_taken(text: str) -> None:
    explain(text)


@given(st.text(alphabet=string.ascii_letters + string.digits, min_size=12, max_size=40))
def test_nothing_of_the_refusal_comes_back(letters: str) -> None:
    secret = f"geheim{letters}"
    found = explain(f"535 5.7.8 bad login {secret} for user")
    assert found is not None
    assert secret not in repr(found)


def test_a_refusal_without_end_costs_no_more_than_its_beginning() -> None:
    assert explain("x " * READ_LIMIT + "5.7.139") is None
    assert explain("5.7.139 " + "5" * 10_000_000) is not None
