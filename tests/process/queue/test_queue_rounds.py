"""The rounds of the queue: which mail is due, and what becomes of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from popover.errors import ConnectFailure
from popover.log import Log
from popover.process.queue import lock
from popover.process.queue.kept import AT_ONCE, FIRST_WAIT, LIFETIME, LONGEST_WAIT, TRIES, Kept
from popover.process.queue.rounds import Rounds
from popover.process.queue.store import Store
from popover.protocols.device import Delivery, Envelope

DOWN = ConnectFailure("mail.example.com is down", "look at the cable")


class Office:
    """Rounds, a clock that is set by hand, and a server: what it answers, by recipient; without an answer it takes all.

    `tried`: the first recipients of the mails that came, in their order.
    """

    def __init__(self, folder: Path) -> None:
        self.now = 1_000_000.0
        self.answers: dict[str, Delivery | Exception] = {}
        self.tried: list[str] = []
        self.in_flight = self.most = 0
        self.store = Store(folder / "queue", clock=lambda: self.now)
        self.lines: list[bytes] = []
        self.log = Log(lambda line, _: self.lines.append(line), "json")
        self.rounds = Rounds(self.store, self.send, self.log, lambda: self.now)

    async def send(self, kept: Kept) -> Delivery:
        first = kept.envelope.recipients[0]
        self.tried.append(first)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        answer = self.answers.get(first, Delivery(kept.envelope.recipients, words="250 ok"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def keep(self, *recipients: str, account: str = "scans") -> Kept:
        self.now += 0.001
        return self.store.keep(self.store.begin(), Envelope(account, "scanner", "s@example.com", recipients))

    async def later(self, seconds: float) -> list[str]:
        """Let time go by, and one round; what was tried in it."""
        self.now += seconds
        self.tried.clear()
        await self.rounds.round()
        await self.rounds.settled()
        return self.tried[:]

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.lines]


def play(test: Callable[[Office], Awaitable[None]], folder: Path) -> Office:
    async def main() -> Office:
        office = Office(folder)
        await test(office)
        return office

    return asyncio.run(main())


def test_mails_of_an_account_go_in_their_order_one_at_a_time(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        for name in "abcd":
            office.keep(name)
        assert await office.later(FIRST_WAIT - 1) == []
        assert await office.later(2) == ["a", "b", "c", "d"]
        assert office.most == 1
        assert office.store.waiting() == []

    assert play(test, tmp_path).events() == ["sent"] * 4


def test_a_mail_is_tried_after_a_minute_then_twice_as_long_and_each_hour(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.keep("a")
        office.answers["a"] = Delivery(later=("a",), words="451 later")
        wait, waits = FIRST_WAIT, []
        for _ in range(9):
            assert await office.later(wait - 1) == []
            assert await office.later(1.5) == ["a"]
            waits.append(wait)
            wait = min(wait * 2, LONGEST_WAIT)
        assert waits[:7] == [60, 120, 240, 480, 960, 1920, 3600]

    assert set(play(test, tmp_path).events()) == {"deferred"}


def test_one_that_the_server_takes_not_now_holds_nobody_up(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.keep("full")
        office.keep("b")
        office.answers["full"] = Delivery(later=("full",), words="452 full")
        assert await office.later(FIRST_WAIT + 1) == ["full", "b"]
        assert [kept.envelope.recipients for kept in office.store.waiting()] == [("full",)]

    play(test, tmp_path)


def test_a_server_that_is_down_is_left_alone_for_all_and_woken_by_a_session(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        for name in "abc":
            office.keep(name)
        office.keep("other", account="faxes")
        office.answers["a"] = DOWN
        assert sorted(await office.later(FIRST_WAIT + 1)) == ["a", "other"]
        assert await office.later(10) == []
        del office.answers["a"]
        office.rounds.wake("scans")
        assert await office.later(0) == ["a", "b", "c"]

    office = play(test, tmp_path)
    assert office.store.waiting() == []
    [told] = [json.loads(line) for line in office.lines if b'"deferred"' in line]
    assert "mail.example.com is down; look at the cable" in told["text"]


def test_who_is_refused_is_told_of_and_the_mail_lies_in_failed(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.keep("bad", "good")
        office.answers["bad"] = Delivery(("good",), (), {"bad": "550 5.1.1 no such user"}, "250 ok")
        await office.later(FIRST_WAIT + 1)
        assert office.store.waiting() == []
        [failed] = office.store.failed()
        assert failed.refused == {"bad": "550 5.1.1 no such user"}
        assert await office.later(LONGEST_WAIT) == []

    office = play(test, tmp_path)
    assert office.events() == ["failed"]
    assert b"550 5.1.1 no such user" in office.lines[0]


def test_who_has_a_mail_does_not_get_it_again_while_others_wait(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.keep("a", "b", "c")
        office.answers["a"] = Delivery(("a",), ("b",), {"c": "550 no"}, "451 later")
        await office.later(FIRST_WAIT + 1)
        [kept] = office.store.waiting()
        assert (kept.envelope.recipients, kept.refused) == (("b",), {"c": "550 no"})
        await office.later(LONGEST_WAIT)
        [failed] = office.store.failed()
        assert failed.refused == {"c": "550 no"}

    play(test, tmp_path)


def test_after_four_days_it_has_failed(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.keep("a")
        office.answers["a"] = DOWN
        while office.now < 1_000_000 + LIFETIME - LONGEST_WAIT:
            await office.later(LONGEST_WAIT)
        assert office.store.failed() == []
        await office.later(2 * LONGEST_WAIT)
        [failed] = office.store.failed()
        assert failed.refused == {"a": "not taken for 4 days: mail.example.com is down"}

    play(test, tmp_path)


def test_what_another_process_is_trying_is_not_tried(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.keep("a")
        with lock.held(office.store.folder, "scans") as is_ours:
            assert is_ours
            assert await office.later(FIRST_WAIT + 1) == []
        assert await office.later(0) == ["a"]

    play(test, tmp_path)


def test_what_was_dropped_meanwhile_is_not_sent(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        first, second = office.keep("a"), office.keep("b")
        office.store.remove(second)
        assert await office.later(FIRST_WAIT + 1) == ["a"]
        assert office.store.find(first.name) is None

    play(test, tmp_path)


def test_what_could_not_be_written_down_is_sent_to_nobody_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async def test(office: Office) -> None:
        office.keep("a", "b")
        office.answers["a"] = Delivery(("a",), ("b",), {}, "451 later")
        with monkeypatch.context() as patch:
            patch.setattr(office.store, "put_off", full)
            patch.setattr(office.store, "remove", full)
            assert await office.later(FIRST_WAIT + 1) == ["a"]
            assert await office.later(LONGEST_WAIT) == ["b"]
            assert await office.later(LONGEST_WAIT) == []
        assert await office.later(LONGEST_WAIT) == []
        assert office.store.waiting() == []

    play(test, tmp_path)


def test_a_bug_costs_no_mail_and_no_storm(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.keep("a")
        office.answers["a"] = ZeroDivisionError()
        assert await office.later(FIRST_WAIT + 1) == ["a"]
        assert await office.later(1) == []
        assert len(office.store.waiting()) == 1

    assert b"ZeroDivisionError" in play(test, tmp_path).lines[0]


def test_a_bug_in_one_look_ends_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(office: Office) -> None:
        bugs, look = [ZeroDivisionError()], office.store.waiting

        def waiting() -> list[Kept]:
            if bugs:
                raise bugs.pop()
            return look()

        monkeypatch.setattr(office.store, "waiting", waiting)
        office.keep("a")
        office.now += FIRST_WAIT + 1
        running = asyncio.create_task(office.rounds.run())
        while not office.tried:
            office.rounds.ring()
            await asyncio.sleep(0.001)
        office.rounds.stop()
        office.rounds.ring()
        await running
        await office.rounds.settled()
        assert office.store.waiting() == []

    lines = play(test, tmp_path).lines
    assert sum(b"ZeroDivisionError" in line for line in lines) == 1


def test_a_lost_answer_is_remembered_as_a_doubt(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.keep("a")
        office.answers["a"] = Delivery((), ("a",), {}, "the connection was lost", is_doubtful=True)
        await office.later(FIRST_WAIT + 1)
        [kept] = office.store.waiting()
        assert kept.envelope.is_doubtful

    play(test, tmp_path)


# -- the clock -----------------------------------------------------------------------------------


def test_a_clock_that_is_set_right_while_mails_wait_lets_none_of_them_fail(tmp_path: Path) -> None:
    """A router's begins in 1970: no certificate is valid then, so mails are kept."""

    async def test(office: Office) -> None:
        office.keep("a")
        office.answers["a"] = DOWN
        for _ in range(TRIES - 1):
            assert await office.later(50 * 365 * 86400) == ["a"]
        assert len(office.store.waiting()) == 1
        await office.later(LONGEST_WAIT)
        assert len(office.store.failed()) == 1

    play(test, tmp_path)


