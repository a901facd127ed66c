"""Cases 31 to 36, 58 and 59 of the list of faults: TLS stands, but no mail server greets behind it, or not for long."""

import threading

import pytest

from fakes.mail import GREETINGS, mail, message_of, pop3, says, silent
from fakes.scene import FAREWELLS, UNHURRIED, Stage
from fakes.tls import TLSWire

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED

DIALECTS = list(GREETINGS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_case_31_server_that_does_not_greet_is_not_waited_for(stage: Stage, dialect: str) -> None:
    server = stage.server(silent)
    gateway = stage.gateway(server, dialect, greeting_timeout=0.3)
    gateway.refuses("localhost", "greet", "0.3 seconds")
    server.script = mail(dialect)
    gateway.serves()


def test_case_32_the_deadline_is_for_the_whole_greeting(stage: Stage) -> None:
    """Each of its bytes comes in time, but the greeting does not: it would take a minute."""

    def drips(wire: TLSWire) -> None:
        stop = threading.Event()
        for byte in b"+OK " + b"x" * 600:
            wire.send(bytes([byte]))
            stop.wait(0.1)
        raise AssertionError("it was heard out")

    gateway = stage.gateway(stage.server(drips), greeting_timeout=0.5)
    gateway.refuses("greet", "0.5 seconds")


@pytest.mark.parametrize(
    ("dialect", "greeting", "passed_on"),
    [
        ("pop3", b"-ERR mailbox in use\r\n", b"-ERR mailbox in use\r\n"),
        ("pop3", b"-ERR [SYS/TEMP] too busy\r\n", b"-ERR [SYS/TEMP] too busy\r\n"),
        ("imap", b"* BYE [ALERT] too busy\r\n", b"* BYE [ALERT] too busy\r\n"),
        ("smtp", b"421 4.3.2 too busy\r\n", b"421 4.3.2 too busy\r\n"),
        ("smtp", b"554 5.3.2 not here\r\n", b"554 5.3.2 not here\r\n"),
        ("pop3", b"-ERR a\x1b[2J\xe2\x80\xae\0b\r\n", b"-ERR a?[2J????b\r\n"),
        ("imap", b"* BYE internal Error\r\n", b"* BYE internal fault\r\n"),
    ],
)
def test_case_33_refusing_greeting_is_passed_on_and_the_end(
    stage: Stage, dialect: str, greeting: bytes, passed_on: bytes
) -> None:
    server = stage.server(says(greeting))
    gateway = stage.gateway(server, dialect)
    with gateway.client() as client:
        assert client.ending() == (passed_on, "fin")
    event = gateway.session()
    assert event["end"] == "server refused"
    assert "localhost" in event["cause"]
    assert event["cause"].isprintable()
    server.script = mail(dialect)
    gateway.serves()


def test_case_33_long_refusal_is_cut_to_a_line_that_clients_take(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(says(b"-ERR " + b"sorry " * 1000 + b"\r\n")))
    with gateway.client() as client:
        words, how = client.ending()
    assert how == "fin"
    assert words.startswith(b"-ERR sorry sorry")
    assert words.endswith(b"\r\n")
    assert len(words) <= 512


def test_case_33_refusal_of_several_lines_is_one_answer(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(says(b"554-not here\r\n", b"554-nor there\r\n554 at all\r\n")), "smtp")
    with gateway.client() as client:
        words, how = client.ending()
    assert how == "fin"
    lines = words.splitlines(keepends=True)
    assert all(line.startswith(b"554-") for line in lines[:-1])
    assert lines[-1].startswith(b"554 ")
    assert b"at all" in words


@pytest.mark.parametrize("dialect", DIALECTS)
def test_case_34_greeting_without_an_end_is_cut_off(stage: Stage, dialect: str) -> None:
    sent = threading.Event()

    def goes_on(wire: TLSWire) -> None:
        wire.send(GREETINGS[dialect].splitlines()[0])
        for _ in range(64):
            wire.send(b"x" * 16_384)
        sent.set()
        wire.ending()

    server = stage.server(goes_on)
    gateway = stage.gateway(server, dialect)
    event = gateway.refuses("localhost", "greet", "8,192")
    assert len(event["text"]) < 1000
    server.script = mail(dialect)
    gateway.serves()


def test_case_34_smtp_greeting_of_endless_lines_is_cut_off(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(says(b"220-hello\r\n" * 100_000)), "smtp")
    gateway.refuses("localhost", "greet")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("greeting", "shown"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 400"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
        (b"\x00\x01\x1b[31m\xff\n", "\\x00\\x01\\x1b[31m\\xff"),
        (b"\r\n", ""),
    ],
)
def test_case_35_other_kinds_of_servers_are_named_by_their_first_bytes(
    stage: Stage, dialect: str, greeting: bytes, shown: str
) -> None:
    gateway = stage.gateway(stage.server(says(greeting)), dialect)
    event = gateway.refuses("localhost", "greet", remedy=shown)
    assert "port" in event["remedy"]
    assert event["text"].isprintable()


