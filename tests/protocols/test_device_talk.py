"""A device's session: what it is told, what the server hears, and what is kept."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearing import every_cut, pieces
from model_device import EHLO, House, Server, Shelf, mail
from popover.config import DeviceRules
from popover.errors import ConnectFailure, ServerFailure
from popover.protocols.device import Reach
from popover.protocols.reception import Wish
from popover.talk import More

DOWN = ConnectFailure("mail.example.com is down")
TEXT = (b"From: Printer <printer@lan>", b"Date: today", b"Message-ID: <1@lan>", b"", b"a scan")
SENT = b"\r\n".join((b"From: Printer <scans@example.com>", *TEXT[1:])) + b"\r\n"


def codes(told: bytes) -> list[int]:
    """The last line's code of each answer."""
    return [int(line[:3]) for line in told.splitlines() if line[3:4] != b"-"]


def sent(server: Server) -> list[bytes]:
    """The mails that a server has, without what stood before their own line ends."""
    return [one.removeprefix(b"\r\n") for one in server.mails]


# -- a mail --------------------------------------------------------------------------------------


def test_a_mail_goes_to_the_server_in_the_senders_name_wherever_the_device_is_cut() -> None:
    for parts in every_cut(mail(*TEXT)):
        server = Server()
        told, wish = House(server).run(parts)
        assert codes(told) == [220, 250, 250, 250, 354, 250, 221]
        assert wish is Wish.LEAVE
        assert [one.rstrip(b".\r\n") + b"\r\n" for one in sent(server)] == [SENT]
        assert b"MAIL FROM:<scans@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n" in server.heard
        assert server.heard.endswith(b"\r\n.\r\nQUIT\r\n")


def test_the_final_250_is_the_servers_own() -> None:
    server = Server({b".": b"250 2.0.0 queued as 4711\r\n"})
    told, _ = House(server).run([mail(*TEXT)])
    assert b"250 2.0.0 queued as 4711\r\n" in told


@pytest.mark.parametrize("verb", [b"MAIL", b"RCPT", b"DATA", b"."])
def test_a_refusal_reaches_the_device_in_the_servers_words(verb: bytes) -> None:
    words = b"550-5.7.60 SMTP; Client does not have\r\n550 5.7.60 permissions to send as this sender\r\n"
    server = Server({verb: words})
    house = House(server, shelf=Shelf())
    told, _ = house.run([mail(*TEXT)])
    assert words in told
    assert house.attendance.refusals == (
        "550 5.7.60 SMTP; Client does not have 5.7.60 permissions to send as this sender",
    )
    assert house.shelf is not None
    assert not house.shelf.kept
    assert all(paper.is_dropped for paper in house.shelf.begun)


@pytest.mark.parametrize("hello", [b"HELO", b"HELO ", b"HELO localhost", b"EHLO \xff!", b"helo NPIF65E56", b"EHLO"])
def test_any_hello_is_taken(hello: bytes) -> None:
    server = Server()
    told, _ = House(server).run([hello + b"\r\n" + mail(*TEXT).partition(b"\r\n")[2]])
    assert codes(told) == [220, 250, 250, 250, 354, 250, 221]
    assert server.heard.startswith(b"EHLO [127.0.0.1]\r\n")


def test_no_hello_at_all_is_taken() -> None:
    told, _ = House(Server()).run([mail(*TEXT).partition(b"\r\n")[2]])
    assert codes(told) == [220, 250, 250, 354, 250, 221]


def test_the_answer_to_ehlo_has_the_servers_size_and_nothing_that_can_not_work() -> None:
    told, _ = House(Server()).run([b"EHLO x\r\n"])
    words = told.partition(b"\r\n")[2]
    assert words == b"250-popover\r\n250-ENHANCEDSTATUSCODES\r\n250-SIZE 1000000\r\n250 8BITMIME\r\n"


