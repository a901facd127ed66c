"""Doors: where popover listens, and how a reload opens, moves and closes its listeners."""

import asyncio
import contextlib
import errno
import os
import re
import signal
import socket
from collections.abc import Awaitable, Callable

import pytest

from fakes.mail import mail
from fakes.scene import FAREWELLS, Stage, farewell, greeted, refusals, reload, rewrite, url
from fakes.server import FakeServer
from fakes.wire import Wire
from parts.net import LOOPBACK, Address, free_port, wait_until
from popover import config, errors
from popover.inside.doors import Door, Doors
from popover.inside.listen import PortInUseError, open_listener

pytest_plugins = ["fakes.fixture"]


@pytest.fixture
def server(stage: Stage) -> FakeServer:
    return stage.server(mail("imap"))


# -- where it listens ----------------------------------------------------------------------------------


def test_services_of_one_command_line_lead_to_their_own_servers(stage: Stage) -> None:
    servers = {dialect: stage.server(mail(dialect)) for dialect in FAREWELLS}
    port = free_port()
    words = [
        f"{port}={url(servers['pop3'], 'pop3')}",
        f"0={url(servers['imap'])}",
        f"127.0.0.1:0={url(servers['smtp'], 'smtp')}",
        f"0={url(servers['sieve'], 'sieve')}",
    ]
    popover = stage.popover(*words, *stage.trust)
    for place, dialect in enumerate(FAREWELLS):
        greeted(popover.addresses[place], dialect).close()
    assert popover.ports[0] == port
    assert len(set(popover.ports)) == 4
    assert popover.out_lines() == [
        f"listening 127.0.0.1:{popover.ports[place]} -> {url(servers[dialect], dialect)}"
        for place, dialect in enumerate(FAREWELLS)
    ]


def test_ipv6_address_is_written_in_brackets(stage: Stage, server: FakeServer) -> None:
    popover = stage.popover(f"[::1]:0={url(server)}", *stage.trust)
    [(host, port)] = popover.addresses
    assert popover.out_lines() == [f"listening [::1]:{port} -> {url(server)}"]
    greeted((host, port)).close()
    assert popover.wait_for_event("session")["client"] == "::1"


def test_one_service_on_several_addresses(stage: Stage, server: FakeServer) -> None:
    addresses = ["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"]
    service = stage.service(server, "imap", listen=addresses, name="all", max_sessions=2)
    popover = stage.popover("-c", stage.config(service))
    assert [host for host, _ in popover.addresses] == ["127.0.0.1", "::1", "127.0.0.2"]
    with greeted(popover.addresses[0]), greeted(popover.addresses[1]), Wire.to(popover.addresses[2]) as third:
        assert "too many connections" in farewell(third.ending().words, "imap")  # the limit is the service's
    popover.wait_for_events("session", 2, service="all")


def test_all_interfaces_of_ipv4_are_not_those_of_ipv6(stage: Stage, server: FakeServer) -> None:
    port = free_port()
    popover = stage.popover(f"0.0.0.0:{port}={url(server)}", f"[::]:{port}={url(server)}", *stage.trust)
    assert popover.addresses == [("0.0.0.0", port), ("::", port)]
    for host in ("127.0.0.1", "127.0.0.9", "::1"):
        greeted((host, port)).close()
    assert {event["client"] for event in popover.wait_for_events("session", 3)} == {"127.0.0.1", "::1"}


def test_machine_without_a_descriptor_for_a_listener_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("popover.inside.listen.socket.socket", none_left)
    with pytest.raises(errors.StartError, match=re.escape("[::1]:110: Too many open files")):
        open_listener(config.Address("::1", 110), {})


# -- where it listens after a reload -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "everywhere", "beside"), [("127.0.0.1", "0.0.0.0", "127.0.0.2"), ("::1", "::", "::1")]
)
def test_reload_from_one_address_to_all_of_them_and_back(
    stage: Stage, server: FakeServer, here: str, everywhere: str, beside: str
) -> None:
    """The port is held by the very listener that is to go."""
    port = free_port()
    one, all_ = str(config.Address(here, port)), str(config.Address(everywhere, port))
    path = stage.config(stage.service(server, "imap", listen=one))
    popover = stage.popover("-c", path)
    for listen, host in ((all_, beside), (one, here)):
        with greeted((here, port)) as client:
            reload(popover, path, stage.service(server, "imap", listen=listen))
            greeted((host, port)).close()
            assert client.ask(b"a NOOP").startswith(b"a OK")


def test_refused_reload_leaves_the_port_it_wanted_wider(stage: Stage, server: FakeServer) -> None:
    """All addresses cannot be had beside another program that has one of them."""
    port = free_port()
    old, wider = (stage.service(server, "imap", listen=f"{host}:{port}") for host in (LOOPBACK, "0.0.0.0"))
    path = stage.config(old)
    popover = stage.popover("-c", path)
    with socket.create_server(("127.0.0.2", port)), greeted((LOOPBACK, port)) as client:
        for number in range(1, 3):
            rewrite(path, wider)
            popover.signal(signal.SIGHUP)
            wait_until(lambda: len(refusals(popover)) >= number, "the reload is refused")  # noqa: B023
            assert f"0.0.0.0:{port} is in use already" in refusals(popover)[-1]
            greeted((LOOPBACK, port)).close()
        assert client.ask(b"a NOOP").startswith(b"a OK")
        rewrite(path, old)
        popover.signal(signal.SIGHUP)
        popover.wait_for_event("reloaded")
        greeted((LOOPBACK, port)).close()