@pytest.mark.parametrize(("asked", "answers"), [("pop3", "imap"), ("imap", "smtp"), ("smtp", "pop3")])
def test_case_35_another_dialect_than_ours_is_refused(stage: Stage, asked: str, answers: str) -> None:
    stage.gateway(stage.server(mail(answers)), asked).refuses("localhost", "greet", remedy="port")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_case_36_what_follows_the_greeting_passes(stage: Stage, dialect: str) -> None:
    words = GREETINGS[dialect] + b"and more that nobody asked for\r\nand a piece"
    gateway = stage.gateway(stage.server(says(words, b" of a line\r\n")), dialect)
    with gateway.greeted() as client:
        assert client.line() == b"and more that nobody asked for\r\n"
        assert client.line() == b"and a piece of a line\r\n"


def test_case_36_imap_preauth_inside_tls_passes(stage: Stage) -> None:
    """RFC 9051, 7.1.4 forbids it before STARTTLS only."""
    greeting = b"* PREAUTH [CAPABILITY IMAP4rev1] welcome back\r\n"
    gateway = stage.gateway(stage.server(says(greeting)), "imap")
    gateway.greeted(greeting).close()


@pytest.mark.parametrize(
    "greeting", [b"220-one\r\n220-two\r\n220 three\r\n", b"220\r\n", b"220 \r\n", b"250 hello\r\n"]
)
def test_case_52_unusual_smtp_greetings_pass(stage: Stage, greeting: bytes) -> None:
    gateway = stage.gateway(stage.server(says(greeting)), "smtp")
    with gateway.client() as client:
        assert client.exactly(len(greeting)) == greeting


@pytest.mark.parametrize("greeting", [b"2x0 hello\r\n", b"hello\r\n", b"220hello\r\n", b"22"])
def test_case_52_malformed_smtp_greeting_is_refused(stage: Stage, greeting: bytes) -> None:
    def greets(wire: TLSWire) -> None:
        wire.send(greeting)
        wire.close()

    stage.gateway(stage.server(greets), "smtp").refuses("localhost", "greet")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_case_58_reset_before_the_greeting(stage: Stage, dialect: str) -> None:
    server = stage.server(TLSWire.reset)
    gateway = stage.gateway(server, dialect)
    gateway.refuses("localhost", "reset")
    server.script = mail(dialect)
    gateway.serves()


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_case_58_reset_after_the_greeting_or_an_answer_reaches_the_client(stage: Stage, after: int) -> None:
    """After the greeting, USER, PASS, and what ends a mail. Nothing is tried a second time."""
    answers = [b"+OK\r\n", b"+OK\r\n", message_of(10_000)]
    answered = threading.Event()

    def resets(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        for answer in answers[:after]:
            wire.line()
            wire.send(answer)
        answered.wait(30)
        wire.reset()

    server = stage.server(resets)
    gateway = stage.gateway(server)
    with gateway.greeted() as client:
        for command, answer in list(zip((b"USER x", b"PASS y", b"RETR 1"), answers, strict=True))[:after]:
            client.send(command + b"\r\n")
            assert client.exactly(len(answer)) == answer
        answered.set()
        assert client.ending() == (b"", "reset")
    event = gateway.session()
    assert event["end"] == "server reset"
    assert "localhost" in event["cause"]
    assert server.accepted == 1
    server.script = pop3
    gateway.serves()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_case_59_server_that_accepts_and_closes_at_once(stage: Stage, dialect: str) -> None:
    server = stage.server(TLSWire.close)
    gateway = stage.gateway(server, dialect)
    gateway.refuses("localhost", "closed the connection", remedy="later")
    server.script = TLSWire.cut
    gateway.refuses("localhost", "close_notify")
    server.script = mail(dialect)
    gateway.serves()


def test_each_dialect_has_its_own_farewell() -> None:
    assert sorted(FAREWELLS) == sorted(DIALECTS) == sorted(GREETINGS)
