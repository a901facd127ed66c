"""Devices that send mail: swaks in their place, no login, and a Postfix behind that takes one's own name only."""

import contextlib
import itertools
import json
import os
import re
import signal
import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from fakes.wire import Wire
from keeping import tells
from parts.account import Account, ClientError, run
from parts.certificates import Authority
from parts.clients import smtp
from parts.dovecot import Dovecot
from parts.messages import of_size
from parts.net import Address, wait_until
from parts.places import short_directory
from parts.popover import Popover, run_popover
from parts.postfix import Postfix, without_trace

Workdir = Callable[[], Path]


def strict(directory: Path) -> str:
    """Lines for a Postfix that takes from each user his own address only."""
    maps = directory / "maps"
    maps.write_text("/^(.*)@example\\.test$/ $1\n")
    maps.chmod(0o644)
    return f"""
smtpd_sender_login_maps = regexp:{maps}
smtpd_sender_restrictions = reject_sender_login_mismatch
"""


class House:
    """A strict Postfix, and the users that devices send as."""

    def __init__(self, authority: Authority, dovecot: Dovecot, postfix: Postfix) -> None:
        self.dovecot, self.postfix = dovecot, postfix
        self._authority = authority

    def file(self, directory: Path, account: str, *, password: str = "", **keys: object) -> Path:
        """A configuration with one device's service."""
        (directory / "secret").write_text(self.dovecot.password)
        (directory / "secret").chmod(0o600)
        lines: dict[str, object] = {
            "name": "scanner", "listen": "127.0.0.1:0", "dialect": "smtp", "accounts": ["scans"], "device": True,
            "allow": ["127.0.0.1"], "sender": f"{account}@example.test",
        } | keys  # fmt: skip
        own: dict[str, object] = {
            "name": "scans", "login": account, "secret_file": "secret", "ca_file": str(self._authority.ca_file),
            "servers": {"smtp": f"smtps://localhost:{self.postfix.port}"},
        }  # fmt: skip
        if password:
            (directory / "password").write_text(password)
            (directory / "password").chmod(0o600)
            own["password_file"] = "password"
        file = directory / "popover.toml"
        tables = (("account", own), ("service", lines))
        file.write_text("".join(f"[[{name}]]\n{_toml(table)}\n" for name, table in tables))
        return file

    def popover(self, directory: Path, account: str, *, password: str = "", **keys: object) -> Popover:
        """A gateway for one device."""
        file = self.file(directory, account, password=password, **keys)
        return Popover("-c", file, env={"STATE_DIRECTORY": str(directory / "state")})


def _toml(table: dict[str, object]) -> str:
    return "\n".join(f"{key} = {_value(value)}" for key, value in table.items()) + "\n"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


@pytest.fixture(scope="module")
def house(authority: Authority, dovecot: Dovecot) -> Iterator[House]:
    with (
        short_directory("strict") as directory,
        Postfix(directory, authority, dovecot, also=strict(directory)) as postfix,
    ):
        yield House(authority, dovecot, postfix)


def swaks(address: Address, workdir: Path, mailbox: str, *words: str, sender: str = "scanner@printer.lan") -> str:
    """What swaks says of a mail that it sends without a login; ClientError where it did not succeed."""
    host, port = address
    to = ["--server", host, "--port", str(port), "--from", sender, "--to", mailbox]
    return run(workdir, "swaks", *to, "--timeout", "60s", *words).decode("latin-1")


def nobody(popover: Popover) -> Account:
    """What a client is told that does not log in."""
    return Account(popover.addresses[0], "", "")


def header(message: bytes, name: bytes) -> list[bytes]:
    return re.findall(rb"(?mi)^" + name + rb": *(.*?)\r?$", message.partition(b"\r\n\r\n")[0])


