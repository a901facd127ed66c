"""SIGUSR2: another popover takes our place, and no client notices."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest

from fakes import scene
from fakes.mail import GREETINGS
from fakes.scene import Stage
from fakes.server import FakeServer
from fakes.tls import TLSWire
from fakes.wire import PATIENCE, Wire
from parts.net import LOOPBACK, free_port, wait_until
from parts.places import short_directory
from parts.popover import Popover
from popover.errors import StartError
from popover.process.handover import VARIABLE, Predecessor

pytest_plugins = ["fakes.fixture"]

GREETING = GREETINGS["imap"]


def letters(wire: TLSWire) -> None:
    """IMAP as far as it is needed."""
    wire.send(GREETING)
    while line := wire.line():
        wire.send(b"* OK " + line)
        if line == b"a LOGOUT\r\n":
            return


@pytest.fixture
def server(stage: Stage) -> FakeServer:
    return stage.server(letters)


def service(stage: Stage, server: FakeServer, port: int = 0, **keys: Any) -> dict[str, Any]:
    return stage.service(server, "imap", **{"name": f"at-{port}", "listen": f"{LOOPBACK}:{port}"} | keys)


def greeted(port: int) -> Wire:
    return scene.greeted((LOOPBACK, port))


@contextlib.contextmanager
def ending(popover: Popover) -> Iterator[None]:
    """Ends the last successor, which nobody else would."""
    try:
        yield
    finally:
        for event in popover.events("succeeded"):
            wait_until(partial(_ended, event["pid"]), "the successor ends")


def _ended(pid: int) -> bool:
    """Whether it has; if not, it is told once more: the second time it waits for no session."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    return _is_over(pid)


def _is_over(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def succeed(popover: Popover, number: int = 1) -> int:
    """Have whoever is in charge give way; the successor's process number, once it is in charge."""
    pids = [popover.pid, *(event["pid"] for event in popover.events("succeeded"))]
    os.kill(pids[-1], signal.SIGUSR2)
    return int(popover.wait_for_events("succeeded", number)[-1]["pid"])


class Callers:
    """Connect one after the other, as fast as they can, from several threads. `failed`: what was not greeted."""

    def __init__(self, port: int) -> None:
        self.greeted = 0
        self.failed: list[str] = []
        self._port = port
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._call) for _ in range(4)]

    def _call(self) -> None:
        while not self._stop.is_set():
            try:
                with socket.create_connection((LOOPBACK, self._port), PATIENCE) as sock:
                    said = sock.recv(200)
                    sock.sendall(b"a LOGOUT\r\n")
                    fault = "" if said == GREETING else repr(said)
            except OSError as problem:
                fault = repr(problem)
            with self._lock:
                self.greeted += not fault
                self.failed += [fault] if fault else []

    def wait_for_more(self) -> None:
        """Until some twenty more were served."""
        so_far = self.greeted
        wait_until(lambda: self.greeted > so_far + 20, "clients are served")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_an_update_refuses_no_connection(stage: Stage, server: FakeServer) -> None:
    """Three of them, while clients connect all the time."""
    port = free_port()
    keys = {"max_sessions": 0, "max_sessions_per_client": 0}
    popover = stage.popover("-c", stage.config(service(stage, server, port, **keys)))
    with ending(popover):
        with Callers(port) as callers:
            for number in (1, 2, 3):
                callers.wait_for_more()
                succeed(popover, number)
            callers.wait_for_more()
        assert callers.failed == []
        wait_until(lambda: popover.is_over, "the first has nothing left to do")


def test_sessions_are_finished_where_they_began(stage: Stage, server: FakeServer) -> None:
    port = free_port()
    popover = stage.popover("-c", stage.config(service(stage, server, port)))
    with ending(popover), greeted(port) as old:
        succeed(popover)
        with greeted(port) as new:
            assert new.ask(b"one") == b"* OK one\r\n"
        assert old.ask(b"two") == b"* OK two\r\n"
        assert not popover.is_over
        old.close()
        wait_until(lambda: popover.is_over, "its last session is over")


def test_successor_reads_the_file_anew(stage: Stage, server: FakeServer) -> None:
    """An address that stays is handed over, one that is new is opened, and one that has gone is closed."""
    stays, goes, comes = free_port(), free_port(), free_port()
    path = stage.config(service(stage, server, stays), service(stage, server, goes))
    popover = stage.popover("-c", path)
    with ending(popover):
        path.write_text(stage.config(service(stage, server, stays), service(stage, server, comes)).read_text())
        succeed(popover)
        greeted(stays).close()
        greeted(comes).close()
        wait_until(lambda: popover.is_over, "the first has gone")
        with pytest.raises(ConnectionRefusedError):
            Wire.to((LOOPBACK, goes))


def test_successor_that_does_not_come_up_changes_nothing(stage: Stage, server: FakeServer) -> None:
    port = free_port()
    path = stage.config(service(stage, server, port))
    popover = stage.popover("-c", path)
    text = path.read_text()
    path.write_text("nonsense")
    for number in (1, 2):
        popover.signal(signal.SIGUSR2)
        told = "SIGUSR2: no successor, so this popover stays: it has ended with code 2"
        popover.wait_for_events("warning", number, text=told)
        greeted(port).close()
    path.write_text(text)
    with ending(popover):
        succeed(popover)
        greeted(port).close()


def test_successor_that_is_not_there_yet_ends_with_whom_it_was_to_succeed(stage: Stage, server: FakeServer) -> None:
    """Whoever stops a popover wants none afterwards."""
    path = stage.config(service(stage, server, free_port()))
    popover = stage.popover("-c", path)
    path.unlink()
    os.mkfifo(path)
    popover.signal(signal.SIGUSR2)
    opened: list[int] = []

    def is_read() -> bool:
        with contextlib.suppress(OSError):
            opened.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        return bool(opened)

    def is_left() -> bool:
        try:
            os.write(opened[0], b"#")
        except BrokenPipeError:
            return True
        return False

    wait_until(is_read, "the successor reads its file")
    try:
        assert popover.stop() == 0
        wait_until(is_left, "the successor ends")
    finally:
        os.close(opened[0])


def test_systemd_is_told_who_is_the_service_now(stage: Stage, server: FakeServer) -> None:
    with short_directory("notify") as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(directory / "socket"))
        (directory / "socket").chmod(0o666)
        sock.settimeout(PATIENCE)
        heard = {"NOTIFY_SOCKET": str(directory / "socket"), "WATCHDOG_USEC": "30000000"}
        popover = stage.popover("-c", stage.config(service(stage, server, free_port())), env=heard)
        with ending(popover):
            assert sock.recv(1000) == b"READY=1"
            assert sock.recv(1000) == b"WATCHDOG=1"
            pid = succeed(popover)
            assert sock.recv(1000) == b"READY=1"  # the successor's own, which systemd believes of the main process only
            words = {sock.recv(1000), sock.recv(1000)}
            assert words == {b"WATCHDOG=1", b"MAINPID=%d" % pid}
            os.kill(pid, signal.SIGTERM)
            assert sock.recv(1000) == b"STOPPING=1"  # and the first has not said so: the service goes on


def test_a_promise_that_is_not_kept_is_told() -> None:
    for given in ("{", '{"ready": 900, "sockets": {}}', '{"ready": 2, "sockets": {"a": [901]}}', "[]"):
        with pytest.raises(StartError, match="popover's own"):
            Predecessor({VARIABLE: given})
    assert Predecessor({}).sockets == {}
