r"""The file format that Perdition's own files are written in (vanessa_config_file). Dry.

Words with blanks between them; `#` begins a comment; a backslash makes the next character a letter like any other, and
at the end of a line joins the next one; within '...' everything is itself, within "..." everything but a '.
"""

from __future__ import annotations

from collections.abc import Iterator


def logical_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give each line that is not empty: its number, and its words."""
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), 1):
        reader.start = reader.start or number
        if reader.take(line.rstrip("\r")):
            if reader.words:
                yield reader.start, reader.words
            reader = _Reader()
    reader.end_word()
    if reader.words:
        yield reader.start, reader.words


class _Reader:
    """One line, which a backslash, or an open quote, at its end joins with the next."""

    def __init__(self) -> None:
        self.start = 0
        self.words: list[str] = []
        self._word: list[str] | None = None
        self._quote = ""

    def take(self, line: str) -> bool:
        """Read a line; whether it ends here."""
        at = 0
        while at < len(line):
            char = line[at]
            at += 1
            if self._quote:
                self._inside(char)
            elif char == "\\":
                if at == len(line):
                    return False
                self._add(line[at])
                at += 1
            elif char == "#":
                break
            elif char in "'\"":
                self._quote = char
                self._add("")
            elif char in " \t":
                self.end_word()
            else:
                self._add(char)
        if self._quote:
            self._add("\n")
            return False
        self.end_word()
        return True

    def _inside(self, char: str) -> None:
        if char == self._quote:
            self._quote = ""
        elif char == "'":
            self._quote = "'"  # a ' is no letter within "..."
        else:
            self._add(char)

    def _add(self, text: str) -> None:
        self._word = [*(self._word or []), text]

    def end_word(self) -> None:
        """What comes next is another word."""
        if self._word is not None:
            self.words.append("".join(self._word))
            self._word = None
