"""How long a response is kept that nobody has asked for: so many seconds of a session in all."""

import math

from popover.protocols.imap.hurry import HURRY, Hurry


def test_nothing_is_due_while_nothing_waits() -> None:
    hurry = Hurry()
    assert hurry.due == math.inf
    hurry.see(5.0, hurries=False)
    assert hurry.due == math.inf


def test_what_waits_is_kept_from_its_first_moment_on() -> None:
    hurry = Hurry()
    for now in (5.0, 5.1, 5.2):
        hurry.see(now, hurries=True)
        assert hurry.due == 5.0 + HURRY


def test_what_was_waited_for_before_counts() -> None:
    hurry = Hurry()
    for since in (0.0, 100.0):
        hurry.see(since, hurries=True)
        hurry.see(since + 0.25, hurries=False)
        assert hurry.due == math.inf
    hurry.see(200.0, hurries=True)
    assert math.isclose(hurry.due, 200.0 + HURRY - 0.5)
