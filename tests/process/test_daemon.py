"""The life of the process: signals, reload, stop, its user, what systemd hears, and a log that dies."""

import asyncio
import contextlib
import fcntl
import gc
import os
import pwd
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import scene
from fakes.mail import GREETINGS
from fakes.scene import Stage, toml
from fakes.server import FakeServer
from fakes.tls import TLSWire
from fakes.wire import PATIENCE, Wire
from parts.messages import of_size
from parts.net import LOOPBACK, free_port, is_listening, wait_until
from parts.places import is_root, short_directory
from parts.popover import COMMAND, Popover, StartError, run_popover
from popover.config import Activated, Address, Config, Listen, Service, Target, parse_server
from popover.log import Log
from popover.process.daemon import Inherited, Load, serve

pytest_plugins = ["fakes.fixture"]

BIG = of_size(8_000_000)
STOPS = pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])


def letters(wire: TLSWire) -> None:
    """IMAP as far as it is needed: BULK gives a large answer, LOGOUT ends."""
    wire.send(GREETINGS["imap"])
    while line := wire.line():
        word = line.strip()
        if word == b"BULK":
            wire.send(BIG)
        else:
            wire.send(b"* OK " + word + b"\r\n")
        if word == b"LOGOUT":
            return


@pytest.fixture
def server(stage: Stage) -> FakeServer:
    return stage.server(letters)


def at(stage: Stage, server: FakeServer, port: int = 0, **keys: Any) -> dict[str, Any]:
    """A service on this port of loopback."""
    return stage.service(server, "imap", **{"name": f"at-{port}", "listen": f"{LOOPBACK}:{port}"} | keys)


def greeted(port: int) -> Wire:
    return scene.greeted((LOOPBACK, port))


def refuses_connections(port: int) -> bool:
    with pytest.raises(ConnectionRefusedError):
        Wire.to((LOOPBACK, port)).close()
    return True


@contextlib.contextmanager
def in_mid_mail(port: int) -> Iterator[Wire]:
    """A client that has got a small part of a large answer, most of which is still with the server."""
    with greeted(port) as client:
        client.send(b"BULK\r\n")
        assert client.exactly(1000) == BIG[:1000]
        yield client


def gets_the_rest(client: Wire) -> None:
    same = client.exactly(len(BIG) - 1000) == BIG[1000:]
    assert same
    assert client.ask(b"LOGOUT") == b"* OK LOGOUT\r\n"
    assert client.ending() == (b"", "fin")


# -- SIGHUP --------------------------------------------------------------------------------------------


def test_reload_adds_and_removes_listeners_while_a_mail_is_fetched(stage: Stage, server: FakeServer) -> None:
    leaves, stays, comes = free_port(), free_port(), free_port()
    path = stage.config(at(stage, server, leaves), at(stage, server, stays))
    popover = stage.popover("-c", path)
    with in_mid_mail(leaves) as one, in_mid_mail(stays) as other:
        path.write_text(toml((at(stage, server, stays), at(stage, server, comes)), {"drain_timeout": 0}))
        popover.signal(signal.SIGHUP)
        popover.wait_for_event("reloaded")
        assert refuses_connections(leaves)
        for port in (stays, comes):
            greeted(port).close()
        gets_the_rest(one)
        gets_the_rest(other)
    [event] = popover.events("listening")
    assert f"{LOOPBACK}:{comes} -> imaps://localhost:{server.port}" in event["text"]
    popover.wait_for_event("session", service=f"at-{leaves}", end="server closed")


BAD: dict[str, tuple[str | bytes, str]] = {
    "syntax": ("[[service]\n", "line"),
    "unknown key": ('usr = "nobody"\n', "usr"),
    "not UTF-8": (b"# \xff\n", "UTF-8"),
    "empty": ("", "service"),
}


