"""The status page of a running gateway: what it tells, to whom, and that nobody who looks harms anybody."""

import contextlib
import datetime as dt
import itertools
import os
import re
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.mail import GREETINGS, mail
from fakes.scene import Gateway, Stage, refusals, rewrite
from fakes.server import FakeServer
from fakes.tls import TLSWire
from fakes.wire import Wire
from parts.dovecot import Dovecot
from parts.haproxy import haproxy
from parts.inside import Plainly, trusting
from parts.looking import look, look_at, numbers, status_address
from parts.net import LOOPBACK, free_port, is_listening, wait_until
from parts.popover import Popover
from parts.program import Program

pytest_plugins = ["fakes.fixture"]

STATUS = {"listen": "127.0.0.1:0"}


@pytest.fixture
def server(stage: Stage) -> FakeServer:
    return stage.server(mail("pop3"))


def shown(stage: Stage, *services: dict[str, object], **top: object) -> Gateway:
    """A popover with a status page."""
    return Gateway(stage.popover("-c", stage.config(*services, **{"status": STATUS} | top)), "pop3")


def log_in(gateway: Gateway, user: str, password: str) -> bytes:
    """A whole session. What was said to the password."""
    with gateway.client() as wire:
        wire.line()
        wire.ask(b"USER " + user.encode())
        said = wire.ask(b"PASS " + password.encode())
        wire.send(b"QUIT\r\n")
        wire.ending()
    return said


# -- what it tells ----------------------------------------------------------------------------------------------


def test_numbers_are_those_of_the_log(stage: Stage, dovecot: Dovecot) -> None:
    gateway = shown(stage, stage.service(dovecot.pop3s_port))
    for _ in range(3):
        log_in(gateway, dovecot.new_user(), dovecot.password)
    gateway.settle()
    ended = gateway.popover.wait_for_events("session", 3)
    wait_until(lambda: numbers(gateway.popover)["ended_sessions_total"] == 3, "three sessions are told")
    told = numbers(gateway.popover)
    assert told["from_clients_bytes_total"] == sum(one["bytes_in"] for one in ended)
    assert told["to_clients_bytes_total"] == sum(one["bytes_out"] for one in ended)
    assert told["warm_sessions_total"] == sum(one["warm"] for one in ended)
    saved = sum(one.get("saved_seconds", 0) for one in ended)
    assert saved <= told["saved_seconds_total"] < saved + 0.001 * len(ended)  # the log's are cut to milliseconds
    assert told["sessions"] == 0
    assert told["server_reachable"] == told["ready"] == 1
    assert abs(told["session_timestamp_seconds"] - time.time()) < 600
    page = look(gateway.popover).body
    assert "reached by TLSv1.3" in page
    assert f"<DD>{LOOPBACK}:{gateway.popover.ports[0]}</DD>" in page


def test_session_that_goes_on_is_counted_as_far_as_it_is(stage: Stage, server: FakeServer) -> None:
    gateway = shown(stage, stage.service(server))
    with gateway.greeted() as wire:
        wait_until(lambda: numbers(gateway.popover)["to_clients_bytes_total"], "what it got is told")
        told = numbers(gateway.popover)
        assert (told["sessions"], told["ended_sessions_total"], told["server_reachable"]) == (1, 0, 1)
        assert told["to_clients_bytes_total"] == len(GREETINGS["pop3"])
        assert "TLSv1.3" in look(gateway.popover).body
        answer = wire.ask(b"NOOP")
        wait_until(lambda: numbers(gateway.popover)["from_clients_bytes_total"] == 6, "what it said is told")
        wire.close()
    gateway.session()
    wait_until(lambda: numbers(gateway.popover)["ended_sessions_total"] == 1, "it is over")
    told = numbers(gateway.popover)
    assert told["from_clients_bytes_total"] == 6
    assert told["to_clients_bytes_total"] == len(GREETINGS["pop3"] + answer)