# -- a mail --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        (), ("--protocol", "SMTP"), ("--helo", "localhost"), ("--helo", "NPIF65E56"), ("--helo", "[bad"),
        ("--pipeline",),
    ],
    ids=["as it is", "HELO only", "localhost", "no dot", "odd", "pipelined"],
)  # fmt: skip
def test_a_device_without_a_login_sends_as_the_account(
    house: House, workdir: Workdir, tmp_path: Path, words: tuple[str, ...]
) -> None:
    account, reader = house.dovecot.new_user(), house.dovecot.new_user()
    with house.popover(tmp_path, account) as popover:
        swaks(popover.addresses[0], workdir(), house.postfix.mailbox(reader), *words)
        [stored] = house.dovecot.wait_for_messages(reader, 1)
        assert header(stored, b"From") == [f"{account}@example.test".encode()]
        assert header(stored, b"Return-Path") == [f"<{account}@example.test>".encode()]
        assert len(header(stored, b"Date")) == len(header(stored, b"Message-Id")) == 1
        assert popover.wait_for_event("session", user="scans")["end"] == "client closed"


def test_directly_the_same_mail_is_refused(house: House) -> None:
    """Or the tests would show nothing: this Postfix takes no foreign sender."""
    user = house.dovecot.new_user()
    direct = Account((house.postfix.host, house.postfix.port), user, house.dovecot.password, house._authority.ca_file)  # noqa: SLF001
    with smtp(direct) as client:
        client.login(user, house.dovecot.password)
        assert client.mail("scanner@printer.lan")[0] == 250
        assert client.rcpt(house.postfix.mailbox(user))[0] == 553


def test_the_servers_refusal_reaches_the_device_in_its_words_and_the_log(
    house: House, workdir: Workdir, tmp_path: Path
) -> None:
    account = house.dovecot.new_user()
    with house.popover(tmp_path, account, sender="somebody.else@example.test") as popover:
        with pytest.raises(ClientError, match=r"553 5.7.1 .*not owned by user"):
            swaks(popover.addresses[0], workdir(), house.postfix.mailbox(account))
        told = popover.wait_for_event("session", end="mail refused")
        assert "553 5.7.1" in told["cause"]
        assert "not owned by user" in told["cause"]


def test_a_mail_of_bare_lf_with_an_address_that_answers_arrives_with_both(house: House, tmp_path: Path) -> None:
    account, reader = house.dovecot.new_user(), house.dovecot.new_user()
    text = b'From: "Second floor" <floor2@printers.example>\nSubject: a scan\n\none\n.\ntwo\n'
    with house.popover(tmp_path, account) as popover, Wire.to(popover.addresses[0]) as device:
        answers = []
        mailbox = house.postfix.mailbox(reader).encode()
        assert device.line().startswith(b"220 ")
        for words in (b"HELO", b"MAIL FROM:<floor2@printers.example>", b"RCPT TO:<%s>" % mailbox, b"DATA"):
            device.send(words + b"\n")
            answers.append(device.line()[:3])
        device.send(text + b"\r\n.\r\n")
        answers.append(device.line()[:3])
        assert answers == [b"250", b"250", b"250", b"354", b"250"]
        [stored] = house.dovecot.wait_for_messages(reader, 1)
    assert header(stored, b"From") == [f'"Second floor" <{account}@example.test>'.encode()]
    assert header(stored, b"Reply-To") == [b'"Second floor" <floor2@printers.example>']
    assert stored.endswith(b"\r\n\r\none\r\n.\r\ntwo\r\n\r\n")


def test_a_large_mail_streams_through_and_its_text_is_untouched(house: House, tmp_path: Path) -> None:
    account, reader = house.dovecot.new_user(), house.dovecot.new_user()
    message = of_size(20_000_000)
    with house.popover(tmp_path, account) as popover:
        before = popover.peak()
        with smtp(nobody(popover)) as client:
            client.sendmail("scanner@printer.lan", [house.postfix.mailbox(reader)], message)
        assert popover.peak() - before < 8_000  # KiB
        [stored] = house.dovecot.wait_for_messages(reader, 1)
    same = without_trace(stored).partition(b"\r\n\r\n")[2] == message.partition(b"\r\n\r\n")[2]
    assert same