@pytest.mark.parametrize("what", [*BAD, "gone", "no ca_file", "broken ca_file", "port in use"])
def test_bad_file_keeps_the_old_state_and_says_why(stage: Stage, server: FakeServer, what: str) -> None:
    stays, new, held = free_port(), free_port(), stage.server(letters)
    path = stage.config(at(stage, server, stays))
    broken = stage.directory / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\n")
    services = {
        "no ca_file": (at(stage, server, new, ca_file="/nowhere/ca.pem"), "/nowhere/ca.pem"),
        "broken ca_file": (at(stage, server, new, ca_file=str(broken)), "broken.pem"),
        "port in use": (at(stage, server, held.port), f"{held.port} is in use already by "),
    }
    popover = stage.popover("-c", path)
    good = path.read_text()
    with in_mid_mail(stays) as client:
        if what == "gone":
            path.unlink()
            why = str(path)
        elif what in BAD:
            content, why = BAD[what]
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        else:
            service, why = services[what]
            path.write_text(toml((at(stage, server, free_port()), service), {"drain_timeout": 0}))
        popover.signal(signal.SIGHUP)
        warned = popover.wait_for_event("warning", text=text_with(popover, "the new configuration is not in force"))
        assert why in warned["text"]
        assert not popover.events("reloaded")
        assert not is_listening(new)
        greeted(stays).close()
        gets_the_rest(client)
    path.write_text(good)
    popover.signal(signal.SIGHUP)
    popover.wait_for_event("reloaded")
    greeted(stays).close()


def text_with(popover: Popover, words: str) -> str:
    """The text of the first warning with these words, once there is one."""

    def texts() -> list[str]:
        return [str(event["text"]) for event in popover.events("warning") if words in event["text"]]

    wait_until(texts, words)
    return texts()[0]


def test_many_reloads_at_once_end_with_the_last_file(stage: Stage, server: FakeServer) -> None:
    ports = [free_port() for _ in range(6)]
    path = stage.config(at(stage, server, ports[0]))
    popover = stage.popover("-c", path)
    for port in ports:
        path.write_text(toml((at(stage, server, port),), {"drain_timeout": 0}))
        for _ in range(3):
            popover.signal(signal.SIGHUP)
    wait_until(lambda: is_listening(ports[-1]) and not any(map(is_listening, ports[:-1])), "the last file is in force")
    greeted(ports[-1]).close()


def test_reload_without_a_file_is_told_and_changes_nothing(stage: Stage, server: FakeServer) -> None:
    with Popover(f"0=imaps://localhost:{server.port}", "--ca-file", stage.authority.ca_file) as popover:
        popover.signal(signal.SIGHUP)
        assert "there is no file to read again" in text_with(popover, "SIGHUP")
        greeted(popover.ports[0]).close()


def test_reload_that_changes_the_user_says_that_it_does_not(stage: Stage, server: FakeServer) -> None:
    """As whom popover runs is decided at its start; each reload says so until the file says what is true again."""
    port = free_port()
    path = stage.config(at(stage, server, port))
    popover = stage.popover("-c", path)
    for number, top in enumerate(({"user": "nobody"}, {"user": "nobody"}, {}), start=1):
        path.write_text(toml((at(stage, server, port),), {"drain_timeout": 0} | top))
        popover.signal(signal.SIGHUP)
        popover.wait_for_events("reloaded", number)
    told = [event["text"] for event in popover.events("warning") if event["text"].startswith("user: ")]
    assert (
        told
        == ['user: now "nobody", but popover was started with none, which a reload does not change: restart popover']
        * 2
    )
    greeted(port).close()


def test_more_sessions_than_files_are_warned_of_at_each_reading(stage: Stage, server: FakeServer) -> None:
    """128 files are 32 sessions: 64 files for ourselves, and two for each."""
    port = free_port()
    path = stage.config(at(stage, server, port, max_sessions=32))
    popover = stage.popover("-c", path, prefix=("prlimit", "--nofile=128:128"))
    for number, allowed in enumerate((33, 32, 40), start=1):
        path.write_text(toml((at(stage, server, port, max_sessions=allowed),), {"drain_timeout": 0}))
        popover.signal(signal.SIGHUP)
        popover.wait_for_events("reloaded", number)
    told = [event["text"] for event in popover.events("warning") if "max_sessions" in event["text"]]
    assert [text.partition(", but")[0] for text in told] == [f"at-{port}: max_sessions = {n}" for n in (33, 40)]
    assert all("allows 32: raise LimitNOFILE" in text for text in told)


