"""Cases 53 to 57, 60, 62, 101 and 110 of the list of faults: names, routes, addresses, losses.

Each in a network of its own, made by the test (see `fakes.world`); none of its packets leaves this machine.
"""

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from unittest import mock

import pytest

from fakes.dns import FakeDNS
from fakes.link import Link
from fakes.mail import GREETINGS, message_of, pop3
from fakes.scene import UNHURRIED, Gateway, Stage
from fakes.world import World
from parts.net import free_port
from parts.places import is_root
from parts.popover import COMMAND, run_popover

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED

NAME = "mail.fake.test"
HERE, HERE_TOO, HERE_SIX = "192.0.2.1", "192.0.2.2", "2001:db8::1"
NOBODY, NOBODY_SIX = "192.0.2.99", "2001:db8::99"

Make = Callable[..., World]


@pytest.fixture
def new_world(stage: Stage) -> Iterator[Make]:
    """Makes a world in which all addresses but a few lead nowhere."""
    with ExitStack() as stack:
        numbers = iter(range(100))

        def make(hosts: str = "") -> World:
            world = stack.enter_context(World(stage.directory / f"world{next(numbers)}", hosts))
            world.blackhole(f"{HERE}/24", f"{HERE_TOO}/24", f"{HERE_SIX}/64")
            return world

        yield make


@pytest.fixture
def world(new_world: Make) -> World:
    """One such world."""
    return new_world()


def inside(stage: Stage, world: World, port: int, **keys: object) -> Gateway:
    """A gateway in this world, for the server with our name."""
    return stage.gateway(port, prefix=world.prefix, connect=world.connect, **({"host": NAME} | keys))  # type: ignore[arg-type]


def good_server(stage: Stage, world: World, host: str = HERE, port: int = 0) -> int:
    """A server with our name at this address; its port."""
    certificate = stage.authority.issue(NAME, "192.0.2.1")
    return stage.server(pop3, certificate, listener=world.listen(host, port)).port


def test_case_53_name_that_does_not_exist(stage: Stage, world: World) -> None:
    port = good_server(stage, world)
    with FakeDNS(world, {}) as dns:
        gateway = inside(stage, world, port)
        gateway.refuses("no server with the name mail.fake.test", remedy="DNS")
        dns.zone[NAME] = [HERE]
        gateway.serves()


def test_case_53_name_server_that_fails(stage: Stage, world: World) -> None:
    port = good_server(stage, world)
    with FakeDNS(world, {NAME: "servfail"}) as dns:
        gateway = inside(stage, world, port)
        gateway.refuses("mail.fake.test", "looked up", remedy="resolv.conf")
        dns.zone[NAME] = [HERE]
        gateway.serves()


def test_case_53_name_server_that_keeps_silent(stage: Stage, world: World) -> None:
    port = good_server(stage, world)
    with FakeDNS(world, {NAME: "silence"}) as dns:
        gateway = inside(stage, world, port, connect_timeout=0.5)
        gateway.refuses("mail.fake.test", "looked up", "0.5 seconds", remedy="resolv.conf")
        dns.zone[NAME] = [HERE]
        # The look-up that was given up is still under way in glibc, which waits one second for each answer.
        while gateway.popover.events("session", end="client closed") == []:
            with gateway.client() as client:
                if client.line() == GREETINGS["pop3"]:
                    client.ask(b"QUIT")


def test_case_53_name_without_an_address(stage: Stage, world: World) -> None:
    with FakeDNS(world, {NAME: []}):
        inside(stage, world, 995).refuses("no server with the name mail.fake.test")


