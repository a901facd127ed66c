"""What docs/troubleshooting.md quotes is what popover says."""

import math
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text()

# Code in the first column of tables under "check says": words that must stand in the source.
QUOTED = re.findall(r"(?m)^\| `([^`]+)`", TEXT) + re.findall(r"(?m)^\| [^|`]+ \| `([^`]+)` \|", TEXT)


def sources() -> str:
    """All of popover's words, with adjacent string literals joined."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "src" / "popover").rglob("*.py")))
    return re.sub(r'"\s*\n\s*f?"', "", text)


@pytest.mark.parametrize("words", QUOTED)
def test_what_is_quoted_is_said(words: str) -> None:
    assert words in sources()


def test_the_tables_are_there() -> None:
    assert len(QUOTED) > 30


def test_figures_of_the_first_page_name_their_conditions() -> None:
    """What a server must offer, what it must have shown, and over which line; what was not measured is not said."""
    page = (ROOT / "README.md").read_text()
    [claim] = [part for part in re.split(r"\n- |\n\n", page) if re.search(r"\d ?m?s\s+instead of", part)]
    for condition in ("a line of 40 ms", "PIPELINING", "first sessions", "docs/speed.md"):
        assert condition in claim
    assert not re.search(r"Raspberry|\bISP\b", page)


CLIENTS = sorted(path for path in (ROOT / "docs" / "clients").glob("*.md") if path.name not in {"README.md", "tls.md"})
DEVICES = ("scanner.md", "office-devices.md", "nas.md")  # they only send


@pytest.mark.parametrize("path", CLIENTS, ids=lambda path: path.name)
def test_every_page_for_a_client_says_what_must_be_off_and_what_may_be_lost(path: Path) -> None:
    page = path.read_text()
    assert re.search(r"\*\*(off|Never|none|None|no)\*\*|\bOff\b|\*Never\*|nothing for SSL|:110=", page)
    assert path.name in DEVICES or "before the first fetch" in page
    assert f"({path.name})" in (ROOT / "docs" / "clients" / "README.md").read_text()


def test_a_newcomer_finds_what_he_has_to_do_around_popover() -> None:
    page = (ROOT / "docs" / "your-machine.md").read_text()
    titles = re.findall(r"(?m)^## (.+)$", page)
    for title in ("Which machine", "Finding its address", "Keeping that address", "Firewall", "Starting at boot"):
        assert title in titles
    assert titles[-3:] == ["Leave messages on the server", "Updating", "Uninstalling"]
    for system in ("windows.md", "macos.md"):
        assert f"({system})" in page
        assert "does not run on" in (ROOT / "docs" / system).read_text()


def test_no_right_is_advised_that_every_python_program_would_get() -> None:
    """A capability of a file is whoever's who runs it (capabilities(7)), and the file is the interpreter."""
    folders = [ROOT / name for name in ("src", "docs", "examples", "scripts", "completions")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix not in {".pyc", ".svg"}]
    texts = [path.read_text() for path in [ROOT / "README.md", *files] if path.is_file()]
    assert not [text for text in texts if "setcap" in text]
    advice = next(text for text in texts if "only root may use a port below 1024" in text and "def " not in text)
    assert "ip_unprivileged_port_start" in advice


def test_sums_for_many_mailboxes_are_those_of_the_measured_figures() -> None:
    page, measured = ((ROOT / "docs" / f"{name}.md").read_text() for name in ("operations", "benchmarks"))
    row = next(line for line in measured.splitlines() if line.startswith("| popover "))
    session, gigabyte, _, idle, rest = (float(cell) for cell in row.split("|")[2:7])  # ms, s, MB/s, KiB, MB
    for figure in (f"{session:g} ms of CPU", f"{gigabyte:g} s of CPU", f"| {idle:g} KiB |", f"| {rest:.0f} MB |"):
        assert figure in page
    for mailboxes in (10**5, 10**6, 10**7):
        sessions, octets = mailboxes / 1200 * 3, mailboxes * 5e6 / 36000 * 3
        of_sessions, of_mail = sessions * session / 1000, octets / 1e9 * gigabyte
        cores = math.ceil((of_sessions + of_mail) / 0.4)
        memory = cores * round(rest) + sessions * 3 * idle / 1024
        assert (
            f"| {mailboxes:,} | {sessions:,.0f} | {of_sessions:.2f} | {octets / 1e6:,.0f} | {of_mail:.2f} | {cores} "
            f"| {sessions * 3:,.0f} | {memory:,.0f} | {math.ceil(cores / 4) + 1} |"
        ) in page


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []
