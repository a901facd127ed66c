"""The POP3 relay, step by step: what each side sees, and when."""

import base64
import re
import weakref

import pytest

from hearing import every_cut, taken
from keeping import keeps, kept_by
from model_pop3 import VISITOR, service, trusting
from popover.config import Service
from popover.protocols import Terms
from popover.protocols.pop3 import Ears, Memory, ask_capabilities
from popover.protocols.pop3.ahead import OVER
from popover.protocols.pop3.answers import capabilities, for_client, is_capabilities, soften
from popover.protocols.pop3.client_ear import BURST, TURNS_LIMIT
from popover.protocols.pop3.commands import RESPONSE_LIMIT
from popover.protocols.pop3.habits import WIDEST, Habits
from popover.protocols.pop3.leaving import FIND_OUT, NOT_REMOVED
from popover.protocols.pop3.login import HOLD_USER
from popover.protocols.pop3.manners import AT_ONCE, FIRST_OCTETS, KEPT, Shown
from popover.protocols.pop3.queue import ANSWERS
from popover.protocols.pop3.status import REFUSALS
from popover.talk import End, More
from popover.wire.scratch import Scratch
from services import changed

CAPA = b"+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nUSER\r\n.\r\n"


class Talk:
    """Ears, and what both sides have got of them so far. The server has shown all it can, unless `memory` says else."""

    def __init__(
        self,
        of: Service | None = None,
        memory: Memory | None = None,
        ready: bytes = CAPA,
        greeting: bytes = b"+OK hello\r\n",
    ) -> None:
        self.client, self.server = End("client"), End("server")
        self.memory = memory or trusting()
        self.ears = Ears(self.client, self.server, Terms((of or service()).ahead, VISITOR), self.memory)
        self.now = 1000.0
        self.ears.start(greeting, ready, self.now)
        assert self.got() == greeting

    def got(self) -> bytes:
        """What the client has got since the last call."""
        return taken(self.client)

    def heard(self) -> bytes:
        """What the server has heard since the last call."""
        return taken(self.server)

    def say(self, words: bytes) -> tuple[bytes, bytes]:
        """The client says something: what it gets, and what the server hears."""
        straight = self.ears.client_said(words, self.now)
        while self.ears.has_more:
            self.ears.client_said(b"", self.now)
        return self.got(), self.heard() + straight

    def answer(self, words: bytes) -> tuple[bytes, bytes]:
        """The server says something: what the client gets, and what the server hears."""
        got = bytes(self.ears.server_said(words, self.now))
        got = self.got() + got
        while self.ears.has_more:
            self.ears.client_said(b"", self.now)
            got += self.got()
        return got, self.heard()

    def wait(self) -> tuple[bytes, bytes]:
        """Nothing is said until something is due: what the client gets then, and what the server hears."""
        self.now = self.ears.due
        self.ears.on_time(self.now)
        return self.got(), self.heard()

    def over(self, *, server_left: bool = False) -> None:
        """The session ends."""
        self.ears.over(self.now, server_left=server_left)

    def log_in(self, *asked: bytes, count: int = 9) -> None:
        """Log in, with what leaves with it by the habits of this client. `count`: messages, by STAT."""
        assert self.say(b"USER anna\r\n")[0] == b"+OK\r\n"
        _, heard = self.say(b"PASS secret\r\n")
        assert heard == b"USER anna\r\nPASS secret\r\nCAPA\r\n" + b"".join(asked) + b"STAT\r\n"
        got, heard = self.answer(b"+OK\r\n+OK in\r\n" + CAPA + b"+OK %d 99\r\n" % count)
        assert (got, heard) == (b"+OK in\r\n", b"")


def logged_in(*, count: int = 9, **more: object) -> Talk:
    talk = Talk(service(**more))  # type: ignore[arg-type]
    talk.log_in(count=count)
    return talk


def list_of(*sizes: int) -> bytes:
    return b"+OK\r\n" + b"".join(b"%d %d\r\n" % pair for pair in enumerate(sizes, 1)) + b".\r\n"


def mail(number: int, size: int = 11) -> bytes:
    """An answer to RETR; the message has so many octets."""
    return b"+OK\r\n" + (b"message %d" % number).ljust(size) + b"\r\n.\r\n"


SIZE = len(mail(1)) - len(b"+OK\r\n.\r\n")


def proven(number: int, size: int = SIZE) -> bytes:
    """A message that was read ahead, and the answer that proves which it is."""
    return mail(number) + b"+OK %d %d\r\n" % (number, size)


def unit(*numbers: int, verb: bytes = b"RETR", lines: bytes = b"") -> bytes:
    """What leaves for messages that are read ahead."""
    return b"".join(b"%s %d%s\r\nLIST %d\r\n" % (verb, number, lines, number) for number in numbers)


def begins_to_walk(talk: Talk, *sizes: int) -> None:
    """The client asks for the list, of messages with these sizes, and gets the first."""
    talk.say(b"LIST\r\n")
    talk.answer(list_of(*sizes))
    assert talk.say(b"RETR 1\r\n") == (b"", b"RETR 1\r\n")
    assert talk.answer(mail(1))[0] == mail(1)


def walks(talk: Talk, *sizes: int) -> None:
    """And asks for the second."""
    begins_to_walk(talk, *sizes)
    assert talk.say(b"RETR 2\r\n") == (b"", b"RETR 2\r\n")


def knows_of_two() -> Talk:
    """Logged in, and the client knows that there are two messages."""
    talk = logged_in(count=2)
    assert talk.say(b"STAT\r\n") == (b"+OK 2 99\r\n", b"")
    return talk


def untrusted(*, after: bytes | None = None) -> Memory:
    """The memory of a server that has shown nothing. `after`: it has told its capabilities after a login."""
    memory = Memory()
    if after is not None:
        memory.manners.learn(capabilities(after), logged_in=True)
    return memory


# USER, PASS and what goes with them


def test_user_and_pass_leave_in_one_flight() -> None:
    talk = Talk(changed(service(), ask_ahead=False))
    assert talk.say(b"USER anna\r\n") == (b"+OK\r\n", b"")
    assert talk.say(b"PASS secret\r\n") == (b"", b"USER anna\r\nPASS secret\r\n")
    assert talk.ears.user == "anna"


@pytest.mark.parametrize("memory", [trusting(before=False), untrusted()])
def test_user_and_pass_leave_in_two_where_pipelining_was_not_shown(memory: Memory) -> None:
    talk = Talk(memory=memory, ready=b"")
    assert talk.say(b"USER anna\r\n") == (b"+OK\r\n", b"USER anna\r\n")
    assert talk.say(b"PASS secret\r\n") == (b"", b"")
    assert talk.answer(b"+OK send it\r\n") == (b"", b"PASS secret\r\n")


def test_a_user_waits_half_a_second_for_its_password() -> None:
    """A server has a limit for silence before the login, and on a spare connection it has run for a while."""
    talk = Talk()
    talk.say(b"USER anna\r\n")
    began = talk.now
    assert talk.wait() == (b"", b"USER anna\r\n")
    assert talk.now - began == HOLD_USER
    assert talk.say(b"PASS secret\r\n")[1].startswith(b"PASS secret\r\n")


def test_a_refused_user_answers_pass_and_the_password_stays_here() -> None:
    talk = Talk(memory=trusting(before=False))
    talk.say(b"USER nobody\r\n")
    talk.say(b"PASS secret\r\n")
    assert talk.answer(b"-ERR who is that\r\n") == (b"-ERR who is that\r\n", b"")


def test_a_refused_user_answers_pass_in_one_flight() -> None:
    talk = Talk(changed(service(), ask_ahead=False))
    talk.say(b"USER nobody\r\n")
    talk.say(b"PASS secret\r\n")
    assert talk.answer(b"-ERR who is that\r\n-ERR no user yet\r\n")[0] == b"-ERR who is that\r\n"
    assert talk.say(b"USER anna\r\n") == (b"", b"USER anna\r\n")


def test_after_a_wrong_password_everything_goes_step_by_step() -> None:
    talk = Talk(changed(service(), ask_ahead=False))
    talk.say(b"USER anna\r\n")
    talk.say(b"PASS wrong\r\n")
    assert talk.answer(b"+OK\r\n-ERR [AUTH] no\r\n") == (b"-ERR [AUTH] no\r\n", b"")
    assert talk.say(b"USER anna\r\n") == (b"", b"USER anna\r\n")


def test_a_user_that_thinks_better_of_it() -> None:
    talk = Talk()
    talk.say(b"USER anna\r\n")
    assert talk.say(b"QUIT\r\n") == (b"+OK\r\n", b"")
    assert talk.ears.has_left
    assert talk.wait() == (b"", b"USER anna\r\n")
    assert talk.answer(b"+OK\r\n") == (b"", b"QUIT\r\n")


