"""The manual page is up to date, and roff takes nothing of its text for a command."""

import manual


def test_it_is_that_of_the_command_line() -> None:
    assert manual.FILE.read_text() == manual.page(), "run .venv/bin/python scripts/complete"


def test_no_line_is_taken_for_a_command() -> None:
    known = {".SH", ".SS", ".TP", ".TH", ".PP", ".nf", ".fi", ".B", ".BR", ".I", ".RI", '.\\"'}
    commands = [line for line in manual.page().splitlines() if line.startswith((".", "'"))]
    assert [line for line in commands if line.split(" ")[0] not in known] == []


def test_every_command_and_option_is_in_it() -> None:
    page = manual.page().replace("\\-", "-")
    for words in (
        ".SS run",
        ".SS inetd",
        ".SS check",
        ".SS route",
        ".SS demo",
        ".SS explain",
        ".SS setup",
        ".SS account add",
        "--ca-file",
        "--login",
        "--once",
        "-c",
        "--trace",
    ):
        assert words in page


def test_a_line_that_begins_with_a_dot_is_text() -> None:
    assert manual._plain(".x\n'y\n\\z") == "\\&.x\n\\&'y\n\\ez"  # noqa: SLF001
