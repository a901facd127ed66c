"""Listening sockets: what is taken from systemd, and what is said of a port that is in use."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from popover.config import Activated, Address
from popover.errors import StartError
from popover.inside.listen import open_listener, port_holder

_SET_NAME = 15  # prctl(2), PR_SET_NAME


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_socket_of_systemd_that_does_not_listen_is_refused_at_the_start(kind: int) -> None:
    """accept() would fail for ever, and epoll tell again and again."""
    with socket.socket(type=kind) as sock, pytest.raises(StartError, match="does not listen"):
        open_listener(Activated("mail"), {"mail": [sock]})


@pytest.fixture
def hostile_port() -> Iterator[int]:
    """A port that a process holds whose name is anything but harmless."""
    listener = socket.create_server(("127.0.0.1", 0))
    told, tell = os.pipe()
    if not (child := os.fork()):
        ctypes.CDLL(None).prctl(_SET_NAME, b"\x1b[31m\xff\n", 0, 0, 0)
        os.write(tell, b"x")
        signal.pause()  # not os.read: the child would take its own word off the pipe
        os._exit(0)
    port = listener.getsockname()[1]
    listener.close()
    os.read(told, 1)
    yield int(port)
    os.kill(child, 9)
    os.waitpid(child, 0)


def test_the_name_of_another_process_is_shown_escaped(hostile_port: int) -> None:
    with pytest.raises(StartError) as caught:
        open_listener(Address("127.0.0.1", hostile_port), {})
    assert r"\x1b[31m\xff" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_who_holds_a_port_is_named_by_its_address() -> None:
    """Another program may have the same port elsewhere, and is not to be stopped for it."""
    with socket.create_server(("127.0.0.1", 0)) as ours:
        port = ours.getsockname()[1]
        code = f"import socket; held = socket.create_server(('127.0.0.2', {port})); print(flush=True); input()"
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout
            other.stdout.readline()
            for host, pids in (
                ("127.0.0.1", {os.getpid()}),
                ("127.0.0.2", {other.pid}),
                ("127.0.0.3", set()),
                ("::1", set()),
                ("0.0.0.0", {os.getpid(), other.pid}),
            ):
                found = port_holder(Address(host, port))
                assert (found is None) == (not pids)
                assert found is None or any(found.endswith(f"(pid {pid})") for pid in pids)
            other.kill()
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as ours:
        found = port_holder(Address("::1", ours.getsockname()[1]))
        assert found
        assert found.endswith(f"(pid {os.getpid()})")
