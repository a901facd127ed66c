"""The talk of a POP3 session on a real event loop; both peers are the test's."""

import asyncio
import contextlib
from typing import Any

import pytest
from stage import PATIENCE, Act, Scene, play, until

from model_pop3 import VISITOR, service, trusting
from popover.protocols import Terms, pop3
from popover.protocols.pop3.commands import RESPONSE_LIMIT
from popover.session import waiting
from popover.wire.stream import CHUNK
from services import changed

GREETING = b"+OK ready\r\n"
CAPA = b"+OK\r\nTOP\r\nPIPELINING\r\n.\r\n"


async def log_in(scene: Scene) -> None:
    """A login, with what leaves and comes with it."""
    await scene.client.send(b"USER anna\r\n")
    await scene.client_gets(b"+OK\r\n")
    await scene.client.send(b"PASS secret\r\n")
    await scene.server_hears(b"USER anna\r\nPASS secret\r\nCAPA\r\nSTAT\r\n")
    await scene.server.send(b"+OK\r\n+OK in\r\n" + CAPA + b"+OK 4 36\r\n")
    await scene.client_gets(b"+OK in\r\n")


def on_stage(act: Act, memory: pop3.Memory | None = None, *, warm: bool = True, **keys: Any) -> None:
    """`warm`: the session has the server's capabilities in hand."""
    of, known = changed(service(), **keys), memory or trusting()
    terms = Terms(of.ahead, VISITOR)
    play(
        act,
        of.patience,
        lambda client, server: pop3.Ears(client, server, terms, known),
        GREETING,
        CAPA if warm else b"",
    )


# What does not come, or comes late


def test_questions_that_got_lost_behind_a_login_are_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool may have servers of another kind: what the last one has shown, this one cannot."""
    monkeypatch.setattr("popover.protocols.pop3.manners.MORE", 0.05)
    memory = trusting()

    async def act(scene: Scene) -> None:
        await scene.client.send(b"USER anna\r\nPASS secret\r\n")
        await scene.server_hears(b"USER anna\r\nPASS secret\r\nCAPA\r\nSTAT\r\n")
        await scene.server.send(b"+OK\r\n+OK in\r\n")  # and heard no more than that
        await scene.client_gets(b"+OK\r\n+OK in\r\n")
        await scene.client.send(b"STAT\r\n")
        await scene.server_hears(b"STAT\r\n")  # the probe
        await scene.server.send(b"+OK 2 20\r\n")
        await scene.server_hears(b"STAT\r\n")  # the client's own
        await scene.server.send(b"+OK 2 20\r\n")
        await scene.client_gets(b"+OK 2 20\r\n")

    on_stage(act, memory)
    assert memory.harm().keys() == {"keeps"}


def test_a_server_that_takes_its_time_for_a_question_of_the_client_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("popover.protocols.pop3.manners.MORE", 0.05)

    async def act(scene: Scene) -> None:
        await log_in(scene)
        await scene.client.send(b"UIDL\r\n")
        await scene.server_hears(b"UIDL\r\n")
        await asyncio.sleep(0.3)
        assert not scene.talk.done()
        await scene.server.send(b"+OK\r\n1 a\r\n.\r\n")
        await scene.client_gets(b"+OK\r\n1 a\r\n.\r\n")

    on_stage(act)


def test_a_session_whose_server_hangs_up_on_us_makes_the_next_one_of_this_client_careful() -> None:
    memory = trusting()

    async def act(scene: Scene) -> None:
        await scene.client.send(b"USER anna\r\nPASS secret\r\n")
        await scene.server_hears(b"USER anna\r\nPASS secret\r\nCAPA\r\nSTAT\r\n")
        scene.server.half_close()
        await scene.over()
        assert scene.relay.server_left
        scene.relay.ears.over(0, server_left=True)

    on_stage(act, memory)
    assert memory.habits((VISITOR, "anna")).careful
    assert not memory.habits((VISITOR, "ben")).careful


# Deletions and QUIT


def test_a_user_without_a_password_is_sent_on_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server has a limit for silence before the login, and on a spare it has run for a while."""
    monkeypatch.setattr("popover.protocols.pop3.login.HOLD_USER", 0.05)

    async def act(scene: Scene) -> None:
        await scene.client.send(b"USER anna\r\n")
        await scene.client_gets(b"+OK\r\n")
        await scene.server_hears(b"USER anna\r\n")

    on_stage(act)


