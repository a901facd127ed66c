"""One attempt to sign in by a browser: whose answer is it?"""

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popover.accounts.oauth2.answers import Later, LoginNeeded
from popover.accounts.oauth2.redirect import ADDRESS_LIMIT, Attempt, Code, NotOurs, begin, read_back
from popover.accounts.oauth2.way import Way

BACK = "http://127.0.0.1:4321/"
ATTEMPT = Attempt(BACK, "the-state", "the-verifier")
WAY = Way("Example", "id", "https://x.example/token", "https://x.example/a", None, None, None, {}, ("mail",), BACK)


def back(**fields: str) -> str:
    return f"{BACK}?{urlencode(fields)}"


def test_the_challenge_is_that_of_rfc_7636() -> None:
    """Appendix B."""
    attempt = Attempt(BACK, "s", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert attempt.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_state_and_verifier_are_new_each_time_and_long_enough() -> None:
    attempts = [begin(BACK) for _ in range(100)]
    words = [word for attempt in attempts for word in (attempt.state, attempt.verifier)]
    assert len(set(words)) == 200
    assert all(43 <= len(word) <= 128 for word in words)  # 43 of base64url: 256 bits; RFC 7636 section 4.1


def test_nothing_of_an_attempt_shows() -> None:
    assert "the-state" not in repr(ATTEMPT)
    assert "the-verifier" not in repr(ATTEMPT)
    assert "secret" not in repr(Code("secret"))


def test_a_code_is_read_from_a_whole_address_or_from_what_a_browser_asks_for() -> None:
    whole = back(code="a/b+c", state="the-state")
    for text in (whole, f"  {whole}\n", whole.removeprefix(BACK.rstrip("/")), whole.partition("?")[2]):
        assert read_back(text, ATTEMPT, WAY) == Code("a/b+c")


@pytest.mark.parametrize(
    "address",
    [
        back(code="c", state="another"),
        back(code="c", state=""),
        back(code="c", state="the-statf"),
        back(code="c"),
        back(error="access_denied", state="another"),
        back(state="the-state"),
        back(code="c", state="the-state") + "&code=d",
        back(code="c", state="the-state") + "&state=the-state",
        "",
        "http://[?state=the-state&code=c",
        "&".join(f"a{number}=b" for number in range(100)),
        "state=\udcff&code=c",
        "https://accounts.example/o/oauth2/auth?client_id=x",
        back(code="c" * ADDRESS_LIMIT, state="the-state"),
    ],
)
def test_an_answer_to_another_attempt_is_not_taken(address: str) -> None:
    with pytest.raises(NotOurs) as caught:
        read_back(address, ATTEMPT, WAY)
    assert "the-state" not in str(caught.value)


def test_an_answer_of_another_provider_is_not_taken() -> None:
    """RFC 9207: a mix-up of two providers."""
    good_one = replace(WAY, issuer="https://good.example")
    with pytest.raises(NotOurs):
        read_back(back(code="c", state="the-state", iss="https://evil.example"), ATTEMPT, good_one)
    good = back(code="c", state="the-state", iss="https://good.example")
    assert read_back(good, ATTEMPT, good_one) == Code("c")
    assert read_back(back(code="c", state="the-state"), ATTEMPT, good_one) == Code("c")


def test_an_answer_that_names_nobody_is_not_that_of_a_provider_that_always_does() -> None:
    always = replace(WAY, issuer="https://good.example", says_issuer=True)
    with pytest.raises(NotOurs, match="another provider"):
        read_back(back(code="c", state="the-state"), ATTEMPT, always)
    assert read_back(back(code="c", state="the-state", iss="https://good.example"), ATTEMPT, always) == Code("c")


def test_a_no_is_told_by_its_meaning() -> None:
    found = read_back(back(error="access_denied", state="the-state"), ATTEMPT, WAY)
    assert isinstance(found, LoginNeeded)
    assert "said no" in found.cause
    assert isinstance(read_back(back(error="server_error", state="the-state"), ATTEMPT, WAY), Later)


@given(st.text())
def test_whatever_is_pasted_is_an_answer_or_is_not_ours(text: str) -> None:
    with pytest.raises(NotOurs):
        read_back(text, ATTEMPT, WAY)


@given(st.text(), st.text())
def test_a_state_that_is_not_ascii_is_only_another(state: str, code: str) -> None:
    if state != "the-state":
        with pytest.raises(NotOurs):
            read_back(back(code=code, state=state), ATTEMPT, WAY)
