"""POP3 and servers and clients out of the ordinary: what they do must harm neither the other nor us."""

import base64

import pytest
from test_pop3_relay import CAPA, SIZE, Talk, list_of, logged_in, mail, proven, unit, untrusted, walks

from hearing import every_cut
from model_pop3 import VISITOR, Chance, Client, Model, Nature, World, service, trusting
from popover.protocols.pop3 import Memory, client_ear
from popover.protocols.pop3.answers import Listing, capabilities
from popover.protocols.pop3.body import TAIL
from popover.protocols.pop3.habits import MISTRUST
from popover.protocols.pop3.mailbox import STRIDE, Mailbox
from popover.protocols.pop3.manners import USUAL_LIMIT, Shown
from popover.protocols.pop3.mouth import STRAIGHT
from popover.protocols.pop3.queue import ANSWERS
from popover.protocols.pop3.way import UNANSWERED_LIMIT
from services import changed


def is_careful(memory: Memory, user: bytes = b"anna") -> bool:
    """Whether a session of this user does nothing by itself."""
    return Talk(memory=memory).say(b"USER " + user + b"\r\n") == (b"", b"USER " + user + b"\r\n")


# Lists that end in their own way


@pytest.mark.parametrize("end", [b"USER\n.\r\n", b"USER\n.\n", b"USER\r\n.\n"])
@pytest.mark.parametrize(("asks", "first"), [(b"CAPA\r\n", b"TOP"), (b"AUTH\r\n", b"PLAIN")])
def test_a_list_of_capabilities_ends_with_a_dot_however_its_lines_end(asks: bytes, first: bytes, end: bytes) -> None:
    """It is looked at as a whole, so nobody else could see its end: not even for a moment does the client wait."""
    answer = b"+OK\r\n" + first + b"\n" + end
    for cuts in every_cut(answer):
        talk = Talk(ready=b"")
        assert talk.say(asks) == (b"", asks)
        assert b"".join(talk.answer(piece)[0] for piece in cuts) == answer
        assert not talk.ears.is_owed


# Mails that end in their own way


@pytest.mark.parametrize("is_shown", [False, True])
@pytest.mark.parametrize("end", [b"\n.\r\n", b"\n.\n"])
def test_who_waits_for_a_mail_read_ahead_that_ends_behind_lf_has_it_once_that_is_overdue(
    end: bytes, *, is_shown: bool
) -> None:
    """It goes on over the answers behind it, and nobody else can see its end: it is asked again, step by step."""
    answer = b"+OK\r\nmessage 3" + end
    said = answer + b"+OK 3 %d\r\n" % SIZE
    said += proven(4)[:-1] if is_shown else b"+OK 2 %d\r\n+OK 4 999\r\n" % SIZE
    if is_shown:  # all that is on its way ends so
        said = said.replace(b"\r\n.\r\n", end) + b"\n"
    for cuts in every_cut(said):
        talk = logged_in() if is_shown else Talk(memory=trusting(but="reads ahead"))
        if not is_shown:
            talk.log_in()
        walks(talk, *[SIZE] * 4)
        heard = talk.answer(mail(2))[1]
        assert heard == (unit(3, 4) if is_shown else unit(3) + b"LIST 2\r\nSTAT\r\n")
        assert talk.say(b"RETR 3\r\n") == (b"", b"")
        for piece in cuts:
            assert talk.answer(piece) == (b"", b"")
        before = talk.now
        assert talk.wait() == (b"", b"RETR 3\r\n")
        assert talk.now - before < 1
        assert talk.answer(answer)[0] == answer
        assert talk.say(b"RETR 4\r\n") == (b"", b"RETR 4\r\n")


# Logins that a server need not know


