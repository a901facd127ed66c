"""The text of a configuration: which files, what is in them as TOML, and where a mistake of spelling stands."""

from __future__ import annotations

import codecs
import re
import tomllib
from pathlib import Path
from typing import Any

from popover.config.unquoted import advice
from popover.config.words import visible
from popover.errors import ConfigError

FILE_LIMIT = 1024 * 1024
"""Octets of a configuration file; a thousand services with every key need about 600 KiB."""

_NOT_UNDERSTOOD = ("Invalid value", "Unclosed array", "Expected newline or end of document after a statement")


_UNCLOSED = (r"Illegal character '\n'", r"Found invalid character '\n'", "Unterminated string", 'Expected "\'"')
_PLAINER = dict.fromkeys(_UNCLOSED, "a text has no quote at its end") | {
    "Cannot overwrite a value": "this key stands here for the second time"
}
"""What tomllib says, and what it means to who has written the file."""


def files_of(path: Path) -> list[Path]:
    """Give a file, or all `*.toml` of a directory in the order of their names. Raises ConfigError."""
    try:
        if not path.is_dir():
            return [path]
        files = sorted(file for file in path.glob("*.toml") if not file.name.startswith("."))
    except (OSError, ValueError) as problem:
        raise ConfigError(f"{shown(path)}: {_reason(problem)}") from None
    if not files:
        raise ConfigError(f"{shown(path)}: the directory holds no *.toml")
    return files


def parse(file: Path) -> dict[str, Any]:
    """Read one file. Raises ConfigError, with the line and what is wrong there."""
    try:
        with file.open("rb") as stream:
            octets = stream.read(FILE_LIMIT + 1)
    except (OSError, ValueError) as problem:
        raise ConfigError(_reason(problem)) from None
    if len(octets) > FILE_LIMIT:
        raise ConfigError(f"more than {FILE_LIMIT} bytes: this is no configuration")
    text = _decode(octets)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(_where_first(str(problem), text)) from None
    except (ValueError, RecursionError):  # a number of 5,000 digits; 1,000 brackets in each other
        raise ConfigError("this is no configuration: a number or a nesting beyond all measure") from None


def _decode(octets: bytes) -> str:
    if octets.startswith(codecs.BOM_UTF8):
        raise ConfigError("line 1: begins with a byte order mark; save it as UTF-8 without BOM")
    if octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError("line 1: is UTF-16; save it as UTF-8 without BOM")
    try:
        return octets.decode()
    except UnicodeDecodeError as problem:
        line = octets.count(b"\n", 0, problem.start) + 1
        raise ConfigError(f"line {line}: byte 0x{octets[problem.start]:02x} is not UTF-8; save it as UTF-8") from None


def _where_first(message: str, text: str) -> str:
    """Move the place to the front of what tomllib says: `Expected ... (at line 3, column 5)`."""
    what, _, where = message.removesuffix(")").rpartition(" (at ")
    if where == "end of document":
        where = f"line {len(text.splitlines())}, at the end"
    what = _PLAINER.get(what, what)
    return visible(f"{where}: {what[:1].lower()}{what[1:]}{_advice(what, where, text)}" if what else message)


def _advice(what: str, where: str, text: str) -> str:
    """Say what is missing where tomllib says only that it does not understand: quotes, most often."""
    number = re.match(r"line (\d+),", where)
    if not number or not what.startswith(_NOT_UNDERSTOOD):
        return ""
    told = advice(text.split("\n")[int(number[1]) - 1].rstrip("\r"))
    return f": {told}" if told else ""


def _reason(problem: OSError | ValueError) -> str:
    if isinstance(problem, FileNotFoundError):
        return "there is no such file"
    if isinstance(problem, OSError):
        return f"cannot be read: {problem.strerror}"
    return "cannot be read: its name holds a NUL"


def shown(path: str | Path) -> str:
    """Write a path for people, on one line."""
    return visible(str(path))