def test_a_mail_of_bare_lf_leaves_with_crlf_and_its_lone_dots_stay_text() -> None:
    server = Server()
    octets = b"Subject: a\n\none\n.\ntwo\r\n.\r\n"
    House(server).run([mail().removesuffix(b".\r\nQUIT\r\n") + octets])
    assert len(server.mails) == 1
    assert sent(server)[0].endswith(b"\r\n\r\none\r\n..\r\ntwo\r\n")
    assert b"\n" not in sent(server)[0].replace(b"\r\n", b"")


def test_several_mails_go_one_after_the_other() -> None:
    server = Server()
    one = mail(*TEXT).removesuffix(b"QUIT\r\n")
    told, _ = House(server).run([one, one, one])
    assert codes(told).count(354) == len(server.mails) == 3


def test_without_a_sender_the_device_says_who_it_is() -> None:
    server = Server()
    House(server, rules=DeviceRules()).run([mail(*TEXT)])
    assert b"MAIL FROM:<printer@lan>\r\n" in server.heard
    assert sent(server)[0].startswith(b"From: Printer <printer@lan>\r\n")


@settings(max_examples=50)
@given(st.binary(max_size=400), st.data())
def test_the_text_of_a_mail_arrives_octet_for_octet(text: bytes, data: st.DataObject) -> None:
    """As a server hears it that keeps to the letter."""
    text = text.replace(b"\r\n.", b"\r\n..").removeprefix(b".")
    server = Server()
    said = mail().removesuffix(b".\r\nQUIT\r\n") + b"Subject: a\r\n\r\n" + text + b"\r\n.\r\n"
    House(server, normalizes=False).run(data.draw(pieces(said)))
    assert [one.partition(b"\r\n\r\n")[2] for one in sent(server)] == [text + b"\r\n"]


# -- who may get mail ----------------------------------------------------------------------------


def test_only_recipients_get_mail() -> None:
    server = Server()
    rules = DeviceRules(recipients=("*@example.com",))
    told, _ = House(server, rules=rules).run([mail(*TEXT, recipients=(b"eve@example.net", b"bob@example.com"))])
    assert b"550 5.7.1 " in told
    assert b"eve" not in server.heard
    assert len(server.mails) == 1
    house = House(server, rules=rules)
    told, _ = house.run([mail(*TEXT, recipients=(b"eve@example.net",))])
    assert codes(told)[3:5] == [550, 503]
    assert "may not write to this address" in house.attendance.refusals[0]  # for the log
    assert len(server.mails) == 1


def test_a_mail_has_no_more_recipients_than_it_may() -> None:
    server = Server()
    told, _ = House(server, rules=DeviceRules(max_recipients=2)).run([mail(*TEXT, recipients=(b"a@x", b"b@x", b"c@x"))])
    assert b"452 4.5.3 " in told
    assert server.heard.count(b"RCPT") == 2
    assert len(server.mails) == 1


# -- commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"NOOP", 250), (b"HELP", 214), (b"VRFY bob", 252), (b"RSET", 250), (b"AUTH PLAIN AGEAYg==", 502),
        (b"STARTTLS", 502), (b"MAIL FROM:", 501), (b"RCPT TO:<a@x>", 503), (b"DATA", 503), (b"EXPN a", 502),
        (b"BDAT many", 501), (b"BDAT 0 LAST", 503), (b"", 502),
    ],
)  # fmt: skip
def test_a_command_has_one_answer(said: bytes, code: int) -> None:
    told, _ = House(Server()).run([said + b"\r\nQUIT\r\n"])
    assert codes(told) == [220, code, 221]


def test_header_lines_behind_a_mail_are_passed_over() -> None:
    told, _ = House(Server()).run([mail(*TEXT).removesuffix(b"QUIT\r\n") + b"Subject: late\r\n folded\r\nQUIT\r\n"])
    assert codes(told)[-4:] == [250, 250, 250, 221]


