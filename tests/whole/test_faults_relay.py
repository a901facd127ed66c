"""Cases 40 to 52 of the list of faults: what the server says passes unchanged, or not at all.

Each of them is something on which a line reader, a text decoder or a buffer without limit would stumble. The service
is an IMAP one, whatever the words are: its ears look at lines and count literals, and what they do not understand
passes all the same. POP3's dialect has tests of its own.
"""

import hashlib
import threading

import pytest

from fakes.mail import GREETINGS, says
from fakes.scene import UNHURRIED, Stage
from fakes.tls import TLSWire
from fakes.wire import Wire
from parts.messages import SAMPLES

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED

ODD_BODY = b"".join(
    [
        *(b"bare LF\nbare CR\rNUL \0, ESC \x1b[2J, 8 bit ", bytes(range(256)), b"\r\n"),
        *(b"." * dots + b"\r\n" for dots in range(2, 10)),
        *(b". \r\n", b".\t\r\n", b".x\r\n", b"\n.\n", b"\r.\r", b".\n", b"\r\n\r\n", b"...\r\n"),
        *SAMPLES.values(),
    ]
)

# Ends in mid command: what follows is for another test to see.
ANSWERS = {
    "45 -ERR to RETR, LIST, TOP and CAPA": b"-ERR no such message\r\n-ERR\r\n-ERR empty\r\n-ERR what?\r\n",
    "46 more answers than commands": b"+OK\r\n" * 5000 + b"-ERR\r\n" * 5000,
    "49 odd literals": b"* 1 FETCH (BODY[] {18446744073709551616}\r\n{-1}\r\n{}\r\n{5 }\r\n{0}\r\n)\r\n",
    "50 literal in CAPABILITY and FLAGS": b"* CAPABILITY {9}\r\nIMAP4rev1\r\n* FLAGS ({2}\r\n\\A {3}\r\n)\r\n)\r\n",
    "52 odd SMTP answers": b"250-" + b"250-x\r\n" * 1000 + b"251 y\r\n2x0 z\r\n250\r\n250-\r\n550 \r\n\r\n",
    "121 the server's own words are its own": b"+OK no error\r\n-ERR [AUTH] Error\r\n",
    "43, 44 odd body": ODD_BODY,
}


def passes(stage: Stage, answer: bytes, *, dialect: str = "imap", piece: int = 1 << 20) -> None:
    """The client gets this answer byte for byte, and afterwards the answer to its next command."""

    def script(wire: TLSWire) -> None:
        wire.send(GREETINGS[dialect])
        wire.line()
        for start in range(0, len(answer), piece):
            wire.send(answer[start : start + piece])
        wire.send(b"+OK you said " + wire.line())

    gateway = stage.gateway(stage.server(script), dialect)
    with gateway.greeted() as client:
        client.send(b"RETR 1\r\n")
        assert client.exactly(len(answer)) == answer
        assert client.ask(b"NEXT") == b"+OK you said NEXT\r\n"
        assert client.ending() == (b"", "fin")
    event = gateway.session()
    assert event["bytes_in"] == len(b"RETR 1\r\nNEXT\r\n")
    assert event["bytes_out"] == len(GREETINGS[dialect] + answer + b"+OK you said NEXT\r\n")
    assert event["end"] == "server closed"


@pytest.mark.parametrize("what", ANSWERS)
def test_cases_43_to_52_answers_pass_unchanged(stage: Stage, what: str) -> None:
    passes(stage, ANSWERS[what])


def test_case_41_answer_split_at_every_byte_passes(stage: Stage) -> None:
    passes(stage, b"+OK\r\n" + ODD_BODY[:5000] + b"\r\n.\r\n", piece=1)


@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
def test_case_40_answer_that_stops_in_the_middle_ends_as_a_reset(stage: Stage, dialect: str) -> None:
    """A clean end would let a client take half a mail for a whole one."""
    half = b"+OK\r\nFrom: somebody\r\n\r\nhalf of a m"
    gateway = stage.gateway(stage.server(says(GREETINGS[dialect], half)), dialect, idle_timeout=0.5)
    with gateway.greeted() as client:
        client.send(b"RETR 1\r\n")
        words, how = client.ending()
    assert how == "reset"
    assert half.startswith(words)
    assert gateway.session()["end"] == "idle timeout"


