"""The gateway as a whole: how a start fails, whom it lets in, where it leads, and what it writes."""

import re
import subprocess
import sys
import threading
from typing import Any

import pytest

from fakes.mail import GREETINGS, mail
from fakes.scene import FAREWELLS, Gateway, Stage, farewell, greeted, reload, url
from fakes.server import FakeServer
from fakes.wire import PATIENCE, Talker, Wire
from fakes.world import World
from parts.net import LOOPBACK, free_port, is_listening, wait_until
from parts.popover import COMMAND, Popover, StartError, run_popover

pytest_plugins = ["fakes.fixture"]

EVERY_DIALECT = pytest.mark.parametrize("dialect", FAREWELLS)


@pytest.fixture
def server(stage: Stage) -> FakeServer:
    return stage.server(mail("imap"))


# -- how a start fails ---------------------------------------------------------------------------------


def test_port_in_use_names_its_holder(server: FakeServer) -> None:
    ended = run_popover("run", f"{server.port}=localhost")
    assert (ended.returncode, ended.stdout) == (1, "")
    [line] = ended.stderr.splitlines()
    assert re.match(rf"popover: 127\.0\.0\.1:{server.port} is in use already by \S+ \(pid \d+\); ", line)


def test_port_in_use_by_another_popover_leaves_that_one_alone(stage: Stage, server: FakeServer) -> None:
    popover = stage.popover(f"0={url(server)}", *stage.trust)
    free = free_port()
    with pytest.raises(StartError) as caught:
        Popover(f"{free}={url(server)}", f"{popover.ports[0]}={url(server)}", *stage.trust)
    assert caught.value.code == 1
    assert f"(pid {popover.pid})" in "\n".join(caught.value.log)
    assert caught.value.out == []  # nothing is half started
    greeted(popover.addresses[0]).close()


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["run"], 2, "SERVER"),
        (["run", "-c", "/nowhere/popover.toml"], 2, "/nowhere/popover.toml"),
        (["run", "70000=localhost"], 2, "70000"),
        (["run", "http://localhost"], 2, "http"),
        (["run", "localhost", "--max-sessions", "-1"], 2, "--max-sessions"),
        (["run", "localhost", "--allow", "everybody"], 2, "--allow"),
        (["run", "localhost", "--ca-file", "/nowhere/ca.pem"], 2, "/nowhere/ca.pem"),
        (["run", "localhost", "--verify", "no"], 2, "--verify"),
        (["run", "localhost", "--user", ""], 2, "--user"),
        (["run", "-c", ""], 2, "--config"),
        (["run", "0=localhost", "--user", "no-such-user"], 1, "no-such-user"),
        (["run", "[fe80::1]:0=localhost"], 1, "[fe80::1]:0"),
        (["serve", "localhost"], 2, "serve"),
        ([], 2, "COMMAND"),
    ],
    ids=str,
)
def test_exit_code_tells_wrong_use_from_what_the_machine_forbids(words: list[str], code: int, why: str) -> None:
    ended = run_popover(*words)
    assert ended.returncode == code
    assert ended.stdout == ""
    assert why in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_questions_about_itself_are_answered_on_stdout(word: str) -> None:
    ended = run_popover(word)
    assert ended.returncode == 0
    assert "popover" in ended.stdout
    assert ended.stderr == ""


# -- whom it lets in -----------------------------------------------------------------------------------


def test_limit_of_sessions_is_told_and_left_again(stage: Stage, server: FakeServer) -> None:
    popover = stage.popover(f"0={url(server)}", "--max-sessions", "1", *stage.trust)
    gateway = Gateway(popover, "imap")
    with gateway.greeted():
        assert "too many connections to this gateway" in gateway.told()
    gateway.session()
    gateway.serves()
    refused = popover.wait_for_event("refused")
    assert refused["client"] == LOOPBACK
    assert "max_sessions = 1" in refused["remedy"]


def test_no_limit_is_no_limit(stage: Stage, server: FakeServer) -> None:
    popover = stage.popover(f"0={url(server)}", "--max-sessions", "0", *stage.trust)
    wires = [greeted(popover.addresses[0]) for _ in range(20)]
    for wire in wires:
        wire.close()
    popover.wait_for_events("session", 20)