@pytest.mark.parametrize("memory", [trusting(), trusting(but="keeps")])
@pytest.mark.parametrize("greeting", [b"+OK hello\r\n", b"+OK hello <1.2@mail.example.com>\r\n"])
def test_nothing_leaves_behind_an_apop_that_may_have_no_answer(greeting: bytes, memory: Memory) -> None:
    """A server without a timestamp in its greeting does not know it (RFC 1939 section 7); there are such as say nothing
    to what they do not know, and `+OK` to CAPA would be taken for a login.
    """
    talk = Talk(memory=memory, greeting=greeting)
    login = b"APOP anna c4c9334bac560ecc979e58001b3e22fb\r\n"
    _, heard = talk.say(login)
    assert heard.startswith(login)
    assert (heard == login) is (b"<" not in greeting)
    if heard == login:
        assert talk.say(b"QUIT\r\n") == (b"", b"QUIT\r\n")


# Servers for which fetching has an effect


@pytest.mark.parametrize("mode", [True, "always"])
@pytest.mark.parametrize(
    ("expire", "is_safe"),
    [
        (b"EXPIRE 0", False),
        (b"expire 0 USER", False),
        (b"EXPIRE 30", False),
        (b"EXPIRE0", False),
        (b"EXPIRE=0", False),
        (b"X-AUTO-DELETE", False),
        (b"EXPIRE", False),
        (b"EXPIRE NEVER", True),
    ],
)
def test_nothing_is_read_ahead_where_the_server_may_delete_what_was_read(
    expire: bytes, mode: bool | str, *, is_safe: bool
) -> None:
    talk = logged_in(read_ahead=mode)
    talk.memory.manners.learn(capabilities(b"+OK\r\nPIPELINING\r\n" + expire + b"\r\n.\r\n"), logged_in=True)
    walks(talk, *[SIZE] * 4)
    assert talk.answer(mail(2))[1] == (unit(3, 4) if is_safe else b"")


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize(
    ("fetches", "expire", "asks"), [(True, b"0", False), (False, b"0", True), (True, b"NEVER", True)]
)
def test_nothing_is_found_out_before_a_quit_that_takes_out_what_was_read(
    fetches: bool, expire: bytes, asks: bool, *, is_known: bool
) -> None:
    """A server that hangs up at two commands in one piece would not hear it."""
    capa = CAPA.replace(b"USER", b"EXPIRE " + expire)
    memory = untrusted(after=capa if is_known else None)
    memory.manners.learn(capabilities(capa), logged_in=False)
    talk = Talk(memory=memory, ready=b"")
    for line, answer in (
        (b"USER anna\r\n", b"+OK\r\n"),
        (b"PASS secret\r\n", b"+OK in\r\n"),
        *[(b"RETR 1\r\n", mail(1))] * fetches,
    ):
        talk.say(line)
        talk.answer(answer)
    got, heard = talk.say(b"QUIT\r\n")
    if not is_known:
        assert heard == b"CAPA\r\n"
        _, heard = talk.answer(capa)
    assert got == b"+OK\r\n"
    assert (heard != b"QUIT\r\n") is asks


def test_sizes_are_not_asked_for_where_nothing_may_be_read_ahead() -> None:
    """A server may hang up at LIST, and then it has not heard the QUIT at which it would have deleted."""
    for expire, asked in ((b"NEVER", b"LIST\r\nSTAT\r\n"), (b"0", b"")):
        talk = logged_in()
        talk.memory.manners.learn(capabilities(b"+OK\r\nPIPELINING\r\nEXPIRE " + expire + b"\r\n.\r\n"), logged_in=True)
        for number in (1, 2):
            talk.say(b"RETR %d\r\n" % number)
            heard = talk.answer(mail(number))[1]
        assert heard == asked


def test_nothing_is_read_ahead_for_a_client_that_asks_last_and_for_others_it_is() -> None:
    """Each RETR changes the answer (RFC 1460), and the next session begins behind it."""
    talk = logged_in()
    talk.say(b"LAST\r\n")
    talk.answer(b"+OK 0\r\n")
    walks(talk, *[SIZE] * 4)
    assert talk.answer(mail(2))[1] == b""
    for visitor, ahead in ((VISITOR, b""), ("192.0.2.9", unit(3, 4))):
        again = Talk(memory=talk.memory)
        again.ears.state.visitor = visitor
        again.log_in()
        walks(again, *[SIZE] * 4)
        assert again.answer(mail(2))[1] == ahead


