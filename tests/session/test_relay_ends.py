"""How talks end that end at a bad moment: nothing is lost without a reset, and nothing waits for ever."""

import asyncio
from typing import Self

import pytest
from stage import KIB, PATIENCE, Peer, Scene, tcp_pair, until
from test_relay import GREETING, fill, on_stage, service, unheard

from fakes.renegotiating import RenegotiatingServer
from parts.certificates import Authority
from popover.config import Trust
from popover.outside.trust import Policy, Verifier
from popover.session.outcome import Outcome
from popover.session.relay import Relay
from popover.wire.finish import finish
from popover.wire.stream import Scratch, Stream


async def server_ends(scene: Scene) -> None:
    scene.server.half_close()
    while scene.outside.ending is None:
        scene.outside.resume()
        await asyncio.sleep(0)
    assert scene.inside.backlog


def test_slow_client_that_half_closes_behind_a_server_that_has_ended_gets_all() -> None:
    async def act(scene: Scene) -> None:
        told = await fill(scene)
        await server_ends(scene)
        scene.client.half_close()
        await until(lambda: scene.inside.ending)
        assert not scene.talk.done()
        assert await scene.client.hears(told) == b"x" * told
        ending, outcome = await asyncio.gather(scene.client.ending(), scene.over())
        assert (ending, outcome.clean) == ((b"", "fin"), True)

    on_stage(act)


def test_client_that_goes_on_talking_to_a_server_that_has_ended_gets_all() -> None:
    """What it says cannot be delivered, and that is no reason to take away what it has not read yet."""

    async def act(scene: Scene) -> None:
        told = await fill(scene)
        await server_ends(scene)
        scene.server.sock.close()
        scene.inside.resume()
        for number in range(3):
            await scene.client.send(b"a%d NOOP\r\n" % number)
            await asyncio.sleep(0.05)
        assert not scene.talk.done()
        assert await scene.client.hears(told) == b"x" * told
        ending, outcome = await asyncio.gather(scene.client.ending(), scene.over())
        assert (ending.how, outcome) == ("fin", Outcome("server closed", clean=True))

    on_stage(act)


def test_last_words_that_a_client_does_not_take_end_with_a_reset() -> None:
    async def act(scene: Scene) -> None:
        told = await fill(scene)
        await finish(scene.inside, 0.05)
        ending = await scene.client.ending()
        assert len(ending.words) < told
        assert ending.how == "reset"

    on_stage(act)


class Renegotiation:
    """A relay to a server that renegotiates (TLS 1.2), and what the gateway says to it on its way through our hands."""

    def __init__(self, server: RenegotiatingServer) -> None:
        near, self._wire = tcp_pair()
        inner, self._client_sock = tcp_pair()
        loop, scratch = asyncio.get_running_loop(), Scratch()
        self.outside, self.inside = Stream(loop, near, scratch, "localhost"), Stream(loop, inner, scratch, "client")
        self.client, self.tap = Peer(self._client_sock), Peer(self._wire)
        self.flows = asyncio.Event()
        self.flows.set()
        self._port = server.port
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._tasks = [asyncio.create_task(self._to_server()), asyncio.create_task(self._to_us())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()
        for closing in (self.inside, self.outside, self._wire, self._client_sock):
            closing.close()

    async def _to_server(self) -> None:
        while data := await asyncio.get_running_loop().sock_recv(self._wire, 64 * KIB):
            await self.flows.wait()
            self._writer.write(data)

    async def _to_us(self) -> None:
        while data := await self._reader.read(64 * KIB):
            await self.tap.send(data)

    def cut(self) -> None:
        self._tasks[1].cancel()
        self.tap.half_close()


@pytest.mark.parametrize("is_cut", [False, True])
def test_words_that_wait_for_a_renegotiation_are_no_stall(authority: Authority, is_cut: bool) -> None:
    """TLS 1.2 cannot send them meanwhile. A look at the clock finds no stall, and a cut is noticed at once."""

    async def main(server: RenegotiatingServer) -> None:
        async with asyncio.timeout(PATIENCE), Renegotiation(server) as way:
            verifier = Verifier(Policy(Trust(authority.ca_file), None))
            secured = await way.outside.secure(verifier.engine("localhost", 993))
            relay = Relay(asyncio.get_running_loop(), service().patience, way.inside, secured, unheard(way.inside))
            talk = asyncio.create_task(relay.talk(GREETING))
            await way.client.hears(len(GREETING))
            way.flows.clear()
            await asyncio.to_thread(server.renegotiate)
            while not way.outside.backlog:
                await way.client.send(b"a NOOP\r\n")
                await asyncio.sleep(0.05)
            relay._tick()  # noqa: SLF001 - as the timer does, or a client that has drained
            await asyncio.sleep(0.05)
            assert not talk.done()
            if is_cut:
                way.cut()
                assert (await talk).end == "server cut"
            else:
                way.flows.set()
                await asyncio.to_thread(server.heard, b"a NOOP")
                talk.cancel()

    with RenegotiatingServer(authority.issue("localhost")) as server:
        asyncio.run(main(server))


def test_browser_whose_first_line_comes_in_pieces_is_still_recognised() -> None:
    async def act(scene: Scene) -> None:
        await scene.client.send(b"POS")
        assert await scene.server.hears(3) == b"POS"
        await scene.client.send(b"T / HTTP/1.1\r\nHost: mail\r\n\r\na LOGIN b c\r\n")
        outcome = await scene.over()
        assert (outcome.end, outcome.may_be_told) == ("misdialled", True)
        assert (await scene.server.ending()).words == b""

    on_stage(act)
