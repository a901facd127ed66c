"""docs/from-stunnel.md: each option that stunnel knows has its line, and what the page shows can be loaded."""

import re
import subprocess
from pathlib import Path

from parts.private import OWN, inside
from popover.config import load, parse_service_word

PAGE = (Path(__file__).parents[2] / "docs" / "from-stunnel.md").read_text()


def test_each_of_stunnels_options_has_its_line() -> None:
    ended = subprocess.run(inside(OWN, "stunnel", "-help"), capture_output=True, text=True, timeout=60, check=False)
    known = set(re.findall(r"(?m)^([A-Za-z]+) += ", ended.stdout + ended.stderr))
    assert len(known) > 70
    cells = re.findall(r"(?m)^\| ([^|]+) \|", PAGE.partition("| signal |")[0])
    told = {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}
    assert told == known


def test_its_file_and_its_words_lead_to_the_same(tmp_path: Path) -> None:
    [text] = re.findall(r"(?s)```toml\n(.*?)```", PAGE)
    file = tmp_path / "popover.toml"
    file.write_text(text)
    in_file = [(str(one.listen[0]), str(one.server)) for one in load(file).services]
    [words] = re.findall(r"(?m)^    popover run (.*)$", PAGE)
    typed = [parse_service_word(word) for word in words.split()]
    assert in_file == [(str(listen or "127.0.0.1:1110"), str(server)) for listen, server in typed]
