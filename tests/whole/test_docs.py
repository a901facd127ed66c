"""What the pages say is what popover does: quoted sentences, commands, options, keys, figures, rooms, links."""

import math
import re
import shlex
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from popover.cli.arguments import make_parser
from popover.config.account_fields import ACCOUNT, OAUTH2
from popover.config.ahead import Ahead
from popover.config.fields import SERVICE, STATUS, TOP
from popover.config.table_file import TABLE
from popover.process.status.figures import Figures, Picture
from popover.process.status.metrics import classic
from popover.wire.engine import Ending

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
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix not in {".png", ".pyc", ".svg"}]
    texts = [path.read_text() for path in [ROOT / "README.md", *files] if path.is_file()]
    assert not [text for text in texts if "setcap" in text]
    advice = next(text for text in texts if "only root may use a port below 1024" in text and "def " not in text)
    assert "ip_unprivileged_port_start" in advice


def memory_in(benchmarks: str) -> tuple[float, float]:
    """KiB for a silent session, and MB at rest: as measured by themselves, since the table of all was made."""
    [row] = re.findall(r"(?ms)^<!-- idle: begin -->.*?^\| popover +\| +(\d+) \| +([\d.]+) \|", benchmarks)
    return float(row[0]), float(row[1])


def test_sums_for_many_mailboxes_are_those_of_the_measured_figures() -> None:
    page, measured = ((ROOT / "docs" / f"{name}.md").read_text() for name in ("operations", "benchmarks"))
    row = next(line for line in measured.splitlines() if line.startswith("| popover "))
    session, gigabyte = (float(cell) for cell in row.split("|")[2:4])  # ms, s
    idle, rest = memory_in(measured)
    for figure in (f"{session:g} ms of CPU", f"{gigabyte:g} s of CPU", f"| {idle:g} KiB |", f"| {rest:.0f} MB |"):
        assert figure in page
    for mailboxes in (10**5, 10**6, 10**7):
        sessions, octets = mailboxes / 1200 * 3, mailboxes * 5e6 / 36000 * 3
        of_sessions, of_mail = sessions * session / 1000, octets / 1e9 * gigabyte
        cores = math.ceil((of_sessions + of_mail) / 0.4)
        megabytes = cores * round(rest) + sessions * 3 * idle / 1024
        assert (
            f"| {mailboxes:,} | {sessions:,.0f} | {of_sessions:.2f} | {octets / 1e6:,.0f} | {of_mail:.2f} | {cores} "
            f"| {sessions * 3:,.0f} | {megabytes:,.0f} | {math.ceil(cores / 4) + 1} |"
        ) in page


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
KEYS = {**SERVICE, **TOP, **STATUS, **ACCOUNT, **OAUTH2, **TABLE}


def words_of(path: Path) -> str:
    """A page without its screen recordings, which are made by running."""
    return re.sub(r"(?s)<!-- recorded by .*?<!-- end of recording -->", "", path.read_text())


_COMMANDS = {"run", "inetd", "check", "route", "demo", "account", "queue", "explain", "setup"}


def commands_in(text: str) -> list[list[str]]:
    """What a page tells to type, as words: lines of code blocks, and `...`; not where dots stand for the rest."""
    text = re.sub(r"\\\n\s*", "", text).replace('"$(command -v popover)"', "popover")
    lines = re.findall(r"(?m)^    (?:\$ )?((?:sudo )?(?:\S*/)?popover(?:\.pyz)? .*)$", text)
    lines += re.findall(r"(?m)^\$ (popover .*)$", text)
    lines += re.findall(r"`(popover [^`]+)`", text.replace("\n", " "))
    commands = [shlex.split(line, comments=True) for line in lines]
    return [words[1:] if words[0] != "sudo" else words[2:] for words in commands if "..." not in " ".join(words)]


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda p: p.name)
def test_every_command_that_is_shown_can_be_typed(path: Path) -> None:
    """The options exist, and go with that command; COMMAND, --trace and the like are named alone."""
    for words in commands_in(words_of(path)):
        if words[0] not in _COMMANDS:
            assert words[0] in {"help", "version", "--version", "COMMAND"}, words
            continue
        if words == ["account"]:
            continue
        if not [word for word in words[1:] if not word.startswith("-")] and words[0] != "demo":
            words.append("mail.example.com")  # `popover run --trace`
        arguments = make_parser().parse_args(words)
        assert arguments.command == words[0]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_every_option_that_is_named_exists(path: Path) -> None:
    known = set(re.findall(r"--[a-z][a-z-]+", "".join(option.read_text() for option in (ROOT / "man").iterdir()
                                                       ).replace("\\-", "-")))  # fmt: skip
    named = set(re.findall(r"`(--[a-z][a-z-]+)[ `]", path.read_text()))
    assert named <= known | {"--plugin", "--global", "--force"}  # fetchmail's, pipx's


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_every_key_that_is_named_exists(path: Path) -> None:
    """`key = value`, in a sentence or a table; some are xinetd's, systemd's or Dovecot's."""
    named = set(re.findall(r"`([a-z][a-z_]+) = ", path.read_text())) | set(
        re.findall(r"(?m)^    ([a-z][a-z_]+) = (?![^\n]*popover)(?=\"|\[\"|true|false|\d+$)", path.read_text())
    )
    others = {"socket_type", "protocol", "wait", "instances", "port", "type", "flags", "log_type", "log_on_success",
              "log_on_failure", "haproxy_trusted_networks", "ssl", "haproxy", "service"}  # fmt: skip
    assert named - others <= KEYS.keys()


