"""Ears whose session is over are freed at once: what only the garbage collector can free costs each session time."""

import gc

import pytest

from popover.config import Ahead
from popover.protocols import DIALECTS
from popover.protocols.dialect import Terms
from popover.talk import End

TALKS = {  # the greeting; then what the client says, and the server to that, in turn
    "pop3": b"+OK hi|USER a|+OK|PASS b|+OK|STAT|+OK 0 0|QUIT|+OK",
    "imap": b"* OK hi|a LOGIN u p|a OK in|b NOOP|b OK done|c LOGOUT|c OK bye",
    "smtp": b"220 hi|EHLO x|250 hi|NOOP|250 ok|QUIT|221 bye",
    "sieve": b"OK|NOOP|OK|LOGOUT|OK",
}


@pytest.mark.parametrize("dialect", TALKS)
@pytest.mark.parametrize("words", [0, 1, 9])
def test_ears_whose_session_is_over_are_freed_without_the_garbage_collector(dialect: str, words: int) -> None:
    greeting, *talk = (line + b"\r\n" for line in TALKS[dialect].split(b"|"))
    client, server = End("client"), End("server")
    gc.collect()
    gc.disable()
    try:
        ears = DIALECTS[dialect].ears(client, server, Terms(Ahead(), "visitor"), DIALECTS[dialect].memory())
        ears.start(greeting, b"", 1.0)
        for said, answer in list(zip(talk[::2], talk[1::2], strict=True))[:words]:
            ears.client_said(said, 1.0)
            server.outbox.clear()
            ears.server_said(memoryview(answer), 1.0)
            client.outbox.clear()
        ears.over(2.0, server_left=False)
        del ears
        assert gc.collect() == 0
    finally:
        gc.enable()
