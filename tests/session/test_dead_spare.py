"""The first words of a server on a connection that stood ready: an answer, or its farewell."""

from typing import Any
from unittest.mock import Mock

import pytest

from popover.session.dead_spare import DeadSpare


@pytest.mark.parametrize("words", [b"+OK 0 0\r\n", b"235 in\r\n", b"250-me\r\n", b"334 aGk=\r\n", b"535 no\r\n"])
def test_an_answer_shows_that_it_was_alive(words: bytes) -> None:
    assert first_words(words) is True


@pytest.mark.parametrize("words", [b"-ERR you were idle\r\n", b"421 4.4.2 you were idle\r\n"])
def test_a_farewell_does_not(words: bytes) -> None:
    assert first_words(words) is False


def first_words(words: bytes) -> bool:
    relay: Any = Mock()
    told: list[bool] = []
    DeadSpare(relay, told.append)
    relay.on_server(memoryview(words))
    [was_alive] = told
    return was_alive