def test_case_53_a_hundred_slow_names_do_not_delay_a_healthy_one(stage: Stage, world: World) -> None:
    slow = [f"slow{number}.fake.test" for number in range(100)]
    port = good_server(stage, world)
    trust = {"listen": "127.0.0.1:0", "ca_file": str(stage.authority.ca_file)}
    services = [trust | {"server": f"pop3s://{name}:{port}"} for name in (NAME, *slow)]
    world.resolv_conf.write_text("nameserver 127.0.0.1\noptions timeout:20 attempts:1\n")
    with FakeDNS(world, {NAME: [HERE], **dict.fromkeys(slow, "silence")}) as dns, ExitStack() as stack:
        popover = stage.popover("-c", stage.config(*services, drain_timeout=0), prefix=world.prefix)
        gateway = Gateway(popover, "pop3", world.connect)
        for address in popover.addresses[1:]:
            stack.enter_context(world.connect(address))
        gateway.serves()
        assert popover.events("session", end="no address") == []  # all others are still waiting
        assert set(slow) <= {*dns.asked}


def test_case_54_blackholed_ipv6_address_does_not_hide_the_ipv4_one(stage: Stage, world: World) -> None:
    port = good_server(stage, world)
    with FakeDNS(world, {NAME: [NOBODY_SIX, HERE]}):
        ours = world.new_socket(socket.AF_INET6, socket.SOCK_DGRAM)
        ours.connect((NOBODY_SIX, 53))  # there is a route: it is not refused at once
        ours.close()
        gateway = inside(stage, world, port)
        event = gateway.serves()
        assert event["server"] == f"{HERE}:{port}"


def test_case_54_dead_first_address_does_not_hide_the_second(stage: Stage, world: World) -> None:
    port = good_server(stage, world, HERE_TOO)
    with FakeDNS(world, {NAME: [HERE, NOBODY, HERE_TOO]}):
        assert inside(stage, world, port).serves()["server"] == f"{HERE_TOO}:{port}"


def test_case_54_ipv6_is_used_where_it_works(stage: Stage, world: World) -> None:
    port = good_server(stage, world, HERE_SIX)
    with FakeDNS(world, {NAME: [HERE_SIX, HERE]}):
        assert inside(stage, world, port).serves()["server"] == f"[{HERE_SIX}]:{port}"


def test_case_55_twenty_dead_addresses_share_one_deadline(stage: Stage, world: World) -> None:
    with FakeDNS(world, {NAME: [f"192.0.2.{number}" for number in range(100, 120)]}) as dns:
        port = good_server(stage, world)
        gateway = inside(stage, world, port, connect_timeout=1)
        gateway.refuses("mail.fake.test", "1 seconds", remedy="firewall")
        dns.zone[NAME] = [HERE]
        gateway.serves()


def test_case_56_refused_connection(stage: Stage, world: World) -> None:
    port = free_port()
    with FakeDNS(world, {NAME: [HERE]}):
        gateway = inside(stage, world, port)
        gateway.refuses("mail.fake.test", "refuses", str(port), remedy=HERE)
        good_server(stage, world, port=port)
        gateway.serves()


@pytest.mark.parametrize("route", [("unreachable", "198.51.100.0/24"), ()])
def test_case_56_unreachable_host_or_network(stage: Stage, world: World, route: tuple[str, ...]) -> None:
    if route:
        world.run("ip", "route", "add", *route)
    port = good_server(stage, world)
    with FakeDNS(world, {NAME: ["198.51.100.1"]}) as dns:
        gateway = inside(stage, world, port)
        gateway.refuses("mail.fake.test", "not be reached", remedy="198.51.100.1")
        dns.zone[NAME] = [HERE]
        gateway.serves()


def test_case_57_blackholed_address_ends_by_connect_timeout(stage: Stage, world: World) -> None:
    port = good_server(stage, world)
    with FakeDNS(world, {NAME: [NOBODY]}) as dns:
        gateway = inside(stage, world, port, connect_timeout=0.5)
        gateway.refuses("mail.fake.test", "does not answer", str(port), "0.5 seconds", remedy="firewall")
        dns.zone[NAME] = [HERE]
        gateway.serves()


def test_case_57_server_by_address_that_does_not_answer(stage: Stage, world: World) -> None:
    inside(stage, world, 995, host=NOBODY, connect_timeout=0.5).refuses(NOBODY, "does not answer")