@EVERY_DIALECT
def test_address_that_is_not_allowed_is_told_so(stage: Stage, server: FakeServer, dialect: str) -> None:
    popover = stage.popover(f"0={url(server, dialect)}", "--allow", "192.168.0.0/16", "--allow", "::1", *stage.trust)
    gateway = Gateway(popover, dialect)
    assert "does not serve the address 127.0.0.1" in gateway.told()
    # --allow replaces: whoever is let in so far must be in it, too.
    assert 'allow = ["192.168.0.0/16", "::1/128", "127.0.0.1"]' in popover.wait_for_event("refused")["remedy"]
    assert server.accepted == 0


def test_public_networks_on_the_command_line_have_to_be_meant(stage: Stage, server: FakeServer) -> None:
    words = f"0.0.0.0:0={url(server)}", "--allow", "0.0.0.0/0", *stage.trust
    refused = run_popover("run", *words)
    assert refused.returncode == 2
    assert "--unsafe-public" in refused.stderr
    gateway = Gateway(stage.popover(*words, "--unsafe-public"), "imap")
    gateway.serves()
    assert any("unsafe_public" in event["text"] for event in gateway.popover.events("warning"))


def test_refused_flood_is_closed_without_words(stage: Stage, server: FakeServer) -> None:
    popover = stage.popover(f"0={url(server)}", "--allow", "192.168.0.0/16", *stage.trust)
    heard = []
    for _ in range(60):
        with Wire.to(popover.addresses[0]) as wire:
            heard.append(wire.ending())
    told = [words for words, how in heard if words]
    assert 10 <= len(told) < 60
    assert all(farewell(words, "imap") for words in told)
    assert all(how == "fin" for words, how in heard if words)
    assert len(popover.wait_for_events("refused", len(told))) == len(told)


def test_client_that_waits_is_not_kept_from_its_place_by_refused_ones(stage: Stage, server: FakeServer) -> None:
    gateway = stage.gateway(server, "imap", max_sessions_per_client=2)
    with gateway.greeted() as one, gateway.greeted():
        for _ in range(5):
            gateway.client().close()
        assert one.ask(b"a NOOP").startswith(b"a OK")
    gateway.session()
    gateway.session()
    gateway.serves()
    assert gateway.status()["sessions"] == 0


def test_session_whose_quit_was_answered_does_not_count_against_its_client(stage: Stage) -> None:
    """The server takes its time for QUIT, of which its client knows nothing: it comes again at once."""
    answered = threading.Event()

    def slow(wire: Talker) -> None:
        wire.send(GREETINGS["pop3"])
        while line := wire.line():
            if line == b"QUIT\r\n":
                assert answered.wait(PATIENCE)
            wire.send(b"+OK 0 0\r\n")

    # Nobody waits for another: each is a user of its own, and nothing is asked when they leave.
    gateway = stage.gateway(stage.server(slow), max_sessions_per_client=1, warm=0, ask_ahead=False, read_ahead=False)
    for number in range(5):
        with gateway.greeted() as client:
            for line in (b"USER user%d" % number, b"PASS secret", b"STAT", b"QUIT"):
                assert client.ask(line).startswith(b"+OK")
            assert client.ending().how == "fin"
    assert gateway.status()["sessions"] == 5
    answered.set()
    gateway.settle()


def home(stage: Stage, server: FakeServer, port: int, **keys: Any) -> dict[str, Any]:
    """The service of one name, at this port."""
    return stage.service(server, "imap", name="home", listen=f"{LOOPBACK}:{port}", **keys)


def test_reload_still_counts_who_is_inside(stage: Stage, server: FakeServer) -> None:
    port = free_port()
    path = stage.config(home(stage, server, port, max_sessions=5))
    gateway = Gateway(stage.popover("-c", path), "imap")
    with gateway.greeted(), gateway.greeted():
        reload(gateway.popover, path, home(stage, server, port, max_sessions=2))
        assert "too many" in gateway.told()
    gateway.session()
    gateway.session()
    gateway.serves()


