"""Cases 63 to 74, 82 and 85 of the list of faults: clients that leave, stall, flood, or are no mail clients."""

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from fakes.mail import GREETINGS, mail, message_of, pop3, silent
from fakes.scene import UNHURRIED, Stage, farewell
from fakes.tls import TLSWire
from fakes.wire import Wire
from parts.net import wait_until

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED

PIECE = bytes(range(256)) * 64  # 16 KiB
GROWTH = 8 * 1024  # KiB by which popover may grow over what it has when it has just started


class Heard:
    """A server that greets, and keeps all it hears until the end, and how that was."""

    def __init__(self, dialect: str) -> None:
        self.words = b""
        self._greeting = GREETINGS[dialect]
        self.clean = False
        self.over = threading.Event()

    def __call__(self, wire: TLSWire) -> None:
        wire.send(self._greeting)
        try:
            while data := wire.receive():
                self.words += data
            self.clean = wire.clean
        finally:
            self.over.set()


@pytest.mark.parametrize("last", [b"", b"QUIT\r\n"])
def test_case_63_half_closed_client_gets_its_answers(stage: Stage, last: bytes) -> None:
    """The server thinks before it answers, and is not hung up on meanwhile."""
    closed = threading.Event()
    script = [(b"STAT\r\n", b"+OK 1 100000\r\n"), (b"RETR 1\r\n", message_of(100_000)), (last, b"+OK bye\r\n")]

    def thinks(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        for command, answer in script:
            if command:
                assert wire.line() == command
                assert closed.wait(30)
                wire.send(answer)

    gateway = stage.gateway(stage.server(thinks))
    with gateway.greeted() as client:
        client.send(b"".join(command for command, _ in script))
        client.half_close()
        closed.set()
        words, how = client.ending()
    assert how == "fin"
    assert words == b"".join(answer for command, answer in script if command)
    assert "cause" not in gateway.session()


@pytest.mark.parametrize("leave", [Wire.close, Wire.half_close, Wire.reset])
def test_case_64_client_that_vanishes_after_dele_deletes_nothing(stage: Stage, leave: Callable[[Wire], None]) -> None:
    """The server hears the DELE and the end of the connection, and no QUIT, which would commit it."""
    words: list[bytes] = []
    over = threading.Event()

    def listens(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        words.append(wire.line())
        wire.send(b"+OK deleted\r\n")
        with suppress(ConnectionError):
            words.append(wire.ending().words)
        over.set()

    gateway = stage.gateway(stage.server(listens))
    client = gateway.greeted()
    assert client.ask(b"DELE 1") == b"+OK deleted\r\n"
    leave(client)
    assert over.wait(30)
    assert words == [b"DELE 1\r\n", b""]
    end = gateway.session()["end"]
    assert end == ("client reset" if leave is Wire.reset else "client closed")
    client.close()


def test_case_64_client_that_vanishes_before_the_greeting_leaves_nothing_behind(stage: Stage) -> None:
    server = stage.server(silent)
    gateway = stage.gateway(server, greeting_timeout=1)
    before = gateway.popover.fds()
    for leave in (Wire.close, Wire.reset):
        leave(gateway.client())
        gateway.session()
    assert gateway.popover.fds() == before
    server.script = pop3
    gateway.serves()


def endless(over: threading.Event) -> Callable[[TLSWire], None]:
    """A server whose answer to any command does not end; `over` is set when it can't be said any more."""

    def script(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        if b"RETR" not in wire.line():
            return
        try:
            while True:
                wire.send(PIECE)
        except OSError:
            over.set()

    return script


def test_case_65_client_that_resets_in_mid_mail_frees_the_server_at_once(stage: Stage) -> None:
    over = threading.Event()
    gateway = stage.gateway(stage.server(endless(over)))
    before = gateway.popover.fds(), gateway.popover.rss()
    for _ in range(10):
        client = gateway.greeted()
        client.send(b"RETR 1\r\n")
        client.exactly(1_000_000)
        client.reset()
        assert gateway.session()["end"] == "client reset"
        assert over.wait(30)
        over.clear()
    assert gateway.popover.fds() == before[0]
    assert gateway.popover.rss() - before[1] < GROWTH


def test_case_66_client_that_stops_reading_costs_little_and_is_dropped(stage: Stage) -> None:
    over = threading.Event()
    server = stage.server(endless(over))
    gateway = stage.gateway(server, stall_timeout=1)
    before = gateway.popover.rss()
    with gateway.greeted() as client:
        client.send(b"RETR 1\r\n")
        assert over.wait(30)
        assert gateway.popover.rss() - before < GROWTH
        assert client.ending().how == "reset"
    assert gateway.session()["end"] == "client stalled"
    server.script = pop3
    gateway.serves()


def test_case_66_slow_reader_is_not_dropped(stage: Stage) -> None:
    """Each pause is shorter than the timeout, all together are longer."""
    mail, pause = message_of(20_000_000), threading.Event()
    gateway = stage.gateway(stage.server(pop3), stall_timeout=2)
    with gateway.greeted() as client:
        client.send(b"RETR 20000000\r\n")
        for start in range(0, len(mail), len(mail) // 12 + 1):
            pause.wait(0.25)
            wanted = mail[start : start + len(mail) // 12 + 1]
            assert client.exactly(len(wanted)) == wanted
        gateway.serves(client)


def test_case_66_server_that_stops_reading_is_dropped_as_well(stage: Stage) -> None:
    """A mail of any size is sent through the gateway, but the server takes none of it."""
    over = threading.Event()

    def deaf(wire: TLSWire) -> None:
        wire.send(GREETINGS["smtp"])
        over.wait(30)

    gateway = stage.gateway(stage.server(deaf), "smtp", stall_timeout=1)
    before = gateway.popover.rss()
    with gateway.greeted() as client:
        with pytest.raises(ConnectionError):
            client.send(b"DATA\r\n" + PIECE * 4000)
        assert gateway.popover.rss() - before < GROWTH
    assert gateway.session()["end"] == "server stalled"
    over.set()


def loris(client: Wire) -> None:
    """Say something, but never a whole line."""
    pause = threading.Event()
    with suppress(ConnectionError):
        for _ in range(100):
            client.send(b"x")
            pause.wait(0.1)


@pytest.mark.parametrize("speaks", [True, False])
def test_cases_67_and_68_client_without_a_line_is_cut(stage: Stage, speaks: bool) -> None:
    """Without the dialect's help, its first whole line is all that a relay can take for a beginning."""
    heard = Heard("pop3")
    gateway = stage.gateway(stage.server(heard), login_timeout=0.7)
    with gateway.greeted() as client:
        if speaks:
            loris(client)
        else:
            assert client.ending().how == "fin"
        assert heard.over.wait(30)
        assert set(heard.words) <= set(b"x")
    assert gateway.session()["end"] == "login timeout"


def test_cases_67_and_68_client_with_a_line_has_all_the_time(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(mail("imap")), "imap", login_timeout=0.5)
    with gateway.greeted() as client:
        client.ask(b"a NOOP")
        threading.Event().wait(1)
        gateway.serves(client)


def test_case_69_command_line_of_100_mb_passes_without_being_kept(stage: Stage) -> None:
    """A relay takes no line for a command; the server has its own limit, and its answer passes."""
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
    words = [b"%06d %s" % (number, b"x" * 1000) for number in range(10_000)]
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
