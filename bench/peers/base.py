"""What all peers have in common: how one is started, watched and ended."""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import NamedTuple

from bench import processes

# Seconds until a peer must greet, and until the children of ended sessions must be gone.
_PATIENCE = 30


class Way(NamedTuple):
    """A port to listen on, and the server's port that it leads to."""

    listen: int
    server: int


class Place(NamedTuple):
    """What a peer needs to know: where to listen, whom to connect to and trust, where its files go.

    `ways`: one at least. `sessions`: how many it must be able to hold; what some of them size their tables by.
    """

    ways: tuple[Way, ...]
    ca_file: Path
    directory: Path
    sessions: int

    def way(self) -> Way:
        """The one way, for who knows no more; ValueError when it was asked for several."""
        (way,) = self.ways
        return way


class Running:
    """A peer at work.

    `ports`: where it listens, one for each way; `port`: the first.
    `ready_seconds`: from its start to its first greeting.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", crew: int, ports: list[int], ready_seconds: float) -> None:
        self.ports = ports
        self.port = ports[0]
        self.ready_seconds = ready_seconds
        self._process = process
        self._crew = crew

    def pids(self) -> list[int]:
        """Its process and all that descend from it."""
        return processes.tree(self._process.pid)

    def cpu_seconds(self) -> float:
        """Processor time since the start, that of ended children included."""
        return processes.cpu_seconds(self.pids())

    def memory(self) -> processes.Memory:
        """Resident memory of all its processes."""
        return processes.memory(self.pids())

    def settle(self) -> None:
        """Wait until the processes of ended sessions are gone: their time counts only then."""
        deadline = time.monotonic() + _PATIENCE
        while len(self.pids()) > self._crew:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.pids()) - self._crew} processes stay after their sessions")
            time.sleep(0.02)


class Peer(ABC):
    """A program that does the job. A new one defines `name`, `program`, `version_command` and `command`."""

    # In tables and after --peers.
    name: str
    # What must be installed, found on the PATH.
    program: str
    # How many processes it is when it has no sessions.
    crew = 1
    # How many times less work than the others it gets, being so many times slower per session.
    divisor = 1
    # How many idle sessions it is asked to hold at most.
    most_idle = 500
    # Whether its clients speak TLS from the first octet on.
    sealed = False

    def installed(self) -> bool:
        """Whether the program is there."""
        return shutil.which(self.program) is not None

    @abstractmethod
    def version_command(self) -> list[str]:
        """What prints the version."""

    def version(self) -> str:
        """The version as it prints it, and that of what it depends on most."""
        return find_version(self.version_command())

    @abstractmethod
    def command(self, place: Place) -> list[str]:
        """Write configuration into `place.directory`; return the command, which stays in the foreground."""

    def environment(self) -> Mapping[str, str]:
        """What is added to the environment."""
        return MappingProxyType({})

    @contextmanager
    def start(
        self, server_port: int, ca_file: Path, sessions: int = 1000, beside: tuple[int, ...] = ()
    ) -> Iterator[Running]:
        """Run it from its first greeting to the end of the block; RuntimeError when it ends before.

        `beside`: the ports of more servers, to each of which it opens one more way.
        """
        with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as made:
            ways = tuple(Way(free_port(), server) for server in (server_port, *beside))
            place = Place(ways, ca_file, Path(made), sessions)
            place.directory.chmod(0o755)  # some become another user, who must get in
            command = self.command(place)
            output = place.directory / "output.txt"
            start = time.perf_counter()
            with output.open("wb") as file:
                process = subprocess.Popen(
                    command,
                    env=os.environ | {"STATE_DIRECTORY": made, **self.environment()},  # nothing of an earlier run
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                )
            try:
                _wait_for_greeting(process, ways[0].listen, output, sealed=self.sealed)
                ports = [way.listen for way in ways]
                yield Running(process, self.crew, ports, time.perf_counter() - start)
            finally:
                _end(process)


def find_version(command: list[str]) -> str:
    """The first thing with dots between digits that a command prints."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    found = re.search(r"\d+(?:\.\d+)+[\w.+~-]*", done.stdout)
    return found[0] if found else "unknown"


def _wait_for_greeting(process: "subprocess.Popen[bytes]", port: int, output: Path, *, sealed: bool) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with connect(port, _PATIENCE, sealed=sealed) as sock:
                greeting = sock.recv(4096)
                sock.sendall(b"QUIT\r\n")
                sock.recv(4096)
        except ConnectionRefusedError:
            time.sleep(0.001)
            continue
        if greeting.startswith(b"+OK"):
            return
        raise RuntimeError(f"{process.args!r} greeted with {greeting!r}:\n{_tail(output)}")
    raise RuntimeError(f"{process.args!r} does not greet:\n{_tail(output)}")


def connect(port: int, patience: float, *, sealed: bool) -> socket.socket:
    """Connect to a port of this machine, with TLS that looks at no certificate, or without."""
    sock = socket.create_connection(("127.0.0.1", port), patience)
    if not sealed:
        return sock
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(sock)


def _tail(output: Path) -> str:
    return output.read_text(errors="backslashreplace")[-4000:]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM, then SIGKILL for whatever is left of its process group."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """A port nobody listens on, below those that Linux hands out to clients (32768 and up)."""
    while True:
        port = random.randint(10_000, 32_767)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
