"""The screen recordings of the README and of docs/ are what the commands say today."""

import re

import pytest

import recording

SHOWN = recording.scenes_in(recording.README.read_text())
TEXT = "\n".join(page.read_text() for page in recording.PAGES)


def test_the_readme_shows_a_check_that_fails_first() -> None:
    assert SHOWN[0] == "check-expired"


@pytest.mark.parametrize("scene", recording.SCENES)
def test_a_recording_has_not_drifted(scene: str) -> None:
    shown = re.search(rf"recorded by scripts/record: {scene} -->\n```\n(.*?)```\n<!-- end", TEXT, re.DOTALL)
    assert shown, f"no page shows {scene}"
    assert recording.settled(shown[1]) == recording.settled(recording.record(scene))