def test_a_stranger_who_asks_last_spoils_it_for_nobody() -> None:
    """Whoever is let in may say it before any login, and go."""
    memory = trusting()
    stranger = Talk(memory=memory)
    assert stranger.say(b"LAST\r\n") == (b"", b"LAST\r\n")
    stranger.ears.client_ended(stranger.now)
    stranger.over()
    for user in (b"anna", b"ben"):
        talk = Talk(memory=memory)
        talk.say(b"USER %s\r\nPASS secret\r\n" % user)
        talk.answer(b"+OK\r\n+OK in\r\n" + CAPA + b"+OK 9 99\r\n")
        walks(talk, *[SIZE] * 4)
        assert talk.answer(mail(2))[1] == unit(3, 4)


# Answers in their order, whatever else the server says


def test_an_early_answer_comes_after_all_that_the_server_has_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many NOOPs fill the turns; the QUIT behind them is answered by us when the answers come, all in one piece."""
    monkeypatch.setattr(client_ear, "TURNS_LIMIT", ANSWERS)
    talk = logged_in()
    talk.say(b"NOOP\r\n" * ANSWERS + b"QUIT\r\n")
    answers = b"+OK nothing done, %b\r\n" % (b"x" * 500) * ANSWERS
    assert len(answers) > STRAIGHT
    assert talk.answer(answers) == (answers + b"+OK\r\n", b"QUIT\r\n")


@pytest.mark.parametrize("more", [b"\r\n", b"+OK by the way\r\n", b"x" * (TAIL - 5)])
@pytest.mark.parametrize("size", [0, 10, TAIL - 3, TAIL, 3 * TAIL])
def test_with_a_server_that_says_more_than_it_owes_it_goes_as_through_a_wire(more: bytes, size: int) -> None:
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    message = b"+OK\r\n" + b"x" * size + b"\r\n.\r\n"
    assert talk.answer(message + more) == (message + more, b"")
    assert not talk.ears.is_owed
    assert talk.say(b"QUIT\r\n") == (b"", b"QUIT\r\n")
    assert talk.memory.harm() == {}  # it may hang up, and have said why
    talk.answer(b"+OK\r\n")
    assert talk.memory.harm().keys() == {"adds nothing"}


def test_with_a_server_that_says_more_than_a_greeting_it_goes_as_through_a_wire() -> None:
    """Its client is one answer behind, and would have our `+OK` to USER where it expects the server's to PASS."""
    talk = Talk(greeting=b"+OK hello\r\n+OK really\r\n", ready=b"")
    assert talk.say(b"USER anna\r\n") == (b"", b"USER anna\r\n")
    assert talk.memory.harm() == {}  # it may hang up, and have said why
    assert talk.answer(b"-ERR no such name\r\n") == (b"-ERR no such name\r\n", b"")
    assert talk.say(b"PASS secret\r\n") == (b"", b"PASS secret\r\n")
    assert talk.memory.harm().keys() == {"adds nothing"}


def test_the_rest_of_a_second_greeting_is_the_clients() -> None:
    talk = Talk(greeting=b"+OK hello\r\n+OK ", ready=b"", memory=untrusted())
    assert talk.say(b"AUTH\r\n") == (b"", b"AUTH\r\n")
    assert talk.answer(b"really\r\n") == (b"really\r\n", b"")


def test_once_a_server_has_added_lines_its_sessions_go_as_through_a_wire() -> None:
    memory = trusting()
    memory.manners.fail("adds nothing")
    talk = Talk(memory=memory)
    for line, answer in (
        (b"USER anna\r\n", b"+OK\r\n"),
        (b"PASS secret\r\n", b"+OK in\r\n"),
        (b"STAT\r\n", b"+OK 3 9\r\n"),
        (b"RETR 1\r\n", mail(1)),
        (b"DELE 1\r\n", b"+OK gone\r\n"),
        (b"RSET\r\n", b"+OK back\r\n"),
        (b"QUIT\r\n", b"+OK bye\r\n"),
    ):
        assert talk.say(line) == (b"", line)
        assert talk.answer(answer) == (answer, b"")


