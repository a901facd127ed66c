"""The gateway as a whole: where it listens, whom it lets in, what it says at its start, and where it leads."""

import asyncio
import contextlib
import errno
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.mail import GREETINGS, mail
from fakes.scene import FAREWELLS, Gateway, Stage, farewell, toml
from fakes.server import FakeServer
from fakes.wire import Wire
from fakes.world import World
from parts.net import LOOPBACK, Address, free_port, is_listening, wait_until
from parts.popover import COMMAND, Popover, StartError, run_popover
from popover import config, errors
from popover.doors import Door, Doors
from popover.listen import PortInUseError, open_listener

pytest_plugins = ["fakes.fixture"]

EVERY_DIALECT = pytest.mark.parametrize("dialect", FAREWELLS)


@pytest.fixture
def server(stage: Stage) -> FakeServer:
    return stage.server(mail("imap"))


def url(server: FakeServer | int, dialect: str = "imap", host: str = "localhost") -> str:
    port = server if isinstance(server, int) else server.port
    return f"{dialect}s://{host}:{port}"


def ca_file(stage: Stage) -> tuple[str, str]:
    return "--ca-file", str(stage.authority.ca_file)


def greeted(address: Address, dialect: str = "imap") -> Wire:
    wire = Wire.to(address)
    assert wire.line() == GREETINGS[dialect]
    return wire


# -- where it listens ----------------------------------------------------------------------------------


def test_services_of_one_command_line_lead_to_their_own_servers(stage: Stage) -> None:
    servers = {dialect: stage.server(mail(dialect)) for dialect in FAREWELLS}
    port = free_port()
    words = [
        f"{port}={url(servers['pop3'], 'pop3')}",
        f"0={url(servers['imap'])}",
        f"127.0.0.1:0={url(servers['smtp'], 'smtp')}",
    ]
    popover = stage.popover(*words, *ca_file(stage))
    for place, dialect in enumerate(FAREWELLS):
        greeted(popover.addresses[place], dialect).close()
    assert popover.ports[0] == port
    assert len(set(popover.ports)) == 3
    assert popover.out_lines() == [
        f"listening 127.0.0.1:{popover.ports[place]} -> {url(servers[dialect], dialect)}"
        for place, dialect in enumerate(FAREWELLS)
    ]


def test_ipv6_address_is_written_in_brackets(stage: Stage, server: FakeServer) -> None:
    popover = stage.popover(f"[::1]:0={url(server)}", *ca_file(stage))
    [(host, port)] = popover.addresses
    assert popover.out_lines() == [f"listening [::1]:{port} -> {url(server)}"]
    greeted((host, port)).close()
    assert popover.wait_for_event("session")["client"] == "::1"


def test_one_service_on_several_addresses(stage: Stage, server: FakeServer) -> None:
    keys = {"listen": ["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"], "server": url(server), "ca_file": ca_file(stage)[1]}
    popover = stage.popover("-c", stage.config(keys | {"name": "all", "max_sessions": 2}))
    assert [host for host, _ in popover.addresses] == ["127.0.0.1", "::1", "127.0.0.2"]
    with greeted(popover.addresses[0]), greeted(popover.addresses[1]), Wire.to(popover.addresses[2]) as third:
        assert "too many connections" in farewell(third.ending().words, "imap")  # the limit is the service's
    popover.wait_for_events("session", 2, service="all")


def test_all_interfaces_of_ipv4_are_not_those_of_ipv6(stage: Stage, server: FakeServer) -> None:
    port = free_port("::")
    popover = stage.popover(f"0.0.0.0:{port}={url(server)}", f"[::]:{port}={url(server)}", *ca_file(stage))
    assert popover.addresses == [("0.0.0.0", port), ("::", port)]
    for host in ("127.0.0.1", "127.0.0.9", "::1"):
        greeted((host, port)).close()
    assert {event["client"] for event in popover.wait_for_events("session", 3)} == {"127.0.0.1", "::1"}


# -- how a start fails ---------------------------------------------------------------------------------


def test_port_in_use_names_its_holder(server: FakeServer) -> None:
    ended = run_popover("run", f"{server.port}=localhost")
    assert (ended.returncode, ended.stdout) == (1, "")
    [line] = ended.stderr.splitlines()
    assert re.match(rf"popover: 127\.0\.0\.1:{server.port} is in use already by \S+ \(pid \d+\); ", line)