def test_reload_to_another_port_still_counts_who_is_inside(stage: Stage, server: FakeServer) -> None:
    ports = [free_port(), free_port()]
    path = stage.config(home(stage, server, ports[0], max_sessions=1))
    gateway = Gateway(stage.popover("-c", path), "imap", lambda _: Wire.to((LOOPBACK, ports.pop(0))))
    with gateway.greeted():
        reload(gateway.popover, path, home(stage, server, ports[0], max_sessions=1))
        with gateway.client() as late:
            assert "too many" in farewell(late.line(), "imap")


def test_reload_changes_the_rules_of_a_listener_that_stays(stage: Stage, server: FakeServer) -> None:
    port = free_port()
    other = stage.server(mail("imap"))
    path = stage.config(home(stage, server, port))
    gateway = Gateway(stage.popover("-c", path), "imap")
    gateway.serves()
    reload(gateway.popover, path, home(stage, other, port, allow=["192.168.0.0/16"]))
    assert "does not serve" in gateway.told()
    reload(gateway.popover, path, home(stage, other, port))
    gateway.serves()
    assert (server.accepted, other.accepted) == (1, 1)


# -- where it leads ------------------------------------------------------------------------------------


def leads_back(gateway: Gateway) -> None:
    """Each client is told, and makes one session: the circle ends where it was found out, not after twenty turns."""
    for number in range(1, 4):
        assert "leads back to this gateway itself" in gateway.told()
        event = gateway.session()
        assert event["end"] == "no connection"
        assert event["remedy"]
        for _ in range(3):
            gateway.status()
        assert len(gateway.popover.events("session")) == number


def is_found_out(*words: str) -> None:
    """At the start, where the words alone tell; else at the first client."""
    try:
        popover = Popover(*words)
    except StartError as refused:
        assert (refused.code, refused.out) == (2, [])  # noqa: PT017 - an answer as good
        return
    with popover:
        leads_back(Gateway(popover, "imap"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"])
def test_server_that_is_the_gateway_itself_is_found_out(host: str) -> None:
    port = free_port()
    is_found_out(f"127.0.0.1:{port}={url(port, host=host)}")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "[::1]"])
def test_gateway_on_all_addresses_is_found_out_by_any_of_them(host: str) -> None:
    port = free_port()
    is_found_out(f"{'[::]' if '::1' in host else '0.0.0.0'}:{port}={url(port, host=host)}")


def test_services_that_lead_to_each_other_are_found_out() -> None:
    one, other = free_port(), free_port()
    is_found_out(f"{one}={url(other)}", f"{other}={url(one)}")


def test_name_that_turns_out_to_be_this_gateway_is_found_out(stage: Stage) -> None:
    """Nobody can know before somebody has asked for the name."""
    with World(stage.directory / "world", hosts="127.0.0.1 mail.fake.test") as world:
        here: dict[str, Any] = {"prefix": world.prefix, "connect": world.connect}
        leads_back(stage.gateway(9993, "imap", host="mail.fake.test", listen="127.0.0.1:9993", **here))


# -- its output ----------------------------------------------------------------------------------------


def test_reader_of_the_listening_lines_may_go(stage: Stage, server: FakeServer) -> None:
    port = free_port()
    command = [*COMMAND, "run", f"0={url(server)}", f"{port}={url(server)}", *stage.trust]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            process.stdout.close()
            wait_until(lambda: process.poll() is not None or is_listening(port), "it listens")
            greeted((LOOPBACK, port)).close()
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_line_on_stdout_is_there_as_soon_as_it_accepts(stage: Stage, server: FakeServer) -> None:
    """Through a pipe, which Python would buffer."""
    command = [sys.executable, "-m", "popover", "run", f"0={url(server)}", *stage.trust]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().decode()
            found = re.fullmatch(r"listening 127\.0\.0\.1:(\d+) -> imaps://localhost:\d+\n", line)
            assert found
            greeted((LOOPBACK, int(found[1]))).close()
        finally:
            process.kill()
