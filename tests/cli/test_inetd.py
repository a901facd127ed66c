"""`popover inetd` on whatever is its stdin and stdout: pipes, files, sockets of other kinds."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fakes.mail import GREETINGS, mail
from fakes.scene import FAREWELLS, Stage, farewell
from fakes.server import FakeServer
from fakes.tls import TLSWire
from fakes.wire import PATIENCE, Wire
from fakes.world import World
from parts.messages import of_size
from parts.net import LOOPBACK
from parts.popover import COMMAND

pytest_plugins = ["fakes.fixture"]

BIG = of_size(3_000_000)
TALK = b"a NOOP\r\nb NOOP\r\nc LOGOUT\r\n"


def echo(wire: TLSWire) -> None:
    """Greets, and gives back what it gets until LOGOUT; BULK gives much."""
    wire.send(GREETINGS["imap"])
    while line := wire.line():
        wire.send(BIG if line.strip() == b"BULK" else line)
        if line.strip().endswith(b"LOGOUT"):
            return


Pair = tuple[socket.socket, socket.socket]


class Ended(NamedTuple):
    """What the client of a popover heard, how that ended, popover's exit code and its log."""

    words: bytes
    was_reset: bool
    code: int
    log: str


def tcp_pair() -> Pair:
    """A client, and the connection that its server has with it."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        return socket.create_connection(listener.getsockname()), listener.accept()[0]


def served(words: list[str], pair: Pair, talk: bytes = b"") -> Ended:
    """Let this popover serve the second socket of a pair; the client has the first, says `talk` and listens."""
    ours, theirs = pair
    with theirs:
        process = subprocess.Popen(
            words, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE, text=True
        )
    heard, was_reset = b"", False
    with process, ours:
        ours.settimeout(PATIENCE)
        ours.sendall(talk)
        try:
            while piece := ours.recv(1 << 16):
                heard += piece
        except ConnectionResetError:
            was_reset = True
        ours.close()
        assert process.stderr is not None
        log = process.stderr.read()
    return Ended(heard, was_reset, process.returncode, log)


@pytest.fixture
def server(stage: Stage) -> FakeServer:
    return stage.server(echo)


def command(stage: Stage, server: FakeServer, dialect: str = "imap", *options: str) -> list[str]:
    words = ["inetd", f"{dialect}s://localhost:{server.port}", "--ca-file", str(stage.authority.ca_file)]
    return [*COMMAND, *words, *options]


def test_session_over_pipes(stage: Stage, server: FakeServer) -> None:
    ended = subprocess.run(command(stage, server), input=TALK, capture_output=True, timeout=60, check=True)
    assert ended.stdout == GREETINGS["imap"] + TALK
    assert b"local -> 127.0.0.1" in ended.stderr
    assert b"server closed" in ended.stderr or b"client closed" in ended.stderr


def test_large_answers_go_through_pipes_unchanged(stage: Stage, server: FakeServer) -> None:
    talk = b"BULK\r\n" * 3 + b"LOGOUT\r\n"
    ended = subprocess.run(command(stage, server), input=talk, capture_output=True, timeout=60, check=True)
    same = ended.stdout == GREETINGS["imap"] + BIG * 3 + b"LOGOUT\r\n"
    assert same


def test_talk_to_and_fro_over_pipes(stage: Stage, server: FakeServer) -> None:
    """As fetchmail's `--plugin` does it: each command waits for the answer before."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command(stage, server), **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == GREETINGS["imap"]
        for number in range(50):
            process.stdin.write(b"a%d CHECK\r\n" % number)
            process.stdin.flush()
            assert process.stdout.readline() == b"a%d CHECK\r\n" % number
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(60) == 0


def test_session_from_a_file_into_a_file(stage: Stage, server: FakeServer, tmp_path: Path) -> None:
    """Neither can be polled."""
    talk, heard = tmp_path / "talk", tmp_path / "heard"
    talk.write_bytes(b"a NOOP\r\nBULK\r\nz LOGOUT\r\n")
    with talk.open("rb") as stdin, heard.open("wb") as stdout:
        subprocess.run(
            command(stage, server), stdin=stdin, stdout=stdout, timeout=60, check=True, stderr=subprocess.PIPE
        )
    assert heard.read_bytes() == GREETINGS["imap"] + b"a NOOP\r\n" + BIG + b"z LOGOUT\r\n"


