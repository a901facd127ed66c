"""OAuth2 from end to end: old mail programs say a password of the house; real servers get tokens of a real provider.
They take nothing else.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fakes.wire import Wire
from oauth2_house import DIALECTS, LOCAL, House, opened
from parts.account import Account
from parts.certificates import Authority
from parts.clients import IMAP_CLIENTS, POP3_CLIENTS, SMTP_CLIENTS, smtp
from parts.dovecot import Dovecot
from parts.messages import PLAIN
from parts.popover import run_popover
from parts.postfix import without_trace
from parts.provider import Provider

Workdir = Callable[[], Path]


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, _provider: Provider, token_dovecot: Dovecot, authority: Authority
) -> Iterator[House]:
    """At its end all that was said is looked through for secrets."""
    with opened(tmp_path_factory.mktemp("house"), _provider, token_dovecot, authority) as house:
        yield house


def answer(house: House, name: str, password: str = LOCAL) -> bytes:
    """What PASS gets."""
    with Wire.to(house.account("pop3", name).address, "127.0.0.1") as client:
        client.line()
        client.ask(b"USER " + name.encode())
        return client.ask(b"PASS " + password.encode())


def no_crlf(letters: list[bytes]) -> list[bytes]:
    return [letter.replace(b"\r\n", b"\n") for letter in letters]


FETCHERS = {"pop3": POP3_CLIENTS, "imap": IMAP_CLIENTS}


@pytest.mark.parametrize(
    ("dialect", "client"), [(dialect, client) for dialect, clients in FETCHERS.items() for client in clients]
)
def test_programs_with_a_password_fetch_from_a_server_that_takes_tokens_only(
    house: House, workdir: Workdir, dialect: str, client: str
) -> None:
    house.dovecot.wipe(house.users["device"])
    house.dovecot.deliver(house.users["device"], PLAIN)
    letters = FETCHERS[dialect][client](house.account(dialect, "device"), workdir())
    assert PLAIN.replace(b"\r\n", b"\n") in no_crlf(letters)


@pytest.mark.parametrize("client", SMTP_CLIENTS)
def test_smtp_programs_with_a_password_send_through_a_server_that_takes_tokens_only(
    house: House, workdir: Workdir, client: str
) -> None:
    user = house.users["device"]
    house.dovecot.wipe(user)
    SMTP_CLIENTS[client](house.account("smtp", "device"), workdir(), house.postfix.mailbox(user), PLAIN)
    [stored] = house.dovecot.wait_for_messages(user, 1)
    assert PLAIN.rpartition(b"\r\n\r\n")[2].strip() in without_trace(stored).replace(b"\n", b"\r\n").replace(
        b"\r\r", b"\r"
    )


def test_the_first_page_shows_what_is_said(house: House) -> None:
    page = (Path(__file__).parents[2] / "docs/oauth2/README.md").read_text()
    shown = page.partition("$ popover account login aunt\n")[2].partition("```")[0]
    said = house.by_device("device")
    for ours, theirs in (
        ('"device"', '"aunt"'),
        (r"https://localhost:\d+/o/device/\n    \w+", "https://microsoft.com/devicelogin\n    ABCD-EFGH"),
        (rf"\b{house.users['device']}\b", "aunt@outlook.com"),
        (r"\d+ minutes", "15 minutes"),
        ("localhost", "Outlook.com"),
        (r"\d\d:\d\d", "14:05"),
    ):
        said = re.sub(ours, theirs, said)
    assert said == shown


def test_a_device_without_a_login_sends_through_a_server_that_takes_tokens_only(house: House) -> None:
    user = house.users["device"]
    house.dovecot.wipe(user)
    with smtp(Account(house.popover.addresses[len(DIALECTS)], "", "")) as device:
        device.sendmail("scanner", [house.postfix.mailbox(user)], b"Subject: a scan\r\n\r\ntext\r\n")
    [stored] = house.dovecot.wait_for_messages(user, 1)
    assert b"From: scans@example.test" in stored
    assert house.popover.wait_for_event("session", service="scanner")["user"] == "device"


@pytest.mark.parametrize("flow", ["browser", "paste"])
def test_each_way_to_sign_in_ends_in_a_login(house: House, flow: str) -> None:
    said = house.by_browser(flow) if flow == "browser" else house.by_paste(flow)
    assert f'"{flow}" is signed in at localhost' in said
    assert answer(house, flow).startswith(b"+OK")


def test_a_client_with_a_secret_signs_in(house: House) -> None:
    house.by_paste("secret")
    assert answer(house, "secret").startswith(b"+OK")


def test_tokens_of_three_kilobytes_log_in_in_all_dialects(house: House, workdir: Workdir) -> None:
    house.provider.mood(length=3000)
    house.by_device("gone")
    house.provider.mood()
    account = house.account("pop3", "gone")
    assert POP3_CLIENTS["poplib"](account, workdir()) == []
    assert IMAP_CLIENTS["imaplib"](house.account("imap", "gone"), workdir()) == []
    mailbox = house.postfix.mailbox(house.users["gone"])
    SMTP_CLIENTS["smtplib"](house.account("smtp", "gone"), workdir(), mailbox, PLAIN)
    assert house.dovecot.wait_for_messages(house.users["gone"], 1)


def test_who_has_not_signed_in_is_told_the_command_and_keeps_his_password(house: House) -> None:
    said = answer(house, "nobody")
    assert said.startswith(b"-ERR [SYS/")
    assert b"popover account login nobody" in said
    assert b"[AUTH]" not in said
    assert b"error" not in said.lower()
    told = house.popover.wait_for_event("login", user="nobody")
    assert "popover account login nobody" in told["cause"]


def test_a_wrong_password_of_the_house_does_not_touch_the_tokens(house: House) -> None:
    before, asked = house.kept("device"), len(house.provider.asked())
    assert answer(house, "device", "wrong").startswith(b"-ERR [AUTH]")
    assert house.kept("device") == before
    assert len(house.provider.asked()) == asked


@pytest.mark.parametrize(("dialect", "name"), [("pop3", "device"), ("imap", "gone"), ("smtp", "short")])
def test_a_token_that_the_server_refuses_is_renewed_and_said_once_more(
    house: House, workdir: Workdir, dialect: str, name: str
) -> None:
    """Somebody has revoked it, or the clock is wrong: the client notices nothing (once in 5 minutes)."""
    house.by_device(name)
    house.change(name, access_token="canary-revoked")
    asked, mailbox = len(house.provider.asked()), house.postfix.mailbox(house.users[name])
    house.dovecot.wipe(house.users[name])
    if dialect == "smtp":
        SMTP_CLIENTS["smtplib"](house.account("smtp", name), workdir(), mailbox, PLAIN)
    else:
        fetch = {"pop3": POP3_CLIENTS["poplib"], "imap": IMAP_CLIENTS["imaplib"]}[dialect]
        assert fetch(house.account(dialect, name), workdir()) == []
    assert len(house.provider.asked()) == asked + 1
    assert house.provider.refusals(asked) == []


def test_a_provider_that_is_down_is_no_failed_login(house: House) -> None:
    house.by_device("short")
    kept = house.kept("short")
    house.change("short", expires=0)
    house.provider.mood(status=503)
    said = answer(house, "short")
    house.provider.mood()
    assert said.startswith(b"-ERR [SYS/TEMP]")
    assert b"HTTP 503" in said
    assert house.kept("short")["refresh_token"] == kept["refresh_token"]


def test_eight_old_clients_at_once_with_tokens_of_five_seconds_never_fail(house: House, workdir: Workdir) -> None:
    house.provider.mood(life=5)
    house.by_device("short")
    asked = len(house.provider.asked())
    house.dovecot.wipe(house.users["short"])

    def poll(_number: int) -> int:
        polls = 0
        while len(house.provider.asked()) < asked + 3:  # until three tokens have come to their end
            assert POP3_CLIENTS["poplib"](house.account("pop3", "short"), workdir()) == []
            polls += 1
        return polls

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(poll, range(8))) > 8
    house.provider.mood()
    assert house.provider.refusals(asked) == []


def test_show_and_logout_say_how_it_stands(house: House) -> None:
    house.by_paste("secret")
    shown = house.command("show", "secret").stdout
    for word in ("token valid until", "refresh token since", "signed in"):
        assert word in shown
    told = json.loads(house.command("show", "secret", "--json").stdout)["oauth2"]
    assert told["state"] == "good"
    assert "is signed out" in house.command("logout", "secret").stdout
    assert "nobody is signed in" in house.command("logout", "secret").stdout
    assert "popover account login secret" in house.command("show", "secret").stdout
    assert b"popover account login secret" in answer(house, "secret")


def test_a_program_that_signs_in_by_itself_shows_whether_it_can(house: House) -> None:
    ended = house.command("login", "itself")
    assert '"itself" is signed in at localhost' in ended.stdout
    secret = house.directory / "client-secret"
    right = secret.read_text()
    secret.write_text("wrong\n")
    ended = house.command("login", "itself")
    secret.write_text(right)
    assert ended.returncode == 1
    assert "its operator must mend that" in ended.stderr
    assert house.command("login", "itself").returncode == 0


def test_check_tells_how_it_stands(house: House) -> None:
    """The row that `popover check -c` has for each account, from the same facts as `account show`."""
    house.by_device("short")
    ended = run_popover("check", "--json", "-c", house.directory / "popover.toml", env=os.environ | house.env)
    house.told += [ended.stdout, ended.stderr]
    found = [finding for part in json.loads(ended.stdout)["parts"] for finding in part["findings"]]
    rows = {one["facts"]["account"]: one for one in found if "account" in one["facts"]}
    assert re.fullmatch(r"short: token valid \d+ min, refresh token of 20\d\d-\d\d-\d\d", rows["short"]["text"])
    assert (rows["short"]["status"], rows["nobody"]["status"]) == ("ok", "fail")
    assert rows["nobody"]["remedy"] == "popover account login nobody"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("login", "browser", "--device"), "cannot be signed in at by --device, but by --browser, --paste"),
        (("login", "nobody", "--paste"), "by --device"),
        (("login", "unknown"), 'no account "unknown"'),
        (("login", "browser", "--paste"), "no address was pasted"),
    ],
)
def test_what_does_not_work_is_told_in_a_line(house: House, words: tuple[str, ...], told: str) -> None:
    ended = house.command(*words)
    assert ended.returncode == 1
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