def test_size_is_the_servers_and_nothing_is_offered_that_can_not_work(house: House, tmp_path: Path) -> None:
    with house.popover(tmp_path, house.dovecot.new_user()) as popover, smtp(nobody(popover)) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == "100000000"
        assert {"auth", "starttls", "pipelining", "chunking"}.isdisjoint(client.esmtp_features)


# -- who may -------------------------------------------------------------------------------------


def test_who_is_not_allowed_is_refused_before_a_word(house: House, workdir: Workdir, tmp_path: Path) -> None:
    """An open relay's probe: from an address that is not in `allow`."""
    account, reader = house.dovecot.new_user(), house.dovecot.new_user()
    with house.popover(tmp_path, account, allow=["127.0.0.2"]) as popover:
        with pytest.raises(ClientError, match=r"421 4.3.2"):
            swaks(popover.addresses[0], workdir(), house.postfix.mailbox(reader))
        with socket.create_connection(popover.addresses[0], 30, source_address=("127.0.0.2", 0)) as allowed:
            assert allowed.recv(100).startswith(b"220 ")
        assert popover.wait_for_event("refused")["client"] == "127.0.0.1"
        assert not house.dovecot.messages(reader)


def test_allow_must_be_written(house: House, tmp_path: Path) -> None:
    file = house.file(tmp_path, "x")
    file.write_text(re.sub(r"(?m)^allow.*\n", "", file.read_text()))
    told = run_popover("run", "-c", file, "--check")
    assert told.returncode == 2
    assert "allow: is missing" in told.stderr


def test_only_recipients_get_mail_however_they_are_written(house: House, workdir: Workdir, tmp_path: Path) -> None:
    account, reader = house.dovecot.new_user(), house.dovecot.new_user()
    mailbox = house.postfix.mailbox(reader)
    with house.popover(tmp_path, account, recipients=[mailbox]) as popover:
        for other in (house.postfix.mailbox(account), "<@example.test:eve@example.net>"):
            with pytest.raises(ClientError, match=r"550 5.7.1 "):
                swaks(popover.addresses[0], workdir(), other)
        swaks(popover.addresses[0], workdir(), mailbox.upper())
        assert len(house.dovecot.wait_for_messages(reader, 1)) == 1


def test_a_device_that_insists_on_a_login_says_the_accounts_local_password(
    house: House, workdir: Workdir, tmp_path: Path
) -> None:
    account, reader = house.dovecot.new_user(), house.dovecot.new_user()
    mailbox = house.postfix.mailbox(reader)
    insists = ("--auth", "LOGIN", "--auth-user", "scans", "--auth-password")
    with house.popover(tmp_path, account, password="canary-7") as popover:
        swaks(popover.addresses[0], workdir(), mailbox, *insists, "canary-7")
        swaks(popover.addresses[0], workdir(), mailbox)
        with pytest.raises(ClientError, match=r"535 5.7.8"):
            swaks(popover.addresses[0], workdir(), mailbox, *insists, "canary-8")
        assert len(house.dovecot.wait_for_messages(reader, 2)) == 2
        assert "login refused" in popover.wait_for_event("login", client="127.0.0.1")["text"]
        log = "\n".join(popover.log_lines())
    for secret in ("canary-7", "canary-8", house.dovecot.password):
        assert not tells(log.encode(), secret.encode())


@pytest.mark.parametrize("tls", ["offer", "require", "implicit"])
def test_a_device_that_wants_tls_has_it(house: House, tmp_path: Path, tls: str) -> None:
    account, reader = house.dovecot.new_user(), house.dovecot.new_user()
    with house.popover(tmp_path, account, tls=tls) as popover:
        host, port = popover.addresses[0]
        url = f"{'smtps' if tls == 'implicit' else 'smtp'}://{host}:{port}"
        words = ["--url", url, "--insecure", "--mail-from", "scanner@printer.lan", "--upload-file", "-"]
        run(tmp_path, "curl", "--silent", "--show-error", "--ssl-reqd", *words,
            "--mail-rcpt", house.postfix.mailbox(reader), stdin=b"Subject: in TLS\r\n\r\ntext\r\n")  # fmt: skip
        assert len(house.dovecot.wait_for_messages(reader, 1)) == 1
        told = popover.wait_for_event("session", user="scans")
        assert told["client_tls"].startswith("TLSv1.")