def test_case_40_trickle_is_no_silence(stage: Stage) -> None:
    """Each piece comes in time, and so the whole does, however long it takes."""
    never = threading.Event()

    def trickles(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        wire.line()
        for _ in range(12):
            wire.send(b"x\r\n")
            never.wait(0.25)

    gateway = stage.gateway(stage.server(trickles), idle_timeout=2)
    with gateway.greeted() as client:
        client.send(b"RETR 1\r\n")
        assert client.ending() == (b"x\r\n" * 12, "fin")


def streams(stage: Stage, size: int, piece: bytes) -> None:
    """So many bytes of an answer pass unchanged, and the process does not grow by more than a few MiB."""
    count = size // len(piece)

    def script(wire: TLSWire) -> None:
        wire.send(GREETINGS["imap"])
        while wire.line():
            for _ in range(count):
                wire.send(piece)
            wire.send(b"\r\n")

    gateway = stage.gateway(stage.server(script), "imap")
    with gateway.greeted() as client:
        before, peak = gateway.popover.rss(), 0
        client.send(b"a FETCH 1 BODY[]\r\n")
        sent, came = hashlib.sha256(), hashlib.sha256()
        for number in range(count):
            sent.update(piece)
            came.update(client.exactly(len(piece)))
            if number % 64 == 0:
                peak = max(peak, gateway.popover.rss())
        assert came.digest() == sent.digest()
        assert client.line() == b"\r\n"
    assert peak - before < 8 * 1024


def test_case_42_line_of_100_mb_streams(stage: Stage) -> None:
    streams(stage, 100_000_000, bytes(range(32, 132)) * 1000)


def test_case_48_answer_of_a_million_lines_streams(stage: Stage) -> None:
    streams(stage, 20_000_000, b"X-A-CAPABILITY-12345\r\n" * 1000)


def test_case_47_answers_and_commands_that_cross_stay_in_order(stage: Stage) -> None:
    """The server answers before the commands are whole, and the client does not wait for answers."""
    count = 2000

    def hurries(wire: TLSWire) -> None:
        wire.send(GREETINGS["imap"])
        for number in range(count):
            wire.send(b"a%d OK early\r\n" % number)
            assert wire.line() == b"a%d LIST\r\n" % number
            wire.send(b"a%d OK late\r\n" % number)

    def talks(client: Wire) -> None:
        for number in range(count):
            client.send(b"a%d LI" % number)
            client.send(b"ST\r\n")

    gateway = stage.gateway(stage.server(hurries), "imap")
    with gateway.greeted() as client:
        talking = threading.Thread(target=talks, args=(client,))
        talking.start()
        for number in range(count):
            assert client.line() == b"a%d OK early\r\n" % number
            assert client.line() == b"a%d OK late\r\n" % number
        talking.join(30)
        assert client.ending() == (b"", "fin")


def test_case_51_loss_inside_a_literal_resets_the_client(stage: Stage) -> None:
    half = b"* 1 FETCH (BODY[] {1000}\r\nFrom: somebody"

    def loses(wire: TLSWire) -> None:
        wire.send(GREETINGS["imap"])
        wire.line()
        wire.send(half)
        wire.cut()

    gateway = stage.gateway(stage.server(loses), "imap")
    with gateway.greeted() as client:
        client.send(b"a FETCH 1 BODY[]\r\n")
        words, how = client.ending()
    assert how == "reset"
    assert half.startswith(words)


def test_case_51_bye_inside_a_literal_passes_as_it_is(stage: Stage) -> None:
    """The server ends it cleanly; that the literal is too short is for those to see who count."""
    passes(stage, b"* 1 FETCH (BODY[] {1000}\r\nFrom: somebody\r\n* BYE shutting down\r\n")
