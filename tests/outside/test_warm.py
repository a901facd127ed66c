"""Spare connections: when they are opened, how long they are kept, who gets them, and what a dead one teaches."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from fakes.clockwork import CAPA, GREETING, TICK, Client, Clockwork, Line, Mood, pop3_service
from fakes.mail import GREETINGS, pop3
from fakes.scene import Stage, greeted, reload
from fakes.tls import TLSWire
from fakes.wire import PATIENCE, Wire
from parts.net import free_port, wait_until
from popover.config import Service
from popover.outside.sockets import server_socket
from popover.outside.spare import FIRST_WORD, LIFETIME, PROBES, REMEMBERED, SHARE, SHORTEST
from popover.outside.warm import LEAD, PER_VISIT, ROUTED_LIMIT
from popover.protocols.pop3.doubt import FAREWELL
from popover.wire.stream import Stream

pytest_plugins = ["fakes.fixture"]

HOME = pop3_service()
TWO = pop3_service("two", "two.example.com", warm=2)
OFTEN, SELDOM = 60.0, 300.0  # seconds between visits: less than a spare's lifetime, and more
LOGIN = b"USER anna\r\nPASS secret\r\n"

Act = Callable[[Clockwork], Coroutine[Any, Any, None]]
Play = Callable[[Act], None]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    def run(act: Act) -> None:
        world = Clockwork(monkeypatch)
        world.warm.load([HOME.target, TWO.target])
        world.play(act(world))

    return run


async def visits(world: Clockwork, every: float, count: int) -> None:
    """So many visits, the last one now."""
    await world.visit(HOME)
    for _ in range(count - 1):
        await world.skip(every)
        await world.visit(HOME)


def opened(world: Clockwork) -> int:
    """How many connections there have been."""
    return len(world.servers.lines)


def last(world: Clockwork) -> Line:
    """The server's side of the newest connection."""
    return world.servers.lines[-1]


async def is_gone(world: Clockwork, line: Line) -> None:
    """The gateway has left, and has said nothing on it but CAPA."""
    await world.until(lambda: line.how)
    assert (line.how, line.lines) == ("fin", [b"CAPA"])


async def lifetime(world: Clockwork, service: Service = HOME) -> float:
    """For how many seconds a spare is kept now; TICK is how exactly that is known."""
    before = opened(world)
    await world.visit(service)
    while opened(world) == before:
        await world.skip(TICK)
    line = last(world)
    while not line.how and world.loop.now - line.since <= 2 * LIFETIME:
        await world.skip(TICK)
    await is_gone(world, line)
    return world.loop.now - line.since


async def logged_in(world: Clockwork) -> Client:
    """A client of HOME, logged in."""
    client = world.client(HOME)
    client.send(LOGIN)
    await world.until(lambda: client.heard.count(b"\r\n") == 3)
    return client


# -- when a spare is opened ----------------------------------------------------------------------------