def test_port_in_use_by_another_popover_leaves_that_one_alone(stage: Stage, server: FakeServer) -> None:
    popover = stage.popover(f"0={url(server)}", *ca_file(stage))
    free = free_port()
    with pytest.raises(StartError) as caught:
        Popover(f"{free}={url(server)}", f"{popover.ports[0]}={url(server)}", *ca_file(stage))
    assert caught.value.code == 1
    assert f"(pid {popover.pid})" in "\n".join(caught.value.log)
    assert caught.value.out == []  # nothing is half started
    greeted(popover.addresses[0]).close()


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["run"], 2, "SERVER"),
        (["run", "-c", "/nowhere/popover.toml"], 2, "/nowhere/popover.toml"),
        (["run", "70000=localhost"], 2, "70000"),
        (["run", "http://localhost"], 2, "http"),
        (["run", "localhost", "--max-sessions", "-1"], 2, "--max-sessions"),
        (["run", "localhost", "--allow", "everybody"], 2, "--allow"),
        (["run", "localhost", "--ca-file", "/nowhere/ca.pem"], 2, "/nowhere/ca.pem"),
        (["run", "localhost", "--verify", "no"], 2, "--verify"),
        (["run", "0=localhost", "--user", "no-such-user"], 1, "no-such-user"),
        (["run", "192.0.2.1:0=localhost"], 1, "192.0.2.1"),
        (["serve", "localhost"], 2, "serve"),
        ([], 2, "COMMAND"),
    ],
    ids=str,
)
def test_exit_code_tells_wrong_use_from_what_the_machine_forbids(words: list[str], code: int, why: str) -> None:
    ended = run_popover(*words)
    assert ended.returncode == code
    assert ended.stdout == ""
    assert why in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_questions_about_itself_are_answered_on_stdout(word: str) -> None:
    ended = run_popover(word)
    assert ended.returncode == 0
    assert "popover" in ended.stdout
    assert ended.stderr == ""


# -- whom it lets in -----------------------------------------------------------------------------------


def test_limit_of_sessions_is_told_and_left_again(stage: Stage, server: FakeServer) -> None:
    popover = stage.popover(f"0={url(server)}", "--max-sessions", "1", *ca_file(stage))
    gateway = Gateway(popover, "imap")
    with gateway.greeted():
        assert "too many connections to this gateway" in gateway.told()
    gateway.session()
    gateway.serves()
    refused = popover.wait_for_event("refused")
    assert refused["client"] == LOOPBACK
    assert "max_sessions = 1" in refused["remedy"]


def test_no_limit_is_no_limit(stage: Stage, server: FakeServer) -> None:
    popover = stage.popover(f"0={url(server)}", "--max-sessions", "0", *ca_file(stage))
    wires = [greeted(popover.addresses[0]) for _ in range(20)]
    for wire in wires:
        wire.close()
    popover.wait_for_events("session", 20)


@EVERY_DIALECT
def test_address_that_is_not_allowed_is_told_so(stage: Stage, server: FakeServer, dialect: str) -> None:
    popover = stage.popover(f"0={url(server, dialect)}", "--allow", "192.168.0.0/16", "--allow", "::1", *ca_file(stage))
    gateway = Gateway(popover, dialect)
    assert "does not serve the address 127.0.0.1" in gateway.told()
    assert "--allow 127.0.0.1" in popover.wait_for_event("refused")["remedy"]
    assert server.accepted == 0


def test_refused_flood_is_closed_without_words(stage: Stage, server: FakeServer) -> None:
    popover = stage.popover(f"0={url(server)}", "--allow", "192.168.0.0/16", *ca_file(stage))
    heard = []
    for _ in range(60):
        with Wire.to(popover.addresses[0]) as wire:
            heard.append(wire.ending())
    told = [words for words, how in heard if words]
    assert 10 <= len(told) < 60
    assert all(farewell(words, "imap") for words in told)
    assert all(how == "fin" for words, how in heard if words)
    assert len(popover.wait_for_events("refused", len(told))) == len(told)


def test_client_that_waits_is_not_kept_from_its_place_by_refused_ones(stage: Stage, server: FakeServer) -> None:
    keys = {"listen": "127.0.0.1:0", "server": url(server), "ca_file": ca_file(stage)[1], "max_sessions_per_client": 2}
    gateway = Gateway(stage.popover("-c", stage.config(keys)), "imap")
    with gateway.greeted() as one, gateway.greeted():
        for _ in range(5):
            gateway.client().close()
        assert one.ask(b"a NOOP").startswith(b"a OK")
    gateway.session()
    gateway.session()
    gateway.serves()
    assert gateway.status()["sessions"] == 0