def test_case_60_server_that_comes_back_is_used_at_once(stage: Stage, world: World) -> None:
    """At another address, after several failures: nothing bad is remembered."""
    port = good_server(stage, world, HERE_TOO)
    with FakeDNS(world, {NAME: [HERE]}) as dns:
        gateway = inside(stage, world, port)
        for _ in range(3):
            gateway.refuses("refuses")
        dns.zone[NAME] = [HERE_TOO]
        gateway.serves()


def test_case_60_server_that_moves_while_in_use_is_found_again(stage: Stage, world: World) -> None:
    """Its old address was good, so it may be tried once more; after that the name is asked for anew."""
    listener = world.listen(HERE)
    server = stage.server(pop3, stage.authority.issue(NAME), listener=listener)
    with FakeDNS(world, {NAME: [HERE]}) as dns:
        gateway = inside(stage, world, server.port)
        gateway.serves()
        server.shut()
        good_server(stage, world, HERE_TOO, server.port)
        dns.zone[NAME] = [HERE_TOO]
        gateway.refuses("refuses")
        gateway.serves()


def test_case_110_no_network_at_the_start(stage: Stage, new_world: Make) -> None:
    """It starts, tells its clients why not, and heals: a new resolv.conf is seen without a restart."""
    world = new_world()
    world.resolv_conf.write_text(f"nameserver {NOBODY}\noptions timeout:1 attempts:1\n")
    port = good_server(stage, world)
    gateway = inside(stage, world, port)
    gateway.refuses("mail.fake.test", "looked up", remedy="resolv.conf")
    with FakeDNS(world, {NAME: [HERE]}):
        world.resolv_conf.write_text("nameserver 127.0.0.1\n")
        gateway.serves()


def test_source_address_is_where_connections_come_from(stage: Stage, world: World) -> None:
    seen: list[str] = []
    listener = world.listen(HERE)
    server = stage.server(pop3, stage.authority.issue(NAME), listener=listener)
    with FakeDNS(world, {NAME: [HERE]}):
        gateway = inside(stage, world, server.port, source_address=HERE_TOO)
        with gateway.greeted() as client:
            seen += [wire.sock.getpeername()[0] for wire in server.wires]
            gateway.serves(client)
        inside(stage, world, server.port, source_address="192.0.2.77").refuses(remedy="192.0.2.77")
    assert seen == [HERE_TOO]


@pytest.mark.parametrize(
    ("loss", "delay", "mtu", "size"),
    [
        pytest.param(0.05, 0.15, 1500, 60_000, id="loss-and-delay"),
        pytest.param(0, 0, 100, 60_000, id="48-byte-segments"),  # the least that Linux sends (tcp_min_snd_mss)
    ],
)
def test_case_62_bad_line_changes_no_byte(
    stage: Stage, new_world: Make, loss: float, delay: float, mtu: int, size: int
) -> None:
    near, far = new_world(f"10.77.0.2 {NAME}"), new_world()
    ends = near.cable("line", "10.77.0.1/24", mtu=mtu), far.cable("line", "10.77.0.2/24", mtu=mtu)
    with Link(*ends, loss=loss, delay=delay) as link:
        port = good_server(stage, far, "10.77.0.2")
        gateway = inside(stage, near, port, connect_timeout=60)
        with gateway.greeted() as client:
            client.send(b"RETR %d\r\n" % size)
            mail = message_of(size)
            came = client.exactly(len(mail))
            assert hashlib.sha256(came).digest() == hashlib.sha256(mail).digest()
            gateway.serves(client)
        assert link.carried > 20
        assert bool(link.lost) == bool(loss)


def test_case_101_low_port_without_the_right_to_it_is_told_with_the_ways_out() -> None:
    """Even root may not, once its capability is taken; an ordinary user never had it."""
    without = ("setpriv", "--bounding-set=-net_bind_service") if is_root() else ()
    with mock.patch("parts.popover.COMMAND", (*without, *COMMAND)):
        ended = run_popover("run", "127.0.0.1:7=localhost")
    assert (ended.returncode, ended.stdout) == (1, "")
    for way in ("127.0.0.1:7", "ip_unprivileged_port_start", "user", "systemd", "higher port"):
        assert way in ended.stderr