# Trust is earned


def looks(talk: Talk) -> None:
    """Log in and look, step by step."""
    talk.say(b"USER anna\r\nPASS secret\r\n")
    talk.answer(b"+OK\r\n")
    talk.answer(b"+OK in\r\n")
    talk.say(b"STAT\r\n")
    talk.answer(b"+OK 3 9\r\n")


def test_a_server_that_has_shown_nothing_hears_the_client_alone() -> None:
    """CAPA, too, is a bad command to some, and they have little patience."""
    talk = Talk(memory=untrusted(), ready=b"")
    for line, answer in (
        (b"USER anna\r\n", b"+OK\r\n"),
        (b"PASS secret\r\n", b"+OK in\r\n"),
        (b"LIST\r\n", list_of(SIZE, SIZE, SIZE)),
        (b"RETR 1\r\n", mail(1)),
        (b"RETR 2\r\n", mail(2)),
        (b"RETR 3\r\n", mail(3)),
    ):
        assert talk.say(line)[1] == line
        talk.answer(answer)
    assert talk.heard() == b""


def test_what_a_server_can_is_found_out_when_its_client_has_left() -> None:
    memory = untrusted()
    memory.manners.learn(capabilities(CAPA), logged_in=False)  # as on a connection that serves nobody
    talk = Talk(memory=memory, ready=b"")
    for line, answer in (
        (b"USER anna\r\n", b"+OK\r\n"),
        (b"PASS secret\r\n", b"+OK in\r\n"),
        (b"STAT\r\n", b"+OK 3 9\r\n"),
    ):
        talk.say(line)
        talk.answer(answer)
    assert talk.say(b"QUIT\r\n") == (b"+OK\r\n", b"CAPA\r\n")
    assert talk.answer(CAPA) == (b"", b"CAPA\r\nLIST 3\r\nLIST\r\nSTAT\r\n")
    assert not talk.ears.is_settled
    assert talk.answer(CAPA + b"+OK 3 3\r\n" + list_of(3, 3, 3) + b"+OK 3 9\r\n") == (b"", b"QUIT\r\n")
    assert memory.manners.pipelines is Shown.YES


@pytest.mark.parametrize("answers", [b"", CAPA, CAPA + b"+OK 3 9\r\n", CAPA + CAPA, b"+OK 3 9\r\n"])
def test_a_server_that_does_not_answer_it_all_is_told_quit_all_the_same(answers: bytes) -> None:
    memory = untrusted(after=CAPA)
    talk = Talk(memory=memory, ready=b"")
    for line, answer in (
        (b"USER anna\r\n", b"+OK\r\n"),
        (b"PASS secret\r\n", b"+OK in\r\n"),
        (b"STAT\r\n", b"+OK 3 9\r\n"),
    ):
        talk.say(line)
        talk.answer(answer)
    assert talk.say(b"QUIT\r\n") == (b"+OK\r\n", b"CAPA\r\nLIST 3\r\nLIST\r\nSTAT\r\n")
    got, heard = talk.answer(answers)
    if not heard:
        got, heard = talk.wait()
    assert (got, heard) == (b"", b"QUIT\r\n")
    assert memory.manners.pipelines is not Shown.YES
    assert not talk.ears.is_settled
    talk.answer(b"+OK bye\r\n")
    assert talk.ears.is_settled


@pytest.mark.parametrize("is_swapped", [False, True])
@pytest.mark.parametrize("says_capa_at_once", [False, True])
@pytest.mark.parametrize(
    "asks",
    [(), (b"STAT",), (b"UIDL",), (b"LIST",), (b"UIDL", b"LIST"), (b"STAT", b"UIDL"), (b"STAT", b"UIDL", b"LIST")],
)
def test_who_answers_two_that_wait_the_other_way_round_does_not_show_that_all_are_answered_in_order(
    asks: tuple[bytes, ...], *, says_capa_at_once: bool, is_swapped: bool
) -> None:
    """Its answer to the CAPA behind a PASS would be the client's to that. `says_capa_at_once`: one line by line."""
    said = {
        b"CAPA": CAPA,
        b"STAT": b"+OK 3 9\r\n",
        b"UIDL": b"+OK\r\n1 7\r\n2 8\r\n3 9\r\n.\r\n",
        b"LIST": list_of(2, 3, 4),
    }
    said |= {b"NOOP": b"+OK\r\n", b"LIST 3": b"+OK 3 4\r\n"}
    memory = untrusted(after=CAPA)
    talk = Talk(memory=memory, ready=b"")
    for line, answer in (
        (b"USER anna", b"+OK\r\n"),
        (b"PASS secret", b"+OK in\r\n"),
        *((one, said[one]) for one in asks),
    ):
        talk.say(line + b"\r\n")
        talk.answer(answer)
    asked = talk.say(b"QUIT\r\n")[1].splitlines()
    answers = [(b"" if one == b"CAPA" and says_capa_at_once else said[one]) for one in asked]
    if is_swapped:
        answers = [answers[place ^ 1] if place ^ 1 < len(answers) else answers[place] for place in range(len(answers))]
    answers = [CAPA, *answers] if says_capa_at_once else answers
    talk.answer(b"".join(answers))
    assert (memory.manners.pipelines is Shown.YES) != is_swapped


def drips(talk: Talk, seconds: float) -> bytes:
    """The server says an octet now and then, for so long; what it hears meanwhile."""
    heard, until = b"", talk.now + seconds
    while talk.now < until:
        talk.now += 0.1
        heard += talk.answer(b"9")[1]
        if talk.ears.due <= talk.now:
            heard += talk.wait()[1]
    return heard


def left_to_drip() -> Talk:
    """Its client has left, and the server is asked what it can; it begins to answer, and comes to no end."""
    talk = Talk(memory=untrusted(after=CAPA), ready=b"")
    looks(talk)
    assert talk.say(b"QUIT\r\n") == (b"+OK\r\n", b"CAPA\r\nLIST 3\r\nLIST\r\nSTAT\r\n")
    talk.answer(CAPA + b"+OK ")
    return talk


def test_a_server_that_talks_on_and_does_not_hear_quit_is_let_go() -> None:
    talk = left_to_drip()
    assert drips(talk, FIND_OUT + 0.1) == b"QUIT\r\n"
    assert not talk.ears.is_settled
    assert drips(talk, 1) == b""
    assert talk.ears.is_settled
    assert talk.memory.harm().keys() == {"pipelines"}


def test_a_server_that_talks_on_keeps_the_next_login_of_this_user_waiting_for_less_than_a_second() -> None:
    talk = left_to_drip()
    again = Talk(memory=talk.memory, ready=b"")
    again.say(b"USER anna\r\nPASS secret\r\n")
    assert again.answer(b"+OK\r\n")[1] == b""
    assert talk.heard() == b"QUIT\r\n"
    drips(talk, 0.9)
    assert talk.ears.is_settled
    talk.over()
    assert again.heard() == b"PASS secret\r\n"


def deletes(talk: Talk) -> None:
    """A session that deletes: there is nothing to be found out behind its QUIT."""
    looks(talk)
    for line, answer in {b"DELE 1\r\n": b"+OK gone\r\n", b"QUIT\r\n": b"+OK bye\r\n"}.items():
        assert talk.say(line) == (b"", line)
        assert talk.answer(answer)[0] == answer
    talk.over()


def shown_before_only() -> Memory:
    """That of a server that offers PIPELINING, and has shown it on a connection that served nobody."""
    memory = untrusted()
    memory.manners.learn(capabilities(CAPA), logged_in=False)
    memory.manners.show("before")
    return memory


def logs_in_to_find_out(memory: Memory) -> Talk:
    deletes(Talk(memory=memory))
    talk = Talk(memory=memory)
    talk.say(b"USER anna\r\nPASS secret\r\n")
    assert talk.answer(b"+OK\r\n+OK in\r\n") == (b"+OK in\r\n", b"STAT\r\nCAPA\r\n")
    return talk


def test_with_a_client_that_always_deletes_it_is_found_out_behind_its_login() -> None:
    memory = shown_before_only()
    talk = logs_in_to_find_out(memory)
    assert talk.say(b"STAT\r\n") == (b"", b"")
    assert talk.answer(b"+OK 3 9\r\n" + CAPA) == (b"+OK 3 9\r\n", b"")
    assert memory.manners.pipelines is Shown.YES
    assert talk.say(b"DELE 1\r\n") == (b"+OK message 1 deleted\r\n", b"DELE 1\r\n")