# -- reload --------------------------------------------------------------------------------------------


def reload(popover: Popover, path: Path, *services: dict[str, Any]) -> None:
    before = len(popover.events("reloaded"))
    path.write_text(toml(services, {"drain_timeout": 0}))
    popover.signal(signal.SIGHUP)
    wait_until(lambda: len(popover.events("reloaded")) > before or refusals(popover), "the file was read again")
    assert not refusals(popover)


def refusals(popover: Popover) -> list[str]:
    """What the log says about new files that are not in force."""
    return [event["text"] for event in popover.events("warning") if "not in force" in event["text"]]


def service(stage: Stage, server: FakeServer, listen: str, **keys: Any) -> dict[str, Any]:
    return {"name": "home", "listen": listen, "server": url(server), "ca_file": ca_file(stage)[1]} | keys


def test_reload_still_counts_who_is_inside(stage: Stage, server: FakeServer) -> None:
    listen = f"127.0.0.1:{free_port()}"
    path = stage.config(service(stage, server, listen, max_sessions=5))
    gateway = Gateway(stage.popover("-c", path), "imap")
    with gateway.greeted(), gateway.greeted():
        reload(gateway.popover, path, service(stage, server, listen, max_sessions=2))
        assert "too many" in gateway.told()
    gateway.session()
    gateway.session()
    gateway.serves()


def test_reload_to_another_port_still_counts_who_is_inside(stage: Stage, server: FakeServer) -> None:
    ports = [free_port(), free_port()]
    path = stage.config(service(stage, server, f"127.0.0.1:{ports[0]}", max_sessions=1))
    gateway = Gateway(stage.popover("-c", path), "imap", lambda _: Wire.to((LOOPBACK, ports.pop(0))))
    with gateway.greeted():
        reload(gateway.popover, path, service(stage, server, f"127.0.0.1:{ports[0]}", max_sessions=1))
        with gateway.client() as late:
            assert "too many" in farewell(late.line(), "imap")


def test_reload_changes_the_rules_of_a_listener_that_stays(stage: Stage, server: FakeServer) -> None:
    listen = f"127.0.0.1:{free_port()}"
    other = stage.server(mail("imap"))
    path = stage.config(service(stage, server, listen))
    gateway = Gateway(stage.popover("-c", path), "imap")
    gateway.serves()
    reload(gateway.popover, path, service(stage, other, listen, allow=["192.168.0.0/16"]))
    assert "does not serve" in gateway.told()
    reload(gateway.popover, path, service(stage, other, listen))
    gateway.serves()
    assert (server.accepted, other.accepted) == (1, 1)


@pytest.mark.parametrize(
    ("here", "everywhere", "beside"), [("127.0.0.1", "0.0.0.0", "127.0.0.2"), ("::1", "::", "::1")]
)
def test_reload_from_one_address_to_all_of_them_and_back(
    stage: Stage, server: FakeServer, here: str, everywhere: str, beside: str
) -> None:
    """The port is held by the very listener that is to go."""
    port = free_port(everywhere)
    one, all_ = str(config.Address(here, port)), str(config.Address(everywhere, port))
    path = stage.config(service(stage, server, one))
    popover = stage.popover("-c", path)
    for listen, host in ((all_, beside), (one, here)):
        with greeted((here, port)) as client:
            reload(popover, path, service(stage, server, listen))
            greeted((host, port)).close()
            assert client.ask(b"a NOOP").startswith(b"a OK")


def test_refused_reload_leaves_the_port_it_wanted_wider(stage: Stage, server: FakeServer) -> None:
    """All addresses can't be had beside another program that has one of them."""
    port = free_port()
    old = service(stage, server, f"127.0.0.1:{port}")
    path = stage.config(old)
    popover = stage.popover("-c", path)
    with socket.create_server(("127.0.0.2", port)), greeted((LOOPBACK, port)) as client:
        for number in range(1, 3):
            path.write_text(toml((service(stage, server, f"0.0.0.0:{port}"),), {"drain_timeout": 0}))
            popover.signal(signal.SIGHUP)
            wait_until(lambda: len(refusals(popover)) >= number, "the reload is refused")  # noqa: B023
            assert f"0.0.0.0:{port} is in use already" in refusals(popover)[-1]
            greeted((LOOPBACK, port)).close()
        assert client.ask(b"a NOOP").startswith(b"a OK")
        path.write_text(toml((old,), {"drain_timeout": 0}))
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
        return self.doors.load(config.Config((config.Service("home", places, server),)))

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

    patch.setattr("popover.doors.open_listener", refuse)
    return asked