def test_nobody_at_stdin_still_sees_the_greeting(stage: Stage, server: FakeServer) -> None:
    ended = subprocess.run(
        command(stage, server), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True
    )
    assert ended.stdout == GREETINGS["imap"]


def test_session_over_a_unix_socket(stage: Stage, server: FakeServer) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            command(stage, server), stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE
        )
        theirs.close()
        with process:
            ours.settimeout(60)
            ours.sendall(TALK)
            heard = b"".join(iter(lambda: ours.recv(1 << 16), b""))
            ours.close()
            assert heard == GREETINGS["imap"] + TALK
            assert process.wait(60) == 0


@pytest.mark.parametrize("dialect", FAREWELLS)
def test_why_not_is_one_line_over_pipes(stage: Stage, dialect: str) -> None:
    server = stage.server(mail(dialect), stage.authority.issue("localhost", expired=True))
    ended = subprocess.run(
        command(stage, server, dialect), input=b"x\r\n", capture_output=True, timeout=60, check=False
    )
    assert "expired" in farewell(ended.stdout, dialect)
    assert b"expired" in ended.stderr


def test_reader_of_stdout_that_goes_ends_the_session(stage: Stage, server: FakeServer) -> None:
    """Its stdin stays open, as that of a program that was stopped in mid mail may."""
    read_end, write_end = os.pipe()
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": write_end, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command(stage, server), **pipes) as process:
        try:
            assert process.stdin is not None
            os.close(write_end)
            assert os.read(read_end, 1000) == GREETINGS["imap"]
            os.close(read_end)
            process.stdin.write(b"BULK\r\n")
            process.stdin.flush()
            process.wait(10)
        finally:
            process.kill()
    assert process.returncode == 1  # half a mail may have come


# -- the exit code ---------------------------------------------------------------------------------------


def half_a_mail(wire: TLSWire) -> None:
    wire.send(GREETINGS["imap"])
    wire.line()
    wire.send(b"* 1 FETCH (BODY[] {1000}\r\nhalf")
    wire.cut()


