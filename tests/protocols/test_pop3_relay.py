"""The POP3 relay, step by step: what each side sees, and when."""

import base64

import pytest

from model_pop3 import service
from popover.config import Service
from popover.protocols.pop3 import Habits, Relay, ask_capabilities
from popover.protocols.pop3.ahead import OVER
from popover.protocols.pop3.answers import capabilities, for_client, soften
from popover.protocols.pop3.habits import WIDEST
from popover.protocols.pop3.hearing import NOT_REMOVED
from popover.protocols.pop3.relay import TURNS_LIMIT
from popover.talk import End, More
from popover.wire.scratch import Scratch
from services import changed

CAPA = b"+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nUSER\r\n.\r\n"
LITTLE = b"+OK\r\nTOP\r\nUIDL\r\nUSER\r\n.\r\n"


class Talk:
    """A relay and what both sides have got of it so far."""

    def __init__(self, of: Service | None = None, habits: Habits | None = None, capa: bytes = CAPA) -> None:
        self.client, self.server = End("client"), End("server")
        self.habits = habits or Habits()
        self.relay = Relay(of or service(), self.habits, self.client, self.server)
        self.relay.start(b"+OK hello\r\n", capa)
        assert self.got() == b"+OK hello\r\n"

    def got(self) -> bytes:
        """What the client has got since the last call."""
        words = bytes(self.client.outbox)
        self.client.outbox.clear()
        return words

    def heard(self) -> bytes:
        """What the server has heard since the last call."""
        words = bytes(self.server.outbox)
        self.server.outbox.clear()
        return words

    def say(self, words: bytes) -> tuple[bytes, bytes]:
        """The client says something: what it gets, and what the server hears."""
        self.relay.client_said(words)
        return self.got(), self.heard()

    def answer(self, words: bytes) -> tuple[bytes, bytes]:
        """The server says something: what the client gets, and what the server hears."""
        straight = self.relay.server_said(words)
        return self.got() + straight, self.heard()

    def log_in(self, capa: bytes = CAPA) -> None:
        assert self.say(b"USER anna\r\n")[0] == b"+OK\r\n"
        _, heard = self.say(b"PASS secret\r\n")
        assert heard == b"USER anna\r\nPASS secret\r\n"
        got, heard = self.answer(b"+OK\r\n+OK in\r\n")
        assert got == b"+OK in\r\n"
        assert heard == b"CAPA\r\n"
        assert self.answer(capa)[0] == b""


def logged_in(**more: object) -> Talk:
    talk = Talk(service(**more))  # type: ignore[arg-type]
    talk.log_in()
    return talk


def list_of(*sizes: int) -> bytes:
    return b"+OK\r\n" + b"".join(b"%d %d\r\n" % pair for pair in enumerate(sizes, 1)) + b".\r\n"


def mail(number: int) -> bytes:
    return b"+OK\r\nmessage %d\r\n.\r\n" % number


def begins_to_walk(talk: Talk, *sizes: int) -> None:
    """The client asks for the list, of messages with these sizes, and gets the first."""
    talk.say(b"LIST\r\n")
    talk.answer(list_of(*sizes))
    assert talk.say(b"RETR 1\r\n") == (b"", b"RETR 1\r\n")
    assert talk.answer(mail(1))[0] == mail(1)


def knows_of_two() -> Talk:
    """Logged in, and the client knows that there are two messages."""
    talk = logged_in()
    talk.say(b"STAT\r\n")
    talk.answer(b"+OK 2 20\r\n")
    return talk


# USER, PASS and what goes with them


def test_user_and_pass_leave_in_one_flight() -> None:
    talk = Talk()
    assert talk.say(b"USER anna\r\n") == (b"+OK\r\n", b"")
    assert talk.say(b"PASS secret\r\n") == (b"", b"USER anna\r\nPASS secret\r\n")
    assert talk.relay.user == "anna"


