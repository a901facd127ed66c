"""What providers answer, as one of few values; none of it from memory: each spelling was seen in the field."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popover.accounts.oauth2.answers import (
    DEFAULT_LIFE,
    TOKEN_LIMIT,
    Answer,
    DeviceCode,
    Later,
    LoginNeeded,
    Pending,
    Token,
    read_device,
    read_poll,
    read_token,
    refused,
)
from popover.accounts.oauth2.codes import KNOWN, meaning

NUMBERS = sorted(int(sign.removeprefix("aadsts")) for sign in KNOWN if sign.startswith("aadsts"))


def answer(status: int = 200, /, **found: Any) -> Answer:
    return Answer(status, json.dumps(found).encode())


def test_a_token_is_read_with_all_that_goes_with_it() -> None:
    found = read_token(
        answer(access_token="eyJ.a.b", token_type="bearer", expires_in=3599, refresh_token="r", scope="a b")
    )
    assert found == Token(b"eyJ.a.b", 3599, "r", ("a", "b"))


def test_what_is_left_out_is_what_rfc_6749_lets_it_be() -> None:
    assert read_token(answer(access_token="t")) == Token(b"t", DEFAULT_LIFE, None, None)


@pytest.mark.parametrize(
    ("said", "life"),
    [
        ("3600", 3600.0),  # as text: Microsoft's first version, Yahoo
        (3600.5, 3600.5),
        (0, DEFAULT_LIFE),
        (-1, DEFAULT_LIFE),
        ("soon", DEFAULT_LIFE),
        (True, DEFAULT_LIFE),
        (None, DEFAULT_LIFE),
        (1e300, DEFAULT_LIFE),
        (float("inf"), DEFAULT_LIFE),
        (float("nan"), DEFAULT_LIFE),
        (10**400, DEFAULT_LIFE),
    ],
)
def test_a_tokens_life_is_a_number_of_seconds_however_it_is_written(said: object, life: float) -> None:
    found = read_token(answer(access_token="t", expires_in=said))
    assert isinstance(found, Token)
    assert found.life == life


@pytest.mark.parametrize(
    "token",
    ["x" * (TOKEN_LIMIT + 1), "a b", "a\r\nQUIT", "a\x01b", "töken", ""],
)
def test_a_token_that_can_not_be_said_to_a_mail_server_is_none(token: str) -> None:
    assert isinstance(read_token(answer(access_token=token)), Later)


def test_a_token_of_8_kib_is_one() -> None:
    assert isinstance(read_token(answer(access_token="x" * TOKEN_LIMIT)), Token)


def test_a_token_that_is_bound_to_a_key_is_none() -> None:
    assert isinstance(read_token(answer(access_token="t", token_type="DPoP")), Later)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_providers_own_trouble_costs_no_token_even_where_it_says_invalid_grant(status: int) -> None:
    assert isinstance(read_token(answer(status, error="invalid_grant")), Later)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Welcome to the hotel's network</html>", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, b"\xff\xfe"],
)
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 418])
def test_what_is_no_answer_of_a_provider_costs_no_token(status: int, body: bytes) -> None:
    assert isinstance(read_token(Answer(status, body)), Later)


@pytest.mark.parametrize("code", ["invalid_grant", "invalid_client", "unauthorized_client", "interaction_required"])
def test_what_a_provider_says_in_so_many_words_is_permanent(code: str) -> None:
    found = read_token(answer(400, error=code))
    assert isinstance(found, LoginNeeded)
    assert found.code == code


def test_a_refusal_with_status_200_is_one() -> None:
    assert isinstance(read_token(answer(200, error="invalid_grant")), LoginNeeded)


def test_a_code_that_nobody_knows_costs_no_token() -> None:
    assert isinstance(read_token(answer(400, error="insufficient_coffee")), Later)


MICROSOFT = (
    "AADSTS{}: The refresh token has expired due to inactivity. The token was issued on 2026-01-01 and was inactive "
    "for 90.00:00:00.\r\nTrace ID: 0\r\nCorrelation ID: 0\r\nTimestamp: 2026-11-28 00:00:00Z"
)


@pytest.mark.parametrize("number", NUMBERS)
def test_each_of_microsofts_numbers_has_a_cause_and_somebody_who_can_mend_it(number: int) -> None:
    found = read_token(answer(400, error="invalid_grant", error_description=MICROSOFT.format(number)))
    known = KNOWN[f"aadsts{number}"]
    assert known.who is not None
    if known.who == "time":
        assert isinstance(found, Later)
    else:
        assert found == LoginNeeded(f"AADSTS{number}", f"{known.cause} (AADSTS{number})", known.remedy, known.who)
        assert known.remedy


@pytest.mark.parametrize(("number", "word"), [(700082, "90 days"), (50173, "password"), (50076, "second factor")])
def test_microsofts_numbers_say_what_they_mean(number: int, word: str) -> None:
    found = refused("invalid_grant", MICROSOFT.format(number))
    assert isinstance(found, LoginNeeded)
    assert word in found.cause
    assert found.who == "person"


def test_a_number_that_is_not_known_still_is_what_its_code_says() -> None:
    found = refused("invalid_grant", MICROSOFT.format(999999))
    assert isinstance(found, LoginNeeded)
    assert found.code == "AADSTS999999"


def test_googles_words_are_known() -> None:
    found = refused("invalid_grant", "Token has been expired or revoked.")
    assert isinstance(found, LoginNeeded)
    assert "Testing" in found.remedy
    assert isinstance(refused("admin_policy_enforced"), LoginNeeded)
    scope = read_token(answer(400, error="invalid_scope", error_description="Invalid device flow scope: https://m"))
    assert isinstance(scope, LoginNeeded)
    assert "--browser" in scope.remedy


def test_googles_other_form_of_a_refusal_is_read() -> None:
    assert isinstance(read_token(answer(403, error={"code": 403, "status": "access_denied"})), LoginNeeded)
    assert isinstance(read_token(answer(403, error={"code": 403})), Later)


@pytest.mark.parametrize("code", sorted(KNOWN))
def test_words_for_the_clients_user_hold_no_error_and_no_line_end(code: str) -> None:
    cause = refused(code).cause
    assert "error" not in cause.lower()
    assert cause.isprintable()
    assert len(cause) < 140


@pytest.mark.parametrize("number", [50053, 50196, 70012, 80012, 90033])
def test_what_passes_by_itself_at_microsoft_costs_no_token(number: int) -> None:
    """A lock after others' wrong passwords (50053) among them: it is over in half an hour."""
    assert isinstance(refused("invalid_grant", MICROSOFT.format(number)), Later)


