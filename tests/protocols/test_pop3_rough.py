"""The POP3 relay and servers and clients out of the ordinary: what they do must harm neither the other nor us."""

import base64
from random import Random

import pytest
from test_pop3_relay import CAPA, LITTLE, Talk, list_of, logged_in, mail

from model_pop3 import Chance, Client, Model, Nature, World, service
from popover.protocols.pop3 import Habits
from popover.protocols.pop3.answers import sizes
from popover.protocols.pop3.habits import LESSONS, MISTRUST
from popover.protocols.pop3.outgoing import UNANSWERED_LIMIT
from popover.protocols.pop3.queue import STRAIGHT, TAIL
from services import changed


def walking(talk: Talk) -> bytes:
    """What the server hears of a client that has fetched the first message, and now asks for the second."""
    talk.say(b"LIST\r\n")
    talk.answer(list_of(9, 9, 9, 9))
    talk.say(b"RETR 1\r\n")
    talk.answer(mail(1))
    return talk.say(b"RETR 2\r\n")[1]


def careful(habits: Habits, capa: bytes = CAPA) -> bool:
    """Whether a session with these habits does nothing by itself."""
    talk = Talk(habits=habits, capa=capa)
    return talk.say(b"USER anna\r\n") == (b"", b"USER anna\r\n")


# Servers for which fetching has an effect


@pytest.mark.parametrize("mode", [True, "always"])
@pytest.mark.parametrize(
    ("expire", "ahead"),
    [
        (b"EXPIRE 0", b""),
        (b"expire 0 USER", b""),
        (b"EXPIRE 30", b""),
        (b"EXPIRE NEVER", b"RETR 3\r\nRETR 4\r\n"),
        (b"EXPIRE", b"RETR 3\r\nRETR 4\r\n"),
    ],
)
def test_nothing_is_read_ahead_where_the_server_deletes_what_was_read(
    expire: bytes, ahead: bytes, mode: bool | str
) -> None:
    capa = b"+OK\r\nPIPELINING\r\n" + expire + b"\r\n.\r\n"
    talk = Talk(service(read_ahead=mode), capa=capa)  # type: ignore[arg-type]
    talk.log_in(capa)
    assert walking(talk) == b"RETR 2\r\n" + ahead


def test_nothing_is_read_ahead_for_clients_that_ask_last() -> None:
    """Each RETR changes the answer (RFC 1460), and the next session begins behind it."""
    talk = logged_in()
    talk.say(b"LAST\r\n")
    talk.answer(b"+OK 0\r\n")
    assert walking(talk) == b"RETR 2\r\n"
    again = Talk(habits=talk.habits)
    again.say(b"USER anna\r\n")
    again.say(b"PASS secret\r\n")
    again.answer(b"+OK\r\n+OK in\r\n" + CAPA)
    assert walking(again) == b"RETR 2\r\n"


# Answers in their order, whatever else the server says


def test_an_early_answer_comes_after_all_that_the_server_has_said() -> None:
    """512 NOOPs fill the turns, and the DELE behind them is answered by us when the answers come, all in one piece."""
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    talk.answer(mail(1))
    talk.say(b"NOOP\r\n" * 512 + b"DELE 1\r\n")
    answers = b"+OK nothing done\r\n" * 512
    assert len(answers) > STRAIGHT
    assert talk.answer(answers) == (answers + b"+OK message 1 deleted\r\n", b"DELE 1\r\n")


@pytest.mark.parametrize("more", [b"\r\n", b"+OK by the way\r\n", b"x" * (TAIL - 5)])
@pytest.mark.parametrize("size", [0, 10, TAIL - 3, TAIL, 3 * TAIL])
def test_a_server_that_says_more_than_it_owes_does_not_hold_the_session_up(more: bytes, size: int) -> None:
    talk = logged_in()
    talk.say(b"STAT\r\n")
    talk.answer(b"+OK 1 9\r\n")
    talk.say(b"RETR 1\r\n")
    message = b"+OK\r\n" + b"x" * size + b"\r\n.\r\n"
    assert talk.answer(message + more) == (message + more, b"")
    assert not talk.relay.is_owed
    assert talk.say(b"DELE 1\r\n") == (b"+OK message 1 deleted\r\n", b"DELE 1\r\n")
    talk.answer(b"+OK\r\n")
    assert talk.say(b"QUIT\r\n") == (b"", b"QUIT\r\n")