@pytest.mark.parametrize("first", range(TAIL, TAIL + 12))
def test_the_end_of_a_large_body_is_found_wherever_it_is_cut(first: int) -> None:
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    message = b"+OK\r\n" + b"x" * (TAIL - 5) + b"\r\n.\r\n"
    got = talk.answer(message[:first])[0] + talk.answer(message[first:])[0]
    assert got == message
    assert not talk.ears.is_owed


def test_the_end_of_a_body_is_found_before_a_long_piece_that_nobody_asked_for() -> None:
    talk = logged_in()
    talk.say(b"RETR 1\r\n")
    talk.answer(mail(1)[:-2])
    more = b"x" * (TAIL - 1)
    assert talk.answer(b"\r\n" + more)[0] == b"\r\n" + more
    assert not talk.ears.is_owed


def test_an_unknown_command_that_goes_on_is_passed_on() -> None:
    """XTND XMIT sends a mail; nothing is held back, and no NOOP of ours comes in between."""
    talk = logged_in(keep_alive=45)
    assert talk.say(b"XTND XMIT\r\n") == (b"", b"XTND XMIT\r\n")
    assert talk.answer(b"+OK go on\r\n") == (b"+OK go on\r\n", b"")
    assert talk.ears.due == float("inf")
    assert talk.say(b"From: anna\r\n\r\n") == (b"", b"From: anna\r\n\r\n")
    assert talk.say(b"DELE 1\r\n.\r\n") == (b"", b"DELE 1\r\n.\r\n")
    assert talk.answer(b"+OK sent\r\n") == (b"+OK sent\r\n", b"")


def test_stls_behind_a_mail_whose_end_nobody_can_see_is_answered_by_the_server() -> None:
    """Its lines end in LF, its status does not: the client knows, and asks on."""
    talk = logged_in()
    talk.say(b"RETR 1\r\nNOOP\r\n")
    talk.answer(b"+OK\r\nSubject: a\n\nb\n.\n+OK\r\n")
    assert talk.say(b"STLS\r\n") == (b"", b"STLS\r\n")
    assert talk.answer(b"-ERR unknown\r\n") == (b"-ERR unknown\r\n", b"")


def test_a_server_that_begins_tls_once_more_is_passed_on() -> None:
    talk = logged_in()
    talk.say(b"NOOP\r\nSTLS\r\n")
    talk.answer(b"+OK\r\n+OK begin\r\n")
    assert talk.ears.state.is_plain
    assert talk.say(b"\x16\x03\x01") == (b"", b"\x16\x03\x01")


@pytest.mark.parametrize("is_unknown", [True, False])
def test_behind_a_client_that_has_gone_its_mailbox_is_free_within_a_second(*, is_unknown: bool) -> None:
    """A wire tells the server at once, wherever it is in its answers: also where we do not know that place."""
    talk = logged_in()
    talk.memory.manners.took(USUAL_LIMIT)
    if is_unknown:
        talk.say(b"XTND XLST\r\n")
        talk.answer(b"+OK\r\n")
    talk.say(b"NOOP\r\n")
    talk.ears.client_ended(talk.now)
    assert talk.ears.is_owed
    talk.answer(b"fine\r\n")
    assert not talk.ears.is_owed
    assert 0 < talk.ears.gap <= 1


def test_behind_a_client_that_has_gone_with_all_its_answers_its_mailbox_is_free_at_once() -> None:
    """It may come again at once, and a mailbox that is locked refuses it: also where one answer was odd."""
    talk = logged_in()
    talk.say(b"NOOP\r\n")
    talk.answer(b"fine\r\n")
    talk.ears.client_ended(talk.now)
    assert not talk.ears.is_owed
    assert talk.ears.gap == 0