@pytest.mark.parametrize(("here", "everywhere"), [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1"), ("::1", "::")])
def test_door_that_could_not_be_opened_anew_is_not_closed(
    monkeypatch: pytest.MonkeyPatch, here: str, everywhere: str
) -> None:
    """What a user without rights can't bind it can't bind again, either: a port below 1024."""
    port = free_port("::")

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
    """IPv4 is not in the way of IPv6, one address not in that of another, and none in that of what can't be had."""
    port = free_port("::")
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
            patch.setattr("popover.doors.open_listener", take)
            with pytest.raises(errors.StartError) as caught:
                house.load(("0.0.0.0", port))
        lines = str(caught.value).splitlines()
        assert lines[0] == f"no 0.0.0.0:{port}"
        assert lines[1].startswith(f"but {LOOPBACK}:{port} can't listen again (")
        assert house.doors.sockets() == []
        others[0].close()
        assert len(house.load((LOOPBACK, port))) == 1
        await house.lets_in((LOOPBACK, port))

    in_house((LOOPBACK, port), act)


def test_machine_without_a_descriptor_for_a_listener_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("popover.listen.socket.socket", none_left)
    with pytest.raises(errors.StartError, match=re.escape("[::1]:110: Too many open files")):
        open_listener(config.Address("::1", 110), {})


# -- where it leads ------------------------------------------------------------------------------------


def leads_back(gateway: Gateway) -> None:
    """Each client is told, and makes one session: the circle ends where it was found out, not after twenty turns."""
    for number in range(1, 4):
        assert "leads back to this gateway itself" in gateway.told()
        event = gateway.session()
        assert event["end"] == "no connection"
        assert event["remedy"]
        for _ in range(3):
            gateway.status()
        assert len(gateway.popover.events("session")) == number


def is_found_out(*words: str) -> None:
    """At the start, where the words alone tell; else at the first client."""
    try:
        popover = Popover(*words)
    except StartError as refused:
        assert (refused.code, refused.out) == (2, [])  # noqa: PT017 - an answer as good
        return
    with popover:
        leads_back(Gateway(popover, "imap"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"])
def test_server_that_is_the_gateway_itself_is_found_out(host: str) -> None:
    port = free_port()
    is_found_out(f"127.0.0.1:{port}={url(port, host=host)}")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "[::1]"])
def test_gateway_on_all_addresses_is_found_out_by_any_of_them(host: str) -> None:
    port = free_port("::")
    is_found_out(f"{'[::]' if '::1' in host else '0.0.0.0'}:{port}={url(port, host=host)}")


def test_services_that_lead_to_each_other_are_found_out() -> None:
    one, other = free_port(), free_port()
    is_found_out(f"{one}={url(other)}", f"{other}={url(one)}")


def test_name_that_turns_out_to_be_this_gateway_is_found_out(stage: Stage) -> None:
    """Nobody can know before somebody has asked for the name."""
    with World(stage.directory / "world", hosts="127.0.0.1 mail.fake.test") as world:
        here: dict[str, Any] = {"prefix": world.prefix, "connect": world.connect}
        leads_back(stage.gateway(9993, "imap", host="mail.fake.test", listen="127.0.0.1:9993", **here))


# -- its output ----------------------------------------------------------------------------------------


def test_reader_of_the_listening_lines_may_go(stage: Stage, server: FakeServer) -> None:
    port = free_port()
    command = [*COMMAND, "run", f"0={url(server)}", f"{port}={url(server)}", *ca_file(stage)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            process.stdout.close()
            wait_until(lambda: process.poll() is not None or is_listening(port), "it listens")
            greeted((LOOPBACK, port)).close()
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_line_on_stdout_is_there_as_soon_as_it_accepts(stage: Stage, server: FakeServer) -> None:
    """Through a pipe, which Python would buffer."""
    command = [sys.executable, "-m", "popover", "run", f"0={url(server)}", *ca_file(stage)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().decode()
            found = re.fullmatch(r"listening 127\.0\.0\.1:(\d+) -> imaps://localhost:\d+\n", line)
            assert found
            greeted((LOOPBACK, int(found[1]))).close()
        finally:
            process.kill()