def test_a_client_that_half_closes_behind_quit_has_its_deletions_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server takes its time for each DELE; no answer of those goes to the client, but each is one step."""
    monkeypatch.setattr(waiting, "ANSWER_WAIT", 2)

    async def act(scene: Scene) -> None:
        await log_in(scene)
        await scene.client.send(b"STAT\r\n")
        await scene.client_gets(b"+OK 4 36\r\n")
        deletions = [b"DELE %d\r\n" % number for number in range(1, 5)]
        await scene.client.send(b"".join(deletions) + b"QUIT\r\n")
        scene.client.half_close()
        await scene.server_hears(b"".join(deletions))
        for _ in deletions:
            await asyncio.sleep(0.3)
            await scene.server.send(b"+OK gone\r\n")
        await scene.server_hears(b"QUIT\r\n")
        await scene.server.send(b"+OK bye\r\n")
        scene.server.half_close()
        assert (await scene.over()).clean

    on_stage(act)


async def leave_early(scene: Scene) -> None:
    """Log in and say QUIT; it is answered at once, while the server still owes us the answer to a NOOP."""
    await log_in(scene)
    await scene.server_hears(b"NOOP\r\n")
    await scene.client.send(b"QUIT\r\n")
    await scene.client_gets(b"+OK\r\n")


def test_a_quit_that_was_answered_at_once_reaches_a_slow_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LINGER", 0.05)

    async def act(scene: Scene) -> None:
        await leave_early(scene)
        await asyncio.sleep(0.3)
        await scene.server.send(b"+OK noop\r\n")
        await scene.server_hears(b"QUIT\r\n")
        await asyncio.sleep(0.3)  # longer than LINGER
        assert not scene.talk.done()
        await scene.server.send(b"+OK bye\r\n")
        assert (await scene.over()).clean

    on_stage(act, keep_alive=0.05)


def test_a_client_that_vanishes_behind_its_quit_has_the_server_told_all_the_same() -> None:
    async def act(scene: Scene) -> None:
        await leave_early(scene)
        scene.client.reset()
        await until(lambda: scene.inside.ending)
        await scene.server.send(b"+OK noop\r\n")
        await scene.server_hears(b"QUIT\r\n")
        await scene.server.send(b"+OK bye\r\n")
        assert (await scene.over()).clean

    on_stage(act, keep_alive=0.05)


def test_a_client_that_closes_behind_its_quit_has_the_server_told_all_the_same() -> None:
    """It is let go, but the server is not told the end before it was told QUIT."""

    async def act(scene: Scene) -> None:
        await leave_early(scene)
        scene.client.half_close()
        await until(lambda: scene.inside.ending)
        await scene.server.send(b"+OK noop\r\n")
        await scene.server_hears(b"QUIT\r\n")
        await scene.server.send(b"+OK bye\r\n")
        assert (await scene.over()).clean

    on_stage(act, keep_alive=0.05)


async def drips(scene: Scene) -> None:
    """The server says an octet now and then, for as long as there is somebody."""
    with contextlib.suppress(OSError):
        while not scene.talk.done():
            await scene.server.send(b"x")
            await asyncio.sleep(0.1)


def test_a_server_that_drips_keeps_no_session_of_a_client_that_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "ANSWER_WAIT", 0.5)

    async def act(scene: Scene) -> None:
        await leave_early(scene)
        scene.client.half_close()
        await drips(scene)
        assert (await scene.over()).clean

    on_stage(act, keep_alive=0.05)


def test_a_server_that_drips_behind_its_goodbye_keeps_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "ANSWER_WAIT", 0.5)

    async def act(scene: Scene) -> None:
        await leave_early(scene)
        scene.client.half_close()
        await scene.server.send(b"+OK noop\r\n")
        await scene.server_hears(b"QUIT\r\n")
        await scene.server.send(b"+OK bye\r\n")
        await drips(scene)
        assert (await scene.over()).clean

    on_stage(act, keep_alive=0.05)


def test_a_server_that_drips_into_a_guess_keeps_no_session_of_a_client_that_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of it is written to the client, by which its end would be felt."""
    monkeypatch.setattr(waiting, "LINGER", 0.3)

    async def act(scene: Scene) -> None:
        await log_in(scene)
        await scene.passes(b"LIST\r\n", b"+OK\r\n" + b"".join(b"%d 6\r\n" % n for n in range(1, 5)) + b".\r\n")
        mail = b"+OK\r\nmail\r\n.\r\n"
        for number in (1, 2):
            await scene.passes(b"RETR %d\r\n" % number, mail)
        await scene.server_hears(b"RETR 3\r\nLIST 3\r\nRETR 4\r\nLIST 4\r\n")
        await scene.server.send(b"+OK\r\n")
        scene.client.sock.close()
        await drips(scene)
        await scene.over()

    on_stage(act, keep_alive=0.0)


def test_a_server_cut_behind_a_quit_answered_at_once_is_no_fault_of_the_session() -> None:
    async def act(scene: Scene) -> None:
        await leave_early(scene)
        scene.server.reset()
        outcome = await scene.over()
        assert (outcome.clean, outcome.failure) == (True, None)

    on_stage(act, keep_alive=0.05)


# Ends without QUIT