def test_commands_behind_an_unknown_one_are_not_lost() -> None:
    talk = logged_in()
    assert talk.say(b"XTND XMIT\r\nLIST 1\r\nQUIT\r\n")[1] == b"XTND XMIT\r\nLIST 1\r\nQUIT\r\n"
    answers = b"+OK go on\r\n+OK 1 9\r\n+OK bye\r\n"
    assert talk.answer(answers)[0] == answers


# Refusals


def test_after_a_refused_deletion_everything_goes_step_by_step() -> None:
    talk = logged_in(count=3)
    assert talk.say(b"DELE 1\r\n")[0] == b"+OK message 1 deleted\r\n"
    talk.answer(b"-ERR locked\r\n")
    assert talk.say(b"DELE 2\r\n") == (b"", b"DELE 2\r\n")


def test_a_refusal_with_guesses_in_hand_ends_them() -> None:
    """What the client asked by itself is refused: the mailbox is not what we thought."""
    talk = logged_in()
    walks(talk, *[SIZE] * 4)
    talk.answer(mail(2))
    talk.answer(proven(3) + proven(4))
    talk.say(b"TOP 9 1\r\n")
    talk.answer(b"-ERR none\r\n")
    assert talk.say(b"RETR 3\r\n") == (b"", b"RETR 3\r\n")


def test_switched_off_no_question_is_asked_ahead() -> None:
    talk = Talk(changed(service(), ask_ahead=False))
    talk.memory.habits((VISITOR, "anna")).questions = (b"STAT", b"UIDL")
    talk.say(b"USER anna\r\n")
    assert talk.say(b"PASS secret\r\n")[1] == b"USER anna\r\nPASS secret\r\n"
    assert talk.answer(b"+OK\r\n+OK in\r\n")[1] == b""


# Words that are data


@pytest.mark.parametrize("asked", [b"UIDL 1\r\n", b"LIST 1\r\n"])
def test_answers_that_are_data_are_not_softened(asked: bytes) -> None:
    talk = Talk(changed(service(), soften=True))
    talk.log_in()
    talk.say(asked)
    assert talk.answer(b"+OK 1 mirrorerrorhost\r\n")[0] == b"+OK 1 mirrorerrorhost\r\n"


def test_capabilities_in_hand_are_softened_like_all_others() -> None:
    talk = Talk(changed(service(), soften=True), ready=b"+OK no Error\r\nTERROR\r\n.\r\n")
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
    assert "CANARY" not in talk.ears.user


def test_the_line_after_an_initial_response_is_never_the_user() -> None:
    talk = Talk()
    talk.say(b"AUTH LOGIN *no base64*\r\n")
    talk.answer(b"+ UGFzc3dvcmQ6\r\n")
    talk.say(base64.b64encode(b"CANARY") + b"\r\n")
    assert talk.ears.user == ""


@pytest.mark.parametrize("capa", [b"+OK one line is all\r\n", b"+OK\r\nTOP\nUSER\n.\r\n", b"\r\n"])
def test_capa_that_does_not_end_keeps_no_auth_waiting(capa: bytes) -> None:
    """It is asked before the first AUTH without a mechanism, at which some servers hang up."""
    talk = Talk(memory=Memory(), ready=b"")
    assert talk.say(b"AUTH\r\n") == (b"", b"CAPA\r\n")
    assert talk.answer(capa) == (b"", b"")
    assert talk.ears.due - talk.now <= 1
    assert talk.wait() == (b"", b"AUTH\r\n")
    assert talk.answer(b"-ERR what\r\n")[0] == b"-ERR what\r\n"
    again = Talk(memory=talk.memory, ready=b"")
    assert again.say(b"AUTH\r\n") == (b"", b"AUTH\r\n")