def test_user_and_pass_leave_in_two_without_pipelining() -> None:
    talk = Talk(capa=LITTLE)
    assert talk.say(b"USER anna\r\n") == (b"+OK\r\n", b"USER anna\r\n")
    assert talk.say(b"PASS secret\r\n") == (b"", b"")
    assert talk.answer(b"+OK send it\r\n") == (b"", b"PASS secret\r\n")


def test_a_refused_user_answers_pass_and_the_password_stays_here() -> None:
    talk = Talk(capa=LITTLE)
    talk.say(b"USER nobody\r\n")
    talk.say(b"PASS secret\r\n")
    assert talk.answer(b"-ERR who is that\r\n") == (b"-ERR who is that\r\n", b"")


def test_a_refused_user_answers_pass_in_one_flight() -> None:
    talk = Talk()
    talk.say(b"USER nobody\r\n")
    talk.say(b"PASS secret\r\n")
    assert talk.answer(b"-ERR who is that\r\n-ERR no user yet\r\n")[0] == b"-ERR who is that\r\n"
    assert talk.say(b"USER anna\r\n") == (b"", b"USER anna\r\n")


def test_after_a_wrong_password_everything_goes_step_by_step() -> None:
    talk = Talk()
    talk.say(b"USER anna\r\n")
    talk.say(b"PASS wrong\r\n")
    assert talk.answer(b"+OK\r\n-ERR [AUTH] no\r\n") == (b"-ERR [AUTH] no\r\n", b"")
    assert talk.say(b"USER anna\r\n") == (b"", b"USER anna\r\n")


def test_a_user_that_thinks_better_of_it() -> None:
    talk = Talk()
    talk.say(b"USER anna\r\n")
    assert talk.say(b"QUIT\r\n") == (b"+OK\r\n", b"USER anna\r\nQUIT\r\n")
    assert talk.relay.left_early


def test_capabilities_are_asked_when_nobody_knows_them() -> None:
    talk = Talk(capa=b"")
    assert talk.heard() == b""
    assert talk.say(b"USER anna\r\n") == (b"+OK\r\n", b"CAPA\r\n")
    assert talk.say(b"PASS secret\r\n") == (b"", b"")
    assert talk.answer(CAPA) == (b"", b"USER anna\r\nPASS secret\r\n")


def test_known_to_have_no_pipelining_nothing_more_is_asked() -> None:
    habits = Habits()
    habits.before = habits.after = capabilities(LITTLE)
    talk = Talk(habits=habits, capa=b"")
    assert talk.heard() == b""
    talk.say(b"USER anna\r\n")
    talk.answer(b"+OK\r\n")
    talk.heard()
    talk.say(b"PASS x\r\n")
    assert talk.answer(b"+OK\r\n") == (b"+OK\r\n", b"")


def test_questions_of_last_time_leave_with_the_login() -> None:
    first = logged_in()
    first.say(b"STAT\r\n")
    first.answer(b"+OK 1 5\r\n")
    first.say(b"UIDL\r\n")
    first.answer(b"+OK\r\n1 a\r\n.\r\n")
    first.relay.over(lost=False)
    talk = Talk(habits=first.habits)
    talk.say(b"USER anna\r\n")
    assert talk.say(b"PASS secret\r\n")[1] == b"USER anna\r\nPASS secret\r\nCAPA\r\nSTAT\r\nUIDL\r\n"
    assert talk.answer(b"+OK\r\n+OK in\r\n" + CAPA + b"+OK 2 10\r\n+OK\r\n1 a\r\n2 b\r\n.\r\n") == (b"+OK in\r\n", b"")
    assert talk.say(b"STAT\r\n") == (b"+OK 2 10\r\n", b"")
    assert talk.say(b"NOOP\r\n") == (b"", b"NOOP\r\n")
    assert talk.answer(b"+OK\r\n")[0] == b"+OK\r\n"
    assert talk.say(b"UIDL\r\n") == (b"+OK\r\n1 a\r\n2 b\r\n.\r\n", b"")
    assert talk.say(b"UIDL\r\n") == (b"", b"UIDL\r\n")


