"""Cases 21 to 29 of the list of faults: the server's TLS goes wrong in the middle of a mail."""

import contextlib
import re
import threading
from collections.abc import Callable

import pytest

from fakes.mail import GREETINGS, mail, message_of, pop3
from fakes.records import Sealer, sealable
from fakes.renegotiating import RenegotiatingServer
from fakes.sabotage import SMALL_BUFFERS, sabotage
from fakes.scene import UNHURRIED, Gateway, Stage
from fakes.tap import Tap
from fakes.tls import TLSWire
from fakes.wire import Wire

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED

HALF = message_of(100_000)[:60_000]
REST = message_of(100_000)[60_000:]

Trouble = Callable[[TLSWire], None]


def in_mid_mail(trouble: Trouble, dialect: str) -> Trouble:
    """A server that greets, waits for a command, sends half of the answer, and then has this trouble."""

    def script(wire: TLSWire) -> None:
        wire.send(GREETINGS[dialect])
        wire.line()
        wire.send(HALF)
        trouble(wire)

    return script


def alerts(wire: TLSWire) -> None:
    wire.wire.send(wire.alert())
    wire.cut()


def cuts(wire: TLSWire) -> None:
    wire.cut()


def cuts_in_a_record(wire: TLSWire) -> None:
    record = wire.seal(REST[:10_000])
    wire.wire.send(record[:5_000])
    wire.cut()


def corrupts_a_record(wire: TLSWire) -> None:
    record = bytearray(wire.seal(REST[:10_000]))
    record[5_000] ^= 1
    wire.wire.send(bytes(record))
    wire.wire.ending()


def falls_back_to_plaintext(wire: TLSWire) -> None:
    wire.wire.send(REST)
    wire.wire.ending()


def test_case_25_plaintext_behind_the_end_of_tls_is_a_normal_end(stage: Stage) -> None:
    """exim with GnuTLS, to a client that goes without QUIT."""

    def lost(wire: TLSWire) -> None:
        wire.send(GREETINGS["smtp"])
        assert wire.ending() == (b"", "fin")
        wire.wire.send(b"421 mail.example.com lost input connection\r\n")
        wire.wire.ending()

    gateway = stage.gateway(stage.server(lost), "smtp")
    with gateway.greeted() as client:
        client.half_close()
        assert client.ending() == (b"", "fin")
    event = gateway.session()
    assert event["end"] == "client closed"
    assert "cause" not in event


BROKEN = "record layer failure"  # what OpenSSL 3.2 and newer say of every record that is not as it should be


def resets(wire: TLSWire) -> None:
    wire.reset()


def assert_reset_in_mid_mail(gateway: Gateway) -> None:
    """The client gets nothing that it could take for the whole mail, nor a byte that is not the server's."""
    with gateway.greeted() as client:
        client.send(b"RETR 1\r\n")
        words, how = client.ending()
    assert how == "reset"
    assert HALF.startswith(words)


@pytest.mark.parametrize("dialect", ["pop3", "imap"])
@pytest.mark.parametrize(
    ("trouble", "end", "cause"),
    [
        pytest.param(alerts, "server broken", "bad record mac", id="21-fatal-alert"),
        pytest.param(cuts, "server cut", "close_notify", id="22-fin-without-close_notify"),
        pytest.param(cuts_in_a_record, "server cut", "close_notify", id="23-half-a-record"),
        pytest.param(corrupts_a_record, "server broken", f"bad record mac|{BROKEN}", id="24-corrupted-record"),
        pytest.param(falls_back_to_plaintext, "server broken", f"wrong version number|{BROKEN}", id="25-plaintext"),
        pytest.param(resets, "server reset", "reset", id="58-rst-in-mid-retr"),
    ],
)
def test_cases_21_to_25_broken_tls_in_mid_mail_resets_the_client(
    stage: Stage, dialect: str, trouble: Trouble, end: str, cause: str
) -> None:
    server = stage.server(in_mid_mail(trouble, dialect))
    gateway = stage.gateway(server, dialect)
    assert_reset_in_mid_mail(gateway)
    event = gateway.session()
    assert event["end"] == end
    assert re.search(cause, event["cause"])
    assert event["remedy"]
    assert event["tls"].startswith("TLSv1.")
    assert f", {event['tls']} {event['cipher']}" in event["text"]
    server.script = mail(dialect)
    gateway.serves()


