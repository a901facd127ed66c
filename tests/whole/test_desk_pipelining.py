"""Many recipients in one flight, behind a table: PIPELINING is offered at the desk, whatever the server behind can."""

import base64
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakes.server import FakeServer
from fakes.tls import server_context
from fakes.wire import Talker, Wire
from parts.account import Account, run, write
from parts.certificates import Authority
from parts.net import Address
from parts.popover import Popover
from parts.routed import Routed

RECIPIENTS = [f"r{number}@example.test" for number in range(50)]
GROUP = b"".join((
    b"MAIL FROM:<alice@example.test>\r\n", *(b"RCPT TO:<%s>\r\n" % one.encode() for one in RECIPIENTS), b"DATA\r\n"
))  # fmt: skip


def table(server: str) -> str:
    return f'name = "users"\nkind = "static"\nroutes = {{ "*" = "{server}" }}'


class Patient:
    """A server that answers a flight when it has come to its end, DATA, and not before. `flights`: in how many pieces
    each came; `warm`: of connections that had heard an EHLO before their client was there.
    """

    def __init__(self) -> None:
        self.flights: list[int] = []
        self.mails = 0

    def __call__(self, wire: Talker) -> None:
        wire.send(b"220 fake.example\r\n")
        while line := wire.line():
            verb = line.split()[0].upper()
            if verb == b"MAIL":
                self._mail(wire, line)
            elif verb == b"EHLO":
                wire.send(b"250-fake.example\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n")
            else:
                wire.send({b"AUTH": b"235 in\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n"))

    def _mail(self, wire: Talker, said: bytes) -> None:
        said += wire.receive_held()
        pieces = 1
        while not said.endswith(b"DATA\r\n"):
            said += wire.receive()
            pieces += 1
        self.flights.append(pieces)
        wire.send(b"250 ok\r\n" * (said.count(b"\n") - 1) + b"354 go on\r\n")
        while wire.line() != b".\r\n":
            pass
        self.mails += 1
        wire.send(b"250 queued\r\n")


def logged_in(place: Address, user: str, password: str) -> Wire:
    wire = Wire.to(place)
    wire.line()
    wire.send(b"EHLO client.example.test\r\n")
    offered = []
    while (line := wire.line())[3:4] == b"-":
        offered.append(line)
    assert b"250-PIPELINING\r\n" in offered
    secret = base64.b64encode(f"\0{user}\0{password}".encode())
    assert wire.ask(b"AUTH PLAIN " + secret).startswith(b"235")
    return wire


def sends(wire: Wire, behind: bytes = b"") -> list[bytes]:
    """Fifty recipients in one flight, and a mail; the codes of the answers."""
    wire.send(GROUP)
    codes = [wire.line()[:3] for _ in range(len(RECIPIENTS) + 2)]
    wire.send(b"Subject: to all\r\n\r\nhello\r\n.\r\n" + behind)
    return [*codes, wire.line()[:3]]


def test_fifty_recipients_reach_the_server_in_one_flight(tmp_path: Path, authority: Authority) -> None:
    """The first time, and on a connection that stood ready."""
    server = Patient()
    with ExitStack() as stack:
        fake = stack.enter_context(FakeServer(server, server_context(authority.issue("localhost"))))
        keys = {"ca_file": str(authority.ca_file)}
        popover = stack.enter_context(Routed(tmp_path, table(f"smtps://localhost:{fake.port}"), "smtp", **keys))
        for number in (1, 2, 3):
            with logged_in(popover.at("smtp"), "alice", "wonderland") as wire:
                assert sends(wire) == [b"250"] * 51 + [b"354", b"250"]
                assert wire.ask(b"QUIT").startswith(b"221")
            popover.wait_for_events("session", number)
    assert server.flights == [1, 1, 1]


def test_a_mail_program_makes_use_of_it(tmp_path: Path, authority: Authority, workdir: Callable[[], Path]) -> None:
    """msmtp says MAIL, all recipients and DATA in one go where PIPELINING is offered, and only there."""
    server = Patient()
    with ExitStack() as stack:
        fake = stack.enter_context(FakeServer(server, server_context(authority.issue("localhost"))))
        keys = {"ca_file": str(authority.ca_file)}
        popover = stack.enter_context(Routed(tmp_path, table(f"smtps://localhost:{fake.port}"), "smtp", **keys))
        _send_by_msmtp(Account(popover.at("smtp"), "alice", "wonderland"), workdir())
    assert server.mails == 1


