"""What running ahead has saved, over a line on which a round trip takes 50 ms: the log, the page and the numbers."""

import math
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest

from fakes.link import Link
from fakes.scene import UNHURRIED, Gateway, Stage
from fakes.wire import Talker
from fakes.world import World
from model_pop3 import GREETING, Model, Nature, has_body
from parts.net import wait_until
from parts.popover import Event

pytest_plugins = ["fakes.fixture"]

NAME = "mail.fake.test"
DELAY = 0.025  # seconds, each way
ROUND_TRIP = 2 * DELAY
LEARNING, TRIES = 4, 20  # sessions: a server has to show what it can
MAILS = tuple(b"Subject: m\r\n%s\r\n" % (b"x" * size) for size in (10, 400, 3000, 1, 70, 900))
SCRIPT = (
    b"USER anna", b"PASS secret", b"STAT", b"UIDL", b"LIST", *(b"RETR %d" % number for number in range(1, 7)), b"QUIT",
)  # fmt: skip
GREETED = 3  # round trips before the greeting: TCP, TLS 1.3, and what the server says then


def mailbox(wire: Talker) -> None:
    """A POP3 server that offers PIPELINING, and has some mails."""
    model = Model(Nature(messages=MAILS))
    wire.send(model.take(1 << 30))
    while not model.ended and (said := wire.receive()):
        model.hear(said)
        wire.send(model.take(1 << 30))


class Place(NamedTuple):
    """Where a gateway and its clients are, and the port of the server at the other end of the line."""

    stage: Stage
    world: World
    port: int

    def gateway(self, **keys: Any) -> Gateway:
        """A gateway with a status page, in front of that server."""
        stage = self.stage
        service = stage.service(self.port, host=NAME, **keys)
        config = stage.config(service, status={"listen": "127.0.0.1:8110"})
        return Gateway(stage.popover("-c", config, prefix=self.world.prefix), "pop3", self.world.connect)

    def told(self, path: str) -> str:
        """What the status page says."""
        with self.world.connect(("127.0.0.1", 8110)) as wire:
            wire.send(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
            return wire.ending().words.decode()

    def saved(self) -> float:
        """What the numbers say, in seconds."""
        [value] = re.findall(r"(?m)^popover_saved_seconds_total\{.*\} (\S+)$", self.told("/metrics"))
        return float(value)


@pytest.fixture
def place(stage: Stage) -> Iterator[Place]:
    with ExitStack() as stack:
        near = stack.enter_context(World(stage.directory / "near", f"10.77.0.2 {NAME}"))
        far = stack.enter_context(World(stage.directory / "far"))
        ends = near.cable("line", "10.77.0.1/24"), far.cable("line", "10.77.0.2/24")
        stack.enter_context(Link(*ends, loss=0, delay=DELAY))
        server = stage.server(mailbox, stage.authority.issue(NAME), listener=far.listen("10.77.0.2"))
        yield Place(stage, near, server.port)


@contextmanager
def stopped(gateway: Gateway) -> Iterator[Gateway]:
    """Another one is to have its place afterwards."""
    yield gateway
    assert gateway.popover.stop() == 0


def fetch(gateway: Gateway) -> tuple[float, Event]:
    """A client that waits for each answer: how many seconds it took from its coming to its last, and the log's line."""
    since = time.monotonic()
    with gateway.greeted(GREETING) as client:
        for line in SCRIPT:
            answer = client.ask(line)
            assert answer.startswith(b"+OK")
            while has_body(line) and answer != b".\r\n":
                answer = client.line()
        took = time.monotonic() - since
        client.ending()
    return took, gateway.session()


def test_what_is_told_as_saved_is_what_a_client_waits_less_at_most(place: Place) -> None:
    """A stall of this machine may make one session longer than it is, or a connection that stands ready, but not all of
    them: with every one less is told than was saved, but for those.
    """
    with stopped(place.gateway(**UNHURRIED)) as gateway:
        plain, event = fetch(gateway)
        assert "saved_seconds" not in event
        assert "saved" not in event["text"]
        assert plain > ROUND_TRIP * (GREETED + len(SCRIPT))
        assert "Running ahead" not in place.told("/")
        assert place.saved() == 0
    with stopped(place.gateway()) as gateway:
        seen = [fetch(gateway) for _ in range(LEARNING)]
        while not is_as_told(plain, *seen[-1]):
            assert len(seen) < TRIES, seen
            seen.append(fetch(gateway))
        assert f", saved {seen[-1][1]['saved_seconds']} s, " in seen[-1][1]["text"]
        told = sum(event.get("saved_seconds", 0) for _, event in seen)
        wait_until(lambda: place.saved() >= told, "all is counted")
        assert place.saved() < told + 0.001 * len(seen)  # the log's are cut to milliseconds
        assert f"has saved at least {math.floor(place.saved() * 10) / 10} seconds of waiting" in place.told("/")


def is_as_told(plain: float, took: float, event: Event) -> bool:
    """Whether a connection stood ready, and what was saved is told, and no more."""
    told = event.get("saved_seconds", 0)
    return bool(event["warm"]) and ROUND_TRIP * (GREETED + 2) < told <= plain - took  # USER and QUIT at least