def test_case_22_server_that_only_shuts_down_at_once_after_quit_is_a_clean_end(stage: Stage) -> None:
    """Many servers leave out close_notify there; the client has its answer, and nothing is missing."""

    def hurries(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        wire.line()
        wire.send(b"+OK bye\r\n")
        wire.cut()

    gateway = stage.gateway(stage.server(hurries))
    with gateway.greeted() as client:
        client.send(b"QUIT\r\n")
        assert client.ending() == (b"+OK bye\r\n", "fin")
    event = gateway.session()
    assert "cause" not in event
    assert event["tls"].startswith("TLSv1.")  # the log keeps it


def test_case_26_server_that_ignores_close_notify_is_not_waited_for(stage: Stage) -> None:
    """The connection is given up after two seconds, though the server never says goodbye itself."""
    given_up, refused = threading.Event(), threading.Event()

    def ignores(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        assert wire.ending().how == "fin"
        assert wire.clean
        assert given_up.wait(30)
        try:
            while True:
                wire.send(b"+OK what?\r\n")
        except ConnectionError:  # the kernel answers so when nobody has the connection any more
            refused.set()

    gateway = stage.gateway(stage.server(ignores), idle_timeout=600)
    with gateway.greeted() as client:
        client.half_close()
        assert client.ending() == (b"", "fin")
    assert gateway.session()["end"] == "client closed"
    given_up.set()
    assert refused.wait(30)


@pytest.mark.parametrize("you_too", [False, True])
def test_case_27_key_update_in_mid_mail_changes_no_byte(stage: Stage, you_too: bool) -> None:
    heard: list[bytes] = []

    def updates(wire: TLSWire) -> None:
        sealer = Sealer(wire.tls, wire.wire.send)
        sealer.send(GREETINGS["pop3"])
        heard.append(wire.line())
        for start in range(0, len(HALF), 10_000):
            sealer.send(HALF[start : start + 10_000])
            sealer.update_key(you_too=you_too)
        sealer.send(REST[:10_000])
        sealer.update_key(you_too=you_too)
        for start in range(10_000, len(REST), 10_000):
            sealer.send(REST[start : start + 10_000])
        heard.append(wire.line())
        wire.reset()

    server = stage.server(updates)
    server.context = sealable(stage.context(), stage.directory)
    gateway = stage.gateway(server)
    with gateway.greeted() as client:
        client.send(b"RETR 1\r\n")
        assert client.exactly(len(HALF + REST)) == HALF + REST
        client.send(b"QUIT\r\n")
        client.ending()
    assert heard == [b"RETR 1\r\n", b"QUIT\r\n"]  # the client's own key may have changed, too


@pytest.mark.timeout(300)
def test_case_27_flood_of_key_updates_that_nobody_reads_the_answers_of_is_a_stalled_server(stage: Stage) -> None:
    """OpenSSL answers each. They wait for the server, and it is not read any more; others are served meanwhile."""
    said, over = threading.Event(), threading.Event()

    def floods(wire: TLSWire) -> None:
        sealer = Sealer(wire.tls, wire.wire.send)
        sealer.send(GREETINGS["imap"])
        wire.wire.sock.settimeout(1)
        updates = memoryview(b"".join(sealer.key_update(you_too=True) for _ in range(FLOOD)))
        with contextlib.suppress(OSError):  # until it is cut off; and it reads nothing
            while updates and not over.is_set():
                try:
                    updates = updates[wire.wire.sock.send(updates) :]
                except TimeoutError:  # it is not read any more, or the machine is busy
                    said.set()
        said.set()
        over.wait(200)

    server = stage.server(floods)
    server.context = sealable(stage.context(), stage.directory)
    env = sabotage(stage.directory / "site", SMALL_BUFFERS)
    gateway = stage.gateway(server, "imap", env=env, stall_timeout=4, login_timeout=600)
    with gateway.greeted() as client:
        before = gateway.popover.peak()
        assert said.wait(60)
        server.script = mail("imap")
        gateway.serves()
        client.sock.settimeout(180)  # a busy machine takes a minute for it all
        assert client.ending().how == "reset"
    over.set()
    assert gateway.popover.peak() - before < 600  # KiB, of which 64 for what waits
    assert gateway.session()["end"] == "server stalled"


FLOOD = 60_000  # 1.6 MB of answers; the server's buffer takes a part


def test_case_27_renegotiation_in_mid_mail_changes_no_byte(stage: Stage) -> None:
    """Not even of what the client says while the new handshake is under way, which TLS 1.2 cannot send then."""
    with RenegotiatingServer(stage.certificate) as server:
        tap = Tap(server.port)
        gateway = stage.gateway(stage.server(tap, plain=True), "imap")
        with gateway.client() as client:
            server.say(b"* OK hello")
            assert client.line() == b"* OK hello\r\n"
            client.send(b"RETR 1\r\n")
            server.heard(b"RETR 1")
            for number in range(3):
                server.say(b"%d before" % number)
                assert client.line() == b"%d before\r\n" % number
                tap.hold()
                server.renegotiate()
                tap.wait_for_bytes()
                client.send(b"word %d\r\n" % number)
                client.has_arrived()
                gateway.status()  # once it has answered this, it has read the word, too
                tap.flow()
                server.heard(b"word %d" % number)
                server.say(b"%d after" % number)
                assert client.line() == b"%d after\r\n" % number
        assert server.handshakes() == 4


def test_case_28_flood_of_one_byte_records_does_not_hold_up_others(stage: Stage) -> None:
    words = message_of(60_000)
    flooding, others_served = threading.Event(), threading.Event()

    def floods(wire: TLSWire) -> None:
        wire.send(GREETINGS["imap"])
        wire.line()
        while not others_served.is_set():
            wire.send_bytewise(words)
            flooding.set()
        wire.send(b"end\r\n")

    server = stage.server(floods)
    gateway = stage.gateway(server, "imap")
    with gateway.greeted() as client:
        client.send(b"a FETCH 1 BODY[]\r\n")
        assert client.exactly(len(words)) == words
        assert flooding.wait(30)
        reader = threading.Thread(target=drain, args=(client,))
        reader.start()
        server.script = mail("imap")
        gateway.serves()
        others_served.set()
        reader.join(30)
        assert not reader.is_alive()


def drain(client: Wire) -> None:
    """Read on until the server says that it is over."""
    while (line := client.line()) != b"end\r\n":
        assert line


def test_case_29_empty_records_change_nothing(stage: Stage) -> None:
    """OpenSSL takes up to 32 of them in a row (MAX_EMPTY_RECORDS); then it ends the connection itself."""

    def puffs(wire: TLSWire) -> None:
        sealer = Sealer(wire.tls, wire.wire.send)
        sealer.send(GREETINGS["imap"])
        wire.line()
        for start in range(0, len(HALF), 100):
            for _ in range(30):
                sealer.send(b"")
            sealer.send(HALF[start : start + 100])
        wire.line()
        for _ in range(1000):
            sealer.send(b"")
        wire.wire.ending()

    server = stage.server(puffs)
    server.context = sealable(stage.context(), stage.directory)
    gateway = stage.gateway(server, "imap")
    with gateway.greeted() as client:
        client.send(b"RETR 1\r\n")
        assert client.exactly(len(HALF)) == HALF
        client.send(b"RETR 2\r\n")
        assert client.ending() == (b"", "reset")
    assert gateway.session()["end"] == "server broken"


def test_case_29_a_thousand_session_tickets_leave_memory_flat(stage: Stage) -> None:
    server = stage.server(pop3)
    server.context = stage.context()
    server.context.num_tickets = 1000
    gateway = stage.gateway(server)
    gateway.serves()
    before = gateway.popover.rss()
    for _ in range(20):
        gateway.serves()
    # 20,000 tickets of a session of more than 1 KiB each would be 20 MiB.
    assert gateway.popover.rss() - before < 5 * 1024