@pytest.mark.parametrize("number", [1, 2])
def test_what_was_found_out_about_a_message_is_not_told_of_it_once_it_is_deleted(number: int) -> None:
    memory = shown_before_only()
    habits = memory.habits((VISITOR, "anna"))
    habits.questions, habits.leaves_no_time = (b"STAT", b"LIST"), True
    talk = Talk(memory=memory)
    talk.say(b"USER anna\r\nPASS secret\r\n")
    assert talk.answer(b"+OK\r\n+OK in\r\n")[1] == b"LIST 1\r\nCAPA\r\nSTAT\r\n"
    talk.answer(b"+OK 1 3\r\n" + CAPA + b"+OK 3 9\r\n")
    assert talk.say(b"DELE %d\r\n" % number)[1] == b"DELE %d\r\n" % number
    talk.answer(b"+OK gone\r\n")
    assert talk.say(b"LIST 1\r\n") == ((b"", b"LIST 1\r\n") if number == 1 else (b"+OK 1 3\r\n", b""))


@pytest.mark.parametrize("order", [(1, 0, 2), (1, 2, 0)], ids=["two the other way round", "LIST last"])
def test_with_one_message_as_well_it_is_found_out_who_answers_in_another_order(order: tuple[int, ...]) -> None:
    """Of one message STAT and LIST 1 are the same words."""
    memory = shown_before_only()
    habits = memory.habits((VISITOR, "anna"))
    habits.questions, habits.leaves_no_time = (b"STAT", b"LIST"), True
    talk = Talk(memory=memory)
    talk.say(b"USER anna\r\nPASS secret\r\n")
    answers = {b"STAT": b"+OK 1 15\r\n", b"LIST 1": b"+OK 1 15\r\n", b"CAPA": CAPA}
    asked = talk.answer(b"+OK\r\n+OK in\r\n")[1].splitlines()
    for place in order:
        talk.answer(answers[asked[place]])
    assert memory.manners.pipelines is Shown.NO


def asks_list_and_capa() -> Talk:
    """A client in a hurry has just logged in: LIST, which it asked the last time, and CAPA are under way."""
    memory = shown_before_only()
    habits = memory.habits((VISITOR, "anna"))
    habits.questions, habits.leaves_no_time = (b"LIST",), True
    talk = Talk(memory=memory)
    talk.say(b"USER anna\r\nPASS secret\r\n")
    assert talk.answer(b"+OK\r\n+OK in\r\n")[1] == b"LIST\r\nCAPA\r\n"
    return talk


@pytest.mark.parametrize("stat", [b"+OK 3 9\r\n", b"+ 3 9\r\n", b"-ERR no\r\n"])
def test_who_answers_a_list_behind_the_capabilities_is_in_step_again_within_a_second(stat: bytes) -> None:
    """Whatever the server says to the STAT that tells which answer to CAPA was the last."""
    talk = asks_list_and_capa()
    talk.say(b"NOOP\r\n")
    began, got, heard = talk.now, *talk.answer(CAPA + list_of(SIZE))
    while heard != b"NOOP\r\n":
        assert got == b""
        got, heard = talk.answer({b"CAPA\r\n": CAPA, b"STAT\r\n": stat}[heard]) if heard else talk.wait()
    assert talk.now - began < 1.0
    assert talk.answer(b"+OK\r\n") == (b"+OK\r\n", b"")


def test_who_refuses_capa_behind_the_login_and_mixes_up_answers_is_in_step_again_within_a_second() -> None:
    """No list of capabilities can tell where we are."""
    talk = asks_list_and_capa()
    talk.say(b"TOP 2 3\r\n")
    began, got, heard = talk.now, *talk.answer(b"-ERR what?\r\n" + list_of(SIZE))
    while heard != b"TOP 2 3\r\n":
        assert got == b""
        answers = {b"CAPA\r\n": b"-ERR what?\r\n", b"STAT\r\n": b"+OK 3 9\r\n"}
        got, heard = talk.answer(answers[heard]) if heard else talk.wait()
    assert talk.now - began < 1.0
    assert talk.ears.failure is None
    assert talk.answer(mail(2)) == (mail(2), b"")


@pytest.mark.parametrize(
    "answers",
    [
        b"+OK 3 9\r\n",  # the first only
        CAPA,  # the last only
        CAPA + b"+OK 3 9\r\n",
        b"+OK 3 9\r\n+OK by the way\r\n" + CAPA,
    ],
)
def test_what_gets_lost_when_it_is_found_out_costs_less_than_a_second_and_no_answer(answers: bytes) -> None:
    memory = shown_before_only()
    talk = logs_in_to_find_out(memory)
    assert talk.say(b"UIDL\r\n") == (b"", b"")
    began = talk.now
    got, heard = talk.answer(answers)
    while heard != b"UIDL\r\n":
        assert got == b""
        got, heard = talk.answer({b"CAPA\r\n": CAPA, b"STAT\r\n": b"+OK 3 9\r\n"}[heard]) if heard else talk.wait()
    assert got == b""
    assert talk.answer(b"+OK\r\n1 a\r\n.\r\n") == (b"+OK\r\n1 a\r\n.\r\n", b"")
    assert talk.now - began < 1.0
    assert memory.harm().keys() == {"pipelines"}


def test_a_list_that_is_said_twice_is_not_taken_for_capabilities() -> None:
    assert is_capabilities(CAPA)
    assert not is_capabilities(list_of(1, 2))


def test_a_server_that_hangs_up_at_it_is_not_tried_again() -> None:
    memory = shown_before_only()
    talk = logs_in_to_find_out(memory)
    talk.ears.server_ended(talk.now)
    talk.over(server_left=True)
    assert memory.harm().keys() == {"pipelines"}


@pytest.mark.parametrize("words", [b"", b"-ERR too much at once\r\n"])
def test_a_server_that_hangs_up_at_it_when_its_client_has_left_is_not_tried_again(words: bytes) -> None:
    """Whoever ended first: its client has had its answer to QUIT, and has gone."""
    memory = untrusted(after=CAPA)
    talk = Talk(memory=memory, ready=b"")
    looks(talk)
    assert talk.say(b"QUIT\r\n") == (b"+OK\r\n", b"CAPA\r\nLIST 3\r\nLIST\r\nSTAT\r\n")
    talk.ears.client_ended(talk.now)
    talk.answer(words)
    talk.ears.server_ended(talk.now)
    talk.over()
    assert memory.harm().keys() == {"pipelines"}
    assert not is_tried(memory)


def is_tried(memory: Memory) -> bool:
    """Whether a session whose client leaves without having deleted anything finds out what the server can."""
    talk = Talk(memory=memory, ready=b"")
    looks(talk)
    return talk.say(b"QUIT\r\n")[1] != b"QUIT\r\n"


def test_a_server_that_offers_it_only_after_the_login_is_asked_for_that_first() -> None:
    """Gmail does."""
    memory = untrusted()
    memory.manners.learn(capabilities(b"+OK\r\nTOP\r\n.\r\n"), logged_in=False)
    deletes(Talk(memory=memory, ready=b""))
    for asked, answer in ((b"CAPA\r\n", CAPA), (b"STAT\r\nCAPA\r\n", b"+OK 3 9\r\n" + CAPA)):
        talk = Talk(memory=memory, ready=b"")
        talk.say(b"USER anna\r\nPASS secret\r\n")
        talk.answer(b"+OK\r\n")
        assert talk.answer(b"+OK in\r\n") == (b"+OK in\r\n", asked)
        talk.answer(answer)
        talk.say(b"STAT\r\n")
        talk.answer(b"+OK 3 9\r\n" if asked == b"CAPA\r\n" else b"")
        talk.over()
    assert memory.manners.pipelines is Shown.YES


def test_whether_a_server_hears_what_comes_with_its_login_is_found_out_by_what_can_not_be_mistaken() -> None:
    memory = trusting(but="keeps")
    talk = Talk(memory=memory)
    assert talk.say(b"USER anna\r\n") == (b"+OK\r\n", b"USER anna\r\n")
    assert talk.say(b"PASS secret\r\n") == (b"", b"")  # what comes behind it is to be certain
    assert talk.answer(b"+OK\r\n") == (b"", b"PASS secret\r\nCAPA\r\n")
    assert talk.answer(b"+OK in\r\n") == (b"+OK in\r\n", b"STAT\r\n")
    assert talk.answer(CAPA + b"+OK 2 9\r\n") == (b"", b"")
    assert memory.manners.keeps is Shown.YES


def test_a_server_that_loses_what_comes_with_its_login_costs_nobody_anything() -> None:
    """Courier does."""
    memory = trusting(but="keeps")
    talk = Talk(memory=memory)
    talk.say(b"USER anna\r\nPASS secret\r\n")
    talk.answer(b"+OK\r\n")
    assert talk.answer(b"+OK in\r\n") == (b"+OK in\r\n", b"STAT\r\n")
    assert talk.answer(b"+OK 2 9\r\n") == (b"", b"")
    assert memory.manners.keeps is Shown.NO
    assert talk.say(b"CAPA\r\n") == (b"", b"CAPA\r\n")
    assert talk.answer(CAPA)[0] == CAPA


