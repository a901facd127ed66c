"""What of a session counts as saved by running ahead: the making of a connection that stood ready, and round trips."""

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from stage import PATIENCE, Peer, tcp_pair

from fakes.clockwork import Client, Clockwork, pop3_service
from model_pop3 import trusting
from popover.log import Log
from popover.outside.dial import Dialled
from popover.outside.spare import Opened
from popover.protocols import pop3
from popover.protocols.login import Credentials
from popover.protocols.reception import Offer, SignedIn
from popover.session.case import Case
from popover.session.outcome import Outcome
from popover.session.sign_in import SignIn
from popover.session.telling import tell
from popover.session.ways import Way
from popover.wire.sockets import shortest_round_trip
from popover.wire.stream import Scratch, Secured, Stream
from services import service as flat_service

HOME = pop3_service()
TOOK = 3.0  # seconds in which a connection is made
LITTLE = 0.1  # of loopback's round trips some are not that long
NOBODY: Any = None  # who is not asked here

Act = Callable[[Clockwork], Coroutine[Any, Any, None]]


def play(monkeypatch: pytest.MonkeyPatch, act: Act) -> None:
    world = Clockwork(monkeypatch)
    world.warm.load([HOME.target])
    world.play(act(world))


async def has_spare(world: Clockwork) -> None:
    """One stands ready, and was three seconds in the making."""
    world.servers.held = asyncio.Event()
    world.visited(HOME)
    await world.until(lambda: world.servers.asked)
    world.loop.now += TOOK
    world.servers.held.set()
    await world.settle()
    assert world.warm.count == 1


async def talk(world: Clockwork, *lines: bytes) -> Client:
    """A whole session, line by line; the client hangs up at its end."""
    client = world.client(HOME)
    await world.until(lambda: client.heard.endswith(b"\n"))
    for line in lines:
        before = len(client.heard)
        client.send(line + b"\r\n")
        await world.until(lambda before=before: len(client.heard) > before or client.how)  # type: ignore[misc]
    await world.skip(1)  # longer than a USER waits for its PASS
    client.close()
    await client.ended()
    return client


def saved(client: Client) -> float:
    return client.session.case.saved


