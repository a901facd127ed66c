"""What goes wrong between popover and a provider, as mail programs see it, in all dialects at once: they are told the
right words, and nothing is lost. A real provider, and servers that take its tokens only.
"""

import base64
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fakes.wire import Wire
from oauth2_house import DIALECTS, LOCAL, House, opened
from parts.certificates import Authority
from parts.clients import IMAP_CLIENTS, POP3_CLIENTS
from parts.dovecot import Dovecot
from parts.net import wait_until
from parts.popover import Popover
from parts.provider import Provider

Workdir = Callable[[], Path]

TRUE = {"pop3": b"+OK", "imap": b"a OK ", "smtp": b"235 "}
TEMPORARY = {"pop3": b"-ERR [SYS/TEMP] ", "imap": b"a NO [UNAVAILABLE] ", "smtp": b"454 4.7.0 "}
LASTING = {"pop3": b"-ERR [SYS/PERM] ", "imap": b"a NO [CONTACTADMIN] ", "smtp": b"454 4.7.0 "}
DAY = 86400

LIFE, FRESH = 5, 4  # seconds of a token, and those of them after which another is asked for
STORM, ENOUGH = 30, 4  # seconds, and new tokens, at least


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, _provider: Provider, token_dovecot: Dovecot, authority: Authority
) -> Iterator[House]:
    """At its end all that was said is looked through for secrets."""
    with opened(tmp_path_factory.mktemp("house"), _provider, token_dovecot, authority) as house:
        yield house


@pytest.fixture(autouse=True)
def usual(house: House) -> Iterator[None]:
    """The provider is as it was, whatever has become of the test."""
    yield
    house.provider.mood()


def login(house: House, dialect: str, name: str, popover: Popover | None = None) -> bytes:
    """What a login gets: the line that answers it."""
    plain = base64.b64encode(f"\0{name}\0{LOCAL}".encode())
    words = {
        "pop3": [b"USER " + name.encode(), b"PASS " + LOCAL.encode()],
        "imap": [f"a LOGIN {name} {LOCAL}".encode()],
        "smtp": [b"HELO old.example", b"AUTH PLAIN " + plain],
    }
    with Wire.to(house.account(dialect, name, popover=popover).address, "127.0.0.1") as client:
        client.line()
        for line in words[dialect]:
            answer = client.ask(line)
        while answer.startswith(b"* "):
            answer = client.line()
        return answer


def logins(house: House, name: str = "short") -> dict[str, bytes]:
    """What three programs get that log in at once, one in each dialect."""
    with ThreadPoolExecutor(len(DIALECTS)) as pool:
        answers = pool.map(lambda dialect: login(house, dialect, name), DIALECTS)
        return dict(zip(DIALECTS, answers, strict=True))


def are(said: dict[str, bytes], wanted: dict[str, bytes]) -> bool:
    """Whether each begins so; in no case is it a word for a wrong password, at which old programs forget theirs."""
    for line in said.values():
        assert not any(word in line.lower() for word in (b"error", b"[auth", b"535"))
    return all(said[dialect].startswith(wanted[dialect]) for dialect in DIALECTS)


@pytest.mark.parametrize("trouble", ["down", "500", "503", "429", "slow"])
def test_a_provider_in_trouble_is_told_as_trouble_that_passes_and_nothing_is_lost(house: House, trouble: str) -> None:
    house.by_device("short")
    before = house.kept("short")
    house.change("short", expires=0)
    if trouble == "down":
        house.provider.down()
    elif trouble == "slow":
        house.provider.mood(hold="before")
    else:
        house.provider.mood(status=int(trouble))
    try:
        said = logins(house)
    finally:
        if trouble == "down":
            house.provider.up()
    assert are(said, TEMPORARY), said
    assert house.kept("short")["refresh_token"] == before["refresh_token"]
    house.provider.mood(grace=60)  # the slow one does its work in the end, and its answer finds nobody
    house.change("short", expires=1)  # what was written anew is looked at anew, and not in ten seconds
    assert are(logins(house), TRUE)


def test_a_sign_in_that_was_revoked_is_told_with_the_command_and_asked_for_once(house: House) -> None:
    house.by_device("short")
    spent = house.kept("short")
    house.change("short", expires=0)
    assert are(logins(house), TRUE)
    house.change("short", **spent | {"expires": 0})  # used twice, at which this provider revokes all
    asked = len(house.provider.asked())
    for _ in range(2):
        said = logins(house)
        assert are(said, LASTING), said
        assert all(b"popover account login short" in line for line in said.values())
    assert house.provider.refusals(asked) == ["invalid_grant"]
    house.by_device("short")
    assert are(logins(house), TRUE)


