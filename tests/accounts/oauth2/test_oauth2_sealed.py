"""Sealed tokens while the gateway runs, at a real provider that takes each refresh token once."""

import asyncio
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oauth2_stage import Stage
from parts.provider import Provider
from popover.accounts.oauth2 import facts, keys, tokens
from popover.accounts.oauth2.flows.device import by_device
from popover.accounts.oauth2.flows.sign_in import SignIn
from popover.accounts.oauth2.flows.sign_out import sealed_by, sign_out
from popover.accounts.oauth2.kept import Kept
from popover.accounts.oauth2.refresh import renew
from popover.accounts.oauth2.renewal import DAY, Renewal
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.tokens import Tokens
from popover.accounts.oauth2.vault import Key
from popover.config import Account
from popover.errors import Failure, ProviderFailure, SignInNeeded

LOCAL, NEXT = b"canary-local", b"canary-next"


@pytest.fixture
def stage(provider: Provider, tmp_path: Path) -> Stage:
    """A user of the test's own, and where his tokens are kept."""
    return Stage.of(provider, tmp_path)


def account_of(stage: Stage) -> Account:
    return stage.account(encrypt=True)


def signed_in(stage: Stage, password: bytes = LOCAL) -> Account:
    """An account whose person has signed in, as the command does it."""
    account = account_of(stage)
    sign_in = SignIn(account, stage.directory, stage.sign_in(account).ask, key=Key.of(password))
    sign_in.keep(by_device(sign_in, lambda code: stage.enter(code.user_code), lambda _: None))
    return account


def octets(stage: Stage) -> bytes:
    """What is on disk."""
    return TokenFile(stage.directory, stage.user).path.read_bytes()


def kept_by(stage: Stage, password: bytes) -> Kept | None:
    """What a password opens."""
    closed = TokenFile(stage.directory, stage.user).read()
    assert closed is not None
    if not closed.salt:
        return None
    found = TokenFile(stage.directory, stage.user, Key.of(password, closed.salt)).read()
    return None if found is None or found.is_closed else found


def old(stage: Stage, password: bytes = LOCAL) -> None:
    """Let the token that is kept be at its end."""
    found = kept_by(stage, password)
    assert found is not None
    file = TokenFile(stage.directory, stage.user, Key.of(password, found.salt))
    with file.locked(), file.writing() as write:
        write(replace(found, expires=time.time()))


def told(stage: Stage, account: Account, password: bytes | None, mine: Tokens | None = None) -> bytes | None:
    """Log in, with a password that was right; of a gateway that has just begun, unless there is one."""

    async def ask() -> bytes | None:
        these = mine or stage.tokens()
        try:
            return await these.access_token(account, password=password)
        finally:
            await these.close()

    return asyncio.run(ask())


def test_a_login_opens_what_the_sign_in_has_sealed_and_each_rotation_is_sealed_again(stage: Stage) -> None:
    account = signed_in(stage)
    first = kept_by(stage, LOCAL)
    assert first is not None
    assert told(stage, account, LOCAL) == first.access
    for _ in range(3):
        old(stage)
        before = kept_by(stage, LOCAL)
        given = told(stage, account, LOCAL)
        after = kept_by(stage, LOCAL)
        assert before is not None
        assert after is not None
        assert given == after.access != before.access
        assert after.refresh != before.refresh
        assert after.signed_in == first.signed_in
        for secret in (after.access, (after.refresh or "").encode(), LOCAL):
            assert secret not in octets(stage)
    assert not stage.refusals()


def test_before_the_first_login_after_a_start_nothing_is_renewed_and_from_then_on_it_is(stage: Stage) -> None:
    account = signed_in(stage)
    old(stage)
    before, asked = octets(stage), stage.asked()

    async def run() -> None:
        clock = [time.time()]
        mine = stage.tokens(lambda: clock[0])
        mine.load([account])
        await Renewal(mine).look()
        with pytest.raises(SignInNeeded, match="nobody has logged in with its password since popover's start"):
            await mine.access_token(account)  # as a device does
        await Renewal(mine).look()
        assert not stage.lines  # it is no trouble, and in no log each minute
        assert octets(stage) == before
        assert stage.asked() == asked
        assert await mine.access_token(account, password=LOCAL)
        assert stage.asked() == asked + 1
        assert await mine.access_token(account)
        clock[0] += DAY + 60
        await Renewal(mine).look()
        assert stage.asked() == asked + 2
        await mine.close()

    asyncio.run(run())
    assert kept_by(stage, LOCAL) is not None
    assert not stage.refusals()


def test_a_password_that_does_not_open_them_touches_no_token_and_asks_nobody(stage: Stage) -> None:
    account = signed_in(stage)
    old(stage)
    before, asked = octets(stage), stage.asked()
    with pytest.raises(SignInNeeded, match="by another password than today's") as caught:
        told(stage, account, b"canary-wrong")
    assert f"popover account login {stage.user}" in caught.value.cause
    assert (octets(stage), stage.asked()) == (before, asked)
    assert told(stage, account, LOCAL)