@pytest.mark.parametrize("first", range(TAIL, TAIL + 12))
def test_the_end_of_a_large_body_is_found_wherever_it_is_cut(first: int) -> None:
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    message = b"+OK\r\n" + b"x" * (TAIL - 5) + b"\r\n.\r\n"
    got = talk.answer(message[:first])[0] + talk.answer(message[first:])[0]
    assert got == message
    assert not talk.relay.is_owed


def test_the_end_of_a_body_is_found_before_a_long_piece_that_nobody_asked_for() -> None:
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    talk.answer(mail(1)[:-2])
    more = b"x" * (TAIL - 1)
    assert talk.answer(b"\r\n" + more)[0] == b"\r\n" + more
    assert not talk.relay.is_owed


def test_an_unknown_command_that_goes_on_is_passed_on() -> None:
    """XTND XMIT sends a mail; nothing is held back, and no NOOP of ours comes in between."""
    talk = logged_in()
    assert talk.say(b"XTND XMIT\r\n") == (b"", b"XTND XMIT\r\n")
    assert talk.answer(b"+OK go on\r\n") == (b"+OK go on\r\n", b"")
    assert not talk.relay.keep_alive()
    assert talk.say(b"From: anna\r\n\r\n") == (b"", b"From: anna\r\n\r\n")
    assert talk.say(b"DELE 1\r\n.\r\n") == (b"", b"DELE 1\r\n.\r\n")
    assert talk.answer(b"+OK sent\r\n") == (b"+OK sent\r\n", b"")


def test_commands_behind_an_unknown_one_are_not_lost() -> None:
    talk = logged_in()
    talk.say(b"XTND XMIT\r\nSTAT\r\nQUIT\r\n")
    got, heard = talk.answer(b"+OK go on\r\n")
    assert (got, heard) == (b"+OK go on\r\n", b"STAT\r\nQUIT\r\n")
    assert talk.answer(b"+OK 0 0\r\n+OK bye\r\n") == (b"+OK 0 0\r\n+OK bye\r\n", b"")


def test_a_broken_session_says_nothing_more_to_anybody() -> None:
    talk = Talk(capa=LITTLE)
    talk.say(b"USER anna\r\n")
    talk.say(b"PASS secret\r\n")
    assert talk.answer(b"500 what?\r\nmore\r\n") == (b"", b"")
    assert talk.relay.is_broken
    assert talk.answer(b"+OK and more\r\n") == (b"", b"")


# Refusals


def test_after_a_refused_deletion_everything_goes_step_by_step() -> None:
    talk = logged_in()
    talk.say(b"CAPA\r\nSTAT\r\n")
    talk.answer(b"+OK 3 27\r\n")
    assert not talk.relay.held
    assert talk.say(b"DELE 1\r\n")[0] == b"+OK message 1 deleted\r\n"
    talk.answer(b"-ERR locked\r\n")
    assert talk.say(b"DELE 2\r\n") == (b"", b"DELE 2\r\n")


def test_a_refusal_with_guesses_in_hand_ends_them() -> None:
    """What the client asked by itself is refused: the mailbox is not what we thought."""
    talk = logged_in()
    walking(talk)
    talk.answer(mail(2) + mail(3) + mail(4))
    talk.say(b"TOP 9 1\r\n")
    talk.answer(b"-ERR none\r\n")
    assert talk.say(b"RETR 3\r\n") == (b"", b"RETR 3\r\n")


