"""What a client says first: a mail program's first line, or what shows that it is none."""

from __future__ import annotations

from collections.abc import Callable

from popover.inside.guard import mistaken_for

FIRST_WORDS = 512
"""Octets of a client's first line in which it is recognised as a browser, or as TLS (guard.mistaken_for)."""


class FirstWords:
    """One client's, until its first line is over: `is_over`. `judge`: says what octets are, if they are no mail
    program's.
    """

    __slots__ = ("_said", "is_over", "judge")

    def __init__(self) -> None:
        self.is_over = False
        self.judge: Callable[[bytes], tuple[str, str] | None] = mistaken_for
        self._said = b""

    def hear(self, data: memoryview) -> tuple[str, str] | None:
        """Hear what comes next; what it shows the client to be, if that is no mail program: cause and remedy."""
        self._said += bytes(data[: FIRST_WORDS - len(self._said)])
        mistake = self.judge(self._said)
        if b"\n" in bytes(data):
            self.is_over, self._said = True, b""
        return mistake