def test_a_client_that_half_closes_gets_its_answer_then_the_server_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, not when a timer looks: it is known which answer was the last."""
    monkeypatch.setattr("popover.protocols.pop3.hearing.QUIET", 2 * PATIENCE)

    async def act(scene: Scene) -> None:
        await log_in(scene)
        await scene.client.send(b"RETR 1\r\n")
        scene.client.half_close()
        await scene.server_hears(b"RETR 1\r\n")
        await until(lambda: scene.inside.ending)
        await scene.server.send(b"+OK\r\nHello\r\n.\r\n")
        await scene.client_gets(b"+OK\r\nHello\r\n.\r\n")
        ending = await scene.server.ending()
        assert ending == (b"", "fin")

    on_stage(act, keep_alive=0.0)


@pytest.mark.parametrize("stat", [b"", b"+OK 4", b"+OK 4 36\r\n"])
@pytest.mark.parametrize("is_asked", [False, True])
def test_a_reset_at_a_question_of_ours_is_no_reset_for_a_client_that_has_ended_and_has_all(
    stat: bytes, *, is_asked: bool
) -> None:
    """Over a wire that server would have heard of the client's end, and no STAT. At nothing of ours it is the server's
    word, and passed on.
    """

    async def act(scene: Scene) -> None:
        await scene.client.send(b"USER anna\r\nPASS secret\r\n")
        await scene.server_hears(b"USER anna\r\nPASS secret\r\nCAPA\r\nSTAT\r\n")
        await scene.server.send(b"+OK\r\n+OK in\r\n" + CAPA + stat)
        await scene.client_gets(b"+OK\r\n+OK in\r\n")
        if is_asked:
            await scene.client.send(b"STAT\r\n")
            await scene.server.send(b"+OK 4 36\r\n"[len(stat) :])
            await scene.client_gets(b"+OK 4 36\r\n")
        scene.client.half_close()
        await scene.server.ending()
        scene.server.reset()
        outcome, ending = await asyncio.gather(scene.over(), scene.client.ending())
        assert outcome.clean is not is_asked
        assert ending.how == ("reset" if is_asked else "fin")

    on_stage(act)


def test_half_a_status_line_reaches_the_client_when_the_server_ends() -> None:
    async def act(scene: Scene) -> None:
        await log_in(scene)
        await scene.client.send(b"NOOP\r\n")
        await scene.server_hears(b"NOOP\r\n")
        await scene.server.send(b"+OK 1")
        await scene.client_gets(b"+OK 1")  # it does not even wait for the end of it
        scene.server.half_close()
        assert (await scene.over()).clean

    on_stage(act)


# What we say while the client is silent


def test_keep_alive_goes_on_when_the_client_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("popover.protocols.pop3.keep_alive.KEEP_ALIVE_FOR", 1.5)

    async def act(scene: Scene) -> None:
        await log_in(scene)
        # It will have been silent for so long that nothing is said for it any more.
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(2):
                    await scene.server_hears(b"NOOP\r\n")
                await scene.server.send(b"+OK\r\n")
        await scene.passes(b"LIST 1\r\n", b"+OK 1 9\r\n")
        await scene.server_hears(b"NOOP\r\n")

    on_stage(act, keep_alive=0.1)


# Bugs


def test_a_bug_in_the_dialect_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is raised in a call from the event loop would else be logged, and both sides would wait for ever."""

    def fails(_ears: pop3.Ears, _data: memoryview, _now: float) -> memoryview:
        raise MemoryError

    async def act(scene: Scene) -> None:
        await scene.client.send(b"NOOP\r\n")
        await scene.server_hears(b"NOOP\r\n")
        monkeypatch.setattr(pop3.Ears, "server_said", fails)
        await scene.server.send(b"+OK\r\n")
        with pytest.raises(MemoryError):
            await scene.talk

    on_stage(act)


# A peer that does not read, or does not answer


def test_a_client_that_talks_on_before_a_silent_server_costs_one_line() -> None:
    """As many commands as may be unanswered go out; then it is not read from any more."""

    async def act(scene: Scene) -> None:
        await log_in(scene)
        flood = asyncio.create_task(scene.client.send(b"NOOP\r\n" * 200_000))
        most = 0
        for _ in range(300):
            await asyncio.sleep(0.001)
            most = max(most, len(scene.inside.end.inbox))
        assert scene.server.sock.recv(6) == b"NOOP\r\n"
        assert most <= RESPONSE_LIMIT + CHUNK
        assert not flood.done()
        flood.cancel()

    on_stage(act)


def test_a_client_that_stops_reading_in_a_window_costs_at_most_the_window() -> None:
    """Messages are read ahead for it; what is held stays below `read_ahead_bytes` and what one stream may hold."""
    window, message = 60_000, b"+OK\r\n" + b"x" * 20_000 + b"\r\n.\r\n"

    async def act(scene: Scene) -> None:
        await log_in(scene)
        listing = b"+OK\r\n" + b"".join(b"%d 20000\r\n" % number for number in range(1, 200)) + b".\r\n"
        await scene.passes(b"LIST\r\n", listing)
        most, ears = 0, scene.relay.ears
        assert isinstance(ears, pop3.Ears)
        flood = asyncio.create_task(scene.server.send(message * 190))
        await scene.client.send(b"".join(b"RETR %d\r\n" % number for number in range(1, 190)))
        for _ in range(200):
            await asyncio.sleep(0.001)
            most = max(most, ears.held + scene.inside.backlog)
        assert scene.inside.backlog
        assert most <= window + CHUNK + len(message)
        await scene.client_gets(message * 189)
        flood.cancel()

    on_stage(act, read_ahead_bytes=window)
