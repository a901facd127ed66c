"""The same with a second real server, Courier: what a client gets and what stays are as without popover."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from test_fast import Ways, anonymous, script, session

from parts import fetchers
from parts.account import Account
from parts.certificates import Authority
from parts.clients import POP3_CLIENTS
from parts.courier import Courier, courier
from parts.messages import DOTS, EIGHT_BIT, PLAIN, of_size
from parts.net import wait_until
from parts.places import short_directory
from parts.popover import Popover

Workdir = Callable[[], Path]

MESSAGES = [PLAIN, DOTS, EIGHT_BIT, of_size(300), of_size(30_000)] * 4


class House:
    """Courier, and the two ways to it."""

    def __init__(self, authority: Authority, server: Courier, popover: Popover) -> None:
        self.server = server
        self._authority = authority
        self._popover = popover

    def ways(self, user: str) -> Ways:
        password, there = self.server.password, (self.server.host, self.server.port)
        through = Account(self._popover.addresses[0], user, password)
        return Ways(through, Account(there, user, password, self._authority.ca_file))


@pytest.fixture(scope="module")
def house(authority: Authority) -> Iterator[House]:
    with (
        short_directory("courier") as directory,
        courier(directory, authority) as server,
        Popover(f"0=pop3s://localhost:{server.port}", "--ca-file", authority.ca_file) as popover,
    ):
        yield House(authority, server, popover)


@pytest.mark.parametrize("client", POP3_CLIENTS)
def test_a_client_gets_the_same_each_time(house: House, workdir: Workdir, client: str) -> None:
    ways = house.ways(house.server.new_user(MESSAGES))
    direct = POP3_CLIENTS[client](ways.direct, workdir())
    assert len(direct) == len(MESSAGES)
    for _ in range(3):
        same = POP3_CLIENTS[client](ways.through, workdir()) == direct
        assert same


@pytest.mark.parametrize("client", ["fetchmail", "mpop", "getmail"])
def test_a_client_that_deletes_leaves_nothing_behind(house: House, workdir: Workdir, client: str) -> None:
    fetch = getattr(fetchers, f"fetch_by_{client}")
    for _ in range(2):
        one, other = house.server.new_user(MESSAGES), house.server.new_user(MESSAGES)
        through = fetch(house.ways(one).through, workdir(), keep=False)
        same = through == fetch(house.ways(other).direct, workdir(), keep=False)
        assert same
        wait_until_empty(house, one, other)


def wait_until_empty(house: House, *users: str) -> None:
    """Courier says goodbye first and deletes then."""
    wait_until(lambda: not any(map(house.server.left, users)), "all is deleted")


@pytest.mark.parametrize("seed", range(6))
def test_any_walk_gives_the_same_and_leaves_the_same(house: House, seed: int) -> None:
    one, other = house.server.new_user(MESSAGES), house.server.new_user(MESSAGES)
    for part in range(2):
        chance = Random(100 * seed + part)
        said = script(chance, 20)
        leaves = [] if chance.random() < 0.2 else [b"QUIT\r\n"]
        with session(house.ways(one).through) as through, session(house.ways(other).direct) as direct:
            for line in [*said, *leaves]:
                same = anonymous(line, through.say(line)) == anonymous(line, direct.say(line))
                assert same, line
        wait_until(lambda: house.server.left(one) == house.server.left(other), "both mailboxes are the same")
