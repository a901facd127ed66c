"""A session ends whatever goes wrong in it: its client is let go, and one line stands in the log."""

import asyncio
import json
import socket
from collections.abc import Iterable
from typing import Any

import pytest

from parts.net import LOOPBACK, free_port
from popover.config import Server
from popover.log import Log
from popover.outside.dial import Dialler
from popover.outside.warm import Warm
from popover.protocols import DIALECTS
from popover.session.session import Session
from popover.session.transparent import Transparent
from popover.wire.stream import Scratch, Stream
from services import service

SECRET = "hunter2"
PATIENCE = 30.0  # seconds, only for a test never to hang


def run() -> tuple[bytes, list[dict[str, Any]]]:
    """A session whose server is down: what its client gets, up to the end, and the events of the log."""
    lines: list[bytes] = []
    with socket.create_server((LOOPBACK, 0)) as listener:
        client, ours = socket.create_connection(listener.getsockname(), PATIENCE), listener.accept()[0]

    async def main() -> None:
        loop, scratch = asyncio.get_running_loop(), Scratch()
        log = Log(lambda line, _priority: lines.append(line), "json")
        led = service(server=Server("pop3", LOOPBACK, free_port()))
        session = Session(loop, log, led, Stream(loop, ours, scratch, "client"), LOOPBACK, 1)
        dialler = Dialler(loop, scratch, lambda _: False)
        warm = Warm(loop, dialler, lambda: False)
        client.shutdown(socket.SHUT_WR)
        await session.run(dialler, DIALECTS["pop3"].memory(), warm)

    with client:
        asyncio.run(main())
        return _all_of(client), [json.loads(line) for line in lines]


def _all_of(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(1000), b""))


def ends(events: Iterable[dict[str, Any]]) -> list[str]:
    return [event["end"] for event in events if event["event"] == "session"]


def test_session_without_a_server_says_so_and_ends() -> None:
    said, events = run()
    assert said.startswith(b"-ERR [SYS/TEMP]")
    assert ends(events) == ["no connection"]


def test_bug_at_the_very_end_keeps_no_client_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def over(_self: Transparent) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(Transparent, "over", over)
    said, events = run()
    assert said.startswith(b"-ERR [SYS/TEMP] the gateway failed")
    assert ends(events) == ["internal"]
    assert "RuntimeError" in events[-1]["remedy"]
    assert SECRET not in json.dumps(events)
