"""The talk of a POP3 session on a real event loop; both peers are the test's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Self

import pytest
from test_relay import PATIENCE, Peer, tcp_pair, until

from model_pop3 import service
from popover.protocols import pop3
from popover.protocols.pop3.commands import RESPONSE_LIMIT
from popover.session import attentive as rooms
from popover.session.attentive import Attentive
from popover.session.relay import Outcome
from popover.wire.stream import CHUNK, Scratch, Stream
from services import changed

GREETING = b"+OK ready\r\n"
CAPA = b"+OK\r\nTOP\r\nPIPELINING\r\n.\r\n"


class Scene:
    """One POP3 session: `warm` has its capabilities in hand."""

    def __init__(self, habits: pop3.Habits, *, warm: bool, **keys: Any) -> None:
        loop, scratch = asyncio.get_running_loop(), Scratch()
        self._socks = [*tcp_pair(), *tcp_pair()]
        self.inside = Stream(loop, self._socks[0], scratch, "client")
        self.outside = Stream(loop, self._socks[2], scratch, "mail.example.com")
        self.client, self.server = Peer(self._socks[1]), Peer(self._socks[3])
        of = changed(service(), **keys)
        self.relay = Attentive(loop, of, self.inside, self.outside, habits, CAPA if warm else b"")
        self.talk = asyncio.create_task(self.relay.talk(GREETING))

    @classmethod
    @asynccontextmanager
    async def set(cls, habits: pop3.Habits | None = None, *, warm: bool = True, **keys: Any) -> AsyncIterator[Self]:
        scene = cls(habits or pop3.Habits(), warm=warm, **keys)
        try:
            async with asyncio.timeout(PATIENCE):
                await scene.client_gets(GREETING)
                yield scene
        finally:
            scene.talk.cancel()
            await asyncio.gather(scene.talk, return_exceptions=True)
            scene.inside.close()
            scene.outside.close()
            for sock in scene._socks:
                sock.close()

    async def client_gets(self, words: bytes) -> None:
        assert await self.client.hears(len(words)) == words

    async def server_hears(self, words: bytes) -> None:
        assert await self.server.hears(len(words)) == words

    async def passes(self, command: bytes, answer: bytes) -> None:
        """A command goes through to the server, and its answer to the client, as they are."""
        await self.client.send(command)
        await self.server_hears(command)
        await self.server.send(answer)
        await self.client_gets(answer)

    async def log_in(self, capa: bytes = b"") -> None:
        """A login, and the answer to our question behind it, or none yet."""
        await self.client.send(b"USER anna\r\n")
        await self.client_gets(b"+OK\r\n")
        await self.client.send(b"PASS secret\r\n")
        await self.server_hears(b"USER anna\r\nPASS secret\r\n")
        await self.server.send(b"+OK\r\n+OK in\r\n")
        await self.client_gets(b"+OK in\r\n")
        await self.server_hears(b"CAPA\r\n")
        await self.server.send(capa)

    async def over(self) -> Outcome:
        outcome = await self.talk
        self.outside.leave()
        return outcome


Play = Callable[[Scene], Coroutine[Any, Any, None]]


def on_stage(act: Play, habits: pop3.Habits | None = None, *, warm: bool = True, **keys: Any) -> None:
    async def play() -> None:
        async with Scene.set(habits, warm=warm, **keys) as scene:
            await act(scene)

    asyncio.run(play())


# A CAPA of ours that is not answered


@pytest.mark.parametrize("answer", [b"", b"+OK\r\n"])
@pytest.mark.parametrize("logged_in", [False, True])
def test_a_capa_that_the_server_does_not_understand_costs_one_session(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, logged_in: bool
) -> None:
    monkeypatch.setattr(rooms, "CAPA_WAIT", 0.05)
    habits = pop3.Habits()

    async def act(scene: Scene) -> None:
        if logged_in:
            await scene.log_in()
            await scene.client.send(b"STAT\r\n")
        else:
            await scene.client.send(b"USER anna\r\n")
            await scene.server_hears(b"CAPA\r\n")
        await scene.server.send(answer)
        outcome = await scene.over()
        assert (outcome.end, outcome.clean) == ("server broken", False)
        assert outcome.failure is not None
        assert "CAPA" in outcome.failure.cause

    async def again(scene: Scene) -> None:
        await scene.passes(b"USER anna\r\n", b"+OK\r\n")
        await scene.passes(b"PASS secret\r\n", b"+OK in\r\n")
        await scene.client.send(b"STAT\r\n")
        await scene.server_hears(b"STAT\r\n")

    on_stage(act, habits, warm=logged_in)
    on_stage(again, habits, warm=False)


def test_a_server_that_takes_its_time_for_a_question_of_the_client_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rooms, "CAPA_WAIT", 0.05)

    async def act(scene: Scene) -> None:
        await scene.log_in(CAPA)
        await scene.client.send(b"UIDL\r\n")
        await scene.server_hears(b"UIDL\r\n")
        await asyncio.sleep(0.3)
        assert not scene.talk.done()
        await scene.server.send(b"+OK\r\n1 a\r\n.\r\n")
        await scene.client_gets(b"+OK\r\n1 a\r\n.\r\n")

    on_stage(act)


def test_a_session_whose_server_hangs_up_on_us_makes_the_next_one_careful() -> None:
    habits = pop3.Habits()

    async def act(scene: Scene) -> None:
        await scene.client.send(b"USER anna\r\n")
        await scene.server_hears(b"CAPA\r\n")
        scene.server.half_close()
        await scene.over()

    on_stage(act, habits, warm=False)
    assert habits.careful


# Deletions and QUIT


def test_a_client_that_half_closes_behind_quit_has_its_deletions_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server takes its time for each DELE; no answer of those goes to the client, but each is one step."""
    monkeypatch.setattr(rooms, "ANSWER_WAIT", 0.5)
    monkeypatch.setattr("popover.session.relay.ANSWER_WAIT", 0.5)

    async def act(scene: Scene) -> None:
        await scene.log_in(CAPA)
        await scene.passes(b"STAT\r\n", b"+OK 4 36\r\n")
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