def test_days_that_the_certificate_has_left_are_told(stage: Stage, server: FakeServer) -> None:
    gateway = shown(stage, stage.service(server))
    gateway.serves()
    gateway.serves()  # resumed, most likely
    text = subprocess.run(
        ["openssl", "x509", "-in", stage.certificate.cert_file, "-noout", "-enddate"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    end = dt.datetime.strptime(text, "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=dt.UTC)
    wait_until(lambda: numbers(gateway.popover)["ended_sessions_total"] == 2, "both are over")
    assert numbers(gateway.popover)["certificate_end_timestamp_seconds"] == end.timestamp()
    days = int((end.timestamp() - time.time()) // 86400)
    assert f"<DD>{days:,} day" in look(gateway.popover).body


def test_server_that_can_not_be_had_is_told_with_the_remedy_until_it_is_back(stage: Stage) -> None:
    port = free_port()
    gateway = shown(stage, stage.service(port))
    assert "no session yet" in look(gateway.popover).body
    event = gateway.refuses("refuse")
    wait_until(lambda: "NOT REACHED" in look(gateway.popover).body, "it is told")
    page = look(gateway.popover).body
    assert event["cause"] in page
    assert event["remedy"].replace("'", "&#39;") in page
    assert numbers(gateway.popover)["server_reachable"] == 0
    assert numbers(gateway.popover)["failed_sessions_total"] == 1
    stage.server(mail("pop3"), listener=socket.create_server((LOOPBACK, port)))
    gateway.serves()
    wait_until(lambda: numbers(gateway.popover)["server_reachable"], "it is back")
    page = look(gateway.popover).body
    assert "NOT REACHED" not in page
    assert "The last failure" in page


def test_server_that_goes_while_a_client_begins_tls_is_told_as_not_reached(stage: Stage, server: FakeServer) -> None:
    """The server that has heard something is left for the handshake, and another connection is needed behind it."""
    cert = stage.authority.issue("localhost", "127.0.0.1")
    keys: dict[str, Any] = {"tls": "offer", "tls_cert": str(cert.cert_file), "tls_key": str(cert.key_file), "warm": 0}
    gateway = shown(stage, stage.service(server.port, **keys, user_at_once=False))
    with Plainly(gateway.popover.addresses[0]) as client:
        client.line()
        client.ask(b"USER alice")
        assert client.ask(b"STLS").startswith(b"+OK")
        server.shut()
        client.secure(trusting(stage.authority.ca_file))
        assert client.line().startswith(b"-ERR [SYS/TEMP] ")
    gateway.settle()
    wait_until(lambda: "NOT REACHED" in look(gateway.popover).body, "it is told")


def test_session_that_its_server_cuts_is_one_that_failed(stage: Stage) -> None:
    def cut(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        wire.line()
        wire.wire.cut()

    gateway = shown(stage, stage.service(stage.server(cut), user_at_once=False))
    with gateway.greeted() as wire:
        wire.send(b"USER alice\r\n")
        assert wire.ending().how == "reset"
    wait_until(lambda: numbers(gateway.popover)["ended_sessions_total"] == 1, "it is over")
    told = numbers(gateway.popover)
    assert (told["failed_sessions_total"], told["server_reachable"], told["sessions"]) == (1, 1, 0)
    assert "cut the connection" in look(gateway.popover).body


def test_client_that_is_not_let_in_is_told_with_the_remedy(stage: Stage, server: FakeServer) -> None:
    gateway = shown(stage, stage.service(server, allow="192.168.0.0/16"))
    gateway.told()
    wait_until(lambda: numbers(gateway.popover)["refused_clients_total"] == 1, "it is counted")
    page = look(gateway.popover).body
    assert "does not serve the address 127.0.0.1" in page
    assert "write allow = [" in page


def test_no_name_and_no_password_of_a_user_is_anywhere(stage: Stage, dovecot: Dovecot) -> None:
    gateway = shown(stage, stage.service(dovecot.pop3s_port, trace=True))
    user, wrong = dovecot.new_user(), "wr0ng-secret"
    assert log_in(gateway, user, dovecot.password).startswith(b"+OK")
    assert log_in(gateway, user, wrong).startswith(b"-ERR")
    with gateway.client() as wire:
        wire.send(f"USER {user}\r\nPASS {wrong}\r\n".encode())
        assert wire.line()
        wire.reset()
    wait_until(lambda: numbers(gateway.popover)["ended_sessions_total"] == 3, "all are over")
    for path in ("/", "/metrics", "/ready", "/live", f"/{user}"):
        for accept in ("*/*", "application/openmetrics-text"):
            body = look(gateway.popover, path, accept).body
            assert not re.search(f"{user}|{wrong}|{dovecot.password}", body)


def test_what_a_server_says_is_shown_and_does_nothing(stage: Stage) -> None:
    def hostile(wire: Wire) -> None:
        wire.send(b'-ERR <SCRIPT>alert("x")</SCRIPT>&lt;\x1b[2J\xff\r\n')
        wire.ending()

    gateway = shown(stage, stage.service(stage.server(hostile), name="<B>&amp;\u00e9"))
    with gateway.client() as wire:
        wire.ending()
    wait_until(lambda: numbers(gateway.popover)["ended_sessions_total"] == 1, "it is over")
    page = look(gateway.popover).body
    assert "&#60;SCRIPT&#62;alert(&#34;x&#34;)" in page
    assert "&#60;B&#62;&#38;amp;&#233;" in page
    assert "<SCRIPT" not in page.upper().replace("&#60;SCRIPT", "")
    assert page.isascii()
    assert "\x1b" not in page


@pytest.mark.parametrize("command", [("w3m", "-dump"), ("lynx", "-dump"), ("curl", "-fsS"), ("curl", "-fsS", "-0")])
def test_browsers_of_all_ages_show_it(
    stage: Stage, server: FakeServer, workdir: Callable[[], Path], command: tuple[str, ...]
) -> None:
    gateway = shown(stage, stage.service(server, name="Bücher & <Co>"))
    gateway.serves()
    wait_until(lambda: numbers(gateway.popover)["ended_sessions_total"] == 1, "it is over")
    host, port = status_address(gateway.popover)
    env = os.environ | {"HOME": str(workdir()), "LC_ALL": "C.UTF-8"}
    words = (*command, f"http://{host}:{port}/")
    ended = subprocess.run(words, env=env, capture_output=True, encoding="utf-8", check=True, timeout=60)
    if command[0] == "curl":
        assert "<TITLE>popover</TITLE>" in ended.stdout
    else:
        assert "Bücher & <Co>" in ended.stdout
        assert "reached by TLSv1.3" in " ".join(ended.stdout.split())


def test_one_line_by_telnet_is_enough(stage: Stage, server: FakeServer) -> None:
    gateway = shown(stage, stage.service(server))
    with Wire.to(status_address(gateway.popover)) as wire:
        wire.send(b"GET /\r\n")
        ending = wire.ending()
    assert ending.how == "fin"
    assert ending.words.startswith(b"<!DOCTYPE HTML")


def test_prometheus_reads_it(stage: Stage, server: FakeServer, tmp_path: Path) -> None:
    gateway = shown(stage, stage.service(server, name='a "b" \\'))
    gateway.serves()
    host, port = status_address(gateway.popover)
    own = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: popover, static_configs: [{{targets: ['{host}:{port}']}}]}}]\n"
    )
    words = (
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={host}:{own}",
    )
    with Program("prometheus", *words, output=tmp_path / "prometheus.txt") as prometheus:
        prometheus.wait_until(lambda: is_listening(own), "Prometheus listens")

        def found() -> str:
            return look_at((host, own), "/api/v1/query?query=popover_ended_sessions_total").body

        prometheus.wait_until(lambda: '"value"' in found(), "it has been read")
        assert '"service":"a \\"b\\" \\\\"' in found()
        assert '"1"]' in found()


# -- to whom ----------------------------------------------------------------------------------------------------


def test_without_the_table_there_is_no_page(stage: Stage, server: FakeServer) -> None:
    popover = stage.popover("-c", stage.config(stage.service(server)))
    assert not [line for line in popover.out_lines() if "http" in line]
    assert not is_listening(8110)


def test_who_may_not_look_is_told_so(stage: Stage, server: FakeServer) -> None:
    status = STATUS | {"allow": "192.168.0.0/16"}
    gateway = shown(stage, stage.service(server), status=status)
    for path in ("/", "/metrics", "/ready", "/nothing"):
        seen = look(gateway.popover, path)
        assert (seen.status, seen.media) == (403, "text/plain")
        assert "does not serve the address 127.0.0.1" in seen.body
    refused = gateway.popover.wait_for_event("refused")
    assert refused["client"] == LOOPBACK
    assert refused["remedy"].startswith("to let it in, write allow = [")
    assert refused["remedy"].endswith("] below [status]")
    gateway.serves()


def test_page_for_public_networks_has_to_be_meant_and_is_warned_of(stage: Stage, server: FakeServer) -> None:
    status = {"listen": "0.0.0.0:0", "allow": "0.0.0.0/0", "unsafe_public": True}
    popover = shown(stage, stage.service(server), status=status).popover
    said = "public networks may look at the status page"
    wait_until(lambda: any(said in one["text"] for one in popover.events("warning")), said)


def test_reload_moves_opens_and_closes_the_page(stage: Stage, server: FakeServer) -> None:
    service, (first, second) = stage.service(server, listen=str(free_port())), (free_port(), free_port())
    path = stage.config(service)
    popover = stage.popover("-c", path)

    def becomes(*ports: int) -> None:
        before = len(popover.events("reloaded"))
        rewrite(path, service, **({"status": {"listen": [str(port) for port in ports]}} if ports else {}))
        popover.signal(signal.SIGHUP)
        wait_until(lambda: len(popover.events("reloaded")) > before, "the file was read again")
        assert [is_listening(port) for port in (first, second)] == [port in ports for port in (first, second)]
        for port in ports:
            assert look_at((LOOPBACK, port), "/live").status == 200

    becomes(first)
    becomes(first, second)
    becomes(second)
    becomes()
    becomes(first)


def test_address_that_can_not_be_had_is_a_warning_and_mail_goes_on(stage: Stage, server: FakeServer) -> None:
    """As in the second of two processes on one socket. At each reload it is tried again."""
    port = free_port()
    path = stage.config(stage.service(server), status={"listen": str(port)})
    with contextlib.ExitStack() as stack:
        with socket.create_server((LOOPBACK, port)):
            popover = stack.enter_context(Popover("-c", path, listeners=1))
        said = f"there is no status page at 127.0.0.1:{port}: "
        wait_until(lambda: any(event["text"].startswith(said) for event in popover.events("warning")), said)
        Gateway(popover, "pop3").serves()
        popover.signal(signal.SIGHUP)
        wait_until(lambda: popover.events("reloaded"), "the file was read again")
        assert look_at((LOOPBACK, port), "/live").status == 200


def test_reload_that_fails_for_a_service_opens_no_page(stage: Stage, server: FakeServer) -> None:
    service, port = stage.service(server), free_port()
    path = stage.config(service)
    popover = stage.popover("-c", path)
    rewrite(path, service, {**service, "name": "two", "listen": str(server.port)}, status={"listen": str(port)})
    popover.signal(signal.SIGHUP)
    wait_until(lambda: refusals(popover), "it is refused")
    assert not is_listening(port)


def test_numbers_outlive_a_reload_while_their_service_does(stage: Stage, server: FakeServer) -> None:
    service, port = stage.service(server, listen=str(free_port())), free_port()
    path = stage.config(service, status={"listen": str(port)})
    gateway = Gateway(stage.popover("-c", path), "pop3")
    gateway.serves()
    wait_until(lambda: numbers(gateway.popover)["ended_sessions_total"] == 1, "it is over")

    def after(**changes: object) -> float:
        before = len(gateway.popover.events("reloaded"))
        rewrite(path, service | changes, status={"listen": str(port)})
        gateway.popover.signal(signal.SIGHUP)
        wait_until(lambda: len(gateway.popover.events("reloaded")) > before, "the file was read again")
        time.sleep(1.1)  # a page is good for a second
        return numbers(gateway.popover)["ended_sessions_total"]

    assert after(max_sessions=5) == 1
    assert after(server="pop3s://localhost:1") == 0


# -- at the end -------------------------------------------------------------------------------------------------


def ask_agent(popover: Popover) -> bytes:
    with Wire.to(status_address(popover)) as wire:
        wire.send(b"agent\n")
        return wire.ending().words


def test_gateway_that_stops_says_so_while_sessions_finish(stage: Stage, server: FakeServer) -> None:
    gateway = shown(stage, stage.service(server), drain_timeout=60)
    assert (look(gateway.popover, "/ready").status, ask_agent(gateway.popover)) == (200, b"up\n")
    with gateway.greeted() as wire:
        gateway.popover.signal(signal.SIGTERM)
        gateway.popover.wait_for_event("stopping")
        assert look(gateway.popover, "/ready")[::2] == (503, "stopping\n")
        assert look(gateway.popover, "/live").status == 200
        assert ask_agent(gateway.popover) == b"stopped\n"
        wait_until(lambda: "Stopping" in look(gateway.popover).body, "the page says it")
        assert "1 session now" in look(gateway.popover).body
        assert wire.ask(b"NOOP").startswith(b"+OK")
        wire.send(b"QUIT\r\n")
        wire.ending()
    assert gateway.popover.wait() == 0


def test_haproxy_sends_nobody_to_a_gateway_that_stops(stage: Stage, server: FakeServer, tmp_path: Path) -> None:
    port, own, listen = free_port(), free_port(), free_port()
    path = stage.config(stage.service(server, listen=str(own)), status={"listen": str(listen)}, drain_timeout=60)
    gateway = Gateway(stage.popover("-c", path), "pop3", lambda _: Wire.to((LOOPBACK, port)))
    agent = f'agent-check agent-port {listen} agent-send "agent\\n" agent-inter 100ms'
    config = f"listen front\n  bind {LOOPBACK}:{port}\n  server one {LOOPBACK}:{own} {agent}\n"
    with haproxy(tmp_path, config, port) as balancer:
        with gateway.greeted() as wire:
            gateway.popover.signal(signal.SIGTERM)
            balancer.wait_until(lambda: balancer.status("front/one").startswith("DOWN (agent)"), "it has heard")
            assert wire.ask(b"NOOP").startswith(b"+OK")
            wire.send(b"QUIT\r\n")
            wire.ending()
        assert gateway.popover.wait() == 0
        again = Gateway(stage.popover("-c", path), "pop3", lambda _: Wire.to((LOOPBACK, port)))
        balancer.wait_until(lambda: balancer.status("front/one").startswith(("UP", "no check")), "it is back")
        again.serves()


# -- nobody who looks harms anybody -------------------------------------------------------------------------------


@contextlib.contextmanager
def dawdlers(popover: Popover, count: int, words: bytes = b"GET / HTTP/1.0\r\nX: ") -> Iterator[list[Wire]]:
    """Connections that ask for something and never come to an end of it."""
    wires = [Wire.to(status_address(popover)) for _ in range(count)]
    try:
        for wire in wires:
            with contextlib.suppress(ConnectionError):
                wire.send(words)
        yield wires
    finally:
        for wire in wires:
            wire.close()


@pytest.mark.parametrize("words", [b"", b"GET / HTTP/1.0\r\nX: ", b"GET / HTTP/1.0\r\n\r\n"])
def test_hundreds_that_dawdle_keep_nobody_from_looking(stage: Stage, server: FakeServer, words: bytes) -> None:
    gateway = shown(stage, stage.service(server))
    gateway.serves()
    before = gateway.popover.fds()
    with dawdlers(gateway.popover, 300, words):
        for _ in range(3):
            assert look(gateway.popover).status == 200
            gateway.serves()
        assert gateway.popover.fds() <= before + 20
    wait_until(lambda: gateway.popover.fds() <= before + 2, "their connections are given back")


def test_drops_do_not_keep_a_connection_alive(stage: Stage, server: FakeServer) -> None:
    gateway = shown(stage, stage.service(server))
    with Wire.to(status_address(gateway.popover)) as wire:
        wire.send(b"GET / HTTP/1.0\r\nX: ")
        with contextlib.suppress(ConnectionError):
            for _ in itertools.repeat(None, 3000):
                wire.send(b"y")
                time.sleep(0.01)
                if wire.sock.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b"":
                    break
        assert wire.ending().words == b""


def test_request_without_end_is_told_so(stage: Stage, server: FakeServer) -> None:
    gateway = shown(stage, stage.service(server))
    with Wire.to(status_address(gateway.popover)) as wire:
        wire.send(b"GET / HTTP/1.0\r\nX: " + b"y" * 10_000)
        assert wire.line() == b"HTTP/1.0 431 Request Header Fields Too Large\r\n"


@pytest.mark.parametrize("words", [b"\x16\x03\x01\x02\x00\x01\n", b"USER alice\r\n", b"\r\n\r\n"])
def test_what_is_no_request_is_answered_and_closed(stage: Stage, server: FakeServer, words: bytes) -> None:
    gateway = shown(stage, stage.service(server))
    with Wire.to(status_address(gateway.popover)) as wire:
        wire.send(words)
        ending = wire.ending()
    assert ending.words.startswith(b"HTTP/1.0 400 ")
    gateway.serves()


def test_many_who_look_at_once_all_see_it(stage: Stage, server: FakeServer) -> None:
    gateway = shown(stage, stage.service(server))
    for _ in range(200):
        assert look(gateway.popover, "/metrics").status == 200
    gateway.serves()
    gateway.settle()


def test_descriptors_that_run_out_are_waited_for(stage: Stage, server: FakeServer) -> None:
    """Who looks when there is no descriptor left is served when there is one; meanwhile no time is burnt."""
    gateway = shown(stage, stage.service(server))
    assert look(gateway.popover).status == 200
    gateway.settle()
    limits = resource.prlimit(gateway.popover.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gateway.popover.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    with Wire.to(status_address(gateway.popover)) as wire:
        wire.send(b"GET /live HTTP/1.0\r\n\r\n")
        states = []
        for _ in range(50):
            time.sleep(0.02)
            states.append(_state(gateway.popover))
        assert states.count("S") > len(states) / 2  # it sleeps: a busy one is "R", whether it gets a processor or not
        resource.prlimit(gateway.popover.pid, resource.RLIMIT_NOFILE, limits)
        assert wire.line() == b"HTTP/1.0 200 OK\r\n"
    gateway.serves()


def _state(popover: Popover) -> str:
    return Path(f"/proc/{popover.pid}/stat").read_text().rpartition(")")[2].split()[0]