@pytest.mark.parametrize("is_slow", [False, True])
def test_what_is_lost_behind_a_login_that_was_refused_keeps_no_other_login_waiting(is_slow: bool) -> None:
    memory = trusting(but="keeps")
    talk = Talk(memory=memory)
    talk.say(b"USER anna\r\nPASS wrong\r\n")
    assert talk.answer(b"+OK\r\n")[1] == b"PASS wrong\r\nCAPA\r\n"
    assert talk.answer(b"-ERR [AUTH] no\r\n") == (b"-ERR [AUTH] no\r\n", b"")
    began = talk.now
    assert talk.say(b"USER anna\r\n") == (b"", b"")
    assert talk.wait() == (b"", b"CAPA\r\n")  # where it comes from tells what became of the first
    if is_slow:
        assert talk.answer(CAPA) == (b"", b"")
        assert talk.answer(CAPA) == (b"", b"USER anna\r\n")
    else:
        assert talk.answer(CAPA) == (b"", b"")
        assert talk.wait() == (b"", b"USER anna\r\n")
        assert memory.harm().keys() == {"keeps"}
    assert talk.now - began < 1.0
    assert talk.answer(b"+OK\r\n") == (b"+OK\r\n", b"")
    assert talk.say(b"PASS secret\r\n") == (b"", b"PASS secret\r\n")
    assert talk.answer(b"+OK in\r\n")[0] == b"+OK in\r\n"


def test_a_client_that_says_more_with_its_login_shows_nothing_and_waits_for_nothing() -> None:
    talk = Talk(memory=trusting(but="keeps"))
    login = b"USER anna\r\nPASS secret\r\n"
    assert talk.say(login + b"STAT\r\n") == (b"+OK\r\n", login)
    assert talk.answer(b"+OK\r\n+OK in\r\n") == (b"+OK in\r\n", b"STAT\r\n")


def test_the_first_message_that_is_read_ahead_is_alone() -> None:
    memory = trusting(but="reads ahead")
    talk = Talk(memory=memory)
    talk.log_in()
    walks(talk, *[SIZE] * 9)
    assert talk.answer(mail(2)) == (mail(2), unit(3) + b"LIST 2\r\nSTAT\r\n")
    assert talk.say(b"NOOP\r\n") == (b"", b"")
    assert talk.answer(proven(3) + b"+OK 2 %d\r\n" % SIZE) == (b"", b"")
    assert talk.answer(b"+OK 9 99\r\n") == (b"", b"NOOP\r\n")
    assert talk.answer(b"+OK\r\n") == (b"+OK\r\n", unit(4))


NAMED, OTHER, TOTAL = b"+OK 3 %d\r\n" % SIZE, b"+OK 2 %d\r\n" % SIZE, b"+OK 9 99\r\n"


@pytest.mark.parametrize("proofs", [TOTAL + NAMED + OTHER, NAMED + NAMED + OTHER + OTHER + TOTAL])
def test_a_server_that_answers_list_behind_what_waits_or_twice_costs_no_session_and_less_than_a_second(
    proofs: bytes,
) -> None:
    """With one question alone behind a message it answers in order, and once; with many its mails come where nobody
    waits for them, and such a session is lost.
    """
    memory = trusting(but="reads ahead")
    talk = Talk(memory=memory)
    talk.log_in()
    walks(talk, *[SIZE] * 9)
    talk.answer(mail(2))
    talk.say(b"RETR 3\r\n")
    began, got, heard = talk.now, *talk.answer(mail(3) + proofs)
    while heard != b"RETR 3\r\n":
        assert got == b""
        got, heard = talk.answer({b"CAPA\r\n": CAPA, b"STAT\r\n": TOTAL}[heard]) if heard else talk.wait()
    assert talk.now - began < 1.0
    assert talk.ears.failure is None
    assert talk.answer(mail(3)) == (mail(3), b"")
    assert memory.harm().keys() == {"reads ahead"}


@pytest.mark.parametrize(
    "answers",
    [
        b"+OK\r\nmessage 4  \r\n.\r\n+OK 4 11\r\n",  # another message
        mail(3) + b"+OK\r\n",
        mail(3)[:-3] + b"+OK 3 11\r\n.\r\n",  # WildDuck: the next +OK may go out before the dot
    ],
)
def test_a_message_that_is_not_proven_is_thrown_away_and_asked_again(answers: bytes) -> None:
    memory = trusting(but="reads ahead")
    talk = Talk(memory=memory)
    talk.log_in()
    walks(talk, *[SIZE] * 9)
    talk.answer(mail(2))
    assert talk.say(b"RETR 3\r\n") == (b"", b"")
    got, heard = talk.answer(answers)
    for _ in range(3):
        if b"RETR" in heard:
            break
        assert got == b""
        got, heard = talk.wait() if not heard else talk.answer(CAPA)
    assert (got, heard) == (b"", b"RETR 3\r\n")
    assert talk.answer(mail(3)) == (mail(3), b"")
    assert memory.harm().keys() == {"reads ahead"}


def test_sizes_that_are_exact_prove_a_message_too() -> None:
    memory = trusting()
    talk = Talk(memory=memory)
    talk.log_in()
    walks(talk, *[SIZE] * 9)
    assert talk.answer(mail(2)) == (mail(2), unit(3, 4))
    talk.answer(mail(3, 20) + b"+OK 3 11\r\n" + proven(4))
    assert talk.say(b"RETR 3\r\n") == (b"", b"RETR 3\r\n")
    assert memory.harm().keys() == {"reads ahead"}


def test_where_sizes_are_wrong_the_number_alone_proves_a_message() -> None:
    talk = logged_in()
    walks(talk, *[7] * 9)
    assert talk.answer(mail(2)) == (mail(2), unit(3, 4))
    talk.answer(proven(3, 7) + proven(4, 7))
    assert talk.say(b"RETR 3\r\n")[0] == mail(3)


def test_harm_is_known_again_for_a_month() -> None:
    memory = trusting()
    memory.manners.fail("keeps")
    [since] = memory.harm().values()
    for age, shown in ((KEPT - 1, Shown.NO), (KEPT + 1, Shown.YES)):
        again = trusting()
        again.recall(memory.harm(), since + age)
        assert again.manners.keeps is shown


# What this client asked last time


def test_questions_of_last_time_leave_with_the_login() -> None:
    first = logged_in()
    first.say(b"STAT\r\n")
    first.say(b"UIDL\r\n")
    first.answer(b"+OK\r\n1 a\r\n.\r\n")
    first.over()
    talk = Talk(memory=first.memory)
    talk.say(b"USER anna\r\n")
    assert talk.say(b"PASS secret\r\n")[1] == b"USER anna\r\nPASS secret\r\nCAPA\r\nUIDL\r\nSTAT\r\n"
    assert talk.answer(b"+OK\r\n+OK in\r\n" + CAPA + b"+OK\r\n1 a\r\n2 b\r\n.\r\n+OK 2 10\r\n") == (b"+OK in\r\n", b"")
    assert talk.say(b"STAT\r\n") == (b"+OK 2 10\r\n", b"")
    assert talk.say(b"NOOP\r\n") == (b"", b"NOOP\r\n")
    assert talk.answer(b"+OK\r\n")[0] == b"+OK\r\n"
    assert talk.say(b"UIDL\r\n") == (b"+OK\r\n1 a\r\n2 b\r\n.\r\n", b"")
    assert talk.say(b"UIDL\r\n") == (b"", b"UIDL\r\n")


def test_nobody_sees_what_was_learned_of_another() -> None:
    first = logged_in()
    first.say(b"UIDL\r\n")
    first.answer(b"+OK\r\n1 a\r\n.\r\n")
    first.over()
    talk = Talk(memory=first.memory)
    talk.say(b"USER ben\r\n")
    assert talk.say(b"PASS secret\r\n")[1] == b"USER ben\r\nPASS secret\r\nCAPA\r\nSTAT\r\n"