def test_a_burst_of_logins_is_one_key_and_a_wrong_password_is_not_tried_again_and_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = signed_in(stage)
    made: list[bytes] = []
    make: Callable[..., Key] = Key.of

    def counted(password: bytes, *words: Any) -> Key:
        made.append(password)
        return make(password, *words)

    monkeypatch.setattr(Key, "of", counted)

    async def run() -> None:
        mine = stage.tokens()
        for _ in range(3):
            with pytest.raises(SignInNeeded):
                await mine.access_token(account, password=b"wrong")
        assert made == [b"wrong"]
        await asyncio.gather(*(mine.access_token(account, password=LOCAL) for _ in range(20)))
        assert made == [b"wrong", LOCAL]
        for _ in range(3):
            await mine.access_token(account, password=LOCAL)
        assert made == [b"wrong", LOCAL]

    asyncio.run(run())


def test_a_password_that_is_changed_while_the_gateway_has_the_key_seals_them_anew(stage: Stage) -> None:
    account = signed_in(stage)

    async def run() -> None:
        mine = stage.tokens()
        first = await mine.access_token(account, password=LOCAL)
        assert await mine.access_token(account, password=NEXT) == first
        assert await mine.access_token(account) == first

    asyncio.run(run())
    assert kept_by(stage, LOCAL) is None
    assert kept_by(stage, NEXT) is not None
    assert told(stage, account, NEXT)


def test_what_is_in_clear_is_sealed_by_the_first_login_once_that_is_wanted(stage: Stage) -> None:
    stage.signed_in()
    before = stage.kept()
    account = account_of(stage)
    assert facts.facts(account, stage.directory, time.time()).sentence.endswith(
        "not encrypted yet: the next login does that"
    )
    assert told(stage, account, LOCAL) == before.access
    assert before.access not in octets(stage)
    found = kept_by(stage, LOCAL)
    assert found is not None
    assert replace(found, salt=b"") == before


def test_a_new_sign_in_beside_a_running_gateway_is_taken_at_the_next_login(stage: Stage) -> None:
    account = signed_in(stage)

    async def run() -> None:
        mine = stage.tokens()
        assert await mine.access_token(account, password=LOCAL)
        await asyncio.to_thread(signed_in, stage, NEXT)
        old(stage, NEXT)
        before = octets(stage)
        mine.load([account])
        await Renewal(mine).look()
        with pytest.raises(SignInNeeded):
            await mine.access_token(account)
        assert octets(stage) == before
        assert await mine.access_token(account, password=NEXT)
        await mine.close()

    asyncio.run(run())
    assert kept_by(stage, NEXT) is not None
    assert not stage.refusals()


def test_who_finds_it_sealed_anew_when_its_turn_has_come_asks_nobody_and_writes_nothing(stage: Stage) -> None:
    """Another process was faster: the next login has the password that opens it."""

    def is_good(_kept: Kept) -> bool:
        return False

    account = signed_in(stage)
    before, asked = octets(stage), stage.asked()
    for key in (None, Key.of(NEXT)):
        with pytest.raises(SignInNeeded, match="is encrypted, and nobody has logged in"):
            renew(account, stage.sign_in(account).ask, TokenFile(stage.directory, stage.user, key), is_good, time.time)
    assert (octets(stage), stage.asked()) == (before, asked)


def test_a_gateway_that_is_stopped_waits_for_no_lock_to_open_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "LAST_PATIENCE", 0.2)
    account = signed_in(stage)
    at_the_lock, open_by = threading.Event(), keys.open_by

    def opening(file: TokenFile, key: Key, is_stopped: Callable[[], bool]) -> bool:
        at_the_lock.set()
        return open_by(file, key, is_stopped)

    monkeypatch.setattr(keys, "open_by", opening)

    async def run() -> None:
        mine = stage.tokens()
        with TokenFile(stage.directory, stage.user).locked():
            login = asyncio.create_task(mine.access_token(account, password=LOCAL))
            assert await asyncio.to_thread(at_the_lock.wait, 60)
            await mine.close()
            with pytest.raises(ProviderFailure, match="waits long"):  # it is no wrong password
                await asyncio.wait_for(login, 5)

    asyncio.run(run())


def test_a_login_behind_the_last_one_of_a_gateway_is_told_so(stage: Stage) -> None:
    account = signed_in(stage)

    async def run() -> None:
        mine = stage.tokens()
        await mine.close()
        with pytest.raises(ProviderFailure, match="is being stopped"):
            await mine.access_token(account, password=LOCAL)

    asyncio.run(run())