def test_what_speaks_another_protocol_is_let_go() -> None:
    house = House(Server())
    told, _ = house.run([b"X-ONE\r\nX-TWO\r\nX-THREE\r\nX-FOUR\r\nCANARY\r\n"])
    assert codes(told)[-1] == 421
    assert b"CANARY" not in told
    assert house.attendance.failure is not None
    assert house.attendance.failure.end == "misdialled"
    house = House(Server())
    assert codes(house.run([b"x" * 20_000])[0]) == [220, 421]


def test_starttls_is_between_the_device_and_us() -> None:
    server = Server()
    house = House(server, tls="offer")
    told, wish = house.run([b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<evil@x>\r\n"])
    assert told.endswith(b"250 STARTTLS\r\n220 2.0.0 Ready to start TLS\r\n")
    assert wish is Wish.TLS
    assert b"MAIL" not in server.heard
    assert b"STARTTLS" not in server.heard
    assert House(server, tls="on").run([b"NOOP\r\n"], silently=True)[0] == b"250 2.0.0 ok\r\n"


def test_where_tls_is_required_no_mail_goes_without() -> None:
    told, _ = House(Server(), tls="require").run([mail(*TEXT).removesuffix(b"QUIT\r\n")[:60] + b"\r\n"])
    assert codes(told)[:3] == [220, 250, 530]


def test_a_mail_by_bdat_goes_as_one_of_data() -> None:
    server = Server()
    begin = mail().partition(b"DATA")[0]
    parts = [b"Subject: a\r\n", b"\r\n.dotted\r", b"\n.\r\nno end"]
    chunks = b"".join(b"BDAT %d%s\r\n%s" % (len(one), b" LAST" * (at == 2), one) for at, one in enumerate(parts))
    for cut in every_cut(chunks):
        server = Server()
        told, _ = House(server).run([begin, *cut, b"QUIT\r\n"])
        assert codes(told) == [220, 250, 250, 250, 250, 250, 250, 221]
        assert len(server.mails) == 1
        assert sent(server)[0].endswith(b"\r\n\r\n..dotted\r\n..\r\nno end\r\n")


def test_between_two_chunks_nothing_else_gets_into_the_mail() -> None:
    server = Server()
    begin = mail().partition(b"DATA")[0]
    chunks = b"BDAT 14\r\nSubject: a\r\n\r\nRCPT TO:<eve@example.com>\r\nDATA\r\nBDAT 4 LAST\r\ntext"
    told, _ = House(server).run([begin, chunks, b"QUIT\r\n"])
    assert codes(told) == [220, 250, 250, 250, 250, 503, 503, 250, 221]
    assert sent(server)[0].endswith(b"\r\n\r\ntext\r\n")
    assert b"eve" not in server.heard


# -- when the server is lost or has no time ------------------------------------------------------


def test_without_a_server_and_a_queue_the_device_is_told_to_come_again() -> None:
    house = House(DOWN)
    told, wish = house.run([mail(*TEXT)])
    assert told.splitlines()[1:] == [b"421 4.3.2 mail.example.com is down"]
    assert wish is Wish.LEAVE
    assert house.attendance.failure is DOWN


@pytest.mark.parametrize("verb", [b"MAIL", b"RCPT", b"DATA", b"."])
@pytest.mark.parametrize("words", [b"", b"421 4.3.0 going down\r\n", b"451 4.7.0 later\r\n"])
def test_nothing_is_ever_said_250_that_the_server_has_not_taken(verb: bytes, words: bytes) -> None:
    """It is told 4xx, and its own mail is not on anybody's disk."""
    server = Server({verb: words})
    told, _ = House(server).run([mail(*TEXT)])
    answers = codes(told)
    verdict = answers[answers.index(354) + 1] if 354 in answers else answers[-2]
    assert verdict // 100 in {4, 5}
    assert 400 <= next(code for code in answers if code >= 400) < 500
    assert not server.mails or verb == b"."


@pytest.mark.parametrize("verb", [b"MAIL", b"RCPT", b"DATA", b"."])
@pytest.mark.parametrize("words", [b"", b"421 4.3.0 going down\r\n", b"451 4.7.0 later\r\n"])
def test_with_a_queue_it_is_kept_whatever_the_server_stumbles_over(verb: bytes, words: bytes) -> None:
    shelf = Shelf()
    house = House(Server({verb: words}), shelf=shelf)
    told, _ = house.run([mail(*TEXT)])
    assert all(code < 400 for code in codes(told))
    [(octets, envelope)] = shelf.kept
    assert octets == SENT + b".\r\n"
    assert (envelope.sender, envelope.recipients) == ("scans@example.com", ("bob@example.com",))
    assert envelope.is_doubtful == (verb == b"." and not words)
    assert house.attendance.kept == 1


@pytest.mark.parametrize("why", [DOWN, ServerFailure("mail.example.com refused the login: 535 5.7.139 no")])
def test_with_a_queue_a_mail_is_kept_while_there_is_no_server(why: ServerFailure | ConnectFailure) -> None:
    shelf = Shelf()
    house = House(why, shelf=shelf)
    told, _ = house.run([mail(*TEXT)])
    assert codes(told) == [220, 250, 250, 250, 354, 250, 221]
    assert b"kept here, and sent as soon as mail.example.com takes it" in told
    assert [octets for octets, _ in shelf.kept] == [SENT + b".\r\n"]
    assert house.attendance.failure is why


def test_a_mail_that_the_server_took_is_not_kept() -> None:
    shelf = Shelf()
    House(Server(), shelf=shelf).run([mail(*TEXT)])
    assert not shelf.kept
    assert [paper.is_dropped for paper in shelf.begun] == [True]


def test_a_recipient_that_the_server_has_no_time_for_gets_the_mail_later_and_the_others_now() -> None:
    shelf = Shelf()
    server = Server({b"RCPT": b"450 4.2.0 later\r\n"})
    told, _ = House(server, shelf=shelf).run([mail(*TEXT, recipients=(b"a@x", b"b@x"))])
    assert all(code < 400 for code in codes(told))
    assert len(server.mails) == 1
    assert [envelope.recipients for _, envelope in shelf.kept] == [("a@x",)]


def test_what_can_not_be_kept_is_not_said_to_be() -> None:
    for shelf in (Shelf(can_keep=False), Shelf(holds=10)):
        told, _ = House(DOWN, shelf=shelf).run([mail(*TEXT)])
        assert codes(told) == [220, 250, 250, 250, 354, 452, 221]
        assert not shelf.kept


@pytest.mark.parametrize("size", [b"10", b"1000000"])
def test_what_the_server_takes_not_now_and_we_can_not_keep_is_told_in_its_words_and_not_for_good(size: bytes) -> None:
    server = Server({b".": b"451 4.7.0 later\r\n"}, EHLO.replace(b"1000000", size))
    told, _ = House(server, shelf=Shelf(holds=10)).run([mail(*TEXT)])
    assert told.splitlines()[-2] == b"451 4.7.0 later"


def test_a_full_disk_does_no_harm_to_a_mail_that_the_server_takes() -> None:
    server = Server()
    told, _ = House(server, shelf=Shelf(holds=10)).run([mail(*TEXT)])
    assert codes(told) == [220, 250, 250, 250, 354, 250, 221]
    assert len(server.mails) == 1


@pytest.mark.parametrize("verb", [b"MAIL", b"DATA", b"."])
def test_after_a_loss_the_next_mail_goes_by_another_connection(verb: bytes) -> None:
    second = Server()
    house = House(Server({verb: b""}), second)
    one = mail(*TEXT).removesuffix(b"QUIT\r\n")
    told, _ = house.run([one, one])
    assert codes(told)[-1] == 250
    assert len(second.mails) == 1


def test_a_device_that_goes_in_the_midst_of_a_mail_has_sent_none() -> None:
    octets = mail(*TEXT)
    begin = octets.index(b"DATA\r\n") + 6
    for cut in range(begin, octets.index(b".\r\nQUIT") + 2):
        server, shelf = Server(), Shelf()
        _, wish = House(server, shelf=shelf).run([octets[:cut]])
        assert wish is Wish.LEAVE
        assert not server.mails
        assert not shelf.kept
        assert all(paper.is_dropped for paper in shelf.begun)
        assert not server.heard.endswith(b"QUIT\r\n")


@pytest.mark.parametrize("rest", [b"DATA\r\nSubject: half", b"BDAT 5\r\nhello", b"BDAT 9\r\nhell"])
def test_nothing_is_left_of_half_a_mail_whatever_ends_the_session(rest: bytes) -> None:
    """Where the device goes, and where the gateway stops."""
    shelf = Shelf()
    House(Server(), shelf=shelf).run([mail().partition(b"DATA")[0] + rest])
    house = House(Server(), shelf=shelf)
    talk = house.attendance.talk(silently=False)
    house.client.inbox += mail().partition(b"DATA")[0] + rest
    for want in talk:
        if isinstance(want, More) and want.end is house.client and shelf.begun[1:]:
            break
        house.carry()
        if isinstance(want, Reach):
            house.reach(want)
    talk.close()
    assert [paper.is_dropped for paper in shelf.begun] == [True, True]


def test_a_server_that_speaks_in_the_midst_of_a_mail_gets_no_more_of_it() -> None:
    class Impatient(Server):
        def hear(self, data: bytes) -> bytes:
            said = super().hear(data)
            return said + b"552 5.3.4 too large\r\n" if b"one" in data else said

    server = Impatient()
    begin = mail().removesuffix(b".\r\nQUIT\r\n")
    told, _ = House(server).run([begin, b"Subject: a\r\n\r\none\r\n", b"two\r\n", b".\r\n", b"QUIT\r\n"])
    assert codes(told) == [220, 250, 250, 250, 354, 552, 221]
    assert b"two" not in server.heard


def test_a_server_that_takes_half_a_mail_for_a_whole_one_is_not_believed() -> None:
    """It has taken something for the end that was none: what follows would be commands."""

    class Loose(Server):
        def hear(self, data: bytes) -> bytes:
            said = super().hear(data)
            return said + b"250 taken\r\n" if b"one" in data else said

    second = Server()
    house = House(Loose(), second)
    begin = mail().removesuffix(b".\r\nQUIT\r\n")
    told, _ = house.run([begin, b"Subject: a\r\n\r\none\r\n", b"MAIL FROM:<evil>\r\n", b".\r\n", mail(*TEXT)])
    assert codes(told)[5] == 451
    assert len(second.mails) == 1


def test_what_the_server_has_heard_of_a_mail_that_came_to_nothing_is_taken_back() -> None:
    class Choosy(Server):
        def hear(self, data: bytes) -> bytes:
            if data == b"DATA\r\n" and b"DATA" not in self.heard:
                self.heard += data
                return b"554 5.7.1 no\r\n"
            return super().hear(data)

    server = Choosy()
    told, _ = House(server).run([mail().partition(b".\r\n")[0], mail(*TEXT)])
    assert codes(told)[-2:] == [250, 221]
    assert b"DATA\r\nRSET\r\nMAIL FROM:<scans@example.com>\r\n" in server.heard


def test_a_server_that_has_said_goodbye_between_two_mails_is_asked_no_more() -> None:
    class Tired(Server):
        def hear(self, data: bytes) -> bytes:
            said = super().hear(data)
            return said + b"421 4.4.2 idle\r\n" * (b"\r\n.\r\n" in data)

    first, second = Tired(), Server()
    one = mail(*TEXT).removesuffix(b"QUIT\r\n")
    told, _ = House(first, second).run([one, one])
    assert codes(told).count(250) == 8
    assert (len(first.mails), len(second.mails)) == (1, 1)
    assert first.heard.endswith(b"\r\n.\r\n")


def test_a_server_that_says_421_and_stays_is_left_all_the_same() -> None:
    first, second = Server({b"MAIL": b"421 4.3.2 busy\r\n"}), Server()
    first.stays = True
    one = mail(*TEXT).removesuffix(b"QUIT\r\n")
    told, _ = House(first, second).run([one, one])
    assert codes(told)[-1] == 250
    assert (len(first.mails), len(second.mails)) == (0, 1)


def test_rset_and_ehlo_forget_the_mail_under_way() -> None:
    for verb in (b"RSET", b"EHLO x"):
        server = Server()
        told, _ = House(server).run([b"MAIL FROM:<a@x>\r\n" + verb + b"\r\n" + mail(*TEXT)])
        assert codes(told)[-2:] == [250, 221]
        assert server.heard.count(b"RSET\r\n") == 1
        assert len(server.mails) == 1


def test_a_mail_larger_than_the_server_takes_is_refused_before_it_is_sent() -> None:
    shelf = Shelf()
    told, _ = House(DOWN, shelf=shelf).run([b"MAIL FROM:<a@x> SIZE=200000000\r\n"])
    assert codes(told) == [220, 552]
    ehlo = EHLO.replace(b"1000000", b"100")
    server = Server({b"DATA": b"451 4.3.0 later\r\n"}, ehlo)
    told, _ = House(server, shelf=shelf).run([mail(*TEXT, b"x" * 200)])
    assert codes(told)[-2:] == [552, 221]
    assert not shelf.kept


def test_the_log_learns_no_word_of_a_mail() -> None:
    house = House(Server({b".": b"554 5.6.0 no\r\n"}))
    house.run([mail(*TEXT)])
    assert not re.search("scan|printer", " ".join(house.attendance.refusals))


# -- a device that insists on a login ------------------------------------------------------------

AUTH = b"AUTH PLAIN AHNjYW5zAHNlc2FtZQ==\r\n"  # scans, sesame


@pytest.mark.parametrize(("verdict", "code"), [(True, 235), (False, 535), (None, 454)])
def test_a_login_is_looked_at_where_the_account_has_a_password(verdict: bool | None, code: int) -> None:
    house = House(Server(), takes_logins=True)
    house.verdicts = [verdict]
    told, _ = house.run([b"EHLO x\r\n", AUTH, b"QUIT\r\n"])
    assert b"250-AUTH PLAIN LOGIN\r\n250 AUTH=PLAIN LOGIN\r\n" in told
    assert codes(told) == [220, 250, code, 221]
    assert [check.login.user for check in house.checked] == ["scans"]
    assert "sesame" not in repr(house.checked)


def test_a_login_in_three_lines_is_one_too_and_is_said_once() -> None:
    house = House(Server(), takes_logins=True, challenge=b"<1@popover>")
    house.verdicts = [True]
    told, _ = house.run([b"AUTH LOGIN\r\n", b"c2NhbnM=\r\n", b"c2VzYW1l\r\n", AUTH])
    assert codes(told) == [220, 334, 334, 235, 503]
    assert b"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n" in told


def test_wrong_logins_wear_the_session_out() -> None:
    house = House(Server(), takes_logins=True)
    house.verdicts = [False] * 5
    told, wish = house.run([AUTH] * 9)
    assert codes(told) == [220, *[535] * 5]
    assert wish is Wish.LEAVE


def test_a_device_may_send_without_a_login_although_the_account_has_a_password() -> None:
    server = Server()
    House(server, takes_logins=True).run([mail(*TEXT)])
    assert len(server.mails) == 1


def test_a_device_that_goes_in_the_midst_of_a_login_is_gone() -> None:
    assert House(Server(), takes_logins=True).run([b"AUTH LOGIN\r\n"])[1] is Wish.LEAVE


def test_a_server_that_bears_no_second_ehlo_takes_mail_all_the_same() -> None:
    server = Server({b"EHLO": b"503 5.5.1 once is enough\r\n"})
    told, _ = House(server).run([mail(*TEXT)])
    assert codes(told) == [220, 250, 250, 250, 354, 250, 221]
    assert len(server.mails) == 1