def test_more_sessions_than_files_are_warned_of_at_the_start(stage: Stage, server: FakeServer) -> None:
    path = stage.config(at(stage, server, max_sessions=33))
    popover = stage.popover("-c", path, prefix=("prlimit", "--nofile=128:128"))
    assert "max_sessions = 33, but" in text_with(popover, "LimitNOFILE")


# -- the end -------------------------------------------------------------------------------------------


@STOPS
def test_stop_without_sessions_is_the_end(stage: Stage, server: FakeServer, stop: signal.Signals) -> None:
    popover = stage.popover("-c", stage.config(at(stage, server), drain_timeout=600))
    popover.signal(stop)
    assert popover.wait() == 0


@STOPS
def test_running_sessions_may_finish(stage: Stage, server: FakeServer, stop: signal.Signals) -> None:
    popover = stage.popover("-c", stage.config(at(stage, server), drain_timeout=600))
    port = popover.ports[0]
    with in_mid_mail(port) as client:
        popover.signal(stop)
        assert popover.wait_for_event("stopping")["text"] == "waiting for 1 session to finish"
        assert refuses_connections(port)
        gets_the_rest(client)
    assert popover.wait() == 0
    assert popover.events("session")[0]["end"] == "server closed"


@STOPS
def test_sessions_that_do_not_finish_in_time_are_reset(stage: Stage, server: FakeServer, stop: signal.Signals) -> None:
    popover = stage.popover("-c", stage.config(at(stage, server), drain_timeout=0.3))
    with in_mid_mail(popover.ports[0]) as client, greeted(popover.ports[0]) as idle:
        popover.signal(stop)
        assert client.ending().how == "reset"
        assert idle.ending() == (b"", "reset")
    assert popover.wait() == 0
    assert [event["end"] for event in popover.events("session")] == ["gateway stopped"] * 2


@STOPS
def test_second_signal_ends_at_once(stage: Stage, server: FakeServer, stop: signal.Signals) -> None:
    popover = stage.popover("-c", stage.config(at(stage, server), drain_timeout=600))
    with in_mid_mail(popover.ports[0]) as client:
        popover.signal(stop)
        popover.wait_for_event("stopping")
        popover.signal(stop)
        assert client.ending().how == "reset"
        assert popover.wait() == 0


def test_reload_during_the_end_changes_nothing(stage: Stage, server: FakeServer) -> None:
    path = stage.config(at(stage, server), drain_timeout=600)
    popover = stage.popover("-c", path)
    with in_mid_mail(popover.ports[0]) as client:
        popover.signal(signal.SIGTERM)
        popover.wait_for_event("stopping")
        popover.signal(signal.SIGHUP)
        gets_the_rest(client)
    assert popover.wait() == 0
    assert not popover.events("reloaded")


def test_status_is_logged_when_asked_for(stage: Stage, server: FakeServer) -> None:
    before = time.monotonic()
    popover = stage.popover("-c", stage.config(at(stage, server, name="home")))
    with greeted(popover.ports[0]), greeted(popover.ports[0]):
        popover.signal(signal.SIGUSR1)
        status = popover.wait_for_event("status")
    assert status["sessions"] == 2
    assert 0 <= status["uptime"] < time.monotonic() - before + 0.1  # the gateway's; the machine's began long before
    assert "home: 2" in status["text"]
    assert popover.stop() == 0


# -- another user --------------------------------------------------------------------------------------