def test_half_a_mail_is_told_by_the_exit_code_over_pipes(stage: Stage) -> None:
    ended = subprocess.run(
        command(stage, stage.server(half_a_mail)),
        input=b"a FETCH 1 BODY[]\r\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout.endswith(b"half")
    assert ended.returncode == 1
    assert b"server cut" in ended.stderr
    assert b"(truncated); exit code 1 tells" in ended.stderr
    assert b"by a reset" not in ended.stderr


def test_half_a_mail_is_told_by_the_exit_code_over_a_unix_socket(stage: Stage) -> None:
    ended = served(command(stage, stage.server(half_a_mail)), socket.socketpair(), b"a FETCH 1 BODY[]\r\n")
    assert ended.words.endswith(b"half")
    assert ended.code == 1
    assert "(truncated); exit code 1 tells" in ended.log
    assert "by a reset" not in ended.log


def test_half_a_mail_is_told_by_a_reset_over_tcp(stage: Stage) -> None:
    ended = served(command(stage, stage.server(half_a_mail)), tcp_pair(), b"a FETCH 1 BODY[]\r\n")
    assert ended.was_reset
    assert ended.code == 1
    assert "the client was told by a reset" in ended.log


def test_full_disk_is_told_by_the_exit_code(stage: Stage, server: FakeServer) -> None:
    """The session itself goes well: what it has to say is taken by our own socket."""
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            command(stage, server),
            input=TALK,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1


@pytest.mark.parametrize("dialect", FAREWELLS)
def test_broken_ca_file_is_named_to_the_operator(stage: Stage, dialect: str) -> None:
    broken = stage.directory / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\n")
    server = stage.server(mail(dialect))
    words = [*COMMAND, "inetd", f"{dialect}s://localhost:{server.port}", "--ca-file", str(broken)]
    ended = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert "its log tells the operator why" in farewell(ended.stdout, dialect)
    assert f"ca_file: {broken} cannot be used" in ended.stderr.decode()
    assert b"bug" not in ended.stderr
    assert ended.returncode == 2
    assert server.accepted == 0


@pytest.mark.parametrize("words", [["imaps://localhost", "--nonsense"], ["imaps://localhost:70000"]], ids=" ".join)
def test_client_hears_of_a_wrong_option_and_the_operator_reads_which(words: list[str]) -> None:
    ended = subprocess.run([*COMMAND, "inetd", *words], input=TALK, capture_output=True, timeout=60, check=False)
    assert "not set up right" in farewell(ended.stdout, "imap")
    assert b"--nonsense" in ended.stderr or b"70000" in ended.stderr
    assert ended.returncode == 2


def test_who_mistypes_in_a_terminal_gets_no_line_for_mail_clients() -> None:
    ours, theirs = os.openpty()
    try:
        words = [*COMMAND, "inetd", "imap://localhost"]
        ended = subprocess.run(words, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, timeout=60, check=False)
        os.write(theirs, b"nothing else")
        assert os.read(ours, 1000) == b"nothing else"
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"write imaps://" in ended.stderr
    assert ended.returncode == 2


# -- who may come in -------------------------------------------------------------------------------------

PUBLIC = "192.0.2.1"


@pytest.fixture
def public_pair(tmp_path: Path) -> Iterator[Pair]:
    """A connection from a public address, in a network of its own."""
    with World(tmp_path / "world") as world:
        world.blackhole(f"{PUBLIC}/24")
        with world.listen(PUBLIC) as listener:
            yield world.connect(listener.getsockname()).sock, listener.accept()[0]


def test_public_client_is_refused_and_the_log_names_the_options(
    stage: Stage, server: FakeServer, public_pair: Pair
) -> None:
    ended = served(command(stage, server), public_pair)
    assert f"does not serve the address {PUBLIC}" in farewell(ended.words, "imap")
    assert f"add --allow {PUBLIC} --unsafe-public" in ended.log
    assert (ended.was_reset, ended.code, server.accepted) == (False, 0, 0)


def test_public_client_is_served_with_the_options_that_the_log_named(
    stage: Stage, server: FakeServer, public_pair: Pair
) -> None:
    ended = served(command(stage, server, "imap", "--allow", PUBLIC, "--unsafe-public"), public_pair, TALK)
    assert ended.words == GREETINGS["imap"] + TALK
    assert ended.code == 0


def test_public_network_needs_the_louder_option(stage: Stage, server: FakeServer) -> None:
    ended = served(command(stage, server, "imap", "--allow", "192.0.2.0/24"), tcp_pair(), TALK)
    assert "not set up right" in farewell(ended.words, "imap")
    assert "192.0.2.0/24 reaches beyond private networks" in ended.log
    assert "add --unsafe-public if you mean it" in ended.log
    assert (ended.code, server.accepted) == (2, 0)


def test_all_wrong_networks_are_told(stage: Stage, server: FakeServer) -> None:
    ended = served(command(stage, server, "imap", "--allow", "10.0.0.1/8", "--allow", "192.0.2.1"), tcp_pair())
    assert "--allow: " in ended.log.splitlines()[0]
    assert "--unsafe-public" in ended.log.splitlines()[1]
    assert ended.code == 2


def test_private_client_that_is_not_allowed_needs_no_louder_option(stage: Stage, server: FakeServer) -> None:
    ended = served(command(stage, server, "imap", "--allow", "10.0.0.0/8"), tcp_pair())
    assert f"does not serve the address {LOOPBACK}" in farewell(ended.words, "imap")
    assert f"add --allow {LOOPBACK} after" in ended.log
    assert server.accepted == 0


def test_unix_socket_has_no_address_that_could_be_refused(stage: Stage, server: FakeServer) -> None:
    ended = served(command(stage, server, "imap", "--allow", "10.0.0.0/8"), socket.socketpair(), TALK)
    assert (ended.words, ended.code) == (GREETINGS["imap"] + TALK, 0)


def test_pipes_have_no_address_that_could_be_refused(stage: Stage, server: FakeServer) -> None:
    words = command(stage, server, "imap", "--allow", "10.0.0.0/8")
    ended = subprocess.run(words, input=TALK, capture_output=True, timeout=60, check=True)
    assert ended.stdout == GREETINGS["imap"] + TALK


def test_client_that_went_before_it_was_asked_for_opens_no_connection(stage: Stage, server: FakeServer) -> None:
    ours, theirs = tcp_pair()
    Wire(ours).reset()
    with theirs:
        ended = subprocess.run(
            command(stage, server),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.PIPE,
            timeout=60,
            check=True,
        )
    assert b"gone refused: the client went away before it could be served" in ended.stderr
    assert server.accepted == 0


def test_settings_are_told_to_who_wants_them(stage: Stage, server: FakeServer) -> None:
    ended = served(command(stage, server, "imap", "-v"), tcp_pair(), TALK)
    assert "settings: " in ended.log
    assert f"server = imaps://localhost:{server.port}" in ended.log


# -- a service of a file -------------------------------------------------------------------------


def from_file(stage: Stage, port: int, **keys: str) -> list[str]:
    """The words of a popover that serves as "house", whose one account is grandpa's."""
    (stage.directory / "secrets").mkdir(mode=0o700, exist_ok=True)
    for name, words in (("local", "simsalabim"), ("secret", "wonderland")):
        (stage.directory / "secrets" / name).touch(mode=0o600)
        (stage.directory / "secrets" / name).write_text(words)
    more = "".join(f"{key} = {value}\n" for key, value in keys.items())
    path = stage.directory / "house.toml"
    path.write_text(
        f'[[service]]\nname = "house"\ndialect = "pop3"\naccounts = true\nlisten = "127.0.0.1:110"\n{more}'
        f'[[account]]\nname = "grandpa"\nserver = "pop3s://localhost:{port}"\nlogin = "g@example.com"\n'
        f'password_file = "secrets/local"\nsecret_file = "secrets/secret"\nca_file = "{stage.trust[1]}"\n'
    )
    return [*COMMAND, "inetd", "-c", str(path), "house"]


def test_service_of_a_file_with_its_accounts(stage: Stage) -> None:
    words = from_file(stage, stage.server(mail("pop3")).port)
    ended = served(words, tcp_pair(), b"USER grandpa\r\nPASS simsalabim\r\nSTAT\r\nQUIT\r\n")
    assert ended.words.count(b"+OK") == 5
    assert ended.code == 0
    assert " as grandpa, " in ended.log


def test_wrong_login_at_a_service_of_a_file(stage: Stage) -> None:
    words = from_file(stage, stage.server(mail("pop3")).port)
    ended = served(words, tcp_pair(), b"USER grandpa\r\nPASS wonderland\r\nQUIT\r\n")
    assert b"-ERR [AUTH] " in ended.words
    assert "127.0.0.1 login refused: " in ended.log
    assert "wonderland" not in ended.log


def test_service_that_the_file_does_not_have_is_a_mistake(stage: Stage) -> None:
    words = from_file(stage, 1)
    ended = served([*words[:-1], "hous"], tcp_pair())
    assert ended.code == 2
    assert ended.words.startswith(b"-ERR [SYS/TEMP] this gateway is not set up right")
    assert 'has no service "hous"; it has house' in ended.log


def test_who_may_come_in_is_what_the_file_says(stage: Stage) -> None:
    ended = served(from_file(stage, 1, allow='["192.168.0.0/16"]'), tcp_pair())
    assert ended.words.startswith(b"-ERR [SYS/TEMP] ")
    assert "write allow = " in ended.log


@pytest.mark.parametrize("word", ["--ca-file=x.pem", "--tls=offer", "--allow=10.0.0.1"])
def test_what_stands_in_a_file_is_no_option(stage: Stage, word: str) -> None:
    ended = served([*from_file(stage, 1), word], tcp_pair())
    assert ended.code == 2
    assert "with -c, write it into the file" in ended.log
