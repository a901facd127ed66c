"""The README's screen recordings are what the commands say today."""

import re

import pytest

import recording

TEXT = recording.README.read_text()
SHOWN = recording.scenes_in(TEXT)


def test_the_readme_shows_a_check_that_fails_first() -> None:
    assert SHOWN[0] == "check-expired"


@pytest.mark.parametrize("scene", recording.SCENES)
def test_a_recording_has_not_drifted(scene: str) -> None:
    shown = re.search(rf"recorded by scripts/record: {scene} -->\n```\n(.*?)```\n<!-- end", TEXT, re.DOTALL)
    assert shown, f"the README does not show {scene}"
    assert recording.settled(shown[1]) == recording.settled(recording.record(scene))
