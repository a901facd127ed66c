"""A server's name that does not exist is told at the start, not only to the first client; everything else goes on."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fakes.dns import FakeDNS
from fakes.mail import GREETINGS, mail
from fakes.scene import Stage, rewrite
from fakes.world import World
from parts.popover import Popover

pytest_plugins = ["fakes.fixture"]


@pytest.fixture
def world(stage: Stage) -> Iterator[World]:
    with ExitStack() as stack:
        yield stack.enter_context(World(stage.directory / "world"))


def no_addresses(popover: Popover) -> list[tuple[str, str]]:
    return [(event["service"], event["cause"]) for event in popover.events("no address")]


def test_name_that_does_not_exist_is_told_at_the_start_and_the_others_are_served(stage: Stage, world: World) -> None:
    good = stage.service(stage.server(mail("pop3"), listener=world.listen("127.0.0.1")))
    wrong = {"listen": "127.0.0.1:0", "server": "pop3s://pop.exmaple.test"}
    with FakeDNS(world, {}):
        popover = stage.popover("-c", stage.config(good | {"name": "good"}, wrong), prefix=world.prefix)
        told = popover.wait_for_event("no address")
        with world.connect(popover.addresses[0]) as client:
            assert client.line() == GREETINGS["pop3"]
    assert told["level"] == "warning"
    assert "as the provider has it" in told["remedy"]
    assert no_addresses(popover) == [("pop.exmaple.test", "there is no server with the name pop.exmaple.test")]


def test_name_that_is_new_in_the_file_is_looked_at_too(stage: Stage, world: World) -> None:
    good = stage.service(stage.server(mail("pop3"), listener=world.listen("127.0.0.1")))
    path = stage.config(good)
    with FakeDNS(world, {}):
        popover = stage.popover("-c", path, prefix=world.prefix)
        assert not popover.events("no address")
        rewrite(path, good, {"listen": "127.0.0.1:0", "server": "pop3s://pop.exmaple.test"})
        popover.signal(signal.SIGHUP)
        assert popover.wait_for_event("no address")["service"] == "pop.exmaple.test"


def test_dns_that_keeps_silent_holds_nobody_up(stage: Stage, world: World) -> None:
    good = stage.service(stage.server(mail("pop3"), listener=world.listen("127.0.0.1")))
    slow = {"listen": "127.0.0.1:0", "server": "pop3s://slow.test", "connect_timeout": 0.3, "name": "slow"}
    with FakeDNS(world, {"slow.test": "silence"}):
        popover = stage.popover("-c", stage.config(slow, good), prefix=world.prefix)
        with world.connect(popover.addresses[1]) as client:
            assert client.line() == GREETINGS["pop3"]
        assert "no answer from DNS within 0.3 seconds" in popover.wait_for_event("no address")["cause"]
        assert popover.stop() == 0