# Reading ahead


def test_the_next_messages_are_fetched_once_the_client_walks() -> None:
    talk = logged_in()
    begins_to_walk(talk, 9, 9, 9, 9, 9)
    assert talk.say(b"RETR 2\r\n") == (b"", b"RETR 2\r\nRETR 3\r\nRETR 4\r\n")
    assert talk.answer(mail(2) + mail(3) + mail(4))[0] == mail(2)
    assert talk.say(b"RETR 3\r\n") == (mail(3), b"RETR 5\r\n")
    assert talk.say(b"DELE 3\r\n") == (b"+OK message 3 deleted\r\n", b"DELE 3\r\n")
    assert talk.say(b"RETR 4\r\n") == (mail(4), b"")
    assert talk.say(b"DELE 5\r\n") == (b"+OK message 5 deleted\r\n", b"DELE 5\r\n")
    assert talk.say(b"RETR 5\r\n") == (b"", b"RETR 5\r\n")  # what was fetched is not true any more
    assert talk.answer(mail(5) + b"+OK\r\n+OK\r\n-ERR deleted\r\n")[0] == b"-ERR deleted\r\n"


def test_the_width_that_was_earned_is_there_at_once() -> None:
    habits = Habits()
    habits.width = 8
    talk = Talk(habits=habits)
    talk.log_in()
    talk.say(b"LIST\r\n")
    talk.answer(list_of(9, 9, 9, 9))
    assert talk.say(b"TOP 2 0\r\n")[1] == b"TOP 2 0\r\nTOP 3 0\r\nTOP 4 0\r\n"


def test_a_message_beyond_the_limit_is_not_fetched_ahead() -> None:
    talk = logged_in(read_ahead_bytes=1000)
    begins_to_walk(talk, 9, 9, 990, 20, 9)
    assert talk.say(b"RETR 2\r\n")[1] == b"RETR 2\r\nRETR 3\r\n"
    assert talk.say(b"RETR 3\r\n")[1] == b"RETR 4\r\nRETR 5\r\n"


def test_what_is_held_is_bounded_whatever_the_list_says() -> None:
    talk = logged_in(read_ahead_bytes=1000)
    begins_to_walk(talk, 1, 1, 1, 1)
    talk.say(b"RETR 2\r\n")
    talk.answer(mail(2))
    assert talk.relay.wants_server
    talk.answer(b"+OK\r\n" + b"x" * 2000)
    assert not talk.relay.wants_server
    got, _ = talk.say(b"RETR 3\r\n")
    assert got == b"+OK\r\n" + b"x" * 2000
    assert talk.relay.wants_server
    assert talk.relay.held == len(CAPA)


def test_a_server_that_lies_about_sizes_fills_one_piece_beyond_the_limit_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("popover.protocols.pop3.ahead.OVER", 500)
    talk = logged_in(read_ahead_bytes=1000)
    begins_to_walk(talk, 1, 1, 1, 1)
    talk.say(b"RETR 2\r\n")
    third, fourth = b"+OK\r\n" + b"x" * 1200 + b"\r\n.\r\n", b"+OK\r\n" + b"y" * 600 + b"\r\n.\r\n"
    talk.answer(mail(2) + third + fourth)  # nobody could stop reading between them
    assert talk.relay.held == len(CAPA) + len(third)
    assert talk.say(b"RETR 3\r\n") == (third, b"")
    assert talk.say(b"RETR 4\r\n") == (b"", b"RETR 4\r\n")


def test_a_piece_of_the_stream_is_what_may_be_held_beyond_the_limit() -> None:
    """Less, and an honest server's messages would be fetched twice; the dry floor does not know the stream."""
    assert len(Scratch().clear) == OVER