def test_what_a_slow_server_says_late_of_its_capa_is_no_answer_to_the_clients_question() -> None:
    """Wherever it has paused for longer than it usually takes."""
    capa, refusal = b"+OK\r\nTOP\r\nSASL PLAIN\r\nUIDL\r\n.\r\n", b"-ERR what\r\n"
    for cut in range(1, len(capa)):
        for pieces in every_cut(capa[cut:] + refusal):
            talk = Talk(memory=Memory(), ready=b"")
            assert talk.say(b"AUTH\r\n") == (b"", b"CAPA\r\n")
            assert talk.answer(capa[:cut]) == (b"", b"")
            assert talk.wait() == (b"", b"AUTH\r\n")
            assert b"".join(talk.answer(piece)[0] for piece in pieces) == refusal


@pytest.mark.parametrize("late", [b"", b"+OK 0 0\r\n"])
def test_an_empty_line_waits_less_than_a_second_for_what_a_server_has_not_heard_of_ours(late: bytes) -> None:
    """Nobody knows whether it has an answer, so it is passed on once nothing of ours can have one any more. `late`: it
    has heard all, and is slow.
    """
    talk = Talk()
    talk.say(b"USER anna\r\n")
    assert talk.say(b"PASS secret\r\n")[1] == b"USER anna\r\nPASS secret\r\nCAPA\r\nSTAT\r\n"
    assert talk.answer(b"+OK\r\n+OK in\r\n" + CAPA) == (b"+OK in\r\n", b"")
    assert talk.say(b"\r\n") == (b"", b"")
    began = talk.now
    assert talk.wait() == (b"", b"CAPA\r\n")
    got, heard = talk.answer(late + CAPA)
    while heard != b"\r\n":
        assert got == b""
        got, heard = talk.wait()
    assert talk.now - began < 1.0
    assert talk.answer(b"-ERR what\r\n")[0] == b"-ERR what\r\n"


@pytest.mark.parametrize(("lines", "is_one"), [(b"1 56\r\n2 70\r\n", True), (b"one 56\r\n", False), (b"7\r\n", False)])
def test_a_list_that_makes_no_sense_does_not_show_that_the_server_lists(lines: bytes, *, is_one: bool) -> None:
    """A walk through the mailbox would rely on it."""
    talk = Talk(memory=trusting(but="lists"))
    talk.log_in()
    assert talk.say(b"LIST\r\n") == (b"", b"LIST\r\n")
    answer = b"+OK\r\n" + lines + b".\r\n"
    assert talk.answer(answer)[0] == answer
    talk.say(b"NOOP\r\n")
    assert (talk.memory.manners.lists is Shown.YES) == is_one


def test_an_empty_line_behind_one_that_answered_our_capa_is_the_clients() -> None:
    """Some servers have nothing else to say."""
    talk = Talk(memory=Memory(), ready=b"")
    talk.say(b"AUTH\r\n")
    talk.answer(b"\r\n")
    assert talk.wait() == (b"", b"AUTH\r\n")
    assert talk.answer(b"\r\n")[0] == b"\r\n"


@pytest.mark.parametrize(("more", "got"), [(b"+OK by the way\r\n", b""), (b"-ERR bye\r\n", b"-ERR bye\r\n")])
def test_line_more_to_a_question_of_ours_is_no_answer_to_the_clients(more: bytes, got: bytes) -> None:
    talk = logged_in(keep_alive=45)
    assert talk.wait() == (b"", b"NOOP\r\n")
    assert talk.say(b"LIST 1\r\n") == (b"", b"")
    assert talk.answer(b"+OK\r\n" + more) == (got, b"LIST 1\r\n")
    assert talk.answer(b"+OK 1 56\r\n")[0] == b"+OK 1 56\r\n"


def test_line_more_to_a_question_of_ours_is_not_taken_for_the_next_answer() -> None:
    talk = logged_in(keep_alive=45)
    talk.wait()
    assert talk.answer(b"+OK\r\n+OK by the way\r\n")[0] == b""
    talk.say(b"NOOP\r\n")  # and a line more to a question of the client's is the client's, as over a wire
    assert talk.answer(b"+OK\r\n+OK by the way\r\n")[0] == b"+OK\r\n+OK by the way\r\n"


