r"""POSIX extended regular expressions (IEEE 1003.1, 9.4) as Python's. Dry.

What differs: `[[:alpha:]]`; within brackets a backslash is itself; `\<` and the like are no POSIX. One thing is not
imitated: of several alternatives POSIX takes the longest, Python the first: `(a|ab)c` finds the same, but what the
parentheses catch may differ.
"""

from __future__ import annotations

import re
from typing import Final

from popover.config.words import quote
from popover.errors import ConfigError

_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t\\n\\r\\f\\v",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}  # in the C locale, which is Perdition's: it never calls setlocale

_CLASS = re.compile(r"\[:([a-z]+):\]")


def compile_posix(text: str) -> re.Pattern[str]:
    """Compile one. Raises ConfigError."""
    try:
        return re.compile(_translate(text), re.MULTILINE)  # REG_NEWLINE, as Perdition has it
    except (re.error, RecursionError, OverflowError) as fault:
        reason = fault.msg if isinstance(fault, re.error) else "it is beyond all measure"
        raise ConfigError(f"{quote(text)} is no regular expression: {reason}") from None


def _translate(text: str) -> str:
    made, at = [], 0
    while at < len(text):
        char = text[at]
        if char == "[":
            part, at = _bracket(text, at)
            made.append(part)
        elif char == "\\":
            escaped = text[at + 1 : at + 2]
            made.append(re.escape(escaped) if escaped else "\\\\")
            at += 2
        elif char == "{" and not re.match(r"\{[0-9]+(,[0-9]*)?\}", text[at:]):
            made.append("\\{")
            at += 1
        elif text.startswith("(?", at):
            raise ConfigError(f"{quote(text)} is no POSIX regular expression: (? is Perl's")
        else:
            made.append(char)
            at += 1
    return "".join(made)


def _bracket(text: str, at: int) -> tuple[str, int]:
    """One bracket expression, and where it ends: `]` is itself at the first place, a backslash everywhere."""
    begin = at
    at += 1
    made = "["
    if text[at : at + 1] == "^":
        made, at = "[^", at + 1
    first = True
    while at < len(text) and (text[at] != "]" or first):
        first = False
        if found := _CLASS.match(text, at):
            if found[1] not in _CLASSES:
                raise ConfigError(f"{quote(text)} is no regular expression: there is no [:{found[1]}:]")
            made += _CLASSES[found[1]]
            at = found.end()
        else:
            made += "\\" + text[at] if text[at] in "\\[]&~|" else text[at]
            at += 1
    if at >= len(text):
        raise ConfigError(f"{quote(text)} is no regular expression: {quote(text[begin:])} has no ] at its end")
    return made + "]", at + 1
