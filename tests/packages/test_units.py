"""The units in examples/: as little as possible is allowed to the service, and one socket serves several processes."""

import json
import os
import poplib
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from parts.building import ROOT
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.net import wait_until
from parts.program import Program
from popover.setup import unit

EXAMPLES = ROOT / "examples"
SERVICES = {"popover.service": "popover.service", "popover@.service": "popover@1.service"}
"""Each service's file, and a name that it runs by."""


SYSTEM = (
    "basic.target",
    "multi-user.target",
    "network-online.target",
    "shutdown.target",
    "sockets.target",
    "sysinit.target",
)
"""What the units name of a system's own; the machine that runs this need not have systemd."""


def analyzed(*words: str | Path, units: Path | None = None) -> str:
    env = os.environ | ({"SYSTEMD_UNIT_PATH": str(units)} if units else {})
    ended = subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False, env=env
    )
    return ended.stdout + ended.stderr


def as_run(file: str, directory: Path) -> Path:
    """A copy by the name that it runs by, with a program that is there on this machine."""
    copy = directory / SERVICES.get(file, file)
    copy.write_text((EXAMPLES / file).read_text().replace("/usr/local/bin/popover", "/bin/true"))
    return copy


@pytest.mark.parametrize("file", SERVICES)
def test_what_the_service_may_do_scores_2_at_most(file: str, tmp_path: Path) -> None:
    said = analyzed("security", "--offline=yes", "--no-pager", as_run(file, tmp_path))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+) ", said)
    assert found, said
    assert float(found[1]) <= 2.0, said  # of 10; the same unit without hardening has 9.2


@pytest.mark.parametrize("file", [*SERVICES, "popover.socket"])
def test_systemd_finds_nothing_wrong_with_the_unit(file: str, tmp_path: Path) -> None:
    for each in (*SERVICES, "popover.socket"):
        as_run(each, tmp_path)
    for name in SYSTEM:
        (tmp_path / name).write_text(f"[Unit]\nDescription={name}\n")
    said = analyzed("verify", "--man=no", tmp_path / SERVICES.get(file, file), units=tmp_path)
    assert "popover" not in said, said


def test_systemd_finds_nothing_wrong_with_the_unit_that_setup_writes_for_a_user(tmp_path: Path) -> None:
    (tmp_path / unit.NAME).write_text(unit.text_of("user", ["/bin/true", "a b"], Path("/home/anna/x y/50%.toml")))
    for name in (*SYSTEM, "default.target"):
        (tmp_path / name).write_text(f"[Unit]\nDescription={name}\n")
    said = analyzed("verify", "--man=no", tmp_path / unit.NAME, units=tmp_path)
    assert "popover" not in said, said


def settings(file: str, section: str) -> list[str]:
    """The lines of one section, without comments."""
    text = (EXAMPLES / file).read_text().partition(f"[{section}]\n")[2].partition("\n[")[0]
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_one_for_each_core_is_as_safe_as_one_alone() -> None:
    alone = settings("popover.service", "Service")
    assert settings("popover@.service", "Service") == [
        "Sockets=popover.socket",
        *(each.replace("StateDirectory=popover", "StateDirectory=popover-%i") for each in alone),
    ]


def test_the_socket_waits_for_no_address() -> None:
    assert "FreeBind=yes" in settings("popover.socket", "Socket")


# As systemd does it: the socket is descriptor 3, and LISTEN_PID says who is meant (sd_listen_fds(3)).
HANDED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="pop3")
os.execv(sys.executable, [sys.executable, "-m", "popover", *sys.argv[2:]])
"""


class Shared(Program):
    """A popover that gets a listening socket handed over, which others may have, too."""

    def __init__(self, listener: socket.socket, directory: Path, name: str, *words: str) -> None:
        command = (sys.executable, "-c", HANDED, str(listener.fileno()), *words)
        super().__init__(*command, output=directory / f"{name}.log", handed=listener.fileno())
        self.wait_until(lambda: "listening 127.0.0.1:" in self.output(), f"{name} listens")

    def sessions(self) -> int:
        """How many it has served to their end."""
        events = [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]
        return sum(event["event"] == "session" for event in events)


def test_two_processes_serve_one_socket_and_either_may_go(
    dovecot: Dovecot, authority: Authority, tmp_path: Path
) -> None:
    server = f"systemd:pop3=pop3s://localhost:{dovecot.pop3s_port}"
    words = ("run", "--log-format", "json", server, "--ca-file", str(authority.ca_file))
    with socket.create_server(("127.0.0.1", 0)) as listener, Shared(listener, tmp_path, "first", *words) as first:
        port = listener.getsockname()[1]
        before = [poplib.POP3("127.0.0.1", port, timeout=30) for _ in range(6)]
        with Shared(listener, tmp_path, "second", *words) as second:
            os.kill(first.pid, signal.SIGTERM)  # it takes no new client, and those that it has stay
            first.wait_until(lambda: "waiting for 6 sessions" in first.output(), "the first one drains")
            after = [poplib.POP3("127.0.0.1", port, timeout=30) for _ in range(6)]
            for client in (*after, *before):
                client.quit()
            second.wait_until(lambda: second.sessions() == len(after), "the second one has served the rest")
            wait_until(lambda: first.sessions() == len(before), "the first one has served its own to the end")


def test_three_updates_refuse_nobody(dovecot: Dovecot, authority: Authority, tmp_path: Path) -> None:
    """As with popover.socket: a new process first, and then the old one goes, while clients come all the time."""
    server = f"systemd:pop3=pop3s://localhost:{dovecot.pop3s_port}"
    words = ("run", "--log-format", "json", server, "--ca-file", str(authority.ca_file))
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        stack.callback(over.set)
        process = stack.enter_context(Shared(listener, tmp_path, "0", *words))
        clients = pool.submit(comes_and_goes, listener.getsockname()[1], over)
        for number in (1, 2, 3):
            old, process = process, stack.enter_context(Shared(listener, tmp_path, str(number), *words))
            old.end()
        over.set()
        assert clients.result(60) >= 3


def comes_and_goes(port: int, over: threading.Event) -> int:
    """One session after the other; how many. Raises OSError for the first that is refused."""
    number = 0
    while not over.is_set():
        poplib.POP3("127.0.0.1", port, timeout=30).quit()
        number += 1
    return number