def test_a_clock_that_is_set_back_by_years_keeps_no_mail_and_no_rest_waiting_for_years(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.keep("a")
        office.answers["a"] = DOWN
        assert await office.later(FIRST_WAIT + 1) == ["a"]
        office.now = 1000.0
        assert await office.later(0) == ["a"]
        assert await office.later(0) == []
        [kept] = office.store.waiting()
        assert kept.since == 1000.0

    play(test, tmp_path)


# -- what holds others up ------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [ZeroDivisionError(), Delivery(later=("a",), words="the mail cannot be read")])
def test_a_mail_that_we_can_not_send_holds_nobody_up(tmp_path: Path, trouble: Delivery | Exception) -> None:
    async def test(office: Office) -> None:
        office.keep("a")
        office.keep("b")
        office.answers["a"] = trouble
        assert await office.later(FIRST_WAIT + 1) == ["a", "b"]

    play(test, tmp_path)


def test_a_mail_that_somebody_asks_for_is_tried_although_its_server_rests(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        mails = [office.keep(name) for name in "abc"]
        office.answers["a"] = office.answers["b"] = DOWN
        assert await office.later(FIRST_WAIT + 1) == ["a"]
        for kept in mails[1:]:
            office.store.put_off(replace(kept, due=AT_ONCE))
        assert await office.later(1) == ["b"]
        assert await office.later(5) == []  # one attempt has shown it for all
        del office.answers["b"]
        office.store.put_off(replace(mails[2], due=AT_ONCE))
        assert await office.later(5) == ["c"]

    play(test, tmp_path)


def test_after_a_restart_the_first_session_that_reaches_the_server_wakes_what_waits(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.keep("a")
        office.rounds.wake("scans")
        assert await office.later(0) == ["a"]
        office.keep("b")
        office.rounds.wake("scans")
        assert await office.later(0) == []

    play(test, tmp_path)


def test_a_session_that_finds_nothing_waiting_wakes_nothing_that_comes_later(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.rounds.wake("scans")
        await office.later(0)
        office.keep("a")
        assert await office.later(0) == []

    play(test, tmp_path)


def test_when_it_is_stopped_the_attempt_under_way_is_the_last(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        for name in "abc":
            office.keep(name)

        async def stopping(kept: Kept) -> Delivery:
            office.rounds.stop()
            return await office.send(kept)

        office.rounds = Rounds(office.store, stopping, office.log, lambda: office.now)
        await office.later(FIRST_WAIT + 1)
        assert office.tried == ["a"]
        assert len(office.store.waiting()) == 2

    play(test, tmp_path)


def test_what_can_not_be_read_is_told_once(tmp_path: Path) -> None:
    async def test(office: Office) -> None:
        office.keep("a")
        (office.store.folder / "0.json").mkdir()
        assert await office.later(FIRST_WAIT + 1) == ["a"]
        await office.later(0)
        (office.store.folder / "0.json").rmdir()
        office.store.folder.rename(tmp_path / "away")
        office.store.folder.touch()
        await office.later(0)
        await office.later(0)

    office = play(test, tmp_path)
    told = [json.loads(line)["text"] for line in office.lines if b'"queue"' in line]
    assert len(told) == 2
    assert "0.json" in told[0]
    assert "cannot be looked at" in told[1]
