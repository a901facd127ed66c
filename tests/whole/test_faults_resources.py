"""Cases 86 to 97 of the list of faults: limits are reached, the machine has no more to give, the log is gone."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakes.mail import GREETINGS, mail, pop3, says
from fakes.sabotage import BUGGY_GREETING, REFUSED_ACCEPTS, REFUSED_SOCKETS, descriptors, sabotage
from fakes.scene import UNHURRIED, Gateway, Stage, farewell
from fakes.wire import PATIENCE, Wire
from parts.net import wait_until
from parts.popover import COMMAND

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED


def connect_from(source: str, gateway: Gateway) -> Wire:
    """A client with another address of loopback."""
    return Wire(socket.create_connection(gateway.popover.addresses[0], PATIENCE, source_address=(source, 0)))


def refused(gateway: Gateway, wire: Wire | None = None, number: int = 1) -> str:
    """What a client is told that the guard does not let in; the log says so as well."""
    line = gateway.told(wire)
    event = gateway.popover.wait_for_events("refused", number)[-1]
    assert event["remedy"]
    return line


def test_case_86_one_client_address_can_not_take_all_sessions(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(pop3), max_sessions_per_client=3)
    with ExitStack() as stack:
        clients = [stack.enter_context(gateway.greeted()) for _ in range(3)]
        assert "your address" in refused(gateway)
        gateway.serves(stack.enter_context(served_at("127.0.0.2", gateway)))
        clients[0].reset()
        gateway.session()
        gateway.settle(2)
        gateway.serves()


def served_at(source: str, gateway: Gateway) -> Wire:
    wire = connect_from(source, gateway)
    assert wire.line() == GREETINGS["pop3"]
    return wire


def test_case_86_all_clients_together_have_a_limit(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(pop3), max_sessions=2)
    with gateway.greeted(), gateway.greeted() as client:
        assert "too many connections" in refused(gateway)
        gateway.serves(client)
        gateway.settle(1)
        gateway.serves()


def test_case_86_flood_gets_a_close_without_words(stage: Stage) -> None:
    """The first of the flood are told why; then words would cost more than they are worth."""
    gateway = stage.gateway(stage.server(pop3), max_rate="5/3600s")
    for _ in range(5):
        gateway.serves()
    heard = []
    for _ in range(100):
        with gateway.client() as client:
            words = client.ending().words
            heard.append(farewell(words, "pop3") if words else "")
    assert "short time" in heard[0]
    assert "" in heard
    assert len(gateway.popover.events("refused")) < 100


@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
def test_clients_from_elsewhere_are_refused_in_their_dialect(stage: Stage, dialect: str) -> None:
    gateway = stage.gateway(stage.server(mail(dialect)), dialect, allow=["127.0.0.1"], deny=["127.0.0.3"])
    for number, source in enumerate(("127.0.0.2", "127.0.0.3"), 1):
        assert source in refused(gateway, connect_from(source, gateway), number)
    gateway.serves()


def test_closed_hours_are_told(stage: Stage) -> None:
    """One minute a day, at some distance from now."""
    closed = "03:00-03:01" if time.localtime().tm_hour >= 12 else "20:00-20:01"
    assert closed in refused(stage.gateway(stage.server(pop3), hours=closed))


def test_case_89_no_descriptor_for_a_client_is_survived(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(pop3))
    with gateway.greeted() as client:
        with descriptors(gateway.popover.pid, 0):
            for _ in range(20):
                with gateway.client() as other:
                    words = other.ending().words
                    assert not words or farewell(words, "pop3")
        assert client.ask(b"NOOP") == b"+OK\r\n"
        gateway.serves(client)
    gateway.serves()
    assert len(gateway.popover.events("exhausted")) == 1  # one line a minute
    cpu = gateway.popover.cpu()
    gateway.status()
    assert gateway.popover.cpu() - cpu < 1  # it is not busy with trying again


def short_of(stage: Stage, what: str, number: int) -> tuple[Gateway, Path]:
    """A gateway that will be short of sockets: `what` is the program that brings it about, with this error.

    The other is the file at whose appearance it begins.
    """
    go = stage.directory / "go"
    env = sabotage(stage.directory / "site", what.format(go=str(go), number=number))
    return stage.gateway(stage.server(pop3), env=env), go


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_cases_90_and_91_no_socket_for_the_server_is_a_temporary_failure(stage: Stage, number: int) -> None:
    gateway, go = short_of(stage, REFUSED_SOCKETS, number)
    gateway.serves()
    go.touch()
    gateway.refuses("busy", remedy="LimitNOFILE")
    go.unlink()
    gateway.serves()


def test_case_90_at_the_last_descriptor_each_client_is_served_or_told(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(pop3), idle_timeout=1)
    gateway.serves()
    gateway.settle()
    for spare in range(4):
        with descriptors(gateway.popover.pid, spare), gateway.client() as client:
            words = client.line()
            assert words == GREETINGS["pop3"] or farewell(words, "pop3")
        gateway.settle()
    gateway.popover.wait_for_event("session", end="client closed")
    with gateway.greeted() as client:
        assert client.ask(b"NOOP") == b"+OK\r\n"


@pytest.mark.parametrize("number", [errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EMFILE])
def test_case_91_kernel_without_resources_is_survived(stage: Stage, number: int) -> None:
    gateway, go = short_of(stage, REFUSED_ACCEPTS, number)
    gateway.serves()
    go.touch()
    gateway.serves()  # it has waited in the kernel meanwhile
    assert len(gateway.popover.events("exhausted")) == 1


def test_case_91_connection_that_is_gone_before_it_is_accepted_is_no_trouble(stage: Stage) -> None:
    gateway, go = short_of(stage, REFUSED_ACCEPTS, errno.ECONNABORTED)
    go.touch()
    gateway.serves()
    assert gateway.popover.events("exhausted") == []


def test_case_92_limit_of_open_files_becomes_a_limit_of_sessions(stage: Stage) -> None:
    """It is said at the start or in the status, and at the limit new clients are told, and old ones served."""
    gateway = stage.gateway(stage.server(pop3), prefix=("prlimit", "--nofile=80:80"), max_sessions_per_client=0)
    ceiling = int(gateway.status()["ceiling"])
    assert 0 < ceiling < 40
    with ExitStack() as stack:
        clients = [stack.enter_context(gateway.greeted()) for _ in range(ceiling)]
        assert "too many connections" in refused(gateway)
        assert "open files" in gateway.popover.events("refused")[-1]["remedy"]
        gateway.serves(clients[0])
        gateway.settle(ceiling - 1)
        gateway.serves()
    assert gateway.popover.events("exhausted") == []


def unlogged(stage: Stage, *, stderr: int, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """A popover whose log goes where it cannot be written; it listens on the port that it says first.

    The low limit of open files is for a line at the start, whoever starts it.
    """
    server = stage.server(pop3)
    word = f"127.0.0.1:0=pop3s://localhost:{server.port}"
    command = ["prlimit", "--nofile=80:80", *COMMAND, "run", "--ca-file", str(stage.authority.ca_file), word]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, text=True)


def visit(process: subprocess.Popen[str]) -> int:
    """Read where it listens, close that pipe, and make three sessions; the exit code after SIGTERM."""
    assert process.stdout is not None
    with process, process.stdout:
        port = int(process.stdout.readline().split(" -> ")[0].rpartition(":")[2])
        process.stdout.close()
        try:
            for _ in range(3):
                with Wire.to(("127.0.0.1", port)) as client:
                    assert client.line() == GREETINGS["pop3"]
                    assert client.ask(b"QUIT") == b"+OK\r\n"
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(PATIENCE)
    return code


def test_case_95_full_disk_below_the_log_does_not_stop_the_service(stage: Stage) -> None:
    with Path("/dev/full").open("w") as full:
        assert visit(unlogged(stage, stderr=full.fileno())) == 0


def test_case_95_log_whose_reader_is_gone_does_not_stop_the_service(stage: Stage) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = unlogged(stage, stderr=writing)
    os.close(writing)
    assert visit(process) == 0


def fill(pipe: int) -> int:
    """Write into a pipe until it takes no more; how many bytes that were."""
    os.set_blocking(pipe, False)
    filled = 0
    try:
        while True:
            filled += os.write(pipe, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(pipe, True)
    return filled


def test_case_95_log_whose_reader_sleeps_does_not_stop_the_service(stage: Stage) -> None:
    reading, writing = os.pipe()
    fill(writing)
    process = unlogged(stage, stderr=writing)
    os.close(writing)
    assert visit(process) == 0
    os.close(reading)


def test_case_95_lost_log_lines_are_counted(stage: Stage) -> None:
    """Once the pipe is read again, the log says how many lines were lost."""
    reading, writing = os.pipe()
    filled = fill(writing)
    process = unlogged(stage, stderr=writing)
    os.close(writing)
    assert process.stdout is not None
    with process, process.stdout, os.fdopen(reading, "rb") as log:
        port = int(process.stdout.readline().split(" -> ")[0].rpartition(":")[2])
        for read_again in (False, True):
            if read_again:
                assert len(log.read(filled)) == filled
            with Wire.to(("127.0.0.1", port)) as client:
                client.line()
                client.ask(b"QUIT")
                client.ending()
        process.send_signal(signal.SIGTERM)
        assert b"log lines were lost" in log.read()


def test_case_95_closed_stdout_and_stderr_do_not_stop_the_start(stage: Stage) -> None:
    """As after `popover run ... >&- 2>&-`; the port is found by looking for its listener."""
    server = stage.server(pop3)
    config = stage.config({"listen": "127.0.0.1:0", "server": f"pop3s://localhost:{server.port}"})
    closed = "import os, sys; os.close(0); os.close(1); os.close(2); os.execv(sys.executable, sys.argv[1:])"
    command = [sys.executable, "-c", closed, *COMMAND, "run", "-c", str(config)]
    process = subprocess.Popen(command)
    try:
        wait_until(lambda: process.poll() is not None or listens(process.pid), "it listens", PATIENCE)
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(PATIENCE)


def listens(pid: int) -> bool:
    """Whether this process has a listening TCP socket."""
    inodes = {line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"}
    try:
        links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return any(f"socket:[{inode}]" in links for inode in inodes)


@pytest.mark.parametrize("kind", ["RuntimeError", "MemoryError", "KeyError"])
def test_cases_93_and_97_bug_or_lack_of_memory_ends_one_session_only(stage: Stage, kind: str) -> None:
    server = stage.server(says(b"* OK here is a bug\r\n"))
    env = sabotage(stage.directory / "site", BUGGY_GREETING.format(kind=kind))
    gateway = stage.gateway(server, "imap", env=env)
    with ExitStack() as stack:
        server.script = mail("imap")
        other = stack.enter_context(gateway.greeted())
        server.script = says(b"* OK here is a bug\r\n")
        assert "gateway failed" in gateway.told()
        event = gateway.session()
        assert event["end"] == "internal"
        assert kind in event["remedy"]
        assert "hunter2" not in "\n".join(gateway.popover.log_lines())
        server.script = mail("imap")
        gateway.serves(other)
        gateway.serves()
    assert gateway.status()["sessions"] == 0
    assert not any("never retrieved" in line for line in gateway.popover.log_lines())