def test_no_answer_is_handed_out_before_all_of_its_flight_is_there() -> None:
    """So many answers as there were questions, each of its shape: none was lost."""
    talk = Talk()
    talk.memory.habits((VISITOR, "anna")).questions = (b"STAT", b"UIDL", b"LIST")
    talk.say(b"USER anna\r\nPASS secret\r\n")
    talk.answer(b"+OK\r\n+OK in\r\n" + CAPA)
    assert talk.say(b"UIDL\r\n") == (b"", b"")
    assert talk.answer(b"+OK\r\n1 9\r\n.\r\n") == (b"", b"")  # it may be LIST's, and UIDL lost
    assert talk.answer(b"+OK\r\n1 9\r\n.\r\n") == (b"", b"")
    assert talk.answer(CAPA) == (b"", b"")  # it stands there for Dovecot, see REFUSALS_IN_A_ROW
    assert talk.answer(b"+OK 1 9\r\n") == (b"+OK\r\n1 9\r\n.\r\n", b"")


# Reading ahead


def test_the_next_messages_are_fetched_once_the_client_walks() -> None:
    talk = logged_in()
    walks(talk, *[SIZE] * 5)
    assert talk.answer(mail(2)) == (mail(2), unit(3, 4))
    talk.answer(proven(3) + proven(4))
    assert talk.say(b"RETR 3\r\n") == (mail(3), unit(5))
    assert talk.say(b"DELE 3\r\n") == (b"+OK message 3 deleted\r\n", b"DELE 3\r\n")
    assert talk.say(b"RETR 4\r\n") == (mail(4), b"")
    assert talk.say(b"DELE 5\r\n") == (b"+OK message 5 deleted\r\n", b"DELE 5\r\n")
    assert talk.answer(proven(5) + b"+OK\r\n+OK\r\n") == (b"", b"")
    assert talk.say(b"RETR 5\r\n") == (b"", b"RETR 5\r\n")  # what was fetched is not true any more
    assert talk.answer(b"-ERR deleted\r\n")[0] == b"-ERR deleted\r\n"


def test_the_width_that_was_earned_is_there_at_once() -> None:
    talk = Talk()
    talk.memory.habits((VISITOR, "anna")).width = 8
    talk.log_in()
    talk.say(b"LIST\r\n")
    talk.answer(list_of(9, 9, 9, 9))
    assert talk.say(b"TOP 2 0\r\n")[1] == b"TOP 2 0\r\n"
    assert talk.answer(b"+OK\r\n\r\n.\r\n")[1] == unit(3, 4, verb=b"TOP", lines=b" 0")


def test_a_message_beyond_the_limit_is_not_fetched_ahead() -> None:
    talk = logged_in(read_ahead_bytes=1000)
    walks(talk, SIZE, SIZE, 990, 20, SIZE)
    assert talk.answer(mail(2))[1] == unit(3)
    assert talk.say(b"RETR 3\r\n")[1] == unit(4, 5)


