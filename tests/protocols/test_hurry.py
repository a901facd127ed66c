"""How long words are kept that nobody has asked for: so many seconds each time, or of a session in all."""

import math

import pytest

from popover.protocols.hurry import Hurry

KEPT = 0.6  # seconds


@pytest.mark.parametrize("in_all", [False, True])
def test_nothing_is_due_while_nothing_waits(in_all: bool) -> None:
    hurry = Hurry(KEPT, in_all=in_all)
    assert hurry.due == math.inf
    hurry.see(5.0, hurries=False)
    assert hurry.due == math.inf


@pytest.mark.parametrize("in_all", [False, True])
def test_what_waits_is_kept_from_its_first_moment_on(in_all: bool) -> None:
    hurry = Hurry(KEPT, in_all=in_all)
    for now in (5.0, 5.1, 5.2):
        hurry.see(now, hurries=True)
        assert hurry.due == 5.0 + KEPT


@pytest.mark.parametrize(("in_all", "left"), [(False, KEPT), (True, KEPT - 0.5)])
def test_what_was_waited_for_before_counts_where_that_is_said(in_all: bool, left: float) -> None:
    hurry = Hurry(KEPT, in_all=in_all)
    for since in (0.0, 100.0):
        hurry.see(since, hurries=True)
        hurry.see(since + 0.25, hurries=False)
        assert hurry.due == math.inf
    hurry.see(200.0, hurries=True)
    assert math.isclose(hurry.due, 200.0 + left)
