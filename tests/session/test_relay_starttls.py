"""STARTTLS behind a command that the server never answers: what the client is to be told has its turn behind that
answer, and the wait for it has an end.
"""

import pytest
from stage import Scene, play

from popover.config import DialectName
from popover.protocols import DIALECTS, Terms
from popover.session.outcome import Outcome
from services import service

GREETINGS: dict[DialectName, bytes] = {"pop3": b"+OK hi\r\n", "imap": b"* OK hi\r\n", "smtp": b"220 hi\r\n"}
SAID: dict[DialectName, tuple[bytes, bytes]] = {
    "pop3": (b"NOOP\r\n", b"STLS\r\n"),
    "imap": (b"a NOOP\r\n", b"b STARTTLS\r\n"),
    "smtp": (b"NOOP\r\n", b"STARTTLS\r\n"),
}


@pytest.mark.parametrize("dialect", SAID)
def test_starttls_behind_a_command_that_is_never_answered_ends_with_the_clients_time(dialect: DialectName) -> None:
    asked, starttls = SAID[dialect]
    patience = service(dialect, login_timeout=0.2, idle_timeout=0.4).patience
    # With SMTP and IMAP a first command ends the time for a login: it may be all of a talk. Silence has a limit, too.
    end = Outcome("login timeout", clean=True) if dialect == "pop3" else Outcome("idle timeout", clean=False)

    async def act(scene: Scene) -> None:
        await scene.client.send(asked)
        await scene.server_hears(asked)
        await scene.client.send(starttls)
        assert await scene.over() == end

    room = DIALECTS[dialect]
    terms = Terms(service(dialect).ahead, "192.0.2.1", "offer")
    play(act, patience, lambda client, server: room.ears(client, server, terms, room.memory()), GREETINGS[dialect])
