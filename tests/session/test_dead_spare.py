"""The first words of a server on a connection that stood ready: an answer, or its farewell."""

from typing import Any
from unittest.mock import Mock

import pytest

from popover.protocols import DIALECTS
from popover.session.dead_spare import DeadSpare


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        ("pop3", b"+OK 0 0\r\n"),
        ("imap", b"a1 OK in\r\n"),
        ("smtp", b"235 in\r\n"),
        ("smtp", b"250-me\r\n"),
        ("smtp", b"334 aGk=\r\n"),
        ("smtp", b"535 no\r\n"),
    ],
)
def test_an_answer_shows_that_it_was_alive(dialect: str, words: bytes) -> None:
    assert first_words(dialect, words) is True


@pytest.mark.parametrize(
    ("dialect", "words"),
    [("pop3", b"-ERR you were idle\r\n"), ("imap", b"* BYE idle\r\n"), ("smtp", b"421 4.4.2 you were idle\r\n")],
)
def test_a_farewell_does_not(dialect: str, words: bytes) -> None:
    assert first_words(dialect, words) is False


def first_words(dialect: str, words: bytes) -> bool:
    relay: Any = Mock()
    told: list[bool] = []
    DeadSpare(relay, DIALECTS[dialect].is_answer, told.append)
    relay.on_server(memoryview(words))
    [was_alive] = told
    return was_alive