def test_while_enough_is_held_nothing_more_is_fetched_ahead() -> None:
    talk = logged_in(read_ahead_bytes=1000)
    begins_to_walk(talk, *[1] * 9)
    talk.say(b"RETR 2\r\n")
    big = b"+OK\r\n" + b"x" * 1200 + b"\r\n.\r\n"
    talk.answer(mail(2) + mail(3) + big)
    assert talk.say(b"RETR 3\r\n") == (mail(3), b"")
    got, heard = talk.say(b"RETR 4\r\n")
    assert got == big
    assert heard.startswith(b"RETR 5\r\nRETR 6\r\n")


def test_what_is_in_the_way_is_thrown_away() -> None:
    talk = logged_in(read_ahead_bytes=1000)
    begins_to_walk(talk, 1, 1, 1, 1)
    talk.say(b"RETR 2\r\n")
    talk.answer(mail(2) + b"+OK\r\n" + b"x" * 2000)
    assert talk.say(b"STAT\r\n") == (b"", b"STAT\r\n")
    assert talk.relay.wants_server
    talk.answer(b"x" * 3000)
    assert talk.relay.held == len(CAPA)
    assert talk.answer(b"\r\n.\r\n" + mail(4) + b"+OK 4 4\r\n")[0] == b"+OK 4 4\r\n"


@pytest.mark.parametrize(("mode", "ahead"), [(True, b""), ("always", b"RETR 3\r\nRETR 4\r\n"), (False, b"")])
def test_gmail_is_not_read_ahead_unless_asked_for(mode: bool | str, ahead: bytes) -> None:
    gmail = b"+OK\r\nX-GOOGLE-RICO\r\nPIPELINING\r\n.\r\n"
    talk = Talk(service(read_ahead=mode), capa=gmail)  # type: ignore[arg-type]
    talk.log_in(gmail)
    begins_to_walk(talk, 9, 9, 9, 9)
    assert talk.say(b"RETR 2\r\n")[1] == b"RETR 2\r\n" + ahead


def test_a_refusal_among_the_guesses_ends_them() -> None:
    talk = logged_in()
    begins_to_walk(talk, 9, 9, 9, 9, 9, 9)
    talk.say(b"RETR 2\r\n")
    assert talk.answer(mail(2) + b"-ERR gone\r\n" + mail(4))[0] == mail(2)
    assert talk.say(b"RETR 3\r\n") == (b"", b"RETR 3\r\n")
    assert talk.answer(b"-ERR gone\r\n")[0] == b"-ERR gone\r\n"
    assert talk.say(b"RETR 4\r\n") == (b"", b"RETR 4\r\n")
    assert talk.say(b"DELE 1\r\n") == (b"", b"DELE 1\r\n")


def test_guesses_that_do_not_come_true_make_the_next_ones_fewer() -> None:
    habits = Habits()
    habits.learn((), fetched=True, came_true=50, wasted=2, width=64)
    assert habits.width == 64
    habits.learn((), fetched=True, came_true=3, wasted=40, width=64)
    assert habits.width == 32
    habits.learn((), fetched=True, came_true=900, wasted=0, width=9999)
    assert habits.width == WIDEST
    habits.caution()
    assert habits.width == 0


def test_a_server_lost_with_guesses_under_way_is_not_trusted_next_time() -> None:
    talk = logged_in()
    begins_to_walk(talk, 9, 9, 9, 9)
    talk.say(b"RETR 2\r\n")
    talk.relay.server_ended()
    talk.relay.over(lost=True)
    assert talk.habits.after is None
    assert talk.habits.width == 0


# DELE and QUIT


def test_quit_waits_until_every_deletion_is_answered() -> None:
    talk = knows_of_two()
    talk.say(b"DELE 1\r\n")
    talk.say(b"DELE 2\r\n")
    assert talk.say(b"QUIT\r\n") == (b"", b"")
    assert talk.answer(b"+OK\r\n") == (b"", b"")
    assert talk.answer(b"+OK\r\n") == (b"", b"QUIT\r\n")
    assert not talk.relay.left_early
    assert talk.answer(b"+OK bye\r\n") == (b"+OK bye\r\n", b"")
    assert talk.relay.has_quit


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
    assert talk.say(b"QUIT\r\n")[0] == b""


