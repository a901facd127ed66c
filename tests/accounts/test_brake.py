"""The brake: how many wrong logins are looked at, from where, and who is not touched by them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from popover.accounts.brake import FREE, FULL, LEAK, LONGEST, PAUSE, PLACES, Brake, site


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


HOME, OTHER = "192.168.1.7", "192.168.1.8"


def fill(brake: Brake, client: str = HOME, account: str = "") -> list[float]:
    """Wrong logins until it is shut: how late each was answered."""
    pauses = []
    while not brake.shut(brake.place(client, account)):
        pauses.append(brake.wrong(brake.place(client, account)))
    return pauses


def test_wrong_logins_are_answered_later_and_later_and_then_not_at_all() -> None:
    pauses = fill(Brake(Clock()))
    assert len(pauses) == FULL
    assert pauses[: FREE + 3] == [PAUSE, PAUSE, PAUSE, 2 * PAUSE, 4 * PAUSE, 8 * PAUSE]
    assert set(pauses[FREE + 3 :]) == {LONGEST}


def test_one_more_is_looked_at_each_half_minute() -> None:
    clock = Clock()
    brake = Brake(clock)
    fill(brake)
    place = brake.place(HOME, "")
    assert brake.shut(place) == pytest.approx(LEAK)
    clock.now += LEAK
    assert not brake.shut(place)
    brake.wrong(place)
    assert brake.shut(place) == pytest.approx(LEAK)


def test_a_program_that_looks_each_minute_with_an_old_password_is_never_shut_out() -> None:
    clock = Clock()
    brake = Brake(clock)
    for _ in range(1000):
        assert not brake.shut(brake.place(HOME, "anna"))
        assert brake.wrong(brake.place(HOME, "anna")) == PAUSE
        clock.now += 60


def test_another_address_is_not_touched() -> None:
    brake = Brake(Clock())
    fill(brake, account="anna")
    assert not brake.shut(brake.place(OTHER, "anna"))


def test_who_has_logged_in_from_there_is_not_touched_by_others_at_that_address() -> None:
    brake = Brake(Clock())
    brake.right(HOME, "anna")
    fill(brake)
    assert brake.shut(brake.place(HOME, "berta"))
    assert not brake.shut(brake.place(HOME, "anna"))
    assert len(fill(brake, account="anna")) == FULL  # and is limited by itself


def test_a_right_login_gives_nobody_more_guesses() -> None:
    brake = Brake(Clock())
    guesses = 0
    while not brake.shut(brake.place(HOME, "berta")):
        brake.wrong(brake.place(HOME, "berta"))
        brake.right(HOME, "mine")
        guesses += 1
    assert guesses == FULL


@pytest.mark.parametrize(
    ("client", "shares"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fd00::7", "fd00::/64"),
        ("local", "local"),
        ("", ""),
    ],
)
def test_who_shares_a_bucket(client: str, shares: str) -> None:
    assert site(client) == shares


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    brake = Brake(Clock())
    fill(brake)
    for number in range(PLACES + 10):
        client = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        brake.wrong(client)
        brake.right(client, "anna")
    assert len(brake._buckets) == len(brake._known) == PLACES  # noqa: SLF001 - the promise is about what is held
    assert not brake.shut(HOME)
    assert brake.place("10.0.0.0", "anna") == "10.0.0.0"


@settings(max_examples=examples(100))
@given(st.lists(st.floats(0, 120), max_size=100))
def test_no_more_are_looked_at_than_the_bucket_holds_and_leaks(waits: list[float]) -> None:
    clock = Clock()
    brake, looked_at = Brake(clock), 0
    for wait in waits:
        clock.now += wait
        if not brake.shut(HOME):
            brake.wrong(HOME)
            looked_at += 1
    assert looked_at <= FULL + sum(waits) / LEAK + 1