def test_until_a_server_has_shown_that_stat_ends_nothing_leaves_behind_it() -> None:
    """A line more behind it would be taken for the answer to what the client asks next."""
    memory = trusting(but="adds nothing")
    memory.habits((VISITOR, "anna")).questions = (b"UIDL",)
    talk = Talk(memory=memory)
    talk.say(b"USER anna\r\n")
    assert talk.say(b"PASS secret\r\n")[1].endswith(b"CAPA\r\nUIDL\r\nSTAT\r\n")
    assert talk.answer(b"+OK\r\n+OK in\r\n" + CAPA + b"+OK\r\n1 a\r\n.\r\n")[0] == b"+OK in\r\n"
    assert talk.say(b"LIST 1\r\n") == (b"", b"")
    assert talk.answer(b"+OK 1 99\r\n") == (b"", b"LIST 1\r\n")
    assert talk.answer(b"+OK 1 99\r\n")[0] == b"+OK 1 99\r\n"
    assert memory.manners.adds_nothing


def test_a_line_more_to_a_stat_of_ours_is_not_taken_for_the_answer_to_a_deletion() -> None:
    """The server's own answer to that would then be the client's to QUIT."""
    talk = Talk(memory=trusting(but="reads ahead"))
    talk.log_in()
    walks(talk, *[SIZE] * 4)
    assert talk.answer(mail(2))[1] == unit(3) + b"LIST 2\r\nSTAT\r\n"
    assert talk.say(b"DELE 2\r\n") == (b"+OK message 2 deleted\r\n", b"")
    assert talk.answer(proven(3) + b"+OK 2 %d\r\n" % SIZE) == (b"", b"")
    assert talk.answer(b"+OK 9 99\r\n+OK by the way\r\n") == (b"", b"DELE 2\r\n")
    assert talk.answer(b"+OK marked\r\n")[0] == b""
    assert talk.say(b"QUIT\r\n") == (b"", b"QUIT\r\n")
    assert talk.answer(b"+OK bye\r\n")[0] == b"+OK bye\r\n"


# What a server that cannot bear it costs


def test_mistrust_lasts_longer_each_time() -> None:
    memory = trusting()
    for sessions in (MISTRUST, MISTRUST * 4):
        memory.habits((VISITOR, "anna")).caution(has_deleted=False)
        for _ in range(sessions):
            assert is_careful(memory)
            assert not is_careful(memory, b"ben")
            talk = Talk(memory=memory)
            for line, answer in ((b"USER anna\r\n", b"+OK\r\n"), (b"PASS secret\r\n", b"+OK in\r\n")):
                assert talk.say(line) == (b"", line)
                talk.answer(answer)
            talk.over()
        assert not is_careful(memory)


def test_deletions_that_had_to_wait_once_do_not_wait_for_what_nobody_asked_again() -> None:
    """A server hangs up at a message that its client would have left out: what it had deleted is there again."""
    memory = trusting()
    habits = memory.habits((VISITOR, "anna"))
    for deletes in (False, True):
        talk = Talk(memory=memory)
        talk.log_in()
        walks(talk, *[SIZE] * 4)
        assert talk.answer(mail(2))[1] == unit(3, 4)
        if deletes:
            talk.say(b"DELE 1\r\n")
        talk.ears.server_ended(talk.now)
        talk.over(server_left=True)
        assert bool(habits.commits_first) is deletes
        habits.careful = 0  # the sessions that go step by step are over
    for deletes in (False, True):
        talk = Talk(memory=memory)
        talk.log_in()
        talk.say(b"LIST\r\n")
        talk.answer(list_of(*[SIZE] * 4))
        talk.say(b"RETR 1\r\n")
        talk.answer(mail(1))
        if deletes:
            talk.say(b"DELE 1\r\n")
            talk.answer(b"+OK\r\n")
        talk.say(b"RETR 2\r\n")
        assert talk.answer(mail(2))[1] == (b"" if deletes else unit(3, 4))
        habits.width = 0