# -- when the server is away ---------------------------------------------------------------------


def test_a_server_that_dies_in_the_midst_of_a_mail_never_ends_in_250(
    authority: Authority, dovecot: Dovecot, tmp_path: Path
) -> None:
    account = dovecot.new_user()
    with short_directory("dying") as directory:
        postfix = Postfix(directory, authority, dovecot)
        house = House(authority, dovecot, postfix)
        with postfix, house.popover(tmp_path, account) as popover, Wire.to(popover.addresses[0]) as device:
            device.line()
            for words in (b"MAIL FROM:<a@b.example>", b"RCPT TO:<%s>" % postfix.mailbox(account).encode(), b"DATA"):
                device.send(words + b"\r\n")
                assert device.line()[:1] in (b"2", b"3")
            device.send(b"Subject: half\r\n\r\n" + b"x" * 70 + b"\r\n")
            postfix.kill()
            device.send(b"the rest\r\n.\r\n")
            assert device.line().startswith(b"451 4.4.2 ")
        assert not dovecot.messages(account)


@pytest.fixture
def away(authority: Authority, dovecot: Dovecot) -> Iterator[Postfix]:
    """A Postfix that is not there until it is entered."""
    with short_directory("away") as directory:
        yield Postfix(directory, authority, dovecot, also=strict(directory))


def test_while_the_server_is_away_a_device_is_told_so(
    away: Postfix, authority: Authority, dovecot: Dovecot, workdir: Workdir, tmp_path: Path
) -> None:
    house = House(authority, dovecot, away)
    with house.popover(tmp_path, dovecot.new_user()) as popover:
        with pytest.raises(ClientError, match=r"421 4.3.2 .*refuse"):
            swaks(popover.addresses[0], workdir(), "a@example.test")
        assert popover.wait_for_event("session")["end"] == "no connection"


def test_with_a_queue_mails_are_kept_and_sent_in_their_order_over_a_kill_of_popover(
    away: Postfix, authority: Authority, dovecot: Dovecot, workdir: Workdir, tmp_path: Path
) -> None:
    house, account, reader = House(authority, dovecot, away), dovecot.new_user(), dovecot.new_user()
    mailbox = away.mailbox(reader)
    state = {"STATE_DIRECTORY": str(tmp_path / "state")}
    with house.popover(tmp_path, account, queue="when-down") as popover:
        for number in range(3):
            said = swaks(popover.addresses[0], workdir(), mailbox, "--header", f"Subject: scan {number}")
            assert "kept here" in said
        popover.signal(signal.SIGKILL)
        popover.wait()
    listed = json.loads(run_popover("queue", "list", "--json", env=_env(state)).stdout)
    assert [mail["recipients"] for mail in listed["waiting"]] == [[mailbox]] * 3
    with away, house.popover(tmp_path, account, queue="when-down") as popover:
        told = run_popover("queue", "retry", env=_env(state))
        assert told.returncode == 0, told.stderr
        stored = dovecot.wait_for_messages(reader, 3)
        assert sorted(header(one, b"Subject")[0] for one in stored) == [b"scan 0", b"scan 1", b"scan 2"]
        popover.wait_for_events("sent", 3)
        assert json.loads(run_popover("queue", "list", "--json", env=_env(state)).stdout)["waiting"] == []
    assert not list((tmp_path / "state" / "queue").glob("*.mail"))


KILLS = 6  # while the server is away, and as many while it is there