@pytest.mark.parametrize("number", [53000, 53003, 530032, 50057, 50105])
def test_what_an_administrator_can_mend_at_microsoft_is_asked_again(number: int) -> None:
    """The refresh token is good all the same: nobody has to sign in once the rule is another."""
    found = refused("invalid_grant", MICROSOFT.format(number))
    assert isinstance(found, LoginNeeded)
    assert found.who == "operator"


def test_what_a_provider_says_back_to_us_is_not_shown() -> None:
    """Some repeat the token that they refuse."""
    secret = "canary" * 8
    found = read_token(answer(400, error="odd", error_description=f"the token {secret} is bad"))
    assert isinstance(found, Later)
    assert "canary" not in found.cause + found.remedy
    assert "is bad" in found.remedy


# -- the device flow -------------------------------------------------------------------------------


def test_a_device_code_is_read_in_both_spellings() -> None:
    for spelling in ("verification_uri", "verification_url"):
        found = read_device(answer(device_code="d", user_code="U", expires_in=900, **{spelling: "https://x/device"}))
        assert found == DeviceCode("d", "U", "https://x/device", None, 900, 5)


def test_a_device_code_that_is_incomplete_is_none() -> None:
    assert isinstance(read_device(answer(device_code="d")), Later)
    assert isinstance(read_device(answer(400, error="unauthorized_client")), LoginNeeded)


@pytest.mark.parametrize("status", [400, 401, 403, 428])  # 428: Google's
def test_a_code_that_nobody_has_entered_yet_is_waited_for(status: int) -> None:
    assert read_poll(answer(status, error="authorization_pending")) == Pending()
    assert read_poll(answer(status, error="slow_down")) == Pending(slower=True)


@pytest.mark.parametrize(
    ("microsofts", "rfc_8628s"),
    [("authorization_declined", "access_denied"), ("bad_verification_code", "expired_token")],
)
def test_microsofts_own_names_mean_the_same_as_those_of_rfc_8628(microsofts: str, rfc_8628s: str) -> None:
    ours, theirs = (read_poll(answer(400, error=code)) for code in (microsofts, rfc_8628s))
    assert isinstance(ours, LoginNeeded)
    assert isinstance(theirs, LoginNeeded)
    assert ours.cause.partition(" (")[0] == theirs.cause.partition(" (")[0]


def test_a_code_is_asked_for_once_a_second_at_most() -> None:
    found = read_device(answer(device_code="d", user_code="U", verification_uri="https://x", interval=0.001))
    assert isinstance(found, DeviceCode)
    assert found.interval == 1


# -- whatever comes --------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "access_token",
    "token_type",
    "expires_in",
    "refresh_token",
    "scope",
    "error",
    "error_description",
    "device_code",
    "user_code",
    "verification_uri",
    "interval",
)


@given(
    st.integers(100, 599),
    st.one_of(
        st.binary(),
        st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(sorted(KNOWN))).map(
            lambda found: json.dumps(found).encode()
        ),
    ),
)
def test_whatever_comes_is_one_of_the_values(status: int, body: bytes) -> None:
    sent = Answer(status, body)
    assert isinstance(read_token(sent), Token | LoginNeeded | Later)
    assert isinstance(read_poll(sent), Token | LoginNeeded | Later | Pending)
    assert isinstance(read_device(sent), DeviceCode | LoginNeeded | Later)


@given(st.text(), st.text())
def test_whatever_a_browser_brings_as_a_code_has_words(code: str, description: str) -> None:
    found = refused(code, description)
    assert found.cause
    assert isinstance(found, Later) or meaning(code, description) is not None or found.who == "person"
