"""Tokens while the gateway runs: at a real provider that takes each refresh token once."""

import asyncio
import contextlib
import pickle
import signal
import subprocess
import sys
import textwrap
import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from oauth2_stage import SECRET_FILE, Stage, read_secret
from parts.certificates import Authority
from parts.provider import Provider
from popover.accounts.oauth2 import facts, renewal, tokens
from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.kept import Kept, Trouble
from popover.accounts.oauth2.post import DEADLINE
from popover.accounts.oauth2.refresh import OPERATOR_PAUSE, renew
from popover.accounts.oauth2.renewal import AT_ONCE, DAY, RETRY, Renewal
from popover.accounts.oauth2.store import TokenFile
from popover.config import Account
from popover.errors import Failure, OurFailure, ProviderFailure, SignInNeeded


@pytest.fixture
def stage(provider: Provider, tmp_path: Path) -> Stage:
    """A user of the test's own, and where his tokens are kept."""
    return Stage.of(provider, tmp_path)


def old(stage: Stage) -> None:
    """Let the token that is kept be at its end."""
    stage.keep(replace(stage.kept(), expires=time.time()))


def refreshed(stage: Stage, account: Account, *, refused: bytes | None = None) -> bytes | None:
    """Ask once, as a gateway that has just begun."""

    async def ask() -> bytes | None:
        mine = stage.tokens()
        try:
            return await mine.access_token(account, refused=refused)
        finally:
            await mine.close()

    return asyncio.run(ask())


def test_a_token_that_is_good_is_given_without_asking_anybody(stage: Stage) -> None:
    account = stage.signed_in()
    before = stage.asked()
    assert refreshed(stage, account) == stage.kept().access
    assert stage.asked() == before


def test_the_new_refresh_token_is_on_disk_before_the_access_token_is_given(stage: Stage) -> None:
    account = stage.signed_in()
    old(stage)
    before = stage.kept()
    given = refreshed(stage, account)
    after = stage.kept()
    assert given == after.access != before.access
    assert after.refresh != before.refresh
    assert after.signed_in == before.signed_in
    old(stage)
    assert refreshed(stage, account) not in (None, given)  # and it is the right one


