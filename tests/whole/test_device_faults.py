"""Devices, and what no real server does on demand: silence, stalls, losses at the worst moment, refused logins."""

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from fakes.mail import GREETINGS
from fakes.scene import Stage
from fakes.server import FakeServer
from fakes.tls import TLSWire
from fakes.wire import Talker, Wire
from parts.net import free_port, wait_until
from parts.places import is_root
from parts.popover import Popover, run_popover

pytest_plugins = ["fakes.fixture"]

EHLO = b"250-fake.example\r\n250-SIZE 50000000\r\n250 AUTH PLAIN\r\n"
MOMENT = threading.Event()  # never set: a test waits for a while

Answers = dict[bytes, bytes | Callable[[Talker], None]]


def submission(wire: Talker, heard: list[bytes], answers: Answers | None = None) -> None:
    """Take any login and any mail. `answers`: what is said, or done, in place of the usual; `.`: at a mail's end."""
    wire.send(GREETINGS["smtp"])
    in_mail = False
    while line := wire.line():
        heard.append(line)
        verb = line.split()[0].upper() if line.split() else b""
        if in_mail and line != b".\r\n":
            continue
        usual = {b"EHLO": EHLO, b"AUTH": b"235 in\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
        answer = (answers or {}).get(verb, usual.get(verb, b"250 ok\r\n"))
        in_mail = verb == b"DATA" and answer == b"354 go on\r\n"
        if callable(answer):
            answer(wire)
            return
        wire.send(answer)
        if verb == b"QUIT":
            return


class Office:
    """A gateway for one device, and the server behind it."""

    def __init__(self, stage: Stage, server: FakeServer, **keys: Any) -> None:
        secret = stage.directory / "secret"
        secret.write_text("canary-secret")
        secret.chmod(0o600)
        account = {
            "name": "scans", "login": "anna", "secret_file": str(secret), "ca_file": str(stage.authority.ca_file),
            "servers": {"smtp": f"smtps://localhost:{server.port}"},
        }  # fmt: skip
        service = {
            "name": "scanner", "listen": "127.0.0.1:0", "dialect": "smtp", "device": True, "accounts": ["scans"],
            "allow": ["127.0.0.1"], "sender": "scans@example.com",
        } | stage.keys | keys  # fmt: skip
        file = stage.directory / "popover.toml"
        self.status = free_port()
        top = f'drain_timeout = 0\n[status]\nlisten = "127.0.0.1:{self.status}"\n'
        file.write_text(top + _table("account", account) + _table("service", service))
        self.state = stage.directory / "state"
        self.popover: Popover = stage.popover("-c", file, env={"STATE_DIRECTORY": str(self.state)})

    def device(self) -> Wire:
        """A device that has been greeted."""
        wire = Wire.to(self.popover.addresses[0])
        assert wire.line() == b"220 popover ESMTP, for devices\r\n"
        return wire

    def page(self) -> str:
        """The status page."""
        with urlopen(f"http://127.0.0.1:{self.status}/", timeout=30) as page:
            text: str = page.read().decode()
        return text

    def queue(self, *words: str) -> dict[str, Any]:
        """What `popover queue` says."""
        env = os.environ | {"STATE_DIRECTORY": str(self.state)}
        told: dict[str, Any] = json.loads(run_popover("queue", *words, "--json", env=env).stdout)
        return told


def _table(name: str, keys: dict[str, Any]) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in keys.items()]
    return "\n".join([f"[[{name}]]", *lines, "", ""])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {json.dumps(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


def send(device: Wire, text: bytes = b"Subject: a\r\n\r\ntext") -> list[bytes]:
    """The codes of the answers to one mail, as far as it goes."""
    codes = []
    for line in (b"MAIL FROM:<scanner>", b"RCPT TO:<bob@example.com>", b"DATA", text + b"\r\n."):
        codes.append(device.ask(line)[:3])
        if codes[-1][:1] not in (b"2", b"3"):
            break
    return codes


TAKEN = [b"250", b"250", b"354", b"250"]


def test_a_session_of_a_device_costs_the_server_nothing_before_its_first_word(stage: Stage) -> None:
    server = stage.server(partial(submission, heard=[]))
    office = Office(stage, server)
    with office.device() as device:
        assert server.accepted == 0
        assert device.ask(b"NOOP").startswith(b"250 ")
        assert server.accepted == 0
        assert send(device) == TAKEN
    assert server.accepted >= 1


def test_the_next_device_finds_a_connection_ready(stage: Stage) -> None:
    server = stage.server(partial(submission, heard=[]))
    office = Office(stage, server)

    def is_warm() -> bool:
        with office.device() as device:
            assert send(device) == TAKEN
            assert device.ask(b"QUIT").startswith(b"221 ")
        return any(event["warm"] for event in office.popover.events("session"))

    wait_until(is_warm, "a session finds a connection ready")
    for event in office.popover.events("session"):  # a handshake takes a millisecond at least
        assert ("saved_seconds" in event) is event["warm"]


def test_a_connection_that_stood_ready_and_died_lets_no_device_down(stage: Stage) -> None:
    heard: list[bytes] = []

    def dies(wire: Talker) -> None:
        wire.send(GREETINGS["smtp"])
        wire.line()  # the login's EHLO

    server = stage.server(partial(submission, heard=heard))
    office = Office(stage, server)
    with office.device() as device:
        assert send(device) == TAKEN
        server.script = dies
        assert device.ask(b"QUIT").startswith(b"221 ")
    wait_until(lambda: server.accepted == 2, "a connection stands ready")
    server.script = partial(submission, heard=heard)
    with office.device() as device:
        assert send(device) == TAKEN
    assert heard.count(b".\r\n") == 2


def test_a_refused_login_is_told_in_the_servers_words_and_bounces_nothing(stage: Stage) -> None:
    words = b"535 5.7.139 Authentication unsuccessful, basic authentication is disabled\r\n"
    office = Office(stage, stage.server(partial(submission, heard=[], answers={b"AUTH": words})))
    with office.device() as device:
        device.send(b"EHLO x\r\n")
        told = device.line()
        assert told.startswith(b"421 4.3.2 localhost refuses the sign-in of scans: 535 5.7.139 ")
    event = office.popover.wait_for_event("session", end="no sign-in")
    assert "basic authentication is disabled" in event["cause"]
    assert "OAuth2" in event["remedy"]
    assert "canary-secret" not in "\n".join(office.popover.log_lines())


def test_with_a_queue_a_refused_login_is_no_reason_to_lose_a_mail(stage: Stage) -> None:
    answers: Answers = {b"AUTH": b"535 5.7.8 no\r\n"}
    heard: list[bytes] = []
    office = Office(stage, stage.server(partial(submission, heard=heard, answers=answers)), queue="when-down")
    with office.device() as device:
        assert send(device) == TAKEN
    assert len(office.queue("list")["waiting"]) == 1
    answers.clear()  # somebody has mended the account
    office.queue("retry")
    office.popover.wait_for_event("sent")
    assert b"Subject: a\r\n" in heard


@pytest.mark.parametrize("verb", [b"EHLO", b"MAIL", b"RCPT", b"DATA"])
def test_a_server_that_is_silent_is_as_good_as_lost(stage: Stage, verb: bytes) -> None:
    def silent(wire: Talker) -> None:
        wire.ending()

    heard: list[bytes] = []
    said = dict[bytes, int]()

    def once(wire: Talker) -> None:
        submission(wire, heard, {} if said else {verb: silent})

    server = stage.server(once)
    office = Office(stage, server, stall_timeout=1, login_timeout=2)
    with office.device() as device:
        if verb == b"EHLO":
            assert device.ask(b"MAIL FROM:<a@b.example>").startswith(b"421 4.3.2 ")
            return
        assert send(device)[-1][:1] == b"4"
        said[verb] = 1
        device.ask(b"RSET")
        assert send(device) == TAKEN


def test_a_server_that_takes_no_more_of_a_mail_is_lost_and_the_device_is_told(stage: Stage) -> None:
    def deaf(wire: Talker) -> None:
        wire.send(b"354 go on\r\n")
        stalled.append(wire)
        done.wait(60)

    stalled: list[Talker] = []
    done = threading.Event()
    office = Office(stage, stage.server(partial(submission, heard=[], answers={b"DATA": deaf})), stall_timeout=1)
    with office.device() as device:
        for line in (b"MAIL FROM:<a@b.example>", b"RCPT TO:<b@b.example>", b"DATA"):
            device.ask(line)
        device.send(b"Subject: large\r\n\r\n" + b"x" * 70 * 300_000 + b"\r\n.\r\n")
        assert device.line().startswith(b"451 4.4.2 ")
    done.set()


def test_a_device_that_says_nothing_is_let_go(stage: Stage) -> None:
    office = Office(stage, stage.server(partial(submission, heard=[])), login_timeout=1, idle_timeout=2)
    with office.device() as device:
        assert device.ending() == (b"421 4.3.2 nothing was said for too long\r\n", "fin")
    with office.device() as device:
        device.ask(b"NOOP")
        assert device.ending().words.startswith(b"421 ")
    assert {event["end"] for event in office.popover.wait_for_events("session", 2)} == {"login timeout", "idle timeout"}


def test_a_first_line_in_drips_takes_no_longer_than_a_login_may(stage: Stage) -> None:
    office = Office(stage, stage.server(partial(submission, heard=[])), login_timeout=2)
    with office.device() as device, contextlib.suppress(OSError):
        while not office.popover.events("session"):
            device.send(b"x")
            MOMENT.wait(0.3)
    assert office.popover.wait_for_event("session")["end"] == "login timeout"


def test_a_device_that_vanishes_in_the_midst_of_a_mail_has_sent_none(stage: Stage) -> None:
    heard: list[bytes] = []
    office = Office(stage, stage.server(partial(submission, heard=heard)), queue="when-down")
    device = office.device()
    for line in (b"MAIL FROM:<a@b.example>", b"RCPT TO:<b@b.example>", b"DATA"):
        device.ask(line)
    device.send(b"Subject: half\r\n\r\n" + b"half a text\r\n" * 1000)
    wait_until(lambda: b"half a text\r\n" in heard, "the server has some of it")
    device.reset()
    assert office.popover.wait_for_event("session")["end"] == "client reset"
    assert b".\r\n" not in heard
    assert b"QUIT\r\n" not in heard
    assert office.queue("list") == {"waiting": [], "failed": []}
    assert not list((office.state / "queue").glob(".*.mail"))


def test_a_web_browser_is_let_go_by_its_first_line(stage: Stage) -> None:
    server = stage.server(partial(submission, heard=[]))
    office = Office(stage, server)
    with office.device() as device:
        device.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert device.ending().words == b"421 4.3.2 this is a mail gateway, not a web server\r\n"
    assert office.popover.wait_for_event("session")["end"] == "misdialled"
    assert server.accepted == 0


def cut(wire: Talker) -> None:
    """End the connection without a word."""
    assert isinstance(wire, TLSWire)
    wire.reset()


def test_a_mail_whose_verdict_was_lost_is_sent_again_as_the_same_mail_and_told_so(stage: Stage) -> None:
    """Nobody can know whether the server has it: at least once, and never silently."""
    heard: list[bytes] = []
    answers: Answers = {b".": cut}
    office = Office(stage, stage.server(partial(submission, heard=heard, answers=answers)), queue="when-down")
    with office.device() as device:
        assert send(device) == TAKEN
    [kept] = office.queue("list")["waiting"]
    assert kept["may_have_arrived"]
    answers.clear()
    office.queue("retry")
    office.popover.wait_for_event("sent")
    names = [line for line in heard if line.lower().startswith(b"message-id:")]
    assert len(names) == 2
    assert len(set(names)) == 1
    assert heard.count(b".\r\n") == 2


def test_a_mail_is_kept_that_the_server_takes_not_now(stage: Stage) -> None:
    heard: list[bytes] = []
    answers: Answers = {b".": b"452 4.3.1 no room now\r\n"}
    office = Office(stage, stage.server(partial(submission, heard=heard, answers=answers)), queue="when-down")
    with office.device() as device:
        assert send(device) == TAKEN
        assert device.ask(b"QUIT").startswith(b"221 ")
    [kept] = office.queue("list")["waiting"]
    assert not kept["may_have_arrived"]
    answers.clear()
    office.queue("retry")
    office.popover.wait_for_event("sent")


def test_a_trace_shows_a_devices_session_and_no_secret_of_it(stage: Stage) -> None:
    office = Office(stage, stage.server(partial(submission, heard=[])), trace=True)
    with office.device() as device:
        assert send(device, b"Subject: canary\r\n\r\ncanary") == TAKEN
        assert device.ask(b"QUIT").startswith(b"221 ")
    office.popover.wait_for_event("session")
    log = "\n".join(office.popover.log_lines())
    assert "MAIL FROM" in log
    assert "canary" not in log


@contextlib.contextmanager
def no_room(folder: Path) -> Iterator[None]:
    """A directory on a disk that is full: a small one of its own for root; one that cannot be written to for others."""
    folder.mkdir()
    if not is_root():
        folder.chmod(0o500)
        yield
        folder.chmod(0o700)
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_on_a_full_disk_nothing_is_promised_and_mail_goes_on_to_a_server_that_is_there(stage: Stage) -> None:
    heard: list[bytes] = []
    answers: Answers = {}
    server = stage.server(partial(submission, heard=heard, answers=answers))
    large = b"Subject: large\r\n\r\n" + b"0123456789" * 20_000
    with no_room(stage.directory / "state"):
        office = Office(stage, server, queue="when-down")
        with office.device() as device:
            assert send(device, large) == TAKEN
            answers[b"MAIL"] = b"451 4.3.0 not now\r\n"
            assert send(device, large)[-1] == b"452"
        assert office.popover.wait_for_event("queue")["text"].startswith("a mail cannot be kept: ")
        if is_root():
            assert office.queue("list") == {"waiting": [], "failed": []}
            assert not list((stage.directory / "state" / "queue").glob("*.mail"))
        office.popover.end()


def test_a_device_that_reads_no_answers_holds_nothing_up_and_is_let_go(stage: Stage) -> None:
    office = Office(stage, stage.server(partial(submission, heard=[])), stall_timeout=1)
    before = office.popover.peak()
    with office.device() as device, contextlib.suppress(OSError):
        device.sock.settimeout(5)
        for _ in range(5000):
            device.send(b"HELP\r\n" * 1000)
    assert office.popover.wait_for_event("session", user="scans")["end"] in {"client stalled", "client closed"}
    assert office.popover.peak() - before < 10_000  # KiB


def test_a_queue_without_a_place_is_told_at_the_start(stage: Stage) -> None:
    (stage.directory / "state").write_text("a file in its place")
    office = Office(stage, stage.server(partial(submission, heard=[])), queue="when-down")
    assert office.popover.wait_for_event("queue")["text"].startswith("no mail can be kept: ")
    with office.device() as device:
        assert send(device) == TAKEN


def test_the_status_page_tells_of_mails_that_wait_and_of_those_that_failed(stage: Stage) -> None:
    answers: Answers = {b"MAIL": b"451 4.3.0 not now\r\n"}
    office = Office(stage, stage.server(partial(submission, heard=[], answers=answers)), queue="when-down")
    assert "0 mails of devices wait for the server." in office.page()
    with office.device() as device:
        assert send(device) == TAKEN
    wait_until(lambda: "1 mail of devices waits for the server." in office.page(), "it is told")
    answers[b"MAIL"] = b"550 5.7.60 not allowed to send as this sender\r\n"
    office.queue("retry")
    office.popover.wait_for_event("failed")
    wait_until(lambda: "<STRONG>1 mail has FAILED</STRONG>" in office.page(), "it is told")


def test_a_gateway_that_is_stopped_in_the_midst_of_an_attempt_has_lost_no_mail(stage: Stage) -> None:
    reached, over = threading.Event(), threading.Event()

    def hang(_wire: Talker) -> None:
        reached.set()
        over.wait(60)

    answers: Answers = {b"MAIL": b"451 4.3.0 not now\r\n"}
    server = stage.server(partial(submission, heard=[], answers=answers))
    office = Office(stage, server, queue="when-down")
    with office.device() as device:
        assert send(device) == TAKEN
    answers.clear()
    answers[b"."] = hang
    office.queue("retry")
    assert reached.wait(60)
    assert office.popover.stop() == 0
    over.set()
    assert len(office.queue("list")["waiting"]) == 1