def test_all_that_is_done_ahead_can_be_switched_off_as_is_said() -> None:
    page = (ROOT / "docs" / "speed.md").read_text()
    off = tomllib.loads(page.partition("all of it:\n")[2].partition("Then the server")[0])
    assert off.keys() == {one.name for one in fields(Ahead)} - {"read_ahead_bytes"}  # which does nothing then
    assert not any(off.values())


def test_the_fields_and_ends_of_the_log_are_those_that_it_has() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    told = set(re.findall(r"`(\w+)`", "".join(re.findall(r"(?m)^\| (`[^|]+) \|", page.partition("| field |")[2]))))
    source = (ROOT / "src" / "popover" / "session" / "telling.py").read_text()
    logged = set(re.findall(r'(?m)^        "(\w+)": ', source.partition("def _fields")[2]))
    assert len(logged) > 10
    assert logged | {"user", "cause", "remedy"} <= told
    ends = set(re.findall(r"`([a-z ]+)`", "".join(re.findall(r"(?m)^\| (`[^|]+) \|", page.partition("| `end` |")[2]))))
    kinds = {f"{side} {kind}" for side in ("client", "server") for kind in get_args(get_type_hints(Ending)["kind"])}
    kinds.remove("client cut")  # a client need not say close_notify
    said = set(re.findall(r'Outcome\("([a-z ]+)"', sources())) | set(
        re.findall(r'(?m)^    end = "([a-z ]+)"', sources())
    )
    others = {"tls", "answered", "failed", "refused"}  # of a talk, of the root, of the guard
    assert (said | kinds) - others - ends == set()


def test_every_metric_that_is_named_exists() -> None:
    picture = Picture(
        "1", 1.0, 0.0, True, 1, 1, (Figures("a", "b", failed={"no tls": 1}, reached=1.0, certificate_end=1.0),)
    )
    known = set(re.findall(r"(?m)^(popover_\w+)", "\n".join(classic(picture))))
    named = set(re.findall(r"popover_[a-z_]+", (ROOT / "docs" / "operations.md").read_text()))
    assert named
    assert named <= known


def test_the_map_names_all_rooms_and_none_that_is_not() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    plan = page.partition("```\nsrc/popover/\n")[2].partition("```")[0]
    root = ROOT / "src" / "popover"
    listed = ("inside", "outside", "process", "protocols", "session", "wire")  # where each file has its line
    for wing in sorted(path.name for path in root.iterdir() if path.is_dir() and path.name != "__pycache__"):
        [part] = re.findall(rf"(?ms)^  {wing}/ .*?(?=^  \w|\Z)", plan)
        rooms = [path for path in (root / wing).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
        for room in rooms if wing in listed else []:
            name = room.name if room.suffix else f"{room.name}/"
            assert name == "__init__.py" or name in part, f"{wing}/{name}"
    for name in re.findall(r"\b(\w+\.py)\b", plan):
        assert list(root.rglob(name)), name


def test_every_room_that_is_named_in_a_room_or_on_a_page_is_there() -> None:
    rooms = sorted((ROOT / "src").rglob("*.py"))
    there = [f"/{path.relative_to(ROOT)}" for top in ("src", "tests", "bench") for path in (ROOT / top).rglob("*.py")]
    for path in (*rooms, *(ROOT / "docs").glob("*.md")):
        for name in re.findall(r"(?<![\w/.-])((?:\w+/)*\w+\.py)\b", path.read_text()):
            assert any(one.endswith(f"/{name}") for one in there), f"{path.relative_to(ROOT)}: {name}"


def test_the_first_page_keeps_its_margin() -> None:
    page = words_of(ROOT / "README.md")
    assert [line for line in page.splitlines() if len(line) > 120] == []


def test_the_benchmarks_say_when_they_were_measured() -> None:
    """Before the first table of each of the two parts, which two programs write at their own times."""
    here, long = (ROOT / "docs" / "benchmarks.md").read_text().split("<!-- long lines: begin -->")
    for part in (here, long):
        assert re.search(r" on 20\d\d-\d\d-\d\d", part.partition("\n|")[0])


def test_the_first_page_and_the_benchmarks_have_the_same_figures() -> None:
    readme, page = words_of(ROOT / "README.md"), (ROOT / "docs" / "benchmarks.md").read_text()
    table = page.partition("| Round trip 40 ms |")[2]
    [look] = re.findall(r"(?m)^\| Look: nothing new \| (\d+) \| (\d+) \|", table)[:1]
    [fetch] = re.findall(r"(?m)^\| Fetch 100 small \| ([\d,]+) \| ([\d,]+) \|", table)[:1]
    slow, fast = (int(text.replace(",", "")) / 1000 for text in fetch)
    assert f"{look[1]} ms instead of {look[0]}," in readme
    assert f"{fast:.2f} s instead of {slow:.1f}." in readme
    [claim] = re.findall(r"(\d+) MB at rest, and\s+(\d+) KiB", readme)
    idle, rest = memory_in(page)
    assert claim == (f"{rest:.0f}", f"{idle:.0f}")


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_links_into_a_page_lead_to_a_title(path: Path) -> None:
    for page, title in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", path.read_text()):
        text = (path.parent / page if page else path).read_text()
        titles = [re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in re.findall(r"(?m)^#+ (.+)$", text)]
        assert title in titles