def test_first_visit_has_a_spare_opened_at_once(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        assert world.warm.take(HOME.target) is None
        await world.visit(HOME)
        assert (world.warm.count, opened(world)) == (1, 1)
        spare = world.warm.take(HOME.target)
        assert spare is not None
        assert (spare.greeting, spare.ready, spare.age) == (GREETING, CAPA, 0)
        assert world.warm.take(HOME.target) is None
        spare.dialled.stream.leave()

    play(act)


def test_visit_that_is_due_soon_has_its_spare_at_once(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await visits(world, OFTEN, 3)
        before = opened(world)
        await world.skip(OFTEN)
        assert (world.warm.count, opened(world)) == (1, before)
        assert last(world).since == world.loop.now - OFTEN

    play(act)


def test_visit_that_is_due_late_has_its_spare_shortly_before(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await visits(world, SELDOM, 2)
        before = opened(world)
        await world.skip(SELDOM - LEAD - TICK)
        assert (world.warm.count, opened(world)) == (0, before)
        await world.skip(TICK)
        assert (world.warm.count, opened(world)) == (1, before + 1)
        await world.skip(LEAD)
        assert (world.warm.count, opened(world)) == (1, before + 1)

    play(act)


def test_several_accounts_in_a_row_are_one_round(play: Play) -> None:
    """The next is due after the shortest interval that has not passed: 5 s, and if nobody came then, the round's."""

    async def act(world: Clockwork) -> None:
        for _ in range(2):
            await visits(world, 5, 2)
            await world.skip(SELDOM - 5)
        await visits(world, 5, 2)
        before = opened(world)
        assert world.warm.count == 1
        await world.skip(SELDOM - 5 - LEAD - TICK)
        assert (world.warm.count, opened(world)) == (0, before)
        await world.skip(TICK)
        assert (world.warm.count, opened(world)) == (1, before + 1)

    play(act)


def test_old_intervals_are_forgotten(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await visits(world, OFTEN, REMEMBERED + 1)
        await world.skip(SELDOM)
        await visits(world, SELDOM, REMEMBERED)
        before = opened(world)
        assert world.warm.count == 0
        await world.skip(SELDOM - LEAD - TICK)
        assert opened(world) == before
        await world.skip(TICK)
        assert opened(world) == before + 1

    play(act)


def test_visit_before_its_time_takes_the_place_of_the_one_that_was_due(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await visits(world, SELDOM, 2)
        await world.skip(SELDOM / 3)
        await world.visit(HOME)
        spare = world.warm.take(HOME.target)  # for somebody who does not log in, so no other is opened
        assert spare is not None
        spare.dialled.stream.leave()
        before = opened(world)
        await world.skip(SELDOM)
        assert opened(world) == before

    play(act)


def test_clients_that_come_no_more_get_no_more_spares(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await visits(world, SELDOM, 3)
        before = opened(world)
        await world.skip(5 * SELDOM)
        assert (world.warm.count, opened(world)) == (0, before + 1)
        for line in world.servers.lines:
            await is_gone(world, line)

    play(act)


def test_interval_is_from_beginning_to_beginning(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await world.skip(100)
        world.visited(HOME, 100)
        await world.skip(SELDOM)
        world.visited(HOME, 100)
        before = opened(world)
        await world.skip(SELDOM - 100 - LEAD - TICK)
        assert opened(world) == before
        await world.skip(TICK)
        assert opened(world) == before + 1

    play(act)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_as_many_stand_ready_as_the_service_wants(play: Play, number: int) -> None:
    async def act(world: Clockwork) -> None:
        service = pop3_service(warm=number)
        world.warm.load([service.target])
        for _ in range(4):
            world.visited(service)
            await world.settle()
        assert world.warm.count == opened(world) == number

    play(act)


def test_no_spare_takes_the_place_of_a_client(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        world.has_room = False
        await visits(world, OFTEN, 3)
        assert not world.servers.asked
        world.has_room = True
        await world.visit(HOME)
        assert world.warm.count == 1

    play(act)


@pytest.mark.parametrize(
    ("greeting", "capa"),
    [
        (b"-ERR too many connections\r\n", CAPA),
        (b"220 not POP3\r\n", CAPA),
        (GREETING + b"and more\r\n", CAPA),
        (GREETING, b"what?\r\n"),
        (GREETING, CAPA + b"-ERR you are idle\r\n"),
    ],
)
def test_server_that_does_not_greet_well_makes_no_spare(play: Play, greeting: bytes, capa: bytes) -> None:
    async def act(world: Clockwork) -> None:
        world.servers.greeting, world.servers.capa = greeting, capa
        await world.visit(HOME)
        assert (opened(world), world.warm.count) == (1, 0)
        await world.until(lambda: last(world).how)
        assert last(world).lines == ([b"CAPA"] if greeting == GREETING else [])

    play(act)


def test_server_that_is_down_makes_no_spare_and_no_noise(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        world.servers.is_down = True
        await world.visit(HOME)
        assert (len(world.servers.asked), world.warm.count) == (1, 0)
        assert not world.log

    play(act)


# -- how long it is kept -------------------------------------------------------------------------------


def test_spare_is_given_up_in_time_and_without_a_quit(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        assert await lifetime(world) == LIFETIME

    play(act)


def test_visit_pays_for_two_spares_and_no_more(play: Play) -> None:
    """However often the server drops them."""

    async def act(world: Clockwork) -> None:
        await visits(world, OFTEN, 3)
        for _ in range(3):
            before = opened(world)
            await world.visit(HOME)
            while world.loop.now % OFTEN:
                await world.skip(TICK)
                last(world).close()
            await world.skip(TICK)
            assert before < opened(world) <= before + PER_VISIT

    play(act)


def test_server_that_is_impatient_is_learned(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await world.visit(HOME)
        await world.skip(50)
        last(world).close()
        await world.settle()
        assert await lifetime(world) == 50 * SHARE

    play(act)


def test_lifetime_never_comes_to_nothing(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await world.visit(HOME)
        last(world).close()
        await world.skip(OFTEN)
        assert await lifetime(world) == SHORTEST

    play(act)


def test_spare_that_was_used_early_shortens_nothing(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await world.session(HOME)
        await world.skip(OFTEN)
        assert await world.session(HOME) == "warm"
        await world.skip(10)
        assert await world.session(HOME) == "warm"
        assert await lifetime(world) == LIFETIME

    play(act)


def restart(world: Clockwork) -> None:
    """The server ends all connections."""
    for line in world.servers.lines:
        line.close()


def test_lifetime_grows_again_when_no_server_minds(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await world.visit(HOME)
        await world.skip(2)
        restart(world)
        await world.settle()
        kept = [await lifetime(world) for _ in range(6)]
        assert kept == pytest.approx([1.6, 4.8, 14.4, 43.2, 129.6, LIFETIME], abs=TICK)

    play(act)


def test_visits_find_their_spares_again_after_the_server_was_restarted(play: Play) -> None:
    """None is opened so early that it is gone by then, so each visit pays for one; and the lead grows again."""

    async def act(world: Clockwork) -> None:
        await visits(world, SELDOM, 3)
        await world.skip(SELDOM - LEAD + 2)
        restart(world)  # the spare is 2 s old
        await world.skip(LEAD - 2)
        leads = [world.loop.now - last(world).since]
        for _ in range(10):
            before = opened(world)
            assert await world.session(HOME) == "warm"
            await world.skip(SELDOM)
            assert (world.warm.count, opened(world)) == (1, before + 1)
            leads.append(world.loop.now - last(world).since)
        assert leads == sorted(leads)
        assert 0 < leads[0] <= 2 * SHARE / 2
        assert leads[-1] == LEAD

    play(act)


# -- who gets it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["words", "fin", "reset"])
def test_spare_that_hears_anything_is_dropped(play: Play, how: str) -> None:
    async def act(world: Clockwork) -> None:
        await world.visit(HOME)
        line = last(world)
        if how == "words":
            line.send(b"-ERR you are idle\r\n")
        elif how == "fin":
            line.close()
        else:
            line.reset()
        await world.until(lambda: not world.warm.count)
        assert world.warm.take(HOME.target) is None

    play(act)


@pytest.mark.parametrize("how", ["words", "fin", "reset"])
def test_spare_that_has_just_died_is_given_to_nobody(play: Play, how: str) -> None:
    """What the event loop has not told yet; the other one is well."""

    async def act(world: Clockwork) -> None:
        await world.visit(TWO)
        line, well = world.servers.lines
        await world.skip(50)
        if how == "words":
            line.send(b"-ERR you are idle\r\n")
        elif how == "fin":
            line.close()
        else:
            line.reset()
        spare = world.warm.take(TWO.target)
        assert spare is not None
        assert spare.dialled.stream is world.servers.streams[1]
        spare.dialled.stream.leave()
        await is_gone(world, well)
        assert await lifetime(world, TWO) == 50 * SHARE

    play(act)


def test_machine_that_slept_has_no_fresh_spares(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await world.visit(HOME)
        world.asleep += LIFETIME + 1
        assert world.warm.take(HOME.target) is None
        await is_gone(world, last(world))
        await world.visit(HOME)
        world.asleep += LIFETIME - 1
        assert world.warm.take(HOME.target) is not None
        world.servers.streams[-1].leave()

    play(act)


def test_end_that_is_heard_after_a_sleep_was_no_early_one(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await world.visit(HOME)
        world.asleep += 3600
        last(world).close()
        await world.settle()
        assert await lifetime(world) == LIFETIME

    play(act)


def patience(stream: Stream) -> list[int]:
    """What the kernel is told about a connection on which nothing comes: probes, and for how long to say it again."""
    options = (*PROBES, socket.TCP_USER_TIMEOUT)
    return [stream.sock.getsockopt(socket.IPPROTO_TCP, option) for option in options]


@pytest.mark.parametrize("mood", ["answers", "refuses"])
def test_kernel_asks_whether_a_spare_lives_and_is_impatient_until_its_first_word(play: Play, mood: Mood) -> None:
    async def act(world: Clockwork) -> None:
        with server_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("", 0))) as fresh:
            usual = patience(Stream(world.loop, fresh, None, ""))  # type: ignore[arg-type]
        await world.visit(HOME)
        stream = world.servers.streams[-1]
        assert patience(stream) == [25, 5, 2, 0]
        client = world.client(HOME)
        await world.until(lambda: client.heard == GREETING)
        assert patience(stream) == [*usual[:3], 1000 * FIRST_WORD]
        last(world).mood = mood
        client.send(LOGIN)
        await world.until(lambda: patience(stream) == usual)
        await world.skip(FAREWELL)  # a refusal might be that
        await world.until(lambda: client.heard.count(b"\r\n") == 3)
        client.close()
        await client.ended()

    play(act)


# -- what a dead one teaches ---------------------------------------------------------------------------


async def waits(world: Clockwork, client: Client) -> None:
    await world.skip(HOME.patience.login_timeout)
    await world.until(lambda: client.how == "fin")


async def waits_in_idleness(world: Clockwork, client: Client) -> None:
    await world.skip(30)
    await world.until(lambda: client.how == "reset")


async def does_not_wait(world: Clockwork, client: Client) -> None:
    await world.until(lambda: client.how)


async def gives_up(world: Clockwork, client: Client) -> None:
    await world.skip(FIRST_WORD)
    client.reset()
    await world.skip(11)  # in which the server may still hear what it was not told yet


async def gives_up_politely(world: Clockwork, client: Client) -> None:
    await world.skip(FIRST_WORD)
    client.close()
    await world.skip(65)


async def leaves_at_once(_world: Clockwork, client: Client) -> None:
    client.reset()


async def leaves_politely(world: Clockwork, client: Client) -> None:
    client.close()
    await world.skip(10)


async def is_sent_away(world: Clockwork, client: Client) -> None:
    await world.skip(10)
    world.servers.lines[0].reset()
    await world.until(lambda: client.how)


Ending = Callable[[Clockwork, Client], Coroutine[Any, Any, None]]


async def is_let_down(world: Clockwork, service: Service, mood: Mood, said: bytes, ends: Ending) -> Client:
    """A session on a spare that is 40 s old; another one stands beside it."""
    world.warm.load([service.target])
    await world.visit(service)
    await world.skip(40)
    assert world.warm.count == 2
    line = world.servers.lines[0]
    line.mood = mood
    client = world.client(service)
    await world.until(lambda: client.heard == GREETING)
    client.send(said)
    if said:
        await world.until(lambda: client.heard != GREETING or line.lines[-1] != b"CAPA")
    await ends(world, client)
    await client.ended()
    assert client.session.case.is_warm
    return client


@pytest.mark.parametrize("pipelines", [True, False])
@pytest.mark.parametrize(
    ("mood", "ends"),
    [
        ("mute", waits),
        ("mute", waits_in_idleness),
        ("mute", gives_up),
        ("mute", gives_up_politely),
    ],
)
def test_client_that_was_let_down_teaches(play: Play, mood: Mood, ends: Ending, *, pipelines: bool) -> None:
    service = pop3_service(warm=2, idle_timeout=30 if ends is waits_in_idleness else 1860)

    async def act(world: Clockwork) -> None:
        world.servers.capa = CAPA if pipelines else b"+OK\r\nUSER\r\n.\r\n"
        await is_let_down(world, service, mood, LOGIN, ends)
        await is_gone(world, world.servers.lines[1])
        assert world.warm.count == 0
        assert await world.session(service) == "cold"
        assert await lifetime(world, service) == 40 * SHARE

    play(act)


@pytest.mark.parametrize("mood", ["resets", "closes"])
def test_client_that_would_be_let_down_is_served_by_a_new_connection(play: Play, mood: Mood) -> None:
    """And it teaches all the same."""
    service = pop3_service(warm=2)

    async def act(world: Clockwork) -> None:
        world.warm.load([service.target])
        await world.visit(service)
        await world.skip(40)
        world.servers.lines[0].mood = mood
        client = world.client(service)
        client.send(LOGIN)
        await world.until(lambda: client.heard.count(b"\r\n") == 3)
        assert not client.session.case.is_warm
        await is_gone(world, world.servers.lines[1])
        client.send(b"QUIT\r\n")
        await client.ended()
        assert await lifetime(world, service) == 40 * SHARE

    play(act)


@pytest.mark.parametrize(
    ("mood", "said", "ends"),
    [
        ("mute", b"", waits),
        ("mute", b"", leaves_politely),
        ("mute", b"", is_sent_away),
        ("mute", b"USER anna\r\n", leaves_politely),
        ("mute", LOGIN, leaves_at_once),
        ("refuses", LOGIN, waits),
        ("refuses", LOGIN, leaves_politely),
        ("answers", b"CAPA\r\nQUIT\r\n", leaves_politely),
        ("answers", b"NOOP\r\n" * 5 + b"GET / HTTP/1.1\r\n" * 5, does_not_wait),
    ],
)
def test_client_that_was_not_let_down_teaches_nothing(play: Play, mood: Mood, said: bytes, ends: Ending) -> None:
    service = pop3_service(warm=2)

    async def act(world: Clockwork) -> None:
        await is_let_down(world, service, mood, said, ends)
        assert world.warm.count == 1
        assert await world.session(service) == "warm"
        world.warm.load([service.target])

    play(act)


@pytest.mark.parametrize(("mood", "kept"), [("answers", 90), ("refuses", 40)])
def test_answer_shows_that_it_lived_and_a_refusal_may_be_a_farewell(play: Play, mood: Mood, kept: float) -> None:
    async def act(world: Clockwork) -> None:
        await world.visit(HOME)
        await world.skip(50)
        last(world).close()
        await world.settle()
        await world.visit(HOME)
        await world.skip(50 - LEAD)
        last(world).mood = mood
        await world.skip(30)
        client = world.client(HOME)
        client.send(LOGIN)
        while mood == "refuses" and client.heard.count(b"\r\n") < 3:
            await world.skip(FAREWELL)  # it might be that
        await world.until(lambda: client.heard.count(b"\r\n") == 3)
        client.close()
        await client.ended()
        assert client.session.case.is_warm
        assert await lifetime(world) == kept

    play(act)


def test_way_that_forgets_connections_lets_one_client_down_and_no_more(play: Play) -> None:
    """A firewall drops them after 60 s without a word; somebody comes every 90 s."""

    async def act(world: Clockwork) -> None:
        world.servers.forget_after = 60
        went = []
        for _ in range(12):
            since = world.loop.now
            went.append(await world.session(HOME))
            await world.skip(90 - (world.loop.now - since))
        assert went.count("let down") == 1
        assert went.count("cold") <= 3
        assert went[-6:] == ["warm"] * 6

    play(act)


# -- reload and stop -----------------------------------------------------------------------------------


def test_reload_forgets_everything(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await visits(world, SELDOM, 2)
        await world.skip(SELDOM - LEAD)
        assert world.warm.count == 1
        world.warm.load([HOME.target])
        assert world.warm.count == 0
        await is_gone(world, last(world))
        before = opened(world)
        await world.skip(2 * SELDOM)
        assert opened(world) == before
        assert await lifetime(world) == LIFETIME

    play(act)


def test_reload_forgets_what_was_to_be_opened_later(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await visits(world, SELDOM, 2)
        asked = len(world.servers.asked)
        world.warm.load([HOME.target])
        await world.skip(2 * SELDOM)
        assert len(world.servers.asked) == asked

    play(act)


def test_service_that_is_no_more_gets_no_spare(play: Play) -> None:
    """Whoever came before the reload may leave after it; and one that has only changed is another."""

    async def act(world: Clockwork) -> None:
        client = await logged_in(world)
        asked = len(world.servers.asked)
        world.warm.load([pop3_service(host="other.example.com").target])
        client.send(b"QUIT\r\n")
        await client.ended()
        world.visited(HOME)
        await world.settle()
        assert len(world.servers.asked) == asked
        assert await world.session(HOME) == await world.session(HOME) == "cold"

    play(act)


def test_service_that_stays_the_same_gets_its_spare(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        client = await logged_in(world)
        world.warm.load([pop3_service().target])
        client.send(b"QUIT\r\n")
        await client.ended()
        await world.settle()
        assert await world.session(HOME) == "warm"

    play(act)


@pytest.mark.parametrize("stage_reached", ["dials", "asks"])
@pytest.mark.parametrize("ends", ["load", "stop"])
def test_spare_on_its_way_is_dropped(play: Play, ends: str, stage_reached: str) -> None:
    async def act(world: Clockwork) -> None:
        if stage_reached == "dials":
            world.servers.held = asyncio.Event()
        world.servers.capa = b""
        world.visited(HOME)
        await world.until(lambda: world.servers.held or (world.servers.lines and last(world).lines))
        assert world.warm.count == 1
        if ends == "load":
            world.warm.load([HOME.target])
        else:
            world.warm.stop()
        await world.warm.stopped()
        assert world.warm.count == 0
        for line in world.servers.lines:
            await is_gone(world, line)

    play(act)


def test_nothing_is_opened_after_the_stop(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await visits(world, OFTEN, 3)
        before = opened(world)
        world.warm.stop()
        await is_gone(world, last(world))
        world.visited(HOME)
        await world.skip(SELDOM)
        assert (opened(world), world.warm.count) == (before, 0)

    play(act)


# -- the whole gateway ---------------------------------------------------------------------------------


def log_in(wire: Wire) -> None:
    for line in (b"USER anna", b"PASS secret"):
        assert wire.ask(line).startswith(b"+OK")


def quit_(wire: Wire) -> None:
    with wire:
        assert wire.ask(b"QUIT").startswith(b"+OK")
        assert wire.ending().how == "fin"


@pytest.mark.parametrize("ca_file_is", ["there", "gone"])
def test_session_that_outlives_its_service_opens_nothing(stage: Stage, ca_file_is: str) -> None:
    old, new = stage.server(pop3), stage.server(pop3)
    ca_file = stage.directory / "old.pem"
    ca_file.write_bytes(Path(stage.authority.ca_file).read_bytes())
    here = {"listen": f"127.0.0.1:{free_port()}", "name": "home"}
    path = stage.config(stage.service(old, ca_file=str(ca_file), **here))
    popover = stage.popover("-c", path)
    client = greeted(popover.addresses[0], "pop3")
    log_in(client)
    if ca_file_is == "gone":
        ca_file.unlink()
    reload(popover, path, stage.service(new, **here))
    quit_(client)
    popover.wait_for_event("session")
    successor = greeted(popover.addresses[0], "pop3")
    log_in(successor)
    quit_(successor)
    wait_until(lambda: new.accepted == 2, "its spare is opened")
    assert old.accepted == 1
    assert popover.stop() == 0


def test_no_client_is_let_down_and_the_second_dials(stage: Stage) -> None:
    def is_forgotten(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        assert wire.line() == b"CAPA\r\n"
        wire.send(b"+OK\r\nUSER\r\n.\r\n")  # no PIPELINING, which would have to be proven on another connection first
        wire.wire.has_arrived()
        ready.release()
        wire.line()
        wire.reset()

    ready = threading.Semaphore(0)
    server = stage.server(pop3)
    gateway = stage.gateway(server, warm=2)
    client = gateway.greeted()
    log_in(client)
    server.script = is_forgotten
    quit_(client)
    for _ in range(2):
        assert ready.acquire(timeout=PATIENCE)
        gateway.status()
    server.script = pop3
    first = gateway.greeted(GREETINGS["pop3"])
    log_in(first)
    second = gateway.greeted()
    log_in(second)
    quit_(first)
    quit_(second)
    assert [gateway.session()["warm"] for _ in range(3)] == [False] * 3


# -- servers that only a login tells ---------------------------------------------------------------


def routed(number: int) -> Service:
    return pop3_service("routed", f"routed{number}.example.com")


def test_target_of_a_route_has_spares_from_its_first_visit_on(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        await world.visit(routed(1))
        assert opened(world) == 0
        world.warm.lead(routed(1).target)
        await world.visit(routed(1))
        assert opened(world) == 1
        spare = world.warm.take(routed(1).target)
        assert spare is not None
        spare.dialled.stream.leave()

    play(act)


def test_targets_of_routes_that_were_visited_last_are_known_and_no_more(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        world.warm.lead(routed(0).target)
        await world.visit(routed(0))
        for number in range(1, ROUTED_LIMIT):
            world.warm.lead(routed(number).target)
        world.warm.lead(routed(0).target)
        world.warm.lead(routed(ROUTED_LIMIT).target)  # takes the place of the first that was not visited again
        await world.visit(routed(1))
        assert opened(world) == 1
        for number in range(2, ROUTED_LIMIT):
            world.warm.lead(routed(number).target)
        world.warm.lead(routed(1).target)
        await is_gone(world, last(world))  # what stood ready for one that is forgotten
        assert world.warm.count == 0

    play(act)


def test_targets_that_the_configuration_names_are_never_forgotten(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        world.warm.lead(HOME.target)
        for number in range(ROUTED_LIMIT + 1):
            world.warm.lead(routed(number).target)
        await world.visit(HOME)
        assert opened(world) == 1

    play(act)


def test_reload_and_stop_forget_the_targets_of_routes(play: Play) -> None:
    async def act(world: Clockwork) -> None:
        world.warm.lead(routed(1).target)
        await world.visit(routed(1))
        world.warm.load([HOME.target])
        await is_gone(world, last(world))
        world.warm.stop()
        world.warm.lead(routed(1).target)
        await world.visit(routed(1))
        assert opened(world) == 1

    play(act)
