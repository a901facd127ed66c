"""What runs ahead, and the connections that stand ready, behind a table: told by what the servers have seen."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakes.server import FakeServer
from fakes.tls import server_context
from fakes.wire import Talker, Wire
from parts.certificates import Authority
from parts.net import wait_until
from parts.routed import Routed

CAPA = b"+OK\r\nUSER\r\nPIPELINING\r\nUIDL\r\n.\r\n"


class Server:
    """Notes of each connection what it heard, line by line, and which lines came in one piece with the one before."""

    def __init__(self) -> None:
        self.talks: list[list[bytes]] = []
        self._lock = threading.Lock()

    def __call__(self, wire: Talker) -> None:
        heard: list[bytes] = []
        with self._lock:
            self.talks.append(heard)
        wire.send(b"+OK a fake server\r\n")
        while line := wire.line():
            heard.append(line.strip())
            verb = line.split()[0]
            if verb == b"USER":
                with self._lock:  # in the order of the logins: a connection that stood ready is older than its login
                    self.talks = [*(talk for talk in self.talks if talk is not heard), heard]
            if verb == b"UIDL":
                wire.send(b"+OK\r\n.\r\n")
            else:
                wire.send(CAPA if verb == b"CAPA" else b"+OK 0 0\r\n")
            if verb == b"QUIT":
                return

    def talk_of(self, user: str) -> list[bytes]:
        """The last connection on which this user has logged in."""
        return next(heard for heard in reversed(self.talks) if f"USER {user}".encode() in heard)


@pytest.fixture
def servers(authority: Authority) -> Iterator[tuple[tuple[Server, FakeServer], ...]]:
    with ExitStack() as stack:
        context = server_context(authority.issue("localhost"))
        scripts = [Server(), Server()]
        yield tuple((one, stack.enter_context(FakeServer(one, context))) for one in scripts)


def visits(popover: Routed, user: str, *asked: bytes) -> bool:
    """A whole session; whether its connection stood ready before it came."""
    before = len(popover.events("session"))
    with Wire.to(popover.at("pop3")) as wire:
        wire.line()
        for line in (f"USER {user}".encode(), b"PASS wonderland", *asked):
            assert wire.ask(line).startswith(b"+OK")
            while line == b"UIDL" and wire.line() != b".\r\n":
                pass
        wire.ask(b"QUIT")
        wire.ending()
    return bool(popover.wait_for_events("session", before + 1)[-1]["warm"])


def test_what_a_user_asked_last_time_leaves_with_his_login_and_with_nobody_elses(
    tmp_path: Path, authority: Authority, servers: tuple[tuple[Server, FakeServer], ...]
) -> None:
    (one, at_one), (two, at_two) = servers
    places = {"alice": at_one.port, "bob": at_one.port, "carol": at_two.port}
    routes = ", ".join(f"{user} = {json.dumps(f'pop3s://localhost:{port}')}" for user, port in places.items())
    table = f'name = "users"\nkind = "static"\nroutes = {{ {routes} }}'
    with Routed(tmp_path, table, "pop3", ca_file=str(authority.ca_file)) as popover:
        assert not visits(popover, "alice", b"STAT", b"UIDL")  # nothing is known yet

        def runs_ahead() -> bool:
            visits(popover, "alice", b"STAT", b"UIDL")
            is_warm = visits(popover, "alice")  # who asks for nothing this time
            return is_warm and b"UIDL" in one.talk_of("alice")

        wait_until(runs_ahead, "the server has heard UIDL of one who has not asked")
        talk = one.talk_of("alice")
        assert talk.index(b"CAPA") < talk.index(b"USER alice")  # on a connection that had stood ready
        visits(popover, "alice", b"STAT", b"UIDL")
        visits(popover, "bob")  # on the same server, from the same address
        assert b"UIDL" not in one.talk_of("bob")
        visits(popover, "carol")
        assert b"UIDL" not in two.talk_of("carol")
        assert all(heard.count(b"PASS wonderland") <= 1 for heard in (*one.talks, *two.talks))
        seen = {word for heard in two.talks for word in heard if word.startswith(b"USER")}
        assert seen == {b"USER carol"}