def test_it_becomes_the_user_for_good_and_serves(stage: Stage, server: FakeServer) -> None:
    """Root becomes nobody, without a group of root's; somebody else is told that only root can."""
    words = (f"0=imaps://localhost:{server.port}", "--ca-file", stage.authority.ca_file, "--user", "nobody")
    if not is_root():
        with pytest.raises(StartError, match="only root can become 'nobody'") as caught:
            Popover(*words)
        assert caught.value.code == 1
        return
    nobody = pwd.getpwnam("nobody")
    # With groups as root has them on many machines: 6 is `disk`.
    popover = stage.popover(*words, prefix=("setpriv", "--groups", "4,6"))
    status = status_of(popover.pid)
    assert status["Uid"].split() == [str(nobody.pw_uid)] * 4
    assert status["Gid"].split() == [str(nobody.pw_gid)] * 4
    assert status["Groups"].split() == []
    assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 0
    with greeted(popover.ports[0]) as client:
        assert client.ask(b"NOOP") == b"* OK NOOP\r\n"
    assert popover.wait_for_event("session")["end"] == "client closed"
    assert not [event for event in popover.events("warning") if "running as root" in event["text"]]


def test_root_is_told_of_a_way_to_another_user_that_is_taken_where_it_stands(stage: Stage, server: FakeServer) -> None:
    """With a file there is no --user."""
    for words, how in (
        (("-c", stage.config(at(stage, server))), 'user = "nobody" at the top of the file'),
        ((f"0=imaps://localhost:{server.port}",), "popover run --user nobody"),
    ):
        popover = stage.popover(*words)
        if is_root():
            popover.wait_for_event("warning", text=f"running as root: better name a user to become ({how})")
        popover.stop()
        assert len([event for event in popover.events() if "as root" in str(event["text"])]) == is_root()


def status_of(pid: int) -> dict[str, str]:
    """What the kernel says about a process: real, effective, saved and file-system ids, groups, capabilities."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


def test_unknown_user_is_told_before_anything_is_served() -> None:
    ended = run_popover("run", "0=localhost", "--user", "no-such-user")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "there is no user 'no-such-user' on this machine" in ended.stderr


# -- systemd -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def manager() -> Iterator[tuple[str, socket.socket]]:
    """systemd's side of NOTIFY_SOCKET."""
    with short_directory("notify") as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(directory / "socket"))
        (directory / "socket").chmod(0o666)
        sock.settimeout(PATIENCE)
        yield str(directory / "socket"), sock