def test_a_message_deleted_twice_is_not_deleted_at_once() -> None:
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    talk.answer(mail(1))
    assert talk.say(b"DELE 1\r\n")[0] == b"+OK message 1 deleted\r\n"
    assert talk.say(b"DELE 1\r\n") == (b"", b"DELE 1\r\n")


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
    assert not talk.relay.is_owed


def test_a_large_body_goes_straight_through() -> None:
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    piece = memoryview(bytearray(b"+OK\r\n" + b"x" * 100_000))
    straight = talk.relay.server_said(piece)
    assert straight.obj is piece.obj
    assert len(straight) == len(piece)
    assert talk.got() == b""


def test_what_is_no_pop3_is_passed_on_as_it_is() -> None:
    talk = Talk(service(on=False), capa=b"")
    talk.say(b"STAT\r\n")
    assert talk.answer(b"* OK imap\r\n")[0] == b"* OK imap\r\n"
    assert talk.relay.is_plain
    assert talk.say(b"anything") == (b"", b"anything")
    assert talk.answer(b"at all")[0] == b"at all"


def test_what_is_no_pop3_breaks_a_session_with_questions_of_ours() -> None:
    talk = Talk(capa=b"")
    talk.say(b"USER anna\r\n")
    assert talk.answer(b"* BAD\r\n")[0] == b""
    assert talk.relay.is_broken


def test_words_said_unasked_are_passed_on() -> None:
    talk = logged_in()
    assert talk.answer(b"-ERR idle for too long\r\n")[0] == b"-ERR idle for too long\r\n"


def test_half_a_status_line_is_given_out_at_the_end() -> None:
    talk = logged_in()
    talk.say(b"STAT\r\n")
    assert talk.answer(b"+OK 1 ")[0] == b""
    talk.relay.server_ended()
    assert talk.got() == b"+OK 1 "


def test_capa_leaves_out_what_can_not_work() -> None:
    answer = b"+OK\r\nSTLS\r\nSASL PLAIN SCRAM-SHA-256-PLUS GSSAPI EXTERNAL NTLM LOGIN\r\nPIPELINING\r\n.\r\n"
    assert for_client(answer) == b"+OK\r\nSASL PLAIN LOGIN\r\nPIPELINING\r\n.\r\n"
    assert for_client(b"+OK\r\nSASL GSSAPI\r\nEXPIRE 0\r\n.\r\n") == b"+OK\r\nEXPIRE 0\r\n.\r\n"
    assert for_client(CAPA) == CAPA
    assert for_client(b"-ERR what\r\n") == b"-ERR what\r\n"
    talk = Talk(service(on=False), capa=b"")
    talk.say(b"capa\r\n")
    assert talk.answer(answer[:30])[0] == b""
    assert talk.answer(answer[30:])[0] == for_client(answer)


def test_the_word_error_is_softened_in_a_positive_status_line_only() -> None:
    assert soften(b"+OK 0 Errors, no error\r\n") == b"+OK 0 faults, no fault\r\n"
    assert soften(b"-ERR error\r\n") == b"-ERR error\r\n"
    assert soften(b"+OK error <1.error@x> error\r\n") == b"+OK fault <1.error@x> fault\r\n"
    of = changed(service(on=False), soften=True)
    talk = Talk(of, capa=b"")
    talk.say(b"RETR 1\r\n")
    assert talk.answer(b"+OK no error\r\nan error\r\n.\r\n")[0] == b"+OK no fault\r\nan error\r\n.\r\n"


# What the client says


def test_a_client_that_pipelines_is_served() -> None:
    talk = logged_in()
    assert talk.say(b"STAT\r\nLIST\r\nRETR 1\r\n")[1] == b"STAT\r\nLIST\r\nRETR 1\r\n"
    answers = b"+OK 1 9\r\n" + list_of(9) + mail(1)
    assert talk.answer(answers)[0] == answers


