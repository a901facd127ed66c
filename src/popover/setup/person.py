"""Who is asked: a person at a terminal, whoever wrote --yes, or nobody."""

from __future__ import annotations

from typing import Protocol


class Person(Protocol):
    """Answers questions."""

    def agrees(self, question: str) -> bool:
        """Ask; whether the answer is yes."""

    def chooses(self, question: str, usual: str) -> str:
        """Ask for a word; `usual` where nothing is said."""

    def tell(self, line: str = "") -> None:
        """Say something that is no question."""


class Terminal:
    """Somebody who looks at it. Only a word that means yes is one."""

    def agrees(self, question: str) -> bool:
        """Ask, until there is an answer; the end of the input is a no."""
        while True:
            try:
                answer = input(f"{question} [y/n] ").strip().lower()
            except EOFError:
                print()  # noqa: T201 - the line of the question has no end yet
                return False
            if answer in {"y", "yes", "n", "no"}:
                return answer[0] == "y"

    def chooses(self, question: str, usual: str) -> str:
        """Ask; Enter takes what is shown."""
        try:
            return input(f"{question} [{usual}] " if usual else f"{question} ").strip() or usual
        except EOFError:
            print()  # noqa: T201
            return usual

    def tell(self, line: str = "") -> None:
        """Say it."""
        print(line, flush=True)  # noqa: T201


class Agreed:
    """Whoever wrote --yes: it is said, and taken as agreed."""

    def agrees(self, question: str) -> bool:
        """Yes."""
        self.tell(f"{question} yes")
        return True

    def chooses(self, _question: str, usual: str) -> str:
        """What is usual."""
        return usual

    def tell(self, line: str = "") -> None:
        """Say it."""
        print(line, flush=True)  # noqa: T201


class Silent:
    """Where a program reads what comes out: nothing is said, and `agreed` is the answer to all."""

    def __init__(self, *, agreed: bool) -> None:
        self._agreed = agreed

    def agrees(self, _question: str) -> bool:
        """What was said beforehand."""
        return self._agreed

    def chooses(self, _question: str, usual: str) -> str:
        """What is usual."""
        return usual

    def tell(self, line: str = "") -> None:
        """Say nothing."""