def test_a_login_that_is_refused_and_hung_up_on_is_no_reason_for_mistrust() -> None:
    talk = Talk(changed(service(), ask_ahead=False))
    talk.say(b"USER anna\r\nPASS wrong\r\n")
    talk.answer(b"+OK\r\n-ERR [AUTH] no\r\n")
    talk.ears.server_ended(talk.now)
    talk.over(server_left=True)
    assert not is_careful(talk.memory)


# What a client can make us hold, or do


def test_commands_that_are_answered_at_once_are_bounded_too() -> None:
    talk = Talk(memory=trusting(before=False))
    for _ in range(3):
        talk.say(b"USER anna\r\n" * UNANSWERED_LIMIT)
    assert not talk.ears.wants_client
    way, owed = talk.ears._way, talk.ears._owed  # noqa: SLF001
    assert len(way.unsent) + len(owed.asked) <= UNANSWERED_LIMIT
    talk.answer(b"+OK\r\n")
    assert len(way.unsent) + len(owed.asked) <= UNANSWERED_LIMIT


def test_a_walk_over_deleted_messages_costs_no_more_for_their_number() -> None:
    seen: list[int] = []

    class Counting(Mailbox):
        def has(self, number: int) -> bool:
            seen.append(number)
            return super().has(number)

    mailbox, count = Counting(), 100 * STRIDE
    mailbox.learn_stat(b"+OK %d 9\r\n" % count)
    for number in range(2, count):
        mailbox.delete(number)
    for _ in range(3000):
        before = len(seen)
        found = mailbox.after(1)
        assert len(seen) - before <= STRIDE
        if found:
            break
    assert found == count
    assert len(seen) < 4 * count
    del seen[:]
    assert mailbox.after(1) == count
    assert len(seen) < STRIDE


@pytest.mark.parametrize("step", [2, 5_000, 10_000])
def test_a_list_with_gaps_costs_no_more_than_it_says(step: int) -> None:
    text = b"+OK\r\n" + b"".join(b"%d 1\r\n" % number for number in range(step, step * 9_000, step)) + b".\r\n"
    listing = Listing()
    for at in range(0, len(text), 1000):
        listing.feed(text[at : at + 1000])
    assert listing.is_sane is (step == 2)
    if listing.is_sane:
        assert len(listing.sizes) == 17_999


@pytest.mark.parametrize("cut", range(1, 27))
def test_a_list_is_read_wherever_it_is_cut(cut: int) -> None:
    text, listing = b"+OK here\r\n1 90\r\n3 7 x\r\n.\r\n", Listing()
    listing.feed(text[:cut])
    listing.feed(text[cut:])
    assert (listing.is_sane, list(listing.sizes)) == (True, [0, 90, 0, 7])


# Sessions after one another, with a server that cannot bear what we do


class _Delicate(Model):
    """Hangs up when something comes before it has answered, although it offers PIPELINING."""

    def _answer(self, line: bytes) -> None:
        if self.outbox:
            self.ended = True
        else:
            super()._answer(line)


@pytest.mark.parametrize("known", [CAPA, b""])
def test_a_server_that_can_not_bear_it_costs_no_session_at_all(known: bytes) -> None:
    """What it cannot bear is found out when nobody waits."""
    memory, nature = Memory(), Nature(messages=(b"a\r\n", b"b\r\n", b"c\r\n", b"d\r\n"))
    script = [
        b"USER anna\r\n",
        b"PASS secret\r\n",
        b"LIST\r\n",
        *(b"RETR %d\r\n" % n for n in range(1, 5)),
        b"QUIT\r\n",
    ]
    if known:
        memory.manners.learn(capabilities(known), logged_in=False)
    for _ in range(6):
        client, server = Client([[line] for line in script]), _Delicate(nature)
        world = World(service(), memory, client, server)
        world.run(_Slow())
        assert client.is_answered()


class _Slow(Chance):
    """Lets the client and us speak first, so that commands meet before they are answered."""

    def randint(self, a: int, _b: int) -> int:
        return a

    def random(self) -> float:
        return 0.3
