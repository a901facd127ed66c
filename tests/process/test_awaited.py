"""Addresses that this machine gets only later: a service listens there already, whatever the order of a boot."""

import errno
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fakes.mail import GREETINGS, mail
from fakes.scene import Stage, rewrite
from fakes.world import World
from parts.net import free_port, wait_until

pytest_plugins = ["fakes.fixture"]

LATER = {"192.168.77.5": "192.168.77.5", "fd00:77::5": "[fd00:77::5]"}


@pytest.fixture
def world(stage: Stage) -> Iterator[World]:
    with ExitStack() as stack:
        yield stack.enter_context(World(stage.directory / "world"))


def come(world: World, address: str) -> None:
    """DHCP has answered, and the kernel has done its part: the route to an IPv6 address comes a moment later."""
    world.run("ip", "address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def is_reached() -> bool:
        """Whether the address itself says that nothing listens there: the way to it may be known before it answers."""
        with world.new_socket(family, socket.SOCK_STREAM) as probe:
            return probe.connect_ex((address, 9)) == errno.ECONNREFUSED

    wait_until(is_reached, f"a route to {address}")


@pytest.mark.parametrize("address", LATER)
def test_service_whose_address_comes_after_the_start_serves_from_then_on(
    stage: Stage, world: World, address: str
) -> None:
    """A low port: later, without root's rights, it could not be bound any more."""
    server = stage.server(mail("pop3"), listener=world.listen("127.0.0.1"))
    path = stage.config(stage.service(server, listen=f"{LATER[address]}:110"))
    popover = stage.popover("-c", path, prefix=world.prefix)
    assert popover.wait_for_event("awaited")["address"] == address
    come(world, address)
    with world.connect((address, 110)) as client:
        assert client.line() == GREETINGS["pop3"]
    assert popover.wait_for_event("arrived")["address"] == address


def test_address_that_comes_later_may_be_new_in_the_file(stage: Stage, world: World) -> None:
    server = stage.server(mail("pop3"), listener=world.listen("127.0.0.1"))
    port = free_port()
    here = stage.service(server, listen=f"127.0.0.1:{port}")
    path = stage.config(here)
    popover = stage.popover("-c", path, prefix=world.prefix)
    assert not popover.events("awaited")
    rewrite(path, here | {"listen": [f"127.0.0.1:{port}", f"192.168.77.5:{port}"]})
    popover.signal(signal.SIGHUP)
    popover.wait_for_event("reloaded")
    assert popover.events("awaited")
    come(world, "192.168.77.5")
    for host in ("127.0.0.1", "192.168.77.5"):
        with world.connect((host, port)) as client:
            assert client.line() == GREETINGS["pop3"]
