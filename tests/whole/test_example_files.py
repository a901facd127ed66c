"""Each example is right, in a folder with what its comment says stands beside it."""

import re
import shutil
from pathlib import Path

import pytest

from parts.building import ROOT
from parts.certificates import Authority
from parts.popover import run_popover

EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
LEADS = {  # of the club's members, by the popmap that is there to begin with
    "ALICE": "mail.a.example:{port}, as 'alice'",
    "bob": "mail.b.example:{port}, as 'bob@b.example'",
    "carol@b.example": "mail.b.example:{port}, as 'carol@b.example'",
    "dave": "mail.club.example:{port}, as 'dave'",
}
SCHEMES = {"pop3": ("pop3s", 995), "imap": ("imaps", 993), "smtp": ("smtps", 465), "sieve": ("sieve+starttls", 4190)}


def beside(example: Path) -> list[str]:
    """The files that its comment says it needs."""
    _, _, rest = example.read_text().partition("# Beside this file:\n")
    lines = re.findall(r"#     (\S+)  +\S.*\n", rest.partition("#\n")[0].partition("\n\n")[0] + "\n")
    return [str(one) for one in lines]


def lay_out(example: Path, folder: Path, authority: Authority) -> Path:
    """The example, and beside it what it needs: what is shipped with it, or what its name says."""
    for name in beside(example):
        place = folder / name
        if (example.parent / name).exists():
            shutil.copy(example.parent / name, place)
        elif name == "internal-ca.pem":
            shutil.copy(authority.ca_file, place)
        elif name.endswith(".pem"):
            certificate = authority.issue(name.removesuffix(".pem"))
            place.write_bytes(certificate.cert_file.read_bytes() + certificate.key_file.read_bytes())
        else:
            place.write_text("open sesame\n")
            place.chmod(0o600)
    return Path(shutil.copy(example, folder))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_each_example_passes_its_check_in_a_folder_laid_out_as_its_comment_says(
    tmp_path: Path, authority: Authority, example: Path
) -> None:
    ended = run_popover("run", "-c", lay_out(example, tmp_path, authority), "--check")
    assert ended.returncode == 0, ended.stderr
    assert "well-formed" in ended.stdout


def test_the_club_s_example_is_right_as_it_stands() -> None:
    assert beside(ROOT / "examples" / "club.toml") == ["popmap"]
    ended = run_popover("run", "-c", ROOT / "examples" / "club.toml", "--check")
    assert ended.returncode == 0, ended.stderr


def test_what_an_example_lacks_is_told_with_what_to_do(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "provider.toml", tmp_path)
    shutil.copy(ROOT / "examples" / "club.toml", tmp_path)
    for name in ("provider.toml", "club.toml"):
        ended = run_popover("run", "-c", tmp_path / name, "--check")
        assert ended.returncode == 2
        lines = ended.stderr.splitlines()
        assert lines
        assert all(f"{name}: " in line and "; " in line for line in lines), lines


def test_the_words_of_its_comment_are_the_popmap_that_is_shipped() -> None:
    text = (ROOT / "examples" / "club.toml").read_text()
    lines = re.findall(r"#\s+(alice:\S+)\s+(bob:\S+)\s+(b\.example:\S+)", text)[0]
    shipped = (ROOT / "examples" / "popmap").read_text().splitlines()
    assert [line for line in shipped if not line.startswith("#")] == list(lines)


@pytest.mark.parametrize("dialect", SCHEMES)
def test_the_club_s_members_are_led_to_their_servers_by_each_dialect(dialect: str) -> None:
    scheme, port = SCHEMES[dialect]
    for name, leads in LEADS.items():
        words = ("route", name, "-c", ROOT / "examples" / "club.toml", "--service", f"club-{dialect}")
        done = run_popover(*words)
        assert done.stdout.splitlines()[-1] == f"  -> leads to {scheme}://{leads.format(port=port)}", done