# -- the doors of a reload, without a process ----------------------------------------------------------


class House:
    """Doors that stand open at an address, and the clients that came in by them."""

    def __init__(self, listen: Address) -> None:
        self.came: list[str] = []
        self.doors = Doors(asyncio.get_running_loop(), {}, self._welcome, lambda fault: pytest.fail(str(fault)))
        self.load(listen)

    def load(self, *listen: Address) -> list[str]:
        """Reload with these addresses alone."""
        server = config.parse_server("imaps://localhost")
        places = tuple(config.Address(host, port) for host, port in listen)
        return self.doors.load(config.Config((config.Service("home", places, config.Target(server)),)))

    async def lets_in(self, address: Address) -> None:
        """Another client comes in."""
        before = len(self.came)
        reader, writer = await asyncio.open_connection(*address)
        assert await reader.read() == b""
        writer.close()
        assert len(self.came) == before + 1

    def _welcome(self, _door: Door, sock: socket.socket, address: str) -> None:
        sock.close()
        self.came.append(address)


def in_house(listen: Address, act: Callable[[House], Awaitable[None]]) -> None:
    async def main() -> None:
        house = House(listen)
        with contextlib.closing(house.doors):
            await act(house)

    asyncio.run(main())


def nothing_opens(patch: pytest.MonkeyPatch, fault: type[errors.StartError]) -> list[str]:
    """No listener can be had any more, for this reason; the list tells which were asked for."""
    asked: list[str] = []

    def refuse(wanted: config.Listen, _inherited: object) -> None:
        asked.append(str(wanted))
        raise fault(f"no {wanted}")

    patch.setattr("popover.inside.doors.open_listener", refuse)
    return asked


@pytest.mark.parametrize(("here", "everywhere"), [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1"), ("::1", "::")])
def test_door_that_could_not_be_opened_anew_is_not_closed(
    monkeypatch: pytest.MonkeyPatch, here: str, everywhere: str
) -> None:
    """What a user without rights cannot bind it cannot bind again, either: a port below 1024."""
    port = free_port()

    async def act(house: House) -> None:
        before = house.doors.sockets()
        for fault, times in ((errors.StartError, 1), (PortInUseError, 2)):
            with monkeypatch.context() as patch:
                asked = nothing_opens(patch, fault)
                with pytest.raises(errors.StartError) as caught:
                    house.load((everywhere, port))
            assert asked == [str(config.Address(everywhere, port))] * times
            assert str(caught.value) == f"no {asked[0]}"
            assert house.doors.sockets() == before
            await house.lets_in((LOOPBACK if ":" not in here else here, port))
        assert house.load((here, port)) == []

    in_house((here, port), act)


def test_client_that_waits_is_let_in_before_its_door_steps_aside() -> None:
    port = free_port()

    async def act(house: House) -> None:
        with socket.create_connection((LOOPBACK, port)) as client:
            house.load(("0.0.0.0", port))
            assert house.came == [LOOPBACK]
            assert client.recv(1) == b""

    in_house((LOOPBACK, port), act)


@pytest.mark.parametrize("fault", [errors.StartError, PortInUseError])
@pytest.mark.parametrize("other", ["127.0.0.2", "::", "::1", "0.0.0.0"])
def test_door_that_is_not_in_the_way_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, other: str, fault: type[errors.StartError]
) -> None:
    """IPv4 is not in the way of IPv6, one address not in that of another, and none in that of what cannot be had."""
    port = free_port()
    stepped: list[object] = []
    monkeypatch.setattr(socket.socket, "shutdown", lambda *_: stepped.append(_))

    async def act(house: House) -> None:
        house.load((LOOPBACK, port), (LOOPBACK, free_port()))
        nothing_opens(monkeypatch, fault)
        with pytest.raises(errors.StartError):
            house.load((other, port))
        clashes = other == "0.0.0.0" and fault is PortInUseError
        assert len(stepped) == clashes

    in_house((LOOPBACK, port), act)


def test_door_that_another_program_took_meanwhile_is_told_and_can_be_opened_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = free_port()
    others: list[socket.socket] = []

    async def act(house: House) -> None:
        [door] = house.doors.sockets()

        def take(wanted: config.Listen, _inherited: object) -> None:
            if not door.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                others.append(socket.create_server((LOOPBACK, port)))
            raise PortInUseError(f"no {wanted}")

        with monkeypatch.context() as patch:
            patch.setattr("popover.inside.doors.open_listener", take)
            with pytest.raises(errors.StartError) as caught:
                house.load(("0.0.0.0", port))
        lines = str(caught.value).splitlines()
        assert lines[0] == f"no 0.0.0.0:{port}"
        assert lines[1].startswith(f"but {LOOPBACK}:{port} cannot listen again (")
        assert house.doors.sockets() == []
        others[0].close()
        assert len(house.load((LOOPBACK, port))) == 1
        await house.lets_in((LOOPBACK, port))

    in_house((LOOPBACK, port), act)


def test_doors_that_are_closed_keep_no_descriptor() -> None:
    async def main() -> None:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - how many
        House((LOOPBACK, 0)).doors.close()
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

    asyncio.run(main())
