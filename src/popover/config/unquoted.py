"""The commonest mistake in a TOML file: a text without quotes, or in curly ones. What to write, in one phrase."""

import re
import tomllib
from typing import Final

from popover.config.words import quote

_PAIR = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=\s*(.*)")
_LIST = re.compile(r"\[[^]]*]?")  # not "[::1]:110"
_CURLY: Final = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\xab\xbb"
"""What word processors and web pages make of quotes."""

_WORDS: Final = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
"""What other programs' files have for the two that TOML writes without quotes, in small letters."""


def advice(line: str) -> str:
    """What is to be written in this line, which TOML does not understand; empty where it is not for want of quotes.

    A value that holds an `@` is not repeated: somebody may have written `user:password@host`.
    """
    found = _PAIR.fullmatch(line)
    key, value = found.groups() if found else ("", line.strip())
    value = re.split(r"(?:^|\s)#", value)[0].rstrip()
    if key and value.startswith(tuple(_CURLY)) and "@" not in value:
        return f"write straight quotes: {key} = {quote(value.strip(_CURLY))}"
    if not value.strip("[],") or any(sign in value for sign in "\"'{") or _is_value(value):
        return ""
    if key and value.lower() in _WORDS:
        return f"write {key} = {_WORDS[value.lower()]}"
    if "," in value or _LIST.fullmatch(value):
        return 'write each text in quotes, several in brackets: ["...", "..."]'
    if key and "@" not in value:
        return f"write it in quotes: {key} = {quote(value)}"
    return "write it in quotes"


def _is_value(text: str) -> bool:
    try:
        tomllib.loads(f"x = {text}")
    except (ValueError, RecursionError):
        return False
    return True
