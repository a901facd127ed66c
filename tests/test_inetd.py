"""`popover inetd` on whatever is its stdin and stdout: pipes, files, sockets of other kinds."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fakes.mail import GREETINGS, mail
from fakes.scene import FAREWELLS, Stage, farewell
from fakes.server import FakeServer
from fakes.tls import TLSWire
from parts.messages import of_size
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


@pytest.fixture
def server(stage: Stage) -> FakeServer:
    return stage.server(echo)


def command(stage: Stage, server: FakeServer, dialect: str = "imap") -> list[str]:
    words = ["inetd", f"{dialect}s://localhost:{server.port}", "--ca-file", str(stage.authority.ca_file)]
    return [*COMMAND, *words]


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
            process.stdin.write(b"a%d NOOP\r\n" % number)
            process.stdin.flush()
            assert process.stdout.readline() == b"a%d NOOP\r\n" % number
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
    assert process.returncode == 0