def _send_by_msmtp(account: Account, workdir: Path) -> None:
    settings = (
        f"account default\nhost {account.host}\nport {account.port}\ntls off\nauth plain\nuser {account.user}\n"
        f"password {account.password}\nfrom alice@example.test\ndomain client.example.test\n"
    )
    message = b"Subject: to all\r\n\r\nhello\r\n"
    run(workdir, "msmtp", "-C", write(workdir, "msmtprc", settings), *RECIPIENTS, stdin=message)


class Strict:
    """A server that has no PIPELINING, and hangs up on who speaks before he is answered, as Exim does."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def __call__(self, wire: Talker) -> None:
        wire.send(b"220 fake.example\r\n")
        while line := wire.line():
            if (early := wire.receive_held()) and b"DATA" not in line:
                wire.send(b"554 SMTP synchronization error (input sent without waiting: %r)\r\n" % early[:20])
                return
            verb = line.split()[0].upper()
            self.heard.append(verb)
            if verb == b"DATA":
                wire.send(b"354 go on\r\n")
                while wire.line() != b".\r\n":
                    pass
            wire.send(_ANSWERS.get(verb, b"250 ok\r\n"))


_ANSWERS = {b"EHLO": b"250-strict\r\n250 AUTH PLAIN\r\n", b"AUTH": b"235 in\r\n", b"QUIT": b"221 bye\r\n"}


def test_a_server_that_forbids_it_never_notices(tmp_path: Path, authority: Authority) -> None:
    server = Strict()
    with ExitStack() as stack:
        fake = stack.enter_context(FakeServer(server, server_context(authority.issue("localhost"))))
        url = f"smtps://localhost:{fake.port}"
        popover = stack.enter_context(Routed(tmp_path, table(url), "smtp", ca_file=str(authority.ca_file)))
        for number in (1, 2):
            with logged_in(popover.at("smtp"), "alice", "wonderland") as wire:
                assert sends(wire, b"MAIL FROM:<>\r\nRSET\r\nQUIT\r\n") == [b"250"] * 51 + [b"354", b"250"]
                assert [wire.line()[:3] for _ in range(3)] == [b"250", b"250", b"221"]
            popover.wait_for_events("session", number)
        straight = stack.enter_context(Popover(f"0={url}", "--ca-file", authority.ca_file))
        with Wire.to(straight.addresses[0]) as client:  # it is as strict as it is meant to be
            client.line()
            client.send(b"EHLO client.example.test\r\n" + GROUP)
            assert b"synchronization" in client.ending().words
    assert server.heard.count(b"RCPT") == 100


def test_a_client_that_half_closes_is_heard_to_its_end(tmp_path: Path, authority: Authority) -> None:
    server = Strict()
    with ExitStack() as stack:
        fake = stack.enter_context(FakeServer(server, server_context(authority.issue("localhost"))))
        keys = {"ca_file": str(authority.ca_file), "warm": 0}
        popover = stack.enter_context(Routed(tmp_path, table(f"smtps://localhost:{fake.port}"), "smtp", **keys))
        with logged_in(popover.at("smtp"), "alice", "wonderland") as wire:
            wire.send(b"MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nRCPT TO:<c@example.test>\r\n")
            wire.half_close()
            assert wire.ending().words == b"250 ok\r\n" * 3
    assert server.heard == [b"EHLO", b"AUTH", b"MAIL", b"RCPT", b"RCPT"]


@pytest.mark.parametrize("hidden", [[], ["PIPELINING"]])
def test_who_hides_it_does_not_offer_it(tmp_path: Path, hidden: list[str]) -> None:
    with (
        Routed(tmp_path, table("smtps://localhost"), "smtp", hide=hidden) as popover,
        Wire.to(popover.at("smtp")) as wire,
    ):
        wire.line()
        wire.send(b"EHLO client.example.test\r\n")
        offered = []
        while (line := wire.line())[3:4] == b"-":
            offered.append(line)
        assert (b"250-PIPELINING\r\n" in offered) is not bool(hidden)