def test_switched_off_no_question_is_asked_ahead() -> None:
    habits = Habits()
    habits.questions = (b"STAT", b"UIDL")
    talk = Talk(changed(service(), ask_ahead=False), habits)
    talk.say(b"USER anna\r\n")
    talk.say(b"PASS secret\r\n")
    assert talk.answer(b"+OK\r\n+OK in\r\n")[1] == b"CAPA\r\n"
    assert talk.answer(CAPA) == (b"", b"")


# Words that are data


@pytest.mark.parametrize("asked", [b"UIDL 1\r\n", b"LIST 1\r\n", b"STAT\r\n"])
def test_answers_that_are_data_are_not_softened(asked: bytes) -> None:
    talk = Talk(changed(service(), soften=True))
    talk.log_in()
    talk.say(asked)
    assert talk.answer(b"+OK 1 mirrorerrorhost\r\n")[0] == b"+OK 1 mirrorerrorhost\r\n"


def test_capabilities_in_hand_are_softened_like_all_others() -> None:
    talk = Talk(changed(service(), soften=True), capa=b"+OK no Error\r\nTERROR\r\n.\r\n")
    assert talk.say(b"CAPA\r\n")[0] == b"+OK no fault\r\nTERROR\r\n.\r\n"


# A password is not a user's name


@pytest.mark.parametrize("first", [b"", b"*no base64*"])
def test_the_second_line_of_a_login_is_never_the_user(first: bytes) -> None:
    talk = Talk()
    talk.say(b"AUTH LOGIN\r\n")
    talk.answer(b"+ VXNlcm5hbWU6\r\n")
    talk.say(first + b"\r\n")
    talk.answer(b"+ UGFzc3dvcmQ6\r\n")
    talk.say(base64.b64encode(b"CANARY") + b"\r\n")
    assert "CANARY" not in talk.relay.user


def test_the_line_after_an_initial_response_is_never_the_user() -> None:
    talk = Talk()
    talk.say(b"AUTH LOGIN *no base64*\r\n")
    talk.answer(b"+ UGFzc3dvcmQ6\r\n")
    talk.say(base64.b64encode(b"CANARY") + b"\r\n")
    assert talk.relay.user == ""


# What a server that can't bear it costs


def test_a_server_lost_before_the_login_is_not_asked_by_us_next_time() -> None:
    talk = Talk(capa=b"")
    assert talk.say(b"USER anna\r\n")[1] == b"CAPA\r\n"
    talk.relay.server_ended()
    talk.relay.over(lost=True)
    assert careful(talk.habits, capa=b"")


def test_a_server_that_leaves_politely_in_the_midst_of_guesses_is_not_trusted_either() -> None:
    talk = logged_in()
    assert walking(talk) == b"RETR 2\r\nRETR 3\r\nRETR 4\r\n"
    talk.answer(mail(2))
    talk.say(b"RETR 3\r\n")
    talk.say(b"RETR 4\r\n")  # both are the client's now
    talk.relay.server_ended()
    talk.relay.over(lost=True)
    assert careful(talk.habits)


def test_mistrust_lasts_longer_each_time() -> None:
    habits = Habits()
    for sessions in (MISTRUST, MISTRUST * 4):
        habits.caution()
        for _ in range(sessions):
            assert careful(habits)
            talk = Talk(habits=habits)
            talk.say(b"USER anna\r\n")
            talk.answer(b"+OK\r\n")
            talk.say(b"PASS secret\r\n")
            talk.answer(b"+OK in\r\n")
            talk.relay.over(lost=False)
        assert not careful(habits)


def test_a_login_that_is_refused_and_hung_up_on_is_no_reason_for_mistrust() -> None:
    talk = Talk()
    talk.say(b"USER anna\r\n")
    talk.say(b"PASS wrong\r\n")
    talk.answer(b"+OK\r\n-ERR [AUTH] no\r\n")
    talk.relay.server_ended()
    talk.relay.over(lost=True)
    assert not careful(talk.habits)