def test_no_more_is_on_its_way_than_the_line_carries_in_less_than_a_second() -> None:
    """What the client asks meanwhile comes behind it."""
    talk = logged_in()
    walks(talk, SIZE, SIZE, *[FIRST_OCTETS // 2] * 5)
    assert talk.answer(mail(2))[1] == unit(3, 4)
    talk.memory.manners.carried(10 * FIRST_OCTETS, 1.0)
    assert talk.memory.manners.at_once == int(10 * FIRST_OCTETS * AT_ONCE)


def test_what_is_held_is_bounded_whatever_the_list_says() -> None:
    talk = logged_in(read_ahead_bytes=1000)
    walks(talk, 1, 1, 1, 1)
    talk.answer(mail(2))
    assert talk.ears.wants_server
    talk.answer(b"+OK\r\n" + b"x" * 2000)
    assert not talk.ears.wants_server
    got, _ = talk.say(b"RETR 3\r\n")
    assert got == b""  # nobody knows yet that it is message 3
    assert talk.ears.wants_server
    assert talk.answer(b"\r\n.\r\n+OK 3 1\r\n")[0] == b"+OK\r\n" + b"x" * 2000 + b"\r\n.\r\n"


def test_a_server_that_lies_about_sizes_fills_one_piece_beyond_the_limit_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("popover.protocols.pop3.ahead.OVER", 500)
    talk = logged_in(read_ahead_bytes=1000)
    walks(talk, 1, 1, 1, 1)
    talk.answer(mail(2))
    third, fourth = b"+OK\r\n" + b"x" * 1200 + b"\r\n.\r\n", b"+OK\r\n" + b"y" * 600 + b"\r\n.\r\n"
    talk.answer(third + b"+OK 3 1\r\n" + fourth + b"+OK 4 1\r\n")  # nobody could stop reading between them
    assert talk.ears.held <= 1000 + 500
    assert talk.say(b"RETR 3\r\n") == (third, b"")
    assert talk.say(b"RETR 4\r\n") == (b"", b"RETR 4\r\n")


def test_a_piece_of_the_stream_is_what_may_be_held_beyond_the_limit() -> None:
    """Less, and an honest server's messages would be fetched twice; the dry floor does not know the stream."""
    assert len(Scratch().clear) == OVER


def test_what_is_in_the_way_is_thrown_away() -> None:
    talk = logged_in(read_ahead_bytes=1000)
    walks(talk, 1, 1, 1, 1)
    talk.answer(mail(2))
    talk.answer(b"+OK\r\n" + b"x" * 2000)
    assert talk.say(b"LIST 1\r\n") == (b"", b"LIST 1\r\n")
    assert talk.ears.wants_server
    talk.answer(b"x" * 3000)
    assert talk.ears.held < 1000
    assert talk.answer(b"\r\n.\r\n+OK 3 1\r\n" + proven(4, 1) + b"+OK 1 1\r\n")[0] == b"+OK 1 1\r\n"


@pytest.mark.parametrize(("mode", "ahead"), [(True, b""), ("always", unit(3, 4)), (False, b"")])
def test_gmail_is_not_read_ahead_unless_asked_for(mode: bool | str, ahead: bytes) -> None:
    talk = Talk(changed(service(), read_ahead=mode, ask_ahead=False))
    talk.memory.manners.learn(capabilities(b"+OK\r\nX-GOOGLE-RICO\r\nPIPELINING\r\n.\r\n"), logged_in=True)
    talk.say(b"USER anna\r\nPASS secret\r\n")
    talk.answer(b"+OK\r\n+OK in\r\n")
    walks(talk, SIZE, SIZE, SIZE, SIZE)
    assert talk.answer(mail(2))[1] == ahead


def test_a_refusal_among_the_guesses_ends_them() -> None:
    talk = logged_in()
    walks(talk, *[SIZE] * 6)
    talk.answer(mail(2))
    assert talk.answer(b"-ERR gone\r\n-ERR gone\r\n" + proven(4))[0] == b""
    assert talk.say(b"RETR 3\r\n") == (b"", b"RETR 3\r\n")
    assert talk.answer(b"-ERR gone\r\n")[0] == b"-ERR gone\r\n"
    assert talk.say(b"RETR 4\r\n") == (b"", b"RETR 4\r\n")
    talk.answer(mail(4))
    assert talk.say(b"DELE 1\r\n") == (b"", b"DELE 1\r\n")


def test_guesses_that_do_not_come_true_make_the_next_ones_fewer() -> None:
    habits = Habits()
    habits.learn((), fetched=True, came_true=50, wasted=2, width=64)
    assert habits.width == 64
    habits.learn((), fetched=True, came_true=3, wasted=40, width=64)
    assert habits.width == 32
    habits.learn((), fetched=True, came_true=900, wasted=0, width=9999)
    assert habits.width == WIDEST
    habits.caution(has_deleted=False)
    assert habits.width == 0


def test_a_server_lost_with_guesses_under_way_makes_this_client_careful() -> None:
    talk = logged_in()
    walks(talk, SIZE, SIZE, SIZE, SIZE)
    talk.answer(mail(2))
    talk.ears.server_ended(talk.now)
    talk.over(server_left=True)
    assert talk.memory.habits((VISITOR, "anna")).careful
    assert not talk.memory.habits((VISITOR, "ben")).careful
    assert not talk.memory.harm()


# DELE and QUIT


def test_quit_waits_until_every_deletion_is_answered() -> None:
    talk = knows_of_two()
    talk.say(b"DELE 1\r\n")
    talk.say(b"DELE 2\r\n")
    assert talk.say(b"QUIT\r\n") == (b"", b"")
    assert talk.answer(b"+OK\r\n") == (b"", b"")
    assert talk.answer(b"+OK\r\n") == (b"", b"QUIT\r\n")
    assert not talk.ears.has_left
    assert talk.answer(b"+OK bye\r\n") == (b"+OK bye\r\n", b"")
    assert talk.ears.has_quit


def test_a_refused_deletion_surfaces_at_quit() -> None:
    talk = knows_of_two()
    assert talk.say(b"DELE 1\r\n")[0] == b"+OK message 1 deleted\r\n"
    talk.answer(b"-ERR locked\r\n")
    talk.say(b"QUIT\r\n")
    assert talk.answer(b"+OK bye\r\n")[0] == NOT_REMOVED


def test_rset_takes_a_refused_deletion_back() -> None:
    talk = knows_of_two()
    talk.say(b"DELE 1\r\n")
    talk.answer(b"-ERR locked\r\n")
    talk.say(b"RSET\r\n")
    talk.answer(b"+OK\r\n")
    assert talk.say(b"QUIT\r\n") == (b"+OK\r\n", b"QUIT\r\n")


@pytest.mark.parametrize("argument", [b"3", b"0", b"01", b"x", b"", b"1 1", b"-1"])
def test_only_a_message_that_exists_is_deleted_at_once(argument: bytes) -> None:
    talk = knows_of_two()
    line = b"DELE " + argument + b"\r\n"
    assert talk.say(line) == (b"", line)
    talk.answer(b"-ERR what\r\n")
    assert talk.say(b"QUIT\r\n")[0] == b""


def test_a_message_deleted_twice_is_not_deleted_at_once() -> None:
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    talk.answer(mail(1))
    assert talk.say(b"DELE 1\r\n")[0] == b"+OK message 1 deleted\r\n"
    assert talk.say(b"DELE 1\r\n") == (b"", b"")
    assert talk.answer(b"+OK\r\n") == (b"", b"DELE 1\r\n")


def test_after_a_strange_command_quit_waits_for_the_server() -> None:
    talk = logged_in()
    talk.say(b"XTND XMIT\r\n")
    talk.answer(b"+OK\r\n")
    assert talk.say(b"QUIT\r\n") == (b"", b"QUIT\r\n")
    assert talk.answer(b"+OK\r\n")[0] == b"+OK\r\n"


def test_nothing_is_heard_after_quit() -> None:
    talk = logged_in()
    assert talk.say(b"QUIT\r\nDELE 1\r\n") == (b"+OK\r\n", b"QUIT\r\n")
    assert talk.say(b"DELE 1\r\n") == (b"", b"")


# What the server says


@pytest.mark.parametrize("cut", range(1, 40))
def test_the_end_of_a_body_is_found_wherever_it_is_cut(cut: int) -> None:
    talk = logged_in()
    whole = b"+OK\r\n..\r\n\r.\r\n.x\r\n.\r\n" + b"+OK\r\n.\r\n" + b"+OK\r\n"
    talk.say(b"RETR 1\r\nLIST\r\nNOOP\r\n")
    pieces = (whole[:cut], whole[cut : cut + 1], whole[cut + 1 :])
    assert b"".join(talk.answer(piece)[0] for piece in pieces) == whole
    assert not talk.ears.is_owed


def test_a_large_body_goes_straight_through() -> None:
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    piece = memoryview(bytearray(b"+OK\r\n" + b"x" * 100_000))
    straight = talk.ears.server_said(piece, talk.now)
    assert straight.obj is piece.obj
    assert len(straight) == len(piece)
    assert talk.got() == b""


@pytest.mark.parametrize("word", [b"ERR what\r\n", b"* BAD\r\n", b"what?\r\n"])
def test_words_that_are_neither_ok_nor_err_desynchronise_nothing(word: bytes) -> None:
    talk = Talk(memory=untrusted(), ready=b"")
    assert talk.say(b"USER anna\r\n") == (b"+OK\r\n", b"USER anna\r\n")
    assert talk.say(b"CAPA\r\n") == (b"", b"")
    assert talk.answer(b"+OK\r\n") == (b"", b"CAPA\r\n")
    assert talk.answer(word) == (word, b"")
    assert talk.say(b"PASS wrong\r\n") == (b"", b"PASS wrong\r\n")
    assert talk.answer(b"-ERR [AUTH] no\r\n") == (b"-ERR [AUTH] no\r\n", b"")


@pytest.mark.parametrize("memory", [trusting(), untrusted()])
def test_an_empty_line_may_be_answered_or_not(memory: Memory) -> None:
    """Stalwart passes over it, Dovecot does not; from then on octets are passed on, for nobody can know."""
    talk = Talk(memory=memory)
    assert talk.say(b"\r\nNOOP\r\n") == (b"", b"\r\nNOOP\r\n")
    assert talk.answer(b"+OK\r\n")[0] == b"+OK\r\n"
    assert talk.answer(b"+OK\r\n")[0] == b"+OK\r\n"


def test_an_empty_line_behind_a_user_waits_for_what_is_ours() -> None:
    talk = Talk()
    talk.say(b"USER anna\r\n\r\nPASS secret\r\n")
    assert talk.wait() == (b"", b"USER anna\r\n")
    assert talk.answer(b"+OK\r\n") == (b"", b"\r\nPASS secret\r\n")
    assert talk.answer(b"+OK in\r\n")[0] == b"+OK in\r\n"


def test_answers_whose_lines_end_in_lf_are_whole() -> None:
    talk = Talk(memory=untrusted(), ready=b"")
    for line, answer in ((b"LIST\r\n", b"+OK\n1 9\n.\n"), (b"RETR 1\r\n", b"+OK\nx\n.\n"), (b"NOOP\r\n", b"+OK\n")):
        assert talk.say(line)[1] == line
        assert talk.answer(answer)[0] == answer
        assert not talk.ears.is_owed


def test_a_mail_that_ends_in_lf_before_the_dot_is_whole_when_the_client_goes_on() -> None:
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    assert talk.answer(b"+OK\r\nHello\n.\r\n")[0] == b"+OK\r\nHello\n.\r\n"
    assert talk.ears.is_owed
    assert talk.say(b"RETR 2\r\n") == (b"", b"RETR 2\r\n")
    assert talk.answer(mail(2))[0] == mail(2)
    assert not talk.ears.is_owed


@pytest.mark.parametrize("inside", [b"a\n.\nb", b"a\n.\r\nb"])
def test_a_dot_between_lone_line_ends_inside_a_mail_is_no_end(inside: bytes) -> None:
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    body = b"+OK\r\n" + inside + b"\r\n"
    assert talk.answer(body)[0] == body
    assert talk.ears.is_owed
    assert talk.answer(b".\r\n")[0] == b".\r\n"
    assert not talk.ears.is_owed


def test_a_status_line_passes_in_drips() -> None:
    """DavMail keeps its clients waiting with one blank after the other."""
    talk = Talk(changed(service(on=False), soften=True), ready=b"")
    talk.say(b"RETR 1\r\n")
    for drip in (b"+", b"OK", b" ", b" "):
        assert talk.answer(drip)[0] == drip
    assert talk.answer(b"no er")[0] == b"no "
    assert talk.answer(b"ror\r\nx\r\n.\r\n")[0] == b"fault\r\nx\r\n.\r\n"


def test_words_said_unasked_are_passed_on() -> None:
    talk = logged_in()
    assert talk.answer(b"-ERR idle for too long\r\n")[0] == b"-ERR idle for too long\r\n"


def test_half_a_status_line_is_given_out_at_the_end() -> None:
    talk = logged_in()
    talk.say(b"TOP 1 0\r\n")
    assert talk.answer(b"+OK e")[0] == b"+OK e"
    talk.ears.server_ended(talk.now)
    assert talk.got() == b""


def test_half_an_answer_to_a_login_is_given_out_at_the_end() -> None:
    """Its beginning waits for the rest, lest it be the refusal of a name that was answered here."""
    talk = Talk()
    talk.say(b"USER anna\r\nPASS secret\r\n")
    assert talk.answer(b"+OK\r\n-E")[0] == b""
    talk.ears.server_ended(talk.now)
    assert talk.got() == b"-E"


@pytest.mark.parametrize("begun", [b"", b"-ERR [AU"])
def test_a_refused_name_is_told_where_the_server_hangs_up_at_it(begun: bytes) -> None:
    talk = Talk()
    talk.say(b"USER nobody\r\nPASS secret\r\n")
    assert talk.answer(b"-ERR no such user\r\n" + begun)[0] == b""
    talk.ears.server_ended(talk.now)
    assert talk.got() == (begun or b"-ERR no such user\r\n")


def test_the_answer_to_a_login_is_given_out_where_the_server_hangs_up_behind_it() -> None:
    talk = Talk()
    assert talk.say(b"USER anna\r\nPASS wrong\r\n")[1].endswith(b"PASS wrong\r\nCAPA\r\nSTAT\r\n")
    assert talk.answer(b"+OK\r\n-ERR [AUTH] wrong\r\n")[0] == b""
    talk.ears.server_ended(talk.now)
    assert talk.got() == b"-ERR [AUTH] wrong\r\n"


def test_capa_leaves_out_what_can_not_work() -> None:
    answer = b"+OK\r\nSTLS\r\nSASL PLAIN SCRAM-SHA-256-PLUS GSSAPI EXTERNAL NTLM LOGIN\r\nPIPELINING\r\n.\r\n"
    assert for_client(answer) == b"+OK\r\nSASL PLAIN LOGIN\r\nPIPELINING\r\n.\r\n"
    assert for_client(b"+OK\r\nSASL GSSAPI\r\nEXPIRE 0\r\n.\r\n") == b"+OK\r\nEXPIRE 0\r\n.\r\n"
    assert for_client(CAPA) == CAPA
    assert for_client(b"-ERR what\r\n") == b"-ERR what\r\n"
    talk = Talk(service(on=False), ready=b"")
    talk.say(b"capa\r\n")
    assert talk.answer(answer[:30])[0] == b""
    assert talk.answer(answer[30:])[0] == for_client(answer)


def test_the_word_error_is_softened_in_a_positive_status_line_only() -> None:
    assert soften(b"+OK 0 Errors, no error\r\n") == b"+OK 0 faults, no fault\r\n"
    assert soften(b"-ERR error\r\n") == b"-ERR error\r\n"
    assert soften(b"+OK error <1.error@x> error\r\n") == b"+OK fault <1.error@x> fault\r\n"
    of = changed(service(on=False), soften=True)
    talk = Talk(of, ready=b"")
    talk.say(b"RETR 1\r\n")
    assert talk.answer(b"+OK no error\r\nan error\r\n.\r\n")[0] == b"+OK no fault\r\nan error\r\n.\r\n"


# What the client says


def test_a_client_that_pipelines_is_served() -> None:
    talk = logged_in()
    assert talk.say(b"LIST\r\nRETR 1\r\n")[1] == b"LIST\r\nRETR 1\r\n"
    answers = list_of(9) + mail(1)
    assert talk.answer(answers)[0] == answers


def test_a_client_that_pipelines_by_itself_is_passed_on_as_it_speaks() -> None:
    """As by a wire: a server that answers nothing, or twice, holds nobody up."""
    talk = Talk(service(on=False), ready=b"")
    assert talk.say(b"USER a\r\nPASS b\r\nSTAT\r\n")[1] == b"USER a\r\nPASS b\r\nSTAT\r\n"


def test_commands_waiting_for_an_answer_are_bounded() -> None:
    talk = logged_in()
    assert talk.say(b"NOOP\r\n" * 5000)[1].count(b"NOOP") == TURNS_LIMIT
    assert not talk.ears.wants_client
    got, heard = talk.answer(b"+OK\r\n" * TURNS_LIMIT)
    assert got.count(b"+OK") == TURNS_LIMIT
    assert heard.count(b"NOOP") == TURNS_LIMIT


def test_what_is_heard_in_one_go_is_bounded() -> None:
    talk = logged_in()
    talk.ears.client_said(b"NOOP\r\n" * 200, talk.now)
    assert talk.heard().count(b"NOOP") == BURST
    assert talk.ears.has_more
    talk.say(b"")
    answers = b"".join(b"+OK %d\r\n" % number for number in range(200))
    talk.ears.server_said(answers, talk.now)
    got = talk.got()
    assert got.count(b"\n") == ANSWERS
    assert talk.ears.has_more
    assert not talk.ears.wants_server
    assert got + talk.answer(b"")[0] == answers
    assert talk.ears.wants_server


def test_what_was_not_heard_yet_is_heard_when_the_server_ends() -> None:
    talk = logged_in()
    talk.say(b"NOOP\r\n" * 200)
    talk.ears.server_said(b"+OK\r\n" * 200, talk.now)
    talk.ears.server_ended(talk.now)
    assert talk.got() == b"+OK\r\n" * 200


@pytest.mark.parametrize("line", [b"USER ", b"AUTH PLAIN "])
def test_a_command_without_end_ends_the_session(line: bytes) -> None:
    talk = Talk()
    talk.say(line + b"x" * (RESPONSE_LIMIT - len(line) - 1))
    assert talk.ears.failure is None
    talk.say(b"x")
    assert f"{RESPONSE_LIMIT:,} octets" in str(talk.ears.failure)


@pytest.mark.parametrize("memory", [trusting(), trusting(before=False), untrusted()])
def test_a_password_of_8_kilobytes_is_the_servers_matter(memory: Memory) -> None:
    """Courier and Cyrus take one of 7,000 octets: it may be a token."""
    talk = Talk(memory=memory, ready=b"")
    if talk.say(b"USER anna\r\n")[1]:
        talk.answer(b"+OK\r\n")
    line = b"PASS " + b"x" * 8192 + b"\r\n"
    assert line in talk.say(line)[1]
    assert talk.ears.failure is None


def test_five_strange_commands_before_the_login_end_the_session() -> None:
    talk = Talk()
    for _ in range(4):
        talk.say(b"GET / HTTP/1.1\r\n")
        talk.answer(b"-ERR\r\n")
    assert talk.ears.failure is None
    talk.say(b"Host: x\r\n")
    assert talk.ears.failure


def test_auth_goes_through_line_by_line() -> None:
    talk = Talk()
    secret = base64.b64encode(b"\0anna\0secret")
    assert talk.say(b"AUTH PLAIN\r\n")[1] == b"AUTH PLAIN\r\n"
    assert talk.answer(b"+ \r\n")[0] == b"+ \r\n"
    assert talk.say(secret + b"\r\n")[1] == secret + b"\r\n"
    assert talk.answer(b"+OK in\r\n") == (b"+OK in\r\n", b"")
    assert talk.ears.logged_in
    assert talk.ears.user == "anna"
    assert not talk.ears.state.is_plain


def test_auth_with_a_response_in_it() -> None:
    talk = Talk()
    line = b"AUTH PLAIN " + base64.b64encode(b"\0anna\0secret") + b"\r\n"
    assert talk.say(line + b"STAT\r\n")[1] == line
    assert talk.answer(b"+OK in\r\n") == (b"+OK in\r\n", b"STAT\r\n")
    assert talk.ears.user == "anna"


def test_a_security_layer_makes_the_relay_a_plain_pipe() -> None:
    talk = Talk()
    talk.say(b"AUTH GSSAPI abc\r\n")
    talk.answer(b"+OK\r\n")
    assert talk.ears.state.is_plain
    assert talk.say(b"\x00\x01") == (b"", b"\x00\x01")


def test_bare_auth_lists() -> None:
    talk = Talk()
    assert talk.say(b"AUTH \r\n")[1] == b"AUTH \r\n"
    listing = b"+OK\r\nPLAIN\r\nLOGIN\r\n.\r\n"
    assert talk.answer(listing) == (listing, b"")
    assert not talk.ears.logged_in


@pytest.mark.parametrize("known", [b"IMPLEMENTATION trinity\r\n", b""])
def test_auth_that_a_server_hangs_up_at_never_reaches_it(known: bytes) -> None:
    """GMX and IONOS do, and Outlook and Thunderbird say it first."""
    capa = b"+OK\r\nSASL PLAIN GSSAPI\r\n" + known + b".\r\n"
    memory = untrusted()
    memory.manners.learn(capabilities(capa), logged_in=False)
    if not known:
        talk = Talk(memory=memory, ready=capa)
        assert talk.say(b"AUTH\r\n")[1] == b"AUTH\r\n"
        talk.ears.server_ended(talk.now)
        talk.over(server_left=True)
    talk = Talk(memory=memory, ready=capa)
    assert talk.say(b"AUTH \r\n") == (b"+OK\r\nPLAIN\r\n.\r\n", b"")


def test_a_server_that_ends_behind_its_client_or_was_dead_before_it_has_not_hung_up_at_auth() -> None:
    """Else a client that says AUTH and goes, by chance or of malice, would speak for all others."""
    memory = untrusted()
    memory.manners.learn(capabilities(CAPA), logged_in=False)
    talk = Talk(memory=memory, ready=CAPA)
    assert talk.say(b"AUTH\r\n") == (b"", b"AUTH\r\n")
    talk.ears.client_ended(talk.now)
    talk.ears.server_ended(talk.now)
    talk.over(server_left=False)
    assert not memory.harm()


def test_stls_is_answered_here_so_that_the_client_goes_on() -> None:
    talk = Talk()
    got, heard = talk.say(b"STLS\r\n")
    assert got.startswith(b"-ERR ")
    assert heard == b""


def test_keep_alive_is_not_seen_by_the_client() -> None:
    talk = logged_in(keep_alive=45)
    began = talk.now
    assert talk.wait() == (b"", b"NOOP\r\n")
    assert talk.now == began + 45
    assert talk.say(b"STAT\r\n")[0] != b""
    assert talk.say(b"LIST\r\n") == (b"", b"")
    assert talk.answer(b"+OK\r\n") == (b"", b"LIST\r\n")


def test_a_login_waits_for_the_last_session_of_this_user_to_be_over() -> None:
    """It may hold the mailbox, and no words say so: hMailServer has a sentence of its own."""
    first = logged_in()
    assert first.say(b"QUIT\r\n") == (b"+OK\r\n", b"QUIT\r\n")
    talk = Talk(changed(service(), ask_ahead=False), memory=first.memory)
    woken: list[bool] = []
    talk.ears.on_wake = lambda: woken.append(True)
    assert talk.say(b"USER Anna\r\nPASS secret\r\n") == (b"+OK\r\n", b"USER Anna\r\n")
    other = Talk(changed(service(), ask_ahead=False), memory=first.memory)
    assert other.say(b"USER ben\r\nPASS secret\r\n")[1] == b"USER ben\r\nPASS secret\r\n"
    assert talk.answer(b"+OK\r\n") == (b"", b"")
    first.answer(b"+OK bye\r\n")
    assert woken
    assert talk.heard() == b"PASS secret\r\n"


@pytest.mark.parametrize("late", [b"USER\r\n", b"USER ben\r\n", b"APOP ben 0123\r\n", b"AUTH PLAIN AGJlbgB4\r\n"])
def test_a_name_said_behind_a_login_is_nobodys(late: bytes) -> None:
    """Who comes next waits for him that logged in."""
    first = logged_in()
    first.say(late)
    first.answer(b"-ERR you are in\r\n")
    assert first.ears.user == "anna"
    assert first.say(b"QUIT\r\n") == (b"+OK\r\n", b"QUIT\r\n")
    talk = Talk(memory=first.memory)
    talk.say(b"USER anna\r\nPASS secret\r\n")
    assert b"PASS" not in talk.heard() + talk.answer(b"+OK\r\n")[1]


def test_a_login_that_hurries_a_session_out_waits_for_its_end_and_not_for_what_that_was_asked_before() -> None:
    """Of several answers nobody knows which is that to QUIT."""
    flight = CAPA + b"+OK\r\n" * 2 + b"+OK 3 9\r\n"
    for cuts in every_cut(flight):
        first = Talk(memory=trusting(but="pipelines"))
        first.say(b"USER anna\r\nPASS secret\r\n")
        first.answer(b"+OK\r\n+OK in\r\n")
        assert first.say(b"QUIT\r\n") == (b"+OK\r\n", b"CAPA\r\nNOOP\r\nNOOP\r\nSTAT\r\n")
        talk = Talk(changed(service(), ask_ahead=False), memory=first.memory)
        talk.say(b"USER anna\r\nPASS secret\r\n")
        talk.answer(b"+OK\r\n")
        assert first.heard() == b"QUIT\r\n"
        for piece in cuts:
            first.answer(piece)
        assert talk.heard() == b""
        assert first.answer(b"+OK bye\r\n") == (b"", b"")
        first.ears.server_ended(first.now)
        assert talk.heard() == b"PASS secret\r\n"


def all_leaving(count: int, memory: Memory) -> list[Talk]:
    """Sessions of one user that have their answers to QUIT, and whose servers are asked before they are told."""
    talks = [Talk(memory=memory) for _ in range(count)]
    for talk in talks:
        talk.say(b"USER anna\r\nPASS secret\r\n")
        talk.answer(b"+OK\r\n+OK in\r\n")
    for talk in talks:
        got, heard = talk.say(b"QUIT\r\n")
        assert (got, heard[:6]) == (b"+OK\r\n", b"CAPA\r\n")
        assert b"QUIT" not in heard
    return talks


@pytest.mark.parametrize("answered", [b"", CAPA])
def test_a_login_hurries_nobody_whose_session_is_over(answered: bytes) -> None:
    """Its server has hung up at what it was asked, while another session of the same user is yet to leave."""
    memory = trusting(but="pipelines")
    talk = Talk(changed(service(), ask_ahead=False), memory=memory)
    gone, leaving = all_leaving(2, memory)
    gone.answer(answered)
    gone.over(server_left=True)
    assert talk.say(b"USER anna\r\nPASS secret\r\n") == (b"+OK\r\n", b"USER anna\r\n")
    assert talk.answer(b"+OK\r\n") == (b"", b"")
    assert (gone.heard(), leaving.heard()) == (b"", b"QUIT\r\n")
    leaving.over(server_left=True)
    assert talk.heard() == b"PASS secret\r\n"


def test_where_all_who_are_hurried_are_gone_by_that_a_login_does_not_wait() -> None:
    memory = trusting(but="pipelines")
    [leaving] = all_leaving(1, memory)
    leaving.ears.on_wake = lambda: leaving.ears.server_ended(leaving.now)  # it has reset, as is seen now
    talk = Talk(changed(service(), ask_ahead=False), memory=memory)
    assert talk.say(b"USER anna\r\nPASS secret\r\n") == (b"+OK\r\n", b"USER anna\r\nPASS secret\r\n")


def test_nothing_is_kept_of_a_session_that_is_over_while_others_of_its_user_leave() -> None:
    """A server that never answers QUIT holds each of them for a minute: there may always be one."""
    memory = trusting(but="pipelines")
    first, last = all_leaving(2, memory)
    waiting = Talk(memory=memory)
    waiting.say(b"USER anna\r\nPASS secret\r\n")
    waiting.answer(b"+OK\r\n")
    handed_out = (first.ears._leaving, waiting.ears._login)  # noqa: SLF001 - of which methods are
    parts = [weakref.ref(part) for part in (first.ears, waiting.ears, *handed_out)]
    for talk in (first, waiting):
        talk.over()
    del first, waiting, talk, handed_out
    assert [part() for part in parts] == [None] * len(parts)
    assert last.ears.has_left


def test_a_login_waits_no_longer_than_that() -> None:
    first = logged_in()
    first.say(b"QUIT\r\n")
    talk = Talk(memory=first.memory)
    talk.say(b"APOP anna 0123\r\n")
    assert talk.heard() == b""
    assert talk.wait()[1].startswith(b"APOP anna 0123\r\n")


PLAIN = base64.b64encode(b"\0anna\0canary")


@pytest.mark.parametrize(
    "lines",
    [
        (b"USER anna", b"PASS canary"), (b"APOP anna canary",), (b"AUTH PLAIN " + PLAIN,), (b"AUTH PLAIN", PLAIN),
        (b"AUTH LOGIN", base64.b64encode(b"anna"), base64.b64encode(b"canary")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("answer", [b"+OK in\r\n", b"-ERR no\r\n"])
def test_no_secret_is_kept_that_its_server_has_heard(lines: tuple[bytes, ...], answer: bytes) -> None:
    talk = Talk()
    for line in lines:
        heard = talk.say(line + b"\r\n")[1]
        assert line + b"\r\n" in heard or line == b"USER anna"  # which waits for its PASS
        assert not keeps(talk.ears, b"canary")
        talk.answer(b"+ \r\n" if line[:5] in (b"AUTH ", b"YW5uY") and line != lines[-1] else b"")
    talk.answer((b"+OK\r\n" if lines[0][:4] == b"USER" else b"") + answer)
    assert talk.ears.logged_in == (answer == b"+OK in\r\n")
    assert talk.ears.user == "anna"
    assert not keeps(talk.ears, b"canary")
    talk.over()
    assert not keeps([talk.ears, talk.memory], b"canary")


# CAPA on a spare connection


def test_capabilities_are_asked_of_a_spare() -> None:
    server = End("server")
    talk = ask_capabilities(server)
    assert talk.send(None) == More(server)
    assert server.outbox == b"CAPA\r\n"
    for octet in CAPA[:-1]:
        server.inbox.append(octet)
        talk.send(None)
    server.inbox += CAPA[-1:]
    with pytest.raises(StopIteration) as done:
        talk.send(None)
    assert done.value.value == CAPA
    assert server.inbox == b""


@pytest.mark.parametrize(
    ("said", "answer"), [(b"-ERR what\r\n", b"-ERR what\r\n"), (b"+OK\r\nTOP\r\n", b""), (b"", b"")]
)
def test_a_spare_that_does_not_tell_its_capabilities(said: bytes, answer: bytes) -> None:
    server = End("server")
    talk = ask_capabilities(server)
    talk.send(None)
    server.inbox += said
    server.ended = True
    with pytest.raises(StopIteration) as done:
        talk.send(None)
    assert done.value.value == answer


def test_a_server_that_never_refuses_twice_in_the_same_words_does_not_fill_the_memory() -> None:
    talk = Talk()
    for number in range(100):
        talk.say(b"NOOP\r\n")
        talk.answer(b"-%03d\r\n" % number)
    words = [piece for piece in kept_by(talk.ears) if re.fullmatch(rb"-\d\d\d", piece)]
    assert len(words) <= REFUSALS