def test_who_was_given_a_connection_that_stood_ready_was_spared_its_making(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(world: Clockwork) -> None:
        await has_spare(world)
        client = await talk(world, b"USER anna", b"PASS secret", b"QUIT")
        assert TOOK < saved(client) < TOOK + LITTLE
        assert b"saved 3" in world.log[-1]

    play(monkeypatch, act)


def test_who_was_not_was_spared_round_trips_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(world: Clockwork) -> None:
        client = await talk(world, b"USER anna", b"PASS secret", b"QUIT")
        assert 0 < saved(client) < LITTLE

    play(monkeypatch, act)


@pytest.mark.parametrize("lines", [(), (b"QUIT",), (b"USER anna", b"QUIT"), (b"CAPA", b"QUIT")])
def test_who_has_not_logged_in_was_spared_nothing(monkeypatch: pytest.MonkeyPatch, lines: tuple[bytes, ...]) -> None:
    """A monitor that looks each minute whether the port is open waits for nobody's mail."""

    async def act(world: Clockwork) -> None:
        await has_spare(world)
        client = await talk(world, *lines)
        assert client.session.case.is_warm
        assert saved(client) == 0
        assert b"saved" not in world.log[-1]

    play(monkeypatch, act)


def test_whose_connection_was_dead_was_spared_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has waited for a new one, which then has heard once more what it had said."""

    async def act(world: Clockwork) -> None:
        await has_spare(world)
        world.servers.lines[0].mood = "resets"
        client = world.client(HOME)
        client.send(b"USER anna\r\n")
        await world.until(lambda: client.heard.count(b"\n") == 2)
        await world.skip(1)
        await world.until(lambda: len(world.servers.lines) > 1)
        await world.skip(1)
        await world.until(lambda: b"USER anna" in world.servers.lines[1].lines)
        client.send(b"PASS secret\r\n")
        await world.until(lambda: client.heard.count(b"\n") == 3)
        client.send(b"QUIT\r\n")
        await client.ended()
        assert not client.session.case.is_warm
        assert saved(client) == 0

    play(monkeypatch, act)


class Desk(NamedTuple):
    """A login at the desk that is about to be said to its server, and both of them in our hand."""

    case: Case
    login: SignIn
    client: Peer
    server: Peer

    def say(self, credentials: Credentials) -> "asyncio.Task[SignedIn]":
        """Have this said."""
        inside, target = self.case.client, self.case.service.server
        reception = pop3.reception(inside.end, Offer())
        return asyncio.create_task(self.login.say(lambda me: reception.sign_in(me, credentials, target)))


@contextmanager
def at_the_desk(ready: bytes = b"") -> Iterator[Desk]:
    """`ready`: what the server has told of itself on a connection that stood ready."""
    loop, scratch, socks = asyncio.get_running_loop(), Scratch(), [*tcp_pair(), *tcp_pair()]
    service = flat_service("pop3")
    inside, outside = (Stream(loop, sock, scratch, "x") for sock in (socks[0], socks[2]))
    case = Case(loop, Log(lambda *_: None), service, inside, "127.0.0.1", 1)
    case.dialled = Dialled(Secured(outside), ("127.0.0.1", 995), NOBODY, NOBODY, 0.0)
    gateway: Any = SimpleNamespace(warm=SimpleNamespace(served=lambda *_, **__: None, failed=lambda *_: None))
    login = SignIn(case, gateway, Way(service, trusting()), Opened(case.dialled, b"+OK hi\r\n", ready))
    try:
        yield Desk(case, login, Peer(socks[1]), Peer(socks[3]))
    finally:
        login.over()
        inside.close()
        for sock in socks:
            sock.close()


def test_what_was_asked_in_the_place_of_a_client_has_spared_it_nothing() -> None:
    """With a token the desk asks what the server can, which stands here; its client may never have asked that."""

    async def main() -> None:
        with at_the_desk(b"+OK\r\nSASL XOAUTH2\r\n.\r\n") as desk:
            server, said = desk.server, desk.say(Credentials("anna", b"token", kind="bearer"))
            async with asyncio.timeout(PATIENCE):
                assert await server.hears(14) == b"AUTH XOAUTH2\r\n"
                await server.send(b"+ \r\n")
                assert await server.hears(8) == b"dXNlcj1h"  # user=a
                await server.send(b"+OK in\r\n")
                assert (await said).accepted
                talking = asyncio.create_task(desk.login.go_on())
                desk.client.half_close()
                await server.ending()
                server.half_close()
                await talking
            assert desk.case.saved == 0

    asyncio.run(main())


@pytest.mark.parametrize("early", [b"", b"QUIT\r\n"])
def test_what_was_said_behind_a_login_at_the_desk_was_spared_nothing(early: bytes) -> None:
    """Its client did not wait."""

    async def main() -> None:
        with at_the_desk() as desk:
            client, server, said = desk.client, desk.server, desk.say(Credentials("anna", b"secret"))
            async with asyncio.timeout(PATIENCE):
                flight = b"USER anna\r\nPASS secret\r\nCAPA\r\nSTAT\r\n"
                assert await server.hears(len(flight)) == flight
                await server.send(b"+OK\r\n+OK in\r\n+OK\r\nUSER\r\nPIPELINING\r\n.\r\n+OK 0 0\r\n")
                assert (await said).accepted
                desk.case.client.end.inbox += early
                talking = asyncio.create_task(desk.login.go_on())
                await client.send(b"" if early else b"QUIT\r\n")
                assert await client.hears(5) == b"+OK\r\n"
                assert await server.hears(6) == b"QUIT\r\n"
                await server.send(b"+OK bye\r\n")
                await talking
            assert bool(desk.case.saved) is not bool(early)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, None), (0.0009, None), (0.001, 0.001), (1.2349, 1.234), (200.0, 200.0)]
)
def test_no_more_is_told_than_was_saved(seconds: float, told: float | None) -> None:
    lines: list[bytes] = []
    loop = asyncio.new_event_loop()
    with closing(loop), closing(socket.socket()) as sock:
        client = Stream(loop, sock, Scratch(), "x")
        case = Case(loop, Log(lambda line, _: lines.append(line), "json"), flat_service("pop3"), client, "127.0.0.1", 1)
        case.saved = seconds
        tell(case, Outcome("client closed", clean=True))
    event = json.loads(lines[-1])
    assert event.get("saved_seconds") == told
    assert ("saved" in event["text"]) is (told is not None)


def test_a_round_trip_is_the_shortest_so_far_whatever_the_last_one_took() -> None:
    """So it never grows, as a mean does."""
    one, other = tcp_pair()
    seen = []
    with one, other:
        for number in range(200):
            one.sendall(b"x" * (number % 10 + 1) * 1000)
            other.sendall(other.recv(10_000)[:1])
            one.recv(1)
            seen.append(shortest_round_trip(one))
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] > 0


def test_a_round_trip_is_nothing_where_nobody_knows() -> None:
    one, other = tcp_pair()
    with one, other:
        assert 0 < shortest_round_trip(one) < LITTLE
    assert shortest_round_trip(one) == 0
    for pair in (socket.socketpair(), [socket.socket(), socket.socket()]):  # no TCP; no connection yet
        for sock in pair:
            with sock:
                assert shortest_round_trip(sock) == 0