def test_a_disk_that_takes_no_sealed_file_costs_no_login(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    account = signed_in(stage)
    before = octets(stage)

    def full(_descriptor: int, _octets: bytes) -> None:
        raise OSError(28, "No space left on device")

    async def run() -> None:
        mine = stage.tokens()
        first = await mine.access_token(account, password=LOCAL)
        monkeypatch.setattr("popover.accounts.oauth2.disk.write", full)
        assert await mine.access_token(account, password=NEXT) == first
        assert octets(stage) == before
        monkeypatch.undo()
        assert await mine.access_token(account, password=NEXT) == first
        await mine.close()

    asyncio.run(run())
    assert kept_by(stage, NEXT) is not None


def test_what_is_not_to_be_encrypted_any_more_is_in_clear_while_the_gateway_has_the_key(stage: Stage) -> None:
    sealed, clear = signed_in(stage), stage.account()

    async def run() -> None:
        mine = stage.tokens()
        first = await mine.access_token(sealed, password=LOCAL)
        assert await mine.access_token(clear) == first
        await mine.close()

    asyncio.run(run())
    old_one = stage.kept()
    assert (old_one.salt, old_one.is_closed) == (b"", False)
    stage.keep(replace(old_one, expires=time.time()))
    assert told(stage, clear, None)
    assert not stage.refusals()


def test_a_sign_in_without_encryption_stays_in_clear_beside_a_gateway_that_knows_nothing_of_it_yet(
    stage: Stage,
) -> None:
    sealed = signed_in(stage)

    async def run() -> None:
        clock = [time.time()]
        mine = stage.tokens(lambda: clock[0])
        mine.load([sealed])
        assert await mine.access_token(sealed, password=LOCAL)
        await asyncio.to_thread(stage.signed_in)
        clock[0] += DAY + 60
        await Renewal(mine).look()
        await mine.close()

    before = stage.asked()
    asyncio.run(run())
    assert stage.asked() > before + 1
    assert stage.kept().salt == b""


def test_who_takes_encrypt_away_while_it_does_not_run_is_told_to_sign_in_again(stage: Stage) -> None:
    signed_in(stage)
    account = stage.account()
    with pytest.raises(SignInNeeded, match="is not set up so any more"):
        told(stage, account, None)
    found = facts.facts(account, stage.directory, time.time())
    assert (found.state, found.remedy) == ("sign in", f"popover account login {stage.user}")


def test_what_people_are_told_says_that_it_is_encrypted_and_what_that_means(stage: Stage) -> None:
    account = signed_in(stage)
    found = facts.facts(account, stage.directory, time.time())
    assert (found.state, found.encrypted, found.as_json()["encrypted"]) == ("good", True, True)
    assert found.sentence.startswith("token valid 60 min, refresh token of 20")
    assert "encrypted: after a start of popover, not renewed before the first login" in found.sentence
    assert dict(found.rows())["encrypted"].startswith("by the local password")
    assert facts.facts(stage.account(), stage.directory, 0.0).state != "good"


def test_a_sign_out_without_the_key_forgets_it_and_says_that_it_could_not_be_given_back(stage: Stage) -> None:
    account = signed_in(stage)
    by_issuer = {"token_url": None, "authorize_url": None, "device_url": None, "issuer": stage.provider.issuer}
    described = replace(account, oauth2=replace(account.oauth2, **by_issuer))  # type: ignore[type-var]
    salt = sealed_by(described, stage.directory, stage.sign_in(account).ask)
    assert salt is not None
    assert sealed_by(account, stage.directory, stage.sign_in(account).ask) is None  # its provider takes nothing back
    assert sign_out(described, stage.directory, stage.sign_in(account).ask) == (True, None)
    assert TokenFile(stage.directory, stage.user).read() is None


def test_no_key_password_or_token_shows_in_a_log_a_repr_or_a_traceback(stage: Stage) -> None:
    account = signed_in(stage)
    old(stage)
    before = kept_by(stage, LOCAL)
    assert before is not None
    key = Key.of(LOCAL, before.salt)
    texts: list[str] = []

    async def run() -> None:
        mine = stage.tokens()
        for status, password in ((200, None), (200, b"canary-wrong"), (500, LOCAL), (200, LOCAL), (200, NEXT)):
            stage.provider.mood(status=status)
            mine.load([account])
            try:
                await mine.access_token(account, password=password)
            except Failure as fault:
                texts.extend(("".join(traceback.format_exception(fault)), repr(fault), fault.cause, fault.remedy))
        texts.extend((repr(mine.__dict__), repr(mine._held), repr(mine._keys.__dict__)))  # noqa: SLF001 - where they are
        texts.append(repr(mine._held[stage.user].file.__dict__))  # noqa: SLF001
        await mine.close()

    asyncio.run(run())
    texts += stage.lines
    after = kept_by(stage, NEXT)
    assert after is not None
    assert len(texts) > 12
    for secret in ("canary", repr(key.octets)[2:-1], key.octets.hex(), before.refresh or "?", after.refresh or "?"):
        assert not [text for text in texts if secret in text]