def test_systemd_hears_how_it_is(stage: Stage, server: FakeServer) -> None:
    path = stage.config(at(stage, server))
    with manager() as (name, sock):
        popover = stage.popover("-c", path, env={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"})

        def hears() -> str:
            """The first word of the next message that is no sign of life."""
            while (message := sock.recv(1000).decode()) == "WATCHDOG=1":
                pass
            return message.split("\n")[0]

        assert hears() == "READY=1"
        assert [sock.recv(1000) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        for content in (path.read_text(), "nonsense"):
            path.write_text(content)
            popover.signal(signal.SIGHUP)
            assert hears() == "RELOADING=1"
            assert hears() == "READY=1"
        popover.signal(signal.SIGTERM)
        assert hears() == "STOPPING=1"
        assert popover.wait() == 0


def test_systemd_hears_the_end_of_a_reload_that_a_bug_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without READY=1 it would wait for it, and then call the service failed."""

    def load() -> Config:
        raise RuntimeError("oh")

    with manager() as (name, sock):
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        lines = life(listening(Address(LOOPBACK, 0)), load)
        heard = [sock.recv(1000).decode().split("\n")[0] for _ in range(4)]
    assert heard == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
    assert any("a bug of popover, please report it" in line and "RuntimeError" in line for line in lines)


def listening(*listen: Listen) -> Config:
    return Config((Service("home", listen, Target(parse_server("imaps://localhost"))),), drain_timeout=0)


def life(config: Config, load: Load, inherited: Inherited | None = None) -> list[str]:
    """The log of a popover in this process that is started, told to reload, and told to stop."""
    lines: list[str] = []
    first = [signal.SIGHUP]

    def then_reload(_line: str) -> None:
        while first:
            asyncio.get_running_loop().call_soon(signal.raise_signal, first.pop())

    def load_and_stop() -> Config:
        signal.raise_signal(signal.SIGTERM)
        return load()

    serve(config, Log(lambda line, _priority: lines.append(line.decode())), load_and_stop, then_reload, inherited or {})
    gc.unfreeze()
    return lines


def test_systemds_socket_that_no_service_takes_is_told_at_each_reading() -> None:
    """Its clients would be let in by the kernel and hear nothing. It is systemd's: it is not closed."""
    with socket.create_server((LOOPBACK, 0)) as imap, socket.create_server((LOOPBACK, 0)) as pop3:
        handed_over = {"imap": [imap], "pop3": [pop3]}
        one, both = listening(Activated("imap")), listening(Activated("imap"), Activated("pop3"))
        other = listening(Activated("pop3"))

        def complained_of(first: Config, second: Config) -> list[str]:
            log = "".join(life(first, lambda: second, handed_over))
            return re.findall(rf'systemd listens on {LOOPBACK}:\d+ for us, but no .*"systemd:(\w+)"', log)

        assert complained_of(both, both) == []
        assert complained_of(one, both) == ["pop3"]
        assert complained_of(one, other) == ["pop3", "imap"]
        for sock in (imap, pop3):
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_promised_sockets_that_are_not_there_are_told() -> None:
    command = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" run systemd:pop3=localhost'
    ended = subprocess.run(["sh", "-c", command, "sh", *COMMAND], capture_output=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"popover: LISTEN_FDS=1 promises")
    assert ended.stderr.count(b"\n") == 1


# -- a log that dies -----------------------------------------------------------------------------------


@contextlib.contextmanager
def started(
    stage: Stage, server: FakeServer, *redirections: str, **how: Any
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A popover whose descriptors are as a shell redirects them; yields its port."""
    port = free_port()
    words = [*COMMAND, "run", f"{port}=imaps://localhost:{server.port}", "--ca-file", str(stage.authority.ca_file)]
    given: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    } | how
    with subprocess.Popen(["sh", "-c", f'exec "$@" {" ".join(redirections)}', "sh", *words], **given) as process:
        try:
            wait_until(lambda: process.poll() is not None or is_listening(port), "it listens")
            assert process.poll() is None
            yield port, process
        finally:
            process.kill()


def serves_on(port: int, times: int = 3) -> None:
    for _ in range(times):
        with greeted(port) as client:
            assert client.ask(b"NOOP") == b"* OK NOOP\r\n"
            client.send(b"LOGOUT\r\n")
            assert client.ending() == (b"* OK LOGOUT\r\n", "fin")


def stops(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    "redirections",
    [("2>&-",), (">&-",), ("<&-",), ("<&-", ">&-", "2>&-"), (">&-", "2>&-"), ("2>/dev/full",), (">/dev/full",)],
    ids=" ".join,
)
def test_descriptors_that_lead_nowhere_stop_nothing(
    stage: Stage, server: FakeServer, redirections: tuple[str, ...]
) -> None:
    """And the log goes into no client's mail, nor into our own event loop, which took it for signals."""
    with started(stage, server, *redirections) as (port, process):
        serves_on(port)
        for descriptor in range(3):
            with contextlib.suppress(FileNotFoundError):
                target = Path(f"/proc/{process.pid}/fd/{descriptor}").readlink()
                assert target.is_relative_to("/dev")
        stops(process)


def test_reader_of_the_log_that_goes_stops_nothing(stage: Stage, server: FakeServer) -> None:
    read_end, write_end = os.pipe()
    with started(stage, server, stderr=write_end) as (port, process):
        os.close(write_end)
        serves_on(port, 1)
        os.close(read_end)
        serves_on(port)
        stops(process)


def test_reader_of_the_log_that_sleeps_stops_nothing(stage: Stage, server: FakeServer) -> None:
    read_end, write_end = os.pipe()
    with started(stage, server, stderr=write_end) as (port, process):
        room = fcntl.fcntl(write_end, fcntl.F_GETPIPE_SZ)
        os.set_blocking(write_end, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(write_end, bytes(4096)):
                pass
        serves_on(port)
        os.read(read_end, 2 * room)
        serves_on(port, 1)
        stops(process)
        os.close(write_end)
        log = os.read(read_end, 2 * room)
        os.close(read_end)
    assert b"3 log lines were lost" in log