def test_nothing_said_250_is_lost_however_often_and_whenever_popover_is_killed(
    away: Postfix, authority: Authority, dovecot: Dovecot, tmp_path: Path
) -> None:
    """Half of the time the server is there, and what has been kept is on its way to it."""
    house, account, reader = House(authority, dovecot, away), dovecot.new_user(), dovecot.new_user()
    random, promised, numbers = Random(13), set[bytes](), itertools.count()
    queue = tmp_path / "state" / "queue"

    def live(*, until: Callable[[], None]) -> None:
        """A popover, from its start to its death in the midst of what it is doing."""
        with house.popover(tmp_path, account, queue="when-down") as popover:
            run_popover("queue", "retry", env=_env({"STATE_DIRECTORY": str(queue.parent)}))
            device = threading.Thread(target=send_on, args=(Account(popover.addresses[0], "", ""),))
            device.start()
            until()
            popover.signal(signal.SIGKILL)
            popover.wait()
            device.join()

    def send_on(account: Account) -> None:
        """Mails, one after the other, as long as somebody takes them."""
        with contextlib.suppress(OSError, smtplib.SMTPException), smtp(account) as client:
            while True:
                subject = b"scan %d" % next(numbers)
                client.sendmail("scanner", [away.mailbox(reader)], b"Subject: " + subject + b"\r\n\r\ntext\r\n")
                promised.add(subject)

    def a_while() -> None:
        time.sleep(random.uniform(0, 0.5))

    for _ in range(KILLS):
        live(until=a_while)
    assert list(queue.glob("[!.]*.json"))
    with away:
        for _ in range(KILLS):
            live(until=a_while)
        live(until=lambda: wait_until(lambda: not any(queue.glob("[!.]*.json")), "all is sent"))
        wait_until(lambda: promised <= {header(one, b"Subject")[0] for one in dovecot.messages(reader)}, "all came")


def test_a_session_that_reaches_the_server_ends_its_rest(
    away: Postfix, authority: Authority, dovecot: Dovecot, workdir: Workdir, tmp_path: Path
) -> None:
    house, account, reader = House(authority, dovecot, away), dovecot.new_user(), dovecot.new_user()
    state = {"STATE_DIRECTORY": str(tmp_path / "state")}
    with house.popover(tmp_path, account, queue="when-down") as popover:
        swaks(popover.addresses[0], workdir(), away.mailbox(reader), "--header", "Subject: kept")
        run_popover("queue", "retry", env=_env(state))
        popover.wait_for_event("deferred")
        with away:
            swaks(popover.addresses[0], workdir(), away.mailbox(reader), "--header", "Subject: live")
            stored = dovecot.wait_for_messages(reader, 2)
            assert sorted(header(one, b"Subject")[0] for one in stored) == [b"kept", b"live"]
            wait_until(lambda: popover.events("sent") != [], "it is logged")


def test_a_kept_mail_that_is_refused_lies_in_failed_and_can_be_dropped(
    away: Postfix, authority: Authority, dovecot: Dovecot, workdir: Workdir, tmp_path: Path
) -> None:
    house, account = House(authority, dovecot, away), dovecot.new_user()
    env = _env({"STATE_DIRECTORY": str(tmp_path / "state")})
    with house.popover(tmp_path, account, queue="when-down", sender="somebody.else@example.test") as popover:
        swaks(popover.addresses[0], workdir(), away.mailbox(account))
        with away:
            run_popover("queue", "retry", env=env)
            told = popover.wait_for_event("failed")
            assert "553 5.7.1" in told["text"]
    listed = json.loads(run_popover("queue", "list", "--json", env=env).stdout)
    assert listed["waiting"] == []
    [failed] = listed["failed"]
    assert "553 5.7.1" in next(iter(failed["refused"].values()))
    assert "failed" in run_popover("queue", "list", env=env).stdout
    assert run_popover("queue", "drop", failed["name"], env=env).returncode == 0
    assert json.loads(run_popover("queue", "list", "--json", env=env).stdout)["failed"] == []


def _env(more: dict[str, str]) -> dict[str, str]:
    return os.environ | more
