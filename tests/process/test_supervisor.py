"""What systemd hands over and wants to hear, on real descriptors and a real socket."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parts.places import short_directory
from popover.process.supervisor import Notifier, inherited_sockets

# Puts sockets at descriptors 3 and following as systemd does, and tells which of their ports came under which name.
CHILD = """
import json, os, socket, sys
from popover.process.supervisor import inherited_sockets

count, environ = int(sys.argv[1]), json.loads(sys.argv[2])
made = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
high = [os.dup(sock.fileno()) for sock in made]
spread = [os.dup2(fd, 100 + place) for place, fd in enumerate(high)]
ports = [sock.getsockname()[1] for sock in made]
os.closerange(3, 100)
for sock in made:
    sock.detach()
for place, fd in enumerate(spread):
    os.dup2(fd, 3 + place)
environ = {key: value.replace("SELF", str(os.getpid())) for key, value in environ.items()}
found = inherited_sockets(environ)
print(json.dumps({
    "found": {name: [ports.index(sock.getsockname()[1]) for sock in socks] for name, socks in found.items()},
    "inheritable": [sock.get_inheritable() for socks in found.values() for sock in socks],
    "blocking": [sock.type == socket.SOCK_STREAM for socks in found.values() for sock in socks],
    "environ": environ,
}))
"""


def handed_over(count: int, **environ: str) -> dict[str, list[int]]:
    """Under which names a process finds `count` sockets, given by their places."""
    command = [sys.executable, "-c", CHILD, str(count), json.dumps(environ | {"OTHER": "kept"})]
    told = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    assert told["environ"] == {"OTHER": "kept"}  # the rest is for us alone, and a child must not take it for its own
    assert not any(told["inheritable"])
    assert all(told["blocking"])
    found: dict[str, list[int]] = told["found"]
    return found


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("pop3:imap:smtp", {"pop3": [0], "imap": [1], "smtp": [2]}),
        ("pop3:imap:pop3", {"pop3": [0, 2], "imap": [1]}),
        ("pop3::", {"pop3": [0], "unknown": [1, 2]}),
        ("pop3", {"pop3": [0], "unknown": [1, 2]}),
        ("a:b:c:d", {"a": [0], "b": [1], "c": [2]}),
    ],
)
def test_sockets_are_found_by_name(names: str, found: dict[str, list[int]]) -> None:
    assert handed_over(3, LISTEN_PID="SELF", LISTEN_FDS="3", LISTEN_FDNAMES=names) == found


def test_sockets_without_names_are_unknown_as_systemd_calls_them() -> None:
    assert handed_over(2, LISTEN_PID="SELF", LISTEN_FDS="2") == {"unknown": [0, 1]}


def of_this_process(environ: dict[str, str]) -> dict[str, str]:
    """The variables with our process id for SELF."""
    return {key: value.replace("SELF", str(os.getpid())) for key, value in environ.items()}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": "", "LISTEN_FDS": "1"},
        {"LISTEN_PID": "SELF"},
        {"LISTEN_PID": "SELF", "LISTEN_FDS": ""},
        {"LISTEN_PID": "SELF", "LISTEN_FDS": "0"},
        {"LISTEN_PID": "SELF", "LISTEN_FDS": "-1"},
        {"LISTEN_PID": "SELF", "LISTEN_FDS": "one"},
        {"LISTEN_PID": "SELF0", "LISTEN_FDS": "1"},
    ],
    ids=str,
)
def test_what_is_not_meant_for_us_is_left_alone(environ: dict[str, str]) -> None:
    given = of_this_process(environ | {"LISTEN_FDNAMES": "pop3"})
    assert inherited_sockets(given) == {}
    assert given == {}


# -- telling how we are --------------------------------------------------------------------------------


@pytest.mark.parametrize("abstract", [False, True])
def test_messages_reach_the_manager(abstract: bool) -> None:
    with short_directory("notify") as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = f"@popover-test-{os.getpid()}" if abstract else str(directory / "notify")
        manager.bind("\0" + path[1:] if abstract else path)
        manager.settimeout(30)
        environ = {"NOTIFY_SOCKET": path, "OTHER": "kept"}
        notifier = Notifier(environ)
        assert environ == {"OTHER": "kept"}
        before = time.monotonic_ns() // 1000
        for tell in (notifier.ready, notifier.reloading, notifier.stopping, notifier.alive):
            tell()
        heard = [manager.recv(1000).decode() for _ in range(4)]
    reloading, moment = heard.pop(1).split("\nMONOTONIC_USEC=")
    assert reloading == "RELOADING=1"
    assert before <= int(moment) <= time.monotonic_ns() // 1000
    assert heard == ["READY=1", "STOPPING=1", "WATCHDOG=1"]


def tell_all(notifier: Notifier) -> None:
    for tell in (notifier.ready, notifier.reloading, notifier.stopping, notifier.alive):
        tell()


def test_nobody_asked() -> None:
    tell_all(Notifier({}))
    assert Notifier({}).watchdog_interval == 0


def test_manager_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    tell_all(Notifier({"NOTIFY_SOCKET": str(tmp_path / "nowhere")}))


def test_manager_that_does_not_listen_stops_nothing() -> None:
    """Its queue is full: a sign of life that waited for it would be the service's death."""
    with short_directory("notify") as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(directory / "notify"))
        notifier = Notifier({"NOTIFY_SOCKET": str(directory / "notify")})
        for _ in range(2000):
            notifier.alive()
        manager.setblocking(False)
        heard: list[bytes] = []
        with contextlib.suppress(BlockingIOError):
            while len(heard) < 2000:
                heard.append(manager.recv(100))
    assert 0 < len(heard) < 2000
    assert set(heard) == {b"WATCHDOG=1"}


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "SELF"}, 15.0),
        ({"WATCHDOG_USEC": "1000"}, 0.0005),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "0"}, 0.0),
        ({"WATCHDOG_USEC": ""}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({"WATCHDOG_USEC": "-5"}, 0.0),
        ({"WATCHDOG_PID": "SELF"}, 0.0),
        ({}, 0.0),
    ],
    ids=str,
)
def test_signs_of_life_come_twice_as_often_as_they_are_looked_for(environ: dict[str, str], seconds: float) -> None:
    given = of_this_process({"NOTIFY_SOCKET": "/nowhere"} | environ)
    assert Notifier(given).watchdog_interval == seconds
    assert given == {}


def test_watchdog_without_a_socket_is_none() -> None:
    assert Notifier({"WATCHDOG_USEC": "30000000"}).watchdog_interval == 0
