"""Local passwords: what is right, what a wrong one costs, and what is remembered."""

import asyncio
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from popover.accounts import passwords as room
from popover.accounts.passwords import MEMORY_LIMIT, REMEMBERED, Passwords, as_utf8
from popover.accounts.scrypt import NOBODY, is_hash, is_of_hash, make_hash
from popover.protocols.login import Digest, Password, Proof

CHALLENGE = b"<1896.697170952@popover.example>"
HASHED, CHANGED = make_hash(b"hunter2"), make_hash(b"changed")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Work:
    """How often was hashed and digested, and in how many threads at once."""

    def __init__(self) -> None:
        self.hashes = self.digests = self.now = self.most = 0
        self.threads: set[int] = set()


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    seen, real, digest = Work(), hashlib.scrypt, Digest.is_of
    lock = threading.Lock()

    def counted(*words: Any, **named: Any) -> bytes:
        with lock:
            seen.hashes += 1
            seen.now += 1
            seen.most = max(seen.most, seen.now)
            seen.threads.add(threading.get_ident())
        try:
            return real(*words, **named)
        finally:
            with lock:
                seen.now -= 1

    def digested(proof: Digest, password: bytes) -> bool:
        seen.digests += 1
        return digest(proof, password)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    monkeypatch.setattr(Digest, "is_of", digested)
    yield seen
    assert threading.get_ident() not in seen.threads, "hashed on the event loop"


def ask(proof: Proof, kept: bytes | None, *, hashes: bool = True, passwords: Passwords | None = None) -> bool:
    return asyncio.run((passwords or Passwords(Clock())).is_right(proof, "anna", kept, hashes=hashes))


def apop(password: bytes) -> Digest:
    return Digest("apop", CHALLENGE, hashlib.md5(CHALLENGE + password).hexdigest().encode())


def cram(password: bytes) -> Digest:
    return Digest("cram-md5", CHALLENGE, hmac.new(password, CHALLENGE, "md5").hexdigest().encode())


def test_a_hash_is_of_its_password_alone() -> None:
    assert is_hash(HASHED)
    assert HASHED.startswith(b"$scrypt$ln=14,r=8,p=1$")
    assert b"hunter2" not in HASHED
    assert is_of_hash(b"hunter2", HASHED)
    assert not is_of_hash(b"hunter3", HASHED)
    assert make_hash(b"hunter2") != HASHED  # each has a salt of its own


@pytest.mark.parametrize(
    "line",
    [b"", b"$scrypt$", HASHED[:-1], HASHED + b"x", HASHED.replace(b"ln=14", b"ln=20"), b"$scrypt$x$y"],
    ids=["empty", "no more than its name", "too short", "too long", "too dear", "odd"],
)
def test_what_only_looks_like_a_hash_is_none(line: bytes) -> None:
    assert not is_hash(line)
    assert not is_of_hash(b"hunter2", line)


def test_the_hash_of_nobody_is_of_no_password() -> None:
    assert is_hash(NOBODY)
    assert not any(is_of_hash(word, NOBODY) for word in (b"", b"\0", b"hunter2"))


@pytest.mark.parametrize("kept", [b"hunter2", HASHED], ids=["password", "hash"])
@pytest.mark.parametrize("hashes", [True, False])
def test_the_password_is_right_and_nothing_else(kept: bytes, hashes: bool) -> None:
    if kept == HASHED and not hashes:
        return
    assert ask(Password(b"hunter2"), kept, hashes=hashes)
    for wrong in (b"", b"hunter", b"hunter22", b"Hunter2", b"\0", kept[:5], HASHED, NOBODY):
        assert not ask(Password(wrong), kept, hashes=hashes)


@pytest.mark.parametrize("make", [apop, cram])
def test_a_digest_is_right_where_the_password_itself_is_kept(make: Any, work: Work) -> None:
    assert ask(make(b"hunter2"), b"hunter2")
    assert not ask(make(b"hunter3"), b"hunter2")
    assert not ask(make(b"hunter2"), HASHED)
    assert not ask(make(HASHED), HASHED)
    assert not ask(make(b"\0"), HASHED)
    assert not ask(make(b"\0"), None)
    assert work.hashes == 0


@pytest.mark.parametrize("password", ["gr\u00fc\u00dfe", "5\u20ac", "\u017d"])
def test_a_program_from_before_utf_8_says_the_same_password(password: str) -> None:
    utf8, latin = password.encode(), password.encode("cp1252")
    for kept in (utf8, latin, make_hash(as_utf8(utf8))):
        assert ask(Password(utf8), kept)
        assert ask(Password(latin), kept)
    for form in (utf8, latin):
        assert ask(apop(form), utf8)
        assert ask(cram(form), utf8)