def test_many_logins_at_once_are_one_refresh_and_one_thread(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    account = stage.signed_in()
    old(stage)
    before = stage.asked()
    begun: list[object] = []

    def counted(*words: Any) -> Kept:
        begun.append(words)
        return renew(*words)

    monkeypatch.setattr(tokens, "renew", counted)

    async def ask() -> set[bytes | None]:
        mine = stage.tokens()
        return set(await asyncio.gather(*(mine.access_token(account) for _ in range(20))))

    assert len(asyncio.run(ask())) == 1
    assert stage.asked() == before + 1
    assert len(begun) == 1


def test_who_waits_for_anothers_refresh_takes_what_that_one_wrote(stage: Stage) -> None:
    """Two gateways: a file lock knows no difference between two in one process and two processes."""
    account = stage.signed_in()
    old(stage)
    before = stage.asked()
    stage.provider.mood(hold="before")

    async def ask() -> set[bytes | None]:
        both = [asyncio.create_task(stage.tokens().access_token(account)) for _ in range(2)]
        await asyncio.to_thread(stage.provider.wait_until_held)
        await asyncio.sleep(0.2)  # the other is at the lock by now
        stage.provider.mood()
        return set(await asyncio.gather(*both))

    assert len(asyncio.run(ask())) == 1
    assert stage.asked() == before + 1


def test_a_login_that_is_broken_off_does_not_end_the_refresh_of_the_others(stage: Stage) -> None:
    account = stage.signed_in()
    old(stage)
    stage.provider.mood(hold="before")

    async def ask() -> bytes | None:
        mine = stage.tokens()
        first = asyncio.create_task(mine.access_token(account))
        second = asyncio.create_task(mine.access_token(account))
        await asyncio.to_thread(stage.provider.wait_until_held)
        first.cancel()
        stage.provider.mood()
        return await second

    assert asyncio.run(ask()) == stage.kept().access


def test_a_refused_token_is_renewed_once_and_not_at_each_poll(stage: Stage) -> None:
    account = stage.signed_in()
    first = stage.kept().access

    async def ask() -> None:
        mine = stage.tokens()
        second = await mine.access_token(account, refused=first)
        assert second not in (None, first)
        before = stage.asked()
        assert await mine.access_token(account, refused=first) == second  # another client, that had the old one
        assert await mine.access_token(account, refused=second) is None  # POP is off there: no token helps
        assert await mine.access_token(account, refused=second) is None
        assert stage.asked() == before
        assert await mine.access_token(account) == second

    asyncio.run(ask())


def test_a_token_that_is_over_when_it_is_refused_is_renewed_however_often_that_happens(stage: Stage) -> None:
    """Else a short-lived one, of which little was left at the login, would cost that login within five minutes."""
    account = stage.signed_in()

    async def ask() -> None:
        clock = [time.time()]
        mine, last = stage.tokens(lambda: clock[0]), stage.kept().access
        for _ in range(3):
            clock[0] += 3600
            new = await mine.access_token(account, refused=last)
            assert new not in (None, last)
            last = new

    asyncio.run(ask())


STORM = """
    import asyncio, pickle, sys, time
    from pathlib import Path
    from oauth2_stage import read_secret
    from popover.accounts.oauth2.tokens import Tokens
    from popover.log import Log

    directory, seconds = Path(sys.argv[1]), float(sys.argv[2])
    account = pickle.loads(sys.stdin.buffer.read())

    async def client(mine, end, count):
        while time.time() < end:
            assert await mine.access_token(account)
            count.append(1)
            await asyncio.sleep(0.1)

    async def main():
        count = []
        mine = Tokens(directory, read_secret, Log(lambda line, priority: None))
        await asyncio.gather(*(client(mine, time.time() + seconds, count) for _ in range(4)))
        print(len(count))

    asyncio.run(main())
"""


def storm(stage: Stage, account: Account, seconds: float) -> subprocess.Popen[bytes]:
    """A gateway of its own process, with four clients that poll ten times a second."""
    words = [sys.executable, "-c", textwrap.dedent(STORM), str(stage.directory), str(seconds)]
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert process.stdin is not None
    process.stdin.write(pickle.dumps(account))
    process.stdin.close()
    process.stdin = None
    return process


def test_eight_clients_in_two_processes_with_tokens_of_five_seconds_never_fail(stage: Stage) -> None:
    """One refresh for each token that comes to its end, whoever asks: a second one would end the sign-in."""
    stage.provider.mood(life=5)
    account = stage.signed_in()
    before = stage.provider.given()
    both = [storm(stage, account, 20) for _ in range(2)]
    logins = [int(process.communicate()[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert min(logins) > 0
    assert not stage.refusals()
    assert 2 < stage.provider.given() - before < sum(logins) / 4


def test_a_gateway_that_is_killed_before_the_provider_has_heard_it_costs_nothing(stage: Stage) -> None:
    account = stage.signed_in()
    old(stage)
    stage.provider.mood(hold="before")
    gateway = storm(stage, account, 60)
    stage.provider.wait_until_held()
    gateway.send_signal(signal.SIGKILL)
    gateway.communicate()
    # The provider hears of the end only when it answers: that answer goes nowhere, so it has to forgive one repetition.
    stage.provider.mood(grace=60)
    assert refreshed(stage, account) == stage.kept().access


def test_a_gateway_that_is_killed_before_it_has_the_answer_signs_in_where_a_provider_forgives_that(
    stage: Stage,
) -> None:
    """As Microsoft does (an old refresh token stays good) and Google (it has none other)."""
    account = stage.signed_in()
    old(stage)
    stage.provider.mood(hold="after", grace=60)
    gateway = storm(stage, account, 60)
    stage.provider.wait_until_held()
    gateway.send_signal(signal.SIGKILL)
    gateway.communicate()
    stage.provider.mood(grace=60)
    assert refreshed(stage, account) == stage.kept().access


def test_reuse_is_what_this_provider_punishes(stage: Stage) -> None:
    """Were it not so, the tests above would show nothing."""
    account = stage.signed_in()
    old(stage)
    before = stage.kept()
    refreshed(stage, account)
    stage.keep(before)
    with pytest.raises(SignInNeeded):
        refreshed(stage, account)


# -- what goes wrong -------------------------------------------------------------------------------


def test_a_provider_that_is_down_costs_nothing_and_is_not_told_as_a_failed_login(stage: Stage) -> None:
    account = stage.signed_in()
    old(stage)
    before = stage.kept()
    stage.provider.down()
    try:
        with pytest.raises(ProviderFailure, match="cannot be reached"):
            refreshed(stage, account)
    finally:
        stage.provider.up()
    assert stage.kept() == before
    assert refreshed(stage, account)


@pytest.mark.parametrize("status", [500, 503, 429, 302, 404])
def test_a_provider_in_trouble_costs_nothing(stage: Stage, status: int) -> None:
    account = stage.signed_in()
    old(stage)
    before = stage.kept()
    stage.provider.mood(status=status, headers=[["Location", "https://evil.example/"]])
    with pytest.raises(ProviderFailure) as caught:
        refreshed(stage, account)
    assert f"HTTP {status}" in caught.value.cause
    assert stage.kept() == before
    stage.provider.mood()
    assert refreshed(stage, account)


def test_a_provider_in_trouble_is_left_alone_for_a_while_and_what_is_usable_is_used(stage: Stage) -> None:
    account = stage.signed_in()
    end = time.time() + 60  # it is not fresh, and good for a minute
    stage.keep(replace(stage.kept(), obtained=end - 3600, expires=end))
    stage.provider.mood(status=503, headers=[["Retry-After", "120"]])
    before = stage.asked()

    async def ask() -> None:
        mine = stage.tokens()
        for _ in range(5):
            assert await mine.access_token(account) == stage.kept().access
        assert stage.asked() == before + 1
        old(stage)  # another process has written: that is looked at anew
        for _ in range(5):
            with pytest.raises(ProviderFailure):
                await mine.access_token(account)
        assert stage.asked() == before + 2

    asyncio.run(ask())
    assert sum("HTTP 503" in line for line in stage.lines) == 1  # one line, not one a poll


def test_a_token_is_used_to_its_end_where_the_provider_gives_no_next_one(stage: Stage) -> None:
    """Whatever it says: a sign-in that has ended does not end what it gave."""
    account = stage.signed_in()
    end = time.time() + 60
    stage.keep(replace(stage.kept(), obtained=end - 3600, expires=end, refresh="void"))
    assert refreshed(stage, account) == stage.kept().access
    assert stage.kept().trouble is not None
    old(stage)
    with pytest.raises(SignInNeeded):
        refreshed(stage, account)


def test_a_slow_provider_is_not_waited_for_for_ever_and_its_answer_is_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "PATIENCE", 0.3)
    account = stage.signed_in()
    old(stage)
    stage.provider.mood(hold="after")

    async def ask() -> None:
        mine = stage.tokens()
        with pytest.raises(ProviderFailure, match="takes long"):
            await mine.access_token(account)
        stage.provider.mood()
        await mine.close()  # waits for the answer
        assert await mine.access_token(account) == stage.kept().access

    asyncio.run(ask())


def test_a_gateway_that_is_stopped_waits_for_a_provider_that_hangs_for_seconds_only(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "LAST_PATIENCE", 0.2)
    account = stage.signed_in()
    old(stage)
    stage.provider.mood(hold="before")

    async def ask() -> None:
        mine = stage.tokens()
        login = asyncio.create_task(mine.access_token(account))
        await asyncio.to_thread(stage.provider.wait_until_held)
        await mine.close()
        with pytest.raises(ProviderFailure, match="in time"):
            await login

    began = time.monotonic()
    asyncio.run(ask())
    assert time.monotonic() - began < DEADLINE / 2
    stage.provider.mood(grace=60)


def test_a_gateway_that_is_stopped_waits_for_no_lock(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "LAST_PATIENCE", 0.2)
    account = stage.signed_in()
    old(stage)

    async def ask() -> None:
        mine = stage.tokens()
        with TokenFile(stage.directory, stage.user).locked():
            login = asyncio.create_task(mine.access_token(account))
            await asyncio.sleep(0.1)
            await mine.close()
            with pytest.raises(ProviderFailure, match="waits long"):
                await asyncio.wait_for(login, 5)

    before = stage.asked()
    asyncio.run(ask())
    assert stage.asked() == before


def test_a_sign_in_that_was_revoked_is_told_with_the_command_and_asked_for_once(stage: Stage) -> None:
    account = stage.signed_in()
    old(stage)
    spent = stage.kept()
    refreshed(stage, account)
    stage.keep(spent)  # whose second use revokes all
    before = stage.asked()

    async def ask() -> None:
        mine = stage.tokens()
        for _ in range(5):
            with pytest.raises(SignInNeeded) as caught:
                await mine.access_token(account)
            assert f"popover account login {stage.user}" in caught.value.cause
            assert "error" not in caught.value.cause

    asyncio.run(ask())
    assert stage.asked() == before + 1
    assert sum(f"account login {stage.user}" in line for line in stage.lines) == 1
    told = facts.facts(account, stage.directory, time.time())
    assert told.state == "sign in"
    assert "since 20" in told.sentence
    stage.signed_in(account)  # and a person does
    assert refreshed(stage, account)


def test_who_has_never_signed_in_is_told_so(stage: Stage) -> None:
    with pytest.raises(SignInNeeded, match="nobody has signed in"):
        refreshed(stage, stage.account())
    assert facts.facts(stage.account(), stage.directory, 0.0).state == "sign in"


def test_a_secret_that_the_operator_mends_needs_no_new_sign_in(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("popover.accounts.oauth2.refresh.OPERATOR_PAUSE", 0.0)
    account = stage.account("popover-itself", client_secret=SECRET_FILE, grant="client_credentials", scopes=("mail",))
    wrong = replace(account, oauth2=replace(account.oauth2, client_secret=None))  # type: ignore[type-var]
    with pytest.raises(SignInNeeded, match="operator"):
        refreshed(stage, wrong)
    assert facts.facts(wrong, stage.directory, 0.0).state == "broken"
    assert refreshed(stage, account)


def test_what_was_refused_to_a_program_is_asked_again_in_a_while_and_at_once_by_the_command(stage: Stage) -> None:
    account = stage.account("popover-itself", client_secret=SECRET_FILE, grant="client_credentials")
    first = refreshed(stage, account)
    said_no = Trouble("access_denied", "it says no", "", "person", time.time())
    stage.keep(replace(stage.kept(), expires=0.0, trouble=said_no))
    with pytest.raises(SignInNeeded, match="operator"):
        refreshed(stage, account)
    file = TokenFile(stage.directory, stage.user)
    renew(account, Ask(read_secret), file, lambda _: False, time.time, insist=True)
    assert stage.kept().trouble is None
    stage.keep(replace(stage.kept(), expires=0.0, trouble=replace(said_no, since=time.time() - OPERATOR_PAUSE)))
    assert refreshed(stage, account) not in (None, first)


def test_a_program_that_signs_in_by_itself_needs_no_person(stage: Stage) -> None:
    account = stage.account("popover-itself", client_secret=SECRET_FILE, grant="client_credentials")
    first = refreshed(stage, account)
    assert first
    assert refreshed(stage, account) == first
    assert refreshed(stage, account, refused=first) not in (None, first)


@pytest.mark.parametrize("is_old", [True, False])
def test_a_token_of_another_login_client_id_or_provider_is_shown_to_nobody(stage: Stage, *, is_old: bool) -> None:
    """Neither to a provider nor to a mail server: the account leads to another one now."""
    account = stage.signed_in()
    assert account.oauth2 is not None
    if is_old:
        old(stage)
    before = stage.asked()
    for changed in (
        replace(account, login="somebody-else"),
        replace(account, oauth2=replace(account.oauth2, client_id="popover-code")),
        replace(account, oauth2=replace(account.oauth2, token_url="https://127.0.0.1:1/o/token/")),
        replace(account, oauth2=replace(account.oauth2, token_url=None, issuer=stage.provider.issuer)),
    ):
        stage.keep(replace(stage.kept(), issuer="https://elsewhere.example/"))
        with pytest.raises(SignInNeeded, match="another login, client id or provider"):
            refreshed(stage, changed)
        assert facts.facts(changed, stage.directory, time.time()).state == "sign in"
    assert stage.asked() == before
    assert refreshed(stage, replace(account, login=account.login.upper()))


def test_a_program_whose_set_up_was_changed_gets_a_token_for_what_it_is_now(stage: Stage) -> None:
    account = stage.account("popover-itself", client_secret=SECRET_FILE, grant="client_credentials")
    first = refreshed(stage, account)
    changed = replace(account, login="somebody-else")
    assert refreshed(stage, changed) not in (None, first)


@pytest.mark.parametrize("jump", [-10 * 365 * DAY, -3600, 3600, 90 * DAY])
def test_a_clock_that_jumps_costs_a_refresh_at_most(stage: Stage, jump: float) -> None:
    account = stage.signed_in()

    async def ask() -> None:
        first = await stage.tokens().access_token(account)
        second = await stage.tokens(lambda: time.time() + jump).access_token(account)
        assert second not in (None, first)
        third = await stage.tokens().access_token(account)
        assert third is not None

    asyncio.run(ask())
    assert not stage.refusals()


def test_a_certificate_that_is_not_trusted_gets_no_token(stage: Stage, tmp_path: Path) -> None:
    account = stage.signed_in()
    old(stage)
    before = stage.asked()
    other = Authority(tmp_path / "other").ca_file
    with pytest.raises(ProviderFailure, match="cannot be trusted"):
        refreshed(stage, replace(account, oauth2=replace(account.oauth2, ca_file=other)))  # type: ignore[type-var]
    assert stage.asked() == before


def test_tokens_of_three_kilobytes_are_tokens(stage: Stage) -> None:
    stage.provider.mood(length=3000)
    account = stage.signed_in()
    given = refreshed(stage, account)
    assert given is not None
    assert len(given) == 3000


# -- before anybody asks ---------------------------------------------------------------------------


def looked(stage: Stage, account: Account, after: float, *, asked: bool = False) -> int:
    """How many tokens were asked for by one look of the gateway's task, so many seconds from now."""
    before = stage.asked()

    async def look() -> None:
        now = time.time()
        clock = [now]
        mine = stage.tokens(lambda: clock[0])
        mine.load([account])
        if asked:
            await mine.access_token(account)
        clock[0] = now + after
        await Renewal(mine).look()

    asyncio.run(look())
    return stage.asked() - before


@pytest.mark.parametrize(
    ("after", "asked", "renewals"),
    [(60, True, 0), (3520, True, 1), (3520, False, 0), (DAY - 60, False, 0), (DAY + 60, False, 1), (-DAY, False, 1)],
)
def test_a_token_is_renewed_ahead_while_it_is_in_use_and_once_a_day_in_any_case(
    stage: Stage, after: float, *, asked: bool, renewals: int
) -> None:
    assert looked(stage, stage.signed_in(), after, asked=asked) == renewals


def test_what_can_not_be_renewed_is_tried_again_later(stage: Stage) -> None:
    account = stage.signed_in()
    stage.provider.mood(status=503)
    before = stage.asked()

    async def look() -> None:
        clock = [time.time() + DAY + 60]
        mine = stage.tokens(lambda: clock[0])
        mine.load([account])
        task = Renewal(mine)
        for wait, asked in ((0, 1), (60, 1), (RETRY, 2)):
            clock[0] += wait
            mine.load([account])
            await task.look()
            assert stage.asked() == before + asked

    asyncio.run(look())


def with_accounts(stage: Stage, number: int) -> list[Account]:
    """So many that need a new token, all of one person."""
    account = stage.signed_in()
    kept = replace(stage.kept(), obtained=0.0, expires=1.0)
    accounts = [replace(account, name=f"{stage.user}-{index}") for index in range(number)]
    for one in accounts:
        file = TokenFile(stage.directory, one.name)
        with file.locked(), file.writing() as write:
            write(replace(kept, account=one.name))
    return accounts


def test_a_bug_in_one_accounts_renewal_costs_no_others_and_is_logged(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = with_accounts(stage, 3)
    renewed: list[str] = []

    def odd(account: Account, *_words: Any) -> Kept:
        if account is accounts[1]:
            raise ZeroDivisionError("canary".upper())  # its line is in the log, what it says is not
        renewed.append(account.name)
        return stage.kept()

    monkeypatch.setattr(tokens, "renew", odd)

    async def look() -> None:
        mine = stage.tokens()
        mine.load(accounts)
        await Renewal(mine).look()
        with pytest.raises(OurFailure):
            await mine.access_token(accounts[1])

    asyncio.run(look())
    assert sorted(renewed) == [accounts[0].name, accounts[2].name]
    assert sum("a bug of popover" in line and "ZeroDivisionError" in line for line in stage.lines) == 1
    assert not any("CANARY" in line for line in stage.lines)


def test_accounts_of_a_provider_that_hangs_keep_no_others_waiting_and_are_not_asked_for_all_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = with_accounts(stage, 3 * AT_ONCE)
    under_way, most = [0], [0]

    def slow(_account: Account, *_words: Any) -> Kept:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        time.sleep(0.05)
        under_way[0] -= 1
        return stage.kept()

    monkeypatch.setattr(tokens, "renew", slow)

    async def look() -> None:
        mine = stage.tokens()
        mine.load(accounts)
        await Renewal(mine).look()

    asyncio.run(look())
    assert 1 < most[0] <= AT_ONCE


@pytest.mark.parametrize(("who", "asked"), [("person", 0), ("operator", 1)])
def test_what_the_operator_can_mend_is_renewed_again_once_it_is_and_what_a_person_can_is_not(
    stage: Stage, who: Literal["person", "operator"], asked: int
) -> None:
    """Else a sign-in that nobody uses would run out behind a rule that was mended long ago."""
    account = stage.signed_in()
    stage.keep(replace(stage.kept(), trouble=Trouble("AADSTS53003", "no", "", who, time.time())))
    assert looked(stage, account, DAY + 60) == asked


def test_the_gateways_task_outlives_any_bug(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "WAKE", 0.01)
    looks: list[int] = []
    enough = asyncio.Event()

    async def odd(_self: Renewal) -> None:
        looks.append(1)
        if len(looks) > 2:
            enough.set()
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(Renewal, "look", odd)

    async def run() -> None:
        task = asyncio.create_task(Renewal(stage.tokens()).run())
        await asyncio.wait({task, asyncio.create_task(enough.wait())}, return_when=asyncio.FIRST_COMPLETED)
        assert not task.done()
        task.cancel()

    asyncio.run(run())
    assert "ZeroDivisionError" in stage.lines[0]


def test_the_gateways_task_never_ends_by_itself(stage: Stage) -> None:
    async def run() -> None:
        mine = stage.tokens()
        mine.load([stage.account()])
        task = asyncio.create_task(Renewal(mine).run())
        await asyncio.sleep(0.1)
        assert not task.done()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())


# -- nothing shows ---------------------------------------------------------------------------------


def test_no_token_code_or_secret_shows_in_a_log_a_repr_or_a_traceback(stage: Stage) -> None:
    account = stage.signed_in(stage.account())
    old(stage)
    kept = stage.kept()
    texts = [repr(kept), repr(account), repr(stage.tokens().__dict__)]
    for status in (500, 200):
        stage.provider.mood(status=status)
        try:
            refreshed(stage, account)
        except Failure as fault:
            texts += ["".join(traceback.format_exception(fault)), repr(fault), fault.cause, fault.remedy]
    stage.keep(kept)
    with pytest.raises(SignInNeeded) as caught:
        refreshed(stage, account)
    texts += ["".join(traceback.format_exception(caught.value)), *stage.lines]
    secrets = [kept.access.decode(), kept.refresh, "canary-client-secret", stage.kept().access.decode()]
    for text in texts:
        for secret in secrets:
            assert secret
            assert secret not in text
    assert len(stage.lines) == 3


def test_what_people_are_told_holds_all_the_facts(stage: Stage) -> None:
    account = stage.signed_in()
    now = time.time()
    told = facts.facts(account, stage.directory, now)
    rows = dict(told.rows())
    assert told.state == "good"
    today = datetime.fromtimestamp(stage.kept().obtained, UTC).strftime("%Y-%m-%d")
    assert rows["oauth2"] == f"token valid 60 min, refresh token of {today}"  # the row of `check`, too
    assert set(rows) == {"oauth2", "signed in", "token valid until", "refresh token since"}
    assert "canary" not in f"{told}{told.as_json()}"
    stage.keep(replace(stage.kept(), scopes=("openid",)))
    assert facts.facts(account, stage.directory, now).missing == ("pop3",)
    assert "pop3 scope missing" in facts.facts(account, stage.directory, now).sentence