def test_a_client_that_pipelines_to_a_server_that_does_not_is_served_step_by_step() -> None:
    talk = Talk(service(on=False), capa=b"")
    assert talk.say(b"USER a\r\nPASS b\r\nSTAT\r\n")[1] == b"USER a\r\n"
    assert talk.answer(b"+OK\r\n") == (b"+OK\r\n", b"PASS b\r\n")
    assert talk.answer(b"+OK\r\n") == (b"+OK\r\n", b"STAT\r\n")


def test_commands_waiting_for_an_answer_are_bounded() -> None:
    talk = logged_in()
    talk.relay.client_said(b"NOOP\r\n" * 5000)
    assert talk.heard().count(b"NOOP") == TURNS_LIMIT
    assert not talk.relay.wants_client
    got, heard = talk.answer(b"+OK\r\n" * TURNS_LIMIT)
    assert got.count(b"+OK") == TURNS_LIMIT
    assert heard.count(b"NOOP") == TURNS_LIMIT


@pytest.mark.parametrize(("line", "limit"), [(b"USER ", 2048), (b"AUTH PLAIN ", 16384)])
def test_a_command_without_end_ends_the_session(line: bytes, limit: int) -> None:
    talk = Talk()
    talk.say(line + b"x" * (limit - len(line) - 1))
    assert talk.relay.fault == ""
    talk.say(b"x")
    assert f"{limit:,} octets" in talk.relay.fault


def test_five_strange_commands_before_the_login_end_the_session() -> None:
    talk = Talk()
    for _ in range(4):
        talk.say(b"GET / HTTP/1.1\r\n")
        talk.answer(b"-ERR\r\n")
    assert talk.relay.fault == ""
    talk.say(b"Host: x\r\n")
    assert talk.relay.fault


def test_auth_goes_through_line_by_line() -> None:
    talk = Talk()
    secret = base64.b64encode(b"\0anna\0secret")
    assert talk.say(b"AUTH PLAIN\r\n")[1] == b"AUTH PLAIN\r\n"
    assert talk.answer(b"+ \r\n")[0] == b"+ \r\n"
    assert talk.say(secret + b"\r\n")[1] == secret + b"\r\n"
    assert talk.answer(b"+OK in\r\n") == (b"+OK in\r\n", b"CAPA\r\n")
    assert talk.relay.logged_in
    assert talk.relay.user == "anna"
    assert not talk.relay.is_plain


def test_auth_with_a_response_in_it() -> None:
    talk = Talk()
    line = b"AUTH PLAIN " + base64.b64encode(b"\0anna\0secret") + b"\r\n"
    assert talk.say(line + b"STAT\r\n")[1] == line
    assert talk.answer(b"+OK in\r\n")[1].startswith(b"CAPA\r\n")
    assert talk.relay.user == "anna"


def test_a_security_layer_makes_the_relay_a_plain_pipe() -> None:
    talk = Talk()
    talk.say(b"AUTH GSSAPI abc\r\n")
    talk.answer(b"+OK\r\n")
    assert talk.relay.is_plain
    assert talk.say(b"\x00\x01") == (b"", b"\x00\x01")


def test_bare_auth_lists() -> None:
    talk = Talk()
    assert talk.say(b"AUTH \r\n")[1] == b"AUTH \r\n"
    listing = b"+OK\r\nPLAIN\r\nLOGIN\r\n.\r\n"
    assert talk.answer(listing) == (listing, b"")
    assert not talk.relay.logged_in


def test_keep_alive_is_not_seen_by_the_client() -> None:
    talk = logged_in()
    assert talk.relay.keep_alive()
    assert talk.heard() == b"NOOP\r\n"
    assert not talk.relay.keep_alive()
    assert talk.answer(b"+OK\r\n")[0] == b""
    talk.say(b"STAT\r\n")
    assert not talk.relay.keep_alive()


def test_the_password_is_not_kept() -> None:
    talk = logged_in()
    talk.say(b"STAT\r\n")
    assert "secret" not in repr(vars(talk.relay)) + repr(vars(talk.relay._out)) + repr(vars(talk.relay._owed))  # noqa: SLF001


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