def test_a_quit_that_was_answered_at_once_reaches_a_slow_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "LINGER", 0.05)

    async def act(scene: Scene) -> None:
        await scene.log_in(b"+OK\r\nTOP\r\n.\r\n")  # no PIPELINING: one command at a time
        await scene.client.send(b"STAT\r\n")
        await scene.server_hears(b"STAT\r\n")
        await scene.client.send(b"QUIT\r\n")
        await asyncio.sleep(0.3)
        await scene.server.send(b"+OK 0 0\r\n")
        await scene.client_gets(b"+OK 0 0\r\n+OK\r\n")
        await scene.server_hears(b"QUIT\r\n")
        await asyncio.sleep(0.3)  # longer than LINGER
        assert not scene.talk.done()
        await scene.server.send(b"+OK bye\r\n")
        assert (await scene.over()).clean

    on_stage(act)


async def leave_early(scene: Scene) -> None:
    """Log in and say QUIT; it is answered at once, while the server still owes us the answer to our CAPA."""
    await scene.log_in()
    await scene.client.send(b"QUIT\r\n")
    await scene.client_gets(b"+OK\r\n")


def test_a_client_that_vanishes_behind_its_quit_has_the_server_told_all_the_same() -> None:
    async def act(scene: Scene) -> None:
        await leave_early(scene)
        scene.client.reset()
        await until(lambda: scene.inside.ending)
        await scene.server.send(CAPA)
        await scene.server_hears(b"QUIT\r\n")
        await scene.server.send(b"+OK bye\r\n")
        assert (await scene.over()).clean

    on_stage(act)


def test_a_server_cut_behind_a_quit_answered_at_once_is_no_fault_of_the_session() -> None:
    async def act(scene: Scene) -> None:
        await leave_early(scene)
        scene.server.reset()
        outcome = await scene.over()
        assert (outcome.clean, outcome.failure) == (True, None)

    on_stage(act)


# Ends without QUIT


def test_a_client_that_half_closes_gets_its_answer_then_the_server_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, not when a timer looks: it is known which answer was the last."""
    monkeypatch.setattr(rooms, "CAPA_WAIT", 2 * PATIENCE)

    async def act(scene: Scene) -> None:
        await scene.log_in(CAPA)
        await scene.client.send(b"RETR 1\r\n")
        scene.client.half_close()
        await scene.server_hears(b"RETR 1\r\n")
        await until(lambda: scene.inside.ending)
        await scene.server.send(b"+OK\r\nHello\r\n.\r\n")
        await scene.client_gets(b"+OK\r\nHello\r\n.\r\n")
        ending = await scene.server.ending()
        assert ending == (b"", "fin")

    on_stage(act, keep_alive=0.0)


def test_half_a_status_line_reaches_the_client_when_the_server_ends() -> None:
    async def act(scene: Scene) -> None:
        await scene.log_in(CAPA)
        await scene.client.send(b"STAT\r\n")
        await scene.server_hears(b"STAT\r\n")
        await scene.server.send(b"+OK 1")
        scene.server.half_close()
        await scene.client_gets(b"+OK 1")

    on_stage(act)


# What we say while the client is silent


def test_keep_alive_goes_on_when_the_client_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "KEEP_ALIVE_FOR", 1.5)

    async def act(scene: Scene) -> None:
        await scene.log_in(CAPA)
        # It will have been silent for so long that nothing is said for it any more.
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(2):
                    await scene.server_hears(b"NOOP\r\n")
                await scene.server.send(b"+OK\r\n")
        await scene.passes(b"STAT\r\n", b"+OK 0 0\r\n")
        await scene.server_hears(b"NOOP\r\n")

    on_stage(act, keep_alive=0.1)


# Bugs


def test_a_bug_in_the_dialect_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is raised in a call from the event loop would else be logged, and both sides would wait for ever."""

    def fails(_relay: pop3.Relay, _data: memoryview) -> memoryview:
        raise MemoryError

    async def act(scene: Scene) -> None:
        await scene.client.send(b"USER anna\r\nPASS secret\r\n")
        await scene.server_hears(b"USER anna\r\nPASS secret\r\n")
        monkeypatch.setattr(pop3.Relay, "server_said", fails)
        await scene.server.send(b"+OK\r\n")
        with pytest.raises(MemoryError):
            await scene.talk

    on_stage(act)


# A peer that does not read, or does not answer


def test_a_client_that_talks_on_before_a_silent_server_costs_one_line() -> None:
    """As many commands as may be unanswered go out; then it is not read from any more."""

    async def act(scene: Scene) -> None:
        await scene.log_in(CAPA)
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
        await scene.log_in(CAPA)
        listing = b"+OK\r\n" + b"".join(b"%d 20000\r\n" % number for number in range(1, 200)) + b".\r\n"
        await scene.passes(b"LIST\r\n", listing)
        most = 0
        flood = asyncio.create_task(scene.server.send(message * 190))
        await scene.client.send(b"".join(b"RETR %d\r\n" % number for number in range(1, 190)))
        for _ in range(200):
            await asyncio.sleep(0.001)
            most = max(most, scene.relay.dry.held + scene.inside.backlog)
        assert scene.inside.backlog
        assert most <= window + CHUNK + len(message)
        await scene.client_gets(message * 189)
        flood.cancel()

    on_stage(act, read_ahead_bytes=window)