@pytest.mark.parametrize("jump", [-3650 * DAY, -DAY, DAY, 90 * DAY], ids=["-10 years", "-1 day", "1 day", "90 days"])
def test_a_clock_that_jumps_costs_one_refresh_and_no_login(house: House, jump: int) -> None:
    """It is the same whether the clock goes on or the times in the file go back."""
    house.by_device("short")
    kept = house.kept("short")
    times = {name: kept[name] - jump for name in ("obtained", "expires", "signed_in")}
    house.change("short", **times)
    asked = len(house.provider.asked())
    assert are(logins(house), TRUE)
    assert len(house.provider.asked()) == asked + 1
    assert house.provider.refusals(asked) == []


def kill_in_the_midst(house: House, moment: str, grace: int) -> None:
    """Kill a gateway while it refreshes. `grace`: seconds for which the provider takes a refresh token once more."""
    house.by_device("short")
    house.change("short", expires=0)
    doomed = house.another()
    house.provider.mood(hold=moment, grace=grace)
    with Wire.to(house.account("pop3", "short", popover=doomed).address, "127.0.0.1") as client:
        client.line()
        client.ask(b"USER short")
        client.send(b"PASS " + LOCAL.encode() + b"\r\n")
        house.provider.wait_until_held()
        doomed.signal(signal.SIGKILL)
        doomed.wait()
    house.provider.mood(grace=grace)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_gateway_that_is_killed_in_the_midst_of_a_refresh_signs_in_again_after_a_restart(
    house: House, moment: str
) -> None:
    """The provider has not yet heard its question, or the answer is on its way."""
    kill_in_the_midst(house, moment, grace=60)
    again = house.another()
    assert login(house, "pop3", "short", again).startswith(b"+OK")
    assert are(logins(house), TRUE)


def test_a_strict_provider_whose_answer_went_with_a_killed_gateway_wants_a_new_sign_in_and_all_are_told(
    house: House,
) -> None:
    """It takes each refresh token once, and the next one has reached nobody."""
    kill_in_the_midst(house, "after", grace=0)
    again, asked = house.another(), len(house.provider.asked())
    for _ in range(2):
        said = logins(house)
        assert are(said, LASTING), said
        assert all(b"wants a new sign-in: the sign-in is void: " in line for line in said.values())
        assert all(b"on popover's machine, type: popover account login short" in line for line in said.values())
    assert house.provider.refusals(asked) == ["invalid_grant"]
    assert login(house, "pop3", "short", again).startswith(LASTING["pop3"])

    def told() -> list[str]:
        return [line for line in again.log_lines() if "login undecided" in line]

    wait_until(told, "the log tells of it")  # the client may have its answer before
    assert all("type: popover account login short" in line for line in told())
    house.by_device("short")
    assert login(house, "pop3", "short", again).startswith(b"+OK")


def test_eight_old_programs_at_two_gateways_for_half_a_minute_with_tokens_of_five_seconds_never_fail(
    house: House, workdir: Workdir
) -> None:
    """And each token that comes to its end is renewed once: a second time would look like a thief's, and end it all."""
    house.provider.mood(life=LIFE)
    house.by_device("short")
    house.dovecot.wipe(house.users["short"])
    programs = [
        ("pop3", POP3_CLIENTS["poplib"]),
        ("imap", IMAP_CLIENTS["imaplib"]),
        ("pop3", POP3_CLIENTS["fetchmail"]),
        ("pop3", POP3_CLIENTS["mpop"]),
    ]
    asked, began = len(house.provider.asked()), time.monotonic()

    def given() -> int:
        return sum(1 for one in house.provider.asked()[asked:] if one["status"] == 200)

    def poll(number: int) -> int:
        dialect, fetch = programs[number % len(programs)]
        account = house.account(dialect, "short", popover=gateways[number // len(programs)])
        polls = 0
        while time.monotonic() - began < STORM or given() < ENOUGH:
            assert fetch(account, workdir()) == []
            polls += 1
        return polls

    gateways = [house.popover, house.another()]
    with ThreadPoolExecutor(8) as pool:
        polls = list(pool.map(poll, range(8)))
    took = time.monotonic() - began
    assert min(polls) > 1
    assert house.provider.refusals(asked) == []
    assert given() <= took / FRESH + 1
