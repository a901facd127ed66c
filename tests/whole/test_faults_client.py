"""Cases 63 to 68 of the list of faults: clients that leave, stall, or say nothing."""

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from fakes.mail import GREETINGS, Heard, mail, message_of, pop3, silent
from fakes.scene import UNHURRIED, Stage
from fakes.tls import TLSWire
from fakes.wire import Wire
from parts.net import wait_until

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED

PIECE = bytes(range(256)) * 64  # 16 KiB
GROWTH = 8 * 1024  # KiB by which popover may grow over what it has when it has just started


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
    wait_until(lambda: gateway.popover.fds() == before, "all of it to be closed")
    server.script = pop3
    gateway.serves()


def endless(over: threading.Event) -> Callable[[TLSWire], None]:
    """A server whose answer to any command does not end; `over` is set when it cannot be said any more."""

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
    wait_until(lambda: gateway.popover.fds() == before[0], "all of it to be closed")
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
        wire.line()
        wire.send(b"354 go on\r\n")
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
