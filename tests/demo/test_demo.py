"""`popover demo`, used by real mail programs: what is sent is what is fetched."""

import os
import poplib
import random
import re
import signal
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parts.account import Account
from parts.clients import POP3_CLIENTS, SMTP_CLIENTS
from parts.net import wait_until
from parts.popover import run_popover
from parts.program import Program
from popover.demo import mailbox
from popover.demo.show import what_to_type

Workdir = Callable[[], Path]

LETTER = b"Subject: around\r\nFrom: a@b.example\r\n\r\nHello\r\n.\r\n..two\r\nerror\r\n"
SAMPLES = 6


class Demo:
    """A running demo: an account for fetching, one for sending."""

    def __init__(self, program: Program) -> None:
        self.program = program
        places = re.findall(r"listening ([0-9.]+):(\d+) -> (pop3s|smtps)://", program.output())
        self.accounts = {kind: Account((host, int(port)), "demo", "popover") for host, port, kind in places}

    @property
    def fetching(self) -> Account:
        return self.accounts["pop3s"]

    @property
    def sending(self) -> Account:
        return self.accounts["smtps"]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    # An address of loopback that no other test uses: the demo takes its usual ports there.
    host = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    command = (sys.executable, "-m", "popover", "demo", "--listen", host)
    with Program(*command, output=tmp_path / "demo.txt") as program:
        program.wait_until(lambda: "Ctrl-C" in program.output(), "the demo says what to type")
        yield Demo(program)


def lines(message: bytes) -> bytes:
    """With LF line ends, and without what the server writes on top."""
    text = message.replace(b"\r\n", b"\n")
    return text[text.index(b"Subject: around") :]


@pytest.mark.parametrize("sender", ["smtplib", "curl", "msmtp", "swaks"])
@pytest.mark.parametrize("fetcher", ["curl", "fetchmail", "mpop"])
def test_what_is_sent_is_what_is_fetched(demo: Demo, workdir: Workdir, sender: str, fetcher: str) -> None:
    SMTP_CLIENTS[sender](demo.sending, workdir(), "demo@demo.example", LETTER)
    fetched = POP3_CLIENTS[fetcher](demo.fetching, workdir())
    assert len(fetched) == SAMPLES + 1
    assert lines(fetched[-1]) == LETTER.replace(b"\r\n", b"\n")
    assert b"Subject: Welcome to popover" in fetched[0]
    assert "Grüße aus Köln".encode() in fetched[2]


def test_check_does_not_take_it_for_the_gateway_that_is_wanted(demo: Demo) -> None:
    place = ":".join(map(str, demo.fetching.address))
    ended = run_popover("check", f"{place}=localhost:1")
    assert ended.returncode == 1
    assert f"FAIL  here        popover cannot listen on {place}" in ended.stdout
    assert f"{place} is in use already by the demo, " in ended.stdout
    assert "served by a running popover" not in ended.stdout


def test_an_old_client_that_can_not_sign_in_may_send(demo: Demo, workdir: Workdir) -> None:
    with smtplib.SMTP(*demo.sending.address, timeout=30) as client:
        client.sendmail("scanner@house.example", ["anybody@elsewhere.example"], LETTER)
    assert lines(POP3_CLIENTS["poplib"](demo.fetching, workdir())[-1]) == LETTER.replace(b"\r\n", b"\n")


def test_a_wrong_password_is_told_which_is_right(demo: Demo) -> None:
    client = poplib.POP3(*demo.fetching.address, timeout=30)
    client.user("demo")
    with pytest.raises(poplib.error_proto, match="password popover"):
        client.pass_("canary")
    client.close()


def test_once_goes_the_full_circle_and_exits_with_0() -> None:
    ended = run_popover("demo", "--once", timeout=30)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    steps = ended.stdout.splitlines()
    assert all(step.startswith("ok ") for step in steps)
    assert [word for word in ("sent", "came back, octet for octet", "is gone") if word in ended.stdout] == [
        "sent",
        "came back, octet for octet",
        "is gone",
    ]


def test_what_is_missing_is_asked_for_by_name(tmp_path: Path) -> None:
    ended = run_popover("demo", "--once", env=os.environ | {"PATH": str(tmp_path)})
    assert ended.returncode == 1
    assert ended.stderr.startswith("popover: popover demo needs the program openssl, to make a certificate")


def test_an_openssl_that_fails_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "openssl").write_text("#!/bin/sh\necho no randomness here >&2; exit 1\n")
    (tmp_path / "openssl").chmod(0o755)
    ended = run_popover("demo", "--once", env=os.environ | {"PATH": str(tmp_path)})
    assert (ended.returncode, ended.stderr) == (
        1,
        "popover: popover demo: openssl could not make a certificate: no randomness here\n",
    )


def test_an_address_that_is_none_is_wrong_use() -> None:
    ended = run_popover("demo", "--listen", "mail.example.com")
    assert ended.returncode == 2
    assert ended.stderr.startswith("--listen: ")


def test_an_address_that_is_not_of_this_machine_is_not_waited_for() -> None:
    ended = run_popover("demo", "--listen", "192.0.2.1")
    assert ended.returncode == 1
    assert ended.stderr.startswith("popover: 192.0.2.1:")
    assert "is not an address of this machine" in ended.stderr


def test_an_address_for_a_circle_that_needs_none_is_wrong_use() -> None:
    ended = run_popover("demo", "--once", "--listen", "192.168.1.2")
    assert ended.returncode == 2
    assert "not allowed with" in ended.stderr


def test_ports_that_are_taken_do_not_stop_it(demo: Demo, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "popover", "demo", "--listen", demo.fetching.host)
    with Program(*command, output=tmp_path / "second.txt") as program:
        program.wait_until(lambda: "Ctrl-C" in program.output(), "the second demo says what to type")
        assert Demo(program).fetching.port not in {0, demo.fetching.port}


def test_ctrl_c_ends_it_well(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "popover", "demo", "--listen", "127.9.9.9"]
    with (tmp_path / "demo.txt").open("w") as output, subprocess.Popen(command, stdout=output) as demo:
        try:
            wait_until(lambda: "Ctrl-C" in (tmp_path / "demo.txt").read_text(), "the demo says what to type")
            demo.send_signal(signal.SIGINT)
            assert demo.wait(30) == 0
        finally:
            demo.kill()


@pytest.mark.parametrize(("host", "bounds"), [("127.0.0.1", "this machine"), ("0.0.0.0", "your network")])
def test_how_far_its_mail_goes_is_told(host: str, bounds: str) -> None:
    assert f"Nothing leaves {bounds}." in what_to_type(host, 1110, 1587)


def test_the_letters_of_the_demo_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "OCTETS_LIMIT", 100)
    box = mailbox.Mailbox([b"x" * 40, b"y" * 40])
    assert box.add(b"z" * 50)
    assert [letter.raw[:1] for letter in box.letters()] == [b"y", b"z"]
    assert not box.add(b"!" * 101)
    box.remove([letter.uid for letter in box.letters()])
    assert box.add(b"a" * 100)
