"""Cases 69 to 74, 82 and 85 of the list of faults: clients that say too much, or odd things, or speak no mail."""

import threading

import pytest

from fakes.mail import GREETINGS, Heard, mail
from fakes.scene import UNHURRIED, Stage, farewell
from fakes.tls import TLSWire
from fakes.wire import Wire
from parts.net import wait_until

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED

PIECE = bytes(range(256)) * 64  # 16 KiB
GROWTH = 8 * 1024  # KiB by which popover may grow over what it has when it has just started


def test_case_69_command_line_of_100_mb_passes_without_being_kept(stage: Stage) -> None:
    """The server has its own limit, and its answer passes."""
    size = 100_000_000 // len(PIECE) * len(PIECE)
    count = 0

    def counts(wire: TLSWire) -> None:
        nonlocal count
        wire.send(GREETINGS["imap"])
        while count < size:
            piece = wire.receive()
            assert piece.strip(b"x") == b""
            count += len(piece)
        wire.send(b"* BAD line too long\r\n")

    gateway = stage.gateway(stage.server(counts), "imap")
    with gateway.greeted() as client:
        before = gateway.popover.rss()
        for _ in range(size // len(PIECE)):
            client.send(b"x" * len(PIECE))
        assert client.line() == b"* BAD line too long\r\n"
        assert gateway.popover.rss() - before < GROWTH
    assert count == size


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(bytes(range(256)) + b"\x1b[2J\x9b31m\xff\xf4\xff\xfd\x06\0\r\n", id="70-odd-bytes"),
        pytest.param("USER \u202egro.elpmaxe@ecila\r\n".encode(), id="70-bidi"),
        pytest.param(b"USER alice\nPASS canary\n\rSTAT\r\r\n\n", id="71-bare-LF-and-CR"),
        pytest.param(b"user alice\r\n  pAsS  x \t \r\nxyzzy\r\n\r\n", id="80-case-and-blanks"),
        pytest.param(b"STLS\r\nSTARTTLS\r\nCAPA\r\n", id="75-stls-is-the-server's-to-answer"),
        pytest.param(b"a APPEND x {4294967296}\r\n{5 }\r\n{18446744073709551616+}\r\n", id="82-literals"),
        pytest.param(b"BDAT 1000000000000 LAST\r\nBDAT -1\r\nBDAT x\r\n", id="83-bdat"),
    ],
)
def test_cases_70_to_83_commands_pass_unchanged_and_not_into_the_log(stage: Stage, words: bytes) -> None:
    heard = Heard("imap")
    gateway = stage.gateway(stage.server(heard), "imap")
    with gateway.greeted() as client:
        client.send(words)
        wait_until(lambda: len(heard.words) >= len(words), "the server hears it all")
        client.reset()
    gateway.session()
    assert heard.words == words
    log = "\n".join(gateway.popover.log_lines())
    assert "canary" not in log
    assert all(line.isprintable() and line.isascii() for line in log.splitlines())


HELLOS = {
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(194),
    "SSL 3": bytes.fromhex("160300002f0100002b0300") + bytes(41),
    "SSL 2": bytes.fromhex("802e0103010015000000100100800300800700c0060040020080") + bytes(22),
}
STRANGERS = {
    "HTTP": b"POST / HTTP/1.1\r\nHost: mail.example.com\r\nContent-Length: 9\r\n\r\nUSER evil\r\n",
    "SOCKS": b"\x05\x01\x00",
    "PROXY": b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 110\r\nUSER alice\r\n",
}


def assert_sent_away(stage: Stage, dialect: str, words: bytes, cause: str) -> None:
    """Who says this is told one line more than the server's greeting, and the server hears nothing of it."""
    heard = Heard(dialect)
    server = stage.server(heard)
    gateway = stage.gateway(server, dialect)
    with gateway.client() as client:
        client.send(words)
        came, how = client.ending()
    assert how == "fin"
    assert cause in farewell(came.removeprefix(GREETINGS[dialect]), dialect)
    event = gateway.session()
    assert event["end"] == "misdialled"
    assert cause in event["cause"]
    assert event["remedy"]
    assert heard.over.wait(30)
    assert heard.words == b""
    server.script = mail(dialect)
    gateway.serves()


@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
@pytest.mark.parametrize("kind", HELLOS)
def test_case_72_client_that_begins_with_ssl_is_told_so(stage: Stage, kind: str, dialect: str) -> None:
    assert_sent_away(stage, dialect, HELLOS[kind], "SSL")


@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
@pytest.mark.parametrize("kind", STRANGERS)
def test_case_73_client_of_another_protocol_is_sent_away(stage: Stage, kind: str, dialect: str) -> None:
    assert_sent_away(stage, dialect, STRANGERS[kind], {"HTTP": "web"}.get(kind, kind))


def test_case_74_ten_thousand_commands_at_once_are_answered_in_order(stage: Stage) -> None:
    """Ten MB of commands and as many of answers: nobody takes the answers before most commands are said or fill
    all buffers on the way. No side may wait for the other for ever.
    """
    words = [b"LIST %06d %s" % (number, b"x" * 1000) for number in range(10_000)]
    gateway = stage.gateway(stage.server(mail("imap")), "imap")

    def talk(client: Wire) -> None:
        for word in words:
            client.send(b"a " + word + b"\r\n")

    with gateway.greeted() as client:
        before = gateway.popover.rss()
        talking = threading.Thread(target=talk, args=(client,))
        talking.start()
        talking.join(1)
        assert gateway.popover.rss() - before < GROWTH
        for word in words:
            assert client.line() == b"a OK " + word + b"\r\n"
        talking.join(30)
        gateway.serves(client)


def test_case_82_announced_literal_that_never_comes_ends_by_idle_timeout(stage: Stage) -> None:
    def waits(wire: TLSWire) -> None:
        wire.send(GREETINGS["imap"])
        wire.line()
        wire.send(b"+ go ahead\r\n")
        wire.ending()

    gateway = stage.gateway(stage.server(waits), "imap", idle_timeout=0.5)
    with gateway.greeted() as client:
        assert client.ask(b"a APPEND INBOX {4294967296}") == b"+ go ahead\r\n"
        assert client.ending().words == b""
    assert gateway.session()["end"] == "idle timeout"


def test_case_85_idling_client_is_not_idle_while_the_server_talks(stage: Stage) -> None:
    pause = threading.Event()

    def pushes(wire: TLSWire) -> None:
        wire.send(GREETINGS["imap"])
        wire.line()
        for number in range(12):
            wire.send(b"* %d EXISTS\r\n" % number)
            pause.wait(0.25)
        assert wire.line() == b"DONE\r\n"
        wire.send(b"a OK\r\n")

    gateway = stage.gateway(stage.server(pushes), "imap", idle_timeout=2)
    with gateway.greeted() as client:
        client.send(b"a IDLE\r\n")
        for number in range(12):
            assert client.line() == b"* %d EXISTS\r\n" % number
        assert client.ask(b"DONE") == b"a OK\r\n"
        assert client.ending().how == "fin"


def test_two_clients_of_one_service_do_not_hear_each_other(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(mail("imap")), "imap")
    with gateway.greeted() as one, gateway.greeted() as other:
        one.send(b"a one\r\na ")
        other.send(b"b other\r\n")
        one.send(b"more\r\n")
        assert other.line() == b"b OK other\r\n"
        assert [one.line(), one.line()] == [b"a OK one\r\n", b"a OK more\r\n"]