def test_a_server_that_refused_capa_once_is_asked_again_some_day() -> None:
    habits = Habits()
    for _ in range(LESSONS):
        talk = Talk(habits=habits)
        talk.say(b"USER anna\r\n")
        talk.say(b"PASS secret\r\n")
        talk.answer(b"+OK\r\n+OK in\r\n-ERR not now\r\n")
        talk.relay.over(lost=False)
    again = Talk(habits=habits)
    again.log_in()


def test_a_capa_that_is_not_answered_is_known_to_hold_everything_up() -> None:
    talk = Talk(capa=b"")
    talk.say(b"USER anna\r\n")
    assert talk.relay.waits_for_capa
    talk.answer(b"+OK\r\n")
    assert talk.relay.waits_for_capa
    talk.answer(b"TOP\r\n.\r\n")
    assert not talk.relay.waits_for_capa


# What a client can make us hold


def test_commands_that_are_answered_at_once_are_bounded_too() -> None:
    talk = Talk(capa=LITTLE)
    for _ in range(3):
        talk.say(b"USER anna\r\n" * UNANSWERED_LIMIT)
    assert not talk.relay.wants_client
    assert len(talk.relay._out.unsent) + len(talk.relay._owed.asked) <= UNANSWERED_LIMIT  # noqa: SLF001
    talk.answer(b"+OK\r\n")
    assert len(talk.relay._out.unsent) + len(talk.relay._owed.asked) <= UNANSWERED_LIMIT  # noqa: SLF001


@pytest.mark.parametrize("step", [2, 5_000, 10_000])
def test_a_list_with_gaps_costs_no_more_than_it_says(step: int) -> None:
    listing = b"+OK\r\n" + b"".join(b"%d 1\r\n" % number for number in range(step, step * 9_000, step)) + b".\r\n"
    if step == 2:
        assert len(sizes(listing)) == 17_999
    else:
        with pytest.raises(ValueError, match="1"):
            sizes(listing)


def test_an_answer_that_was_learnt_from_is_not_kept_twice() -> None:
    talk = logged_in()
    talk.say(b"STAT\r\n")
    talk.answer(b"+OK 2 18\r\n")
    talk.say(b"RETR 1\r\n")
    talk.answer(mail(1))
    assert talk.say(b"RETR 2\r\n")[1] == b"RETR 2\r\nLIST\r\n"
    listing = talk.relay._owed.asked[-1]  # noqa: SLF001
    talk.answer(mail(2) + list_of(9, 9))
    assert listing.kept == list_of(9, 9)
    assert listing.learnt is None


# Sessions after one another, with a server that can't bear what we do


class _Delicate(Model):
    """Hangs up when something comes before it has answered, although it offers PIPELINING."""

    def _answer(self, line: bytes) -> None:
        if self.outbox:
            self.ended = True
        else:
            super()._answer(line)


@pytest.mark.parametrize("seed", range(5))
def test_a_server_that_can_not_bear_it_serves_the_next_session(seed: int) -> None:
    """One session may fail. Those that follow get everything."""
    habits, nature = Habits(), Nature(messages=(b"a\r\n", b"b\r\n", b"c\r\n", b"d\r\n"))
    script = [
        b"USER anna\r\n",
        b"PASS secret\r\n",
        b"LIST\r\n",
        *(b"RETR %d\r\n" % n for n in range(1, 5)),
        b"QUIT\r\n",
    ]
    lost = 0
    for _ in range(1 + MISTRUST):
        client, server = Client([[line] for line in script]), _Delicate(nature)
        world = World(service(), habits, client, server)
        world.run(_Slow(seed))
        lost += world.server_gone and not world.relay.has_quit
        world.settle()
    assert lost == 1


class _Slow(Chance):
    """Lets the client and us speak first, so that commands meet before they are answered."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def randint(self, a: int, _b: int) -> int:
        return a

    def random(self) -> float:
        return self._random.random()