@settings(max_examples=examples(100))
@given(st.binary(max_size=30), st.binary(max_size=30))
def test_no_two_passwords_are_taken_for_each_other(one: bytes, other: bytes) -> None:
    same = as_utf8(one) == as_utf8(other)
    assert ask(Password(one), other, hashes=False) == (same and not other.startswith(b"$scrypt$"))


# What is wrong costs the same


@pytest.mark.parametrize("kept", [None, b"other", HASHED], ids=["unknown", "password", "hash"])
def test_a_wrong_password_costs_one_hash_whatever_the_name(kept: bytes | None, work: Work) -> None:
    assert not ask(Password(b"wrong"), kept)
    assert (work.hashes, work.digests) == (1, 0)


@pytest.mark.parametrize("kept", [None, b"other"], ids=["unknown", "password"])
def test_where_nobody_has_a_hash_none_is_made(kept: bytes | None, work: Work) -> None:
    assert not ask(Password(b"wrong"), kept, hashes=False)
    assert work.hashes == 0


@pytest.mark.parametrize("make", [apop, cram])
@pytest.mark.parametrize("kept", [None, b"other", HASHED], ids=["unknown", "password", "hash"])
def test_a_wrong_digest_costs_two_digests_whatever_the_name(make: Any, kept: bytes | None, work: Work) -> None:
    assert not ask(make(b"wrong"), kept)
    assert (work.hashes, work.digests) == (0, 2)


# What is right is remembered


def test_a_burst_of_right_logins_costs_one_hash(work: Work) -> None:
    passwords = Passwords(Clock())

    async def burst() -> list[bool]:
        logins = (passwords.is_right(Password(b"hunter2"), "anna", HASHED, hashes=True) for _ in range(20))
        return await asyncio.gather(*logins)

    assert asyncio.run(burst()) == [True] * 20
    assert work.hashes == 1


def test_a_poll_each_minute_costs_a_hash_each_quarter_of_an_hour(work: Work) -> None:
    clock = Clock()
    passwords = Passwords(clock)
    for _ in range(60):
        assert ask(Password(b"hunter2"), HASHED, passwords=passwords)
        clock.now += 60
    assert work.hashes == 60 * 60 / REMEMBERED


def test_what_is_remembered_is_of_that_name_password_and_hash_alone(work: Work) -> None:
    passwords = Passwords(Clock())
    assert ask(Password(b"hunter2"), HASHED, passwords=passwords)
    assert not ask(Password(b"hunter3"), HASHED, passwords=passwords)
    assert not ask(Password(b"hunter2"), NOBODY, passwords=passwords)
    assert not ask(Password(b"hunter2"), None, passwords=passwords)
    assert not ask(Password(b"hunter2"), CHANGED, passwords=passwords)
    assert asyncio.run(passwords.is_right(Password(b"hunter2"), "berta", HASHED, hashes=True))
    assert work.hashes == 6


def test_memory_holds_no_password_and_not_more_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "is_of_hash", lambda *_: True)
    clock = Clock()
    passwords = Passwords(clock)

    async def fill() -> None:
        for number in range(MEMORY_LIMIT + 100):
            await passwords.is_right(Password(b"hunter%d" % number), "anna", HASHED, hashes=True)

    asyncio.run(fill())
    known = passwords._right  # noqa: SLF001 - what is held is the promise
    assert len(known) == MEMORY_LIMIT
    assert {len(mark) for mark in known} == {32}
    assert not any(b"hunter" in mark for mark in known)
    clock.now += REMEMBERED + 1
    assert ask(Password(b"x"), HASHED, passwords=passwords)
    assert len(known) == 1


def test_two_hashes_are_made_at_once_at_most(work: Work) -> None:
    passwords = Passwords(Clock())

    async def at_once(names: list[str]) -> None:
        await asyncio.gather(
            *(passwords.is_right(Password(b"%d" % n), name, None, hashes=True) for n, name in enumerate(names))
        )

    asyncio.run(at_once(["anna"] * 4))
    assert (work.hashes, work.most) == (4, 1)
    asyncio.run(at_once(list("abcdef")))
    assert work.most <= 2


def test_a_hash_keeps_the_event_loop_free(monkeypatch: pytest.MonkeyPatch) -> None:
    began, may_end = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> bytes:
        began.set()
        assert may_end.wait(60)
        return bytes(32)

    monkeypatch.setattr(hashlib, "scrypt", slow)

    async def other_work_goes_on() -> None:
        task = asyncio.create_task(Passwords(time.monotonic).is_right(Password(b"x"), "a", None, hashes=True))
        assert await asyncio.to_thread(began.wait, 60)
        assert not task.done()
        may_end.set()
        await task

    asyncio.run(other_work_goes_on())


def test_no_proof_shows_its_secret() -> None:
    proofs: list[Proof] = [Password(b"canary"), apop(b"canary")]
    shown = repr(proofs) + str(proofs)
    assert "canary" not in shown
    assert apop(b"canary").answer.decode() not in shown
