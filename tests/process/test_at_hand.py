"""Whether a user can read popover's files is told by the rights on the way there."""

import os
import pwd
from pathlib import Path

import pytest

from parts.places import short_directory
from popover.process.at_hand import have_at_hand, is_open

ME, NOBODY = pwd.getpwuid(os.geteuid()), pwd.getpwnam("nobody")


@pytest.mark.parametrize(
    ("mode", "is_his"), [(0o755, True), (0o711, True), (0o700, False), (0o750, False), (0o754, False)]
)
def test_a_folder_on_the_way_shuts_the_others_out(mode: int, is_his: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with short_directory("home") as home:
        (home / "src" / "popover").mkdir(parents=True)
        home.chmod(mode)
        monkeypatch.chdir(home)
        for place in (home / "src" / "popover", Path("src/popover")):
            assert is_open(place, NOBODY) is is_his
            assert is_open(place, ME)


def test_a_folder_that_can_be_entered_and_not_listed_is_shut() -> None:
    """What may be wanted is found by its name, but nobody knows all names."""
    with short_directory("home") as home:
        (home / "popover").mkdir(mode=0o711)
        assert not is_open(home / "popover", NOBODY)


def test_within_a_zip_the_zip_s_rights_count() -> None:
    with short_directory("home") as home:
        pyz = home / "popover.pyz"
        pyz.touch(mode=0o600)
        assert not is_open(pyz / "popover", NOBODY)
        pyz.chmod(0o644)
        assert is_open(pyz / "popover", NOBODY)


def test_a_user_who_is_not_there_is_told_by_who_becomes_he() -> None:
    have_at_hand("nobody-of-this-name")
