"""IMAP through the gateway to a real Dovecot: what it does by itself, what it leaves out, what it must not touch."""

import imaplib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from depth import examples
from fakes.mail import GREETINGS, imap, says
from fakes.scene import Stage, farewell
from fakes.wire import Talker, Wire
from parts.account import Account
from parts.certificates import Authority
from parts.clients import IMAP_CLIENTS, fetch_by_imaplib
from parts.clients import imap as connect
from parts.dovecot import Dovecot
from parts.messages import SAMPLES, of_size
from parts.net import Address
from parts.popover import Popover

pytest_plugins = ["fakes.fixture"]

Start = Callable[..., Popover]


@pytest.fixture
def start(stage: Stage, dovecot: Dovecot) -> Start:
    """A popover in front of Dovecot's IMAP, with these keys of its service."""

    def make(**keys: Any) -> Popover:
        service = stage.service(dovecot.imaps_port, "imap", **keys)
        return stage.popover("-c", stage.config(service))

    return make


@contextmanager
def logged_in(popover: Popover, user: str) -> Iterator[imaplib.IMAP4]:
    """imaplib, signed in; it says LOGOUT at the end."""
    with imaplib.IMAP4(*popover.addresses[0], timeout=30) as client:
        client.login(user, Dovecot.password)
        yield client


def listed(client: imaplib.IMAP4) -> set[str]:
    """What CAPABILITY gives now."""
    words = client.capability()[1][-1]
    return set(words.decode().split())


def directly(dovecot: Dovecot, authority: Authority, user: str) -> tuple[set[str], set[str]]:
    """What Dovecot tells before and after the login without a gateway."""
    account = Account((dovecot.host, dovecot.imaps_port), user, dovecot.password, authority.ca_file)
    with connect(account) as client:
        before = listed(client)
        client.login(user, dovecot.password)
        return before, listed(client)


# Capabilities


def test_capabilities_are_dovecots_but_for_what_is_left_out(
    start: Start, dovecot: Dovecot, authority: Authority
) -> None:
    user = dovecot.new_user()
    before, after = directly(dovecot, authority, user)
    popover = start(hide=["IDLE", "ID"])
    for _ in range(2):  # the second may be on a connection that has waited
        with imaplib.IMAP4(*popover.addresses[0], timeout=30) as client:
            assert not {"LOGIN-REFERRALS", "IDLE", "ID"} & set(client.capabilities)  # the greeting's
            assert listed(client) == before - {"LOGIN-REFERRALS", "IDLE", "ID"}
            client.login(user, dovecot.password)
            assert listed(client) == after - {"LOGIN-REFERRALS", "IDLE", "ID"}
            # With the login, too (RFC 9051 section 6.2.3).
            assert "IDLE" not in set(client.capabilities)
    assert {"IDLE", "ID"} <= before & after


def test_what_is_hidden_can_be_used_all_the_same(start: Start, dovecot: Dovecot) -> None:
    popover = start(hide="namespace")
    with logged_in(popover, dovecot.new_user()) as client:
        assert "NAMESPACE" not in listed(client)
        assert client.namespace()[0] == "OK"


def test_a_client_that_wants_tls_is_told_that_there_is_none(start: Start) -> None:
    with Wire.to(start().addresses[0]) as client:
        assert b"STARTTLS" not in client.line()
        assert client.ask(b"a STARTTLS") == b"a NO there is no TLS on this port, go on without\r\n"
        assert client.ask(b"b ID NIL").startswith((b"* ID", b"b OK"))


# The name in the log


LOGINS = {
    "atom": (b"a LOGIN %s canary-XqZ17kW",),
    "quoted": (b'a LOGIN "%s" "secret canary-XqZ17kW"',),
    "literals": (b"a LOGIN {%d}", b"%s {21}", b"secret canary-XqZ17kW"),
}


@pytest.mark.parametrize("way", LOGINS)
def test_the_log_tells_who_it_was_and_no_secret(start: Start, dovecot: Dovecot, way: str) -> None:
    user = dovecot.new_user()
    popover = start(trace=True)
    with Wire.to(popover.addresses[0]) as client:
        client.line()
        for line in LOGINS[way]:
            answer = client.ask(line % (len(user) if b"%d" in line else user.encode()) if b"%" in line else line)
        assert answer.startswith(b"a NO")
    event = popover.wait_for_event("session")
    assert event["user"] == user
    assert "canary" not in "\n".join(popover.log_lines())


@pytest.mark.parametrize("mechanism", ["PLAIN", "CRAM-MD5"])
def test_the_log_tells_who_it_was_by_a_mechanism(start: Start, dovecot: Dovecot, mechanism: str) -> None:
    user = dovecot.new_user()
    popover = start()
    with imaplib.IMAP4(*popover.addresses[0], timeout=30) as client:
        if mechanism == "PLAIN":
            client.authenticate(mechanism, lambda _: f"\0{user}\0{dovecot.password}".encode())
        elif "AUTH=CRAM-MD5" in client.capabilities:
            client.login_cram_md5(user, dovecot.password)
        else:
            with pytest.raises(imaplib.IMAP4.error, match=r"(?i)unsupported"):
                client.login_cram_md5(user, dovecot.password)
            return
    assert popover.wait_for_event("session")["user"] == user


# Mail, both ways


@pytest.mark.parametrize("client", IMAP_CLIENTS)
def test_a_client_gets_the_same_each_time(
    start: Start, dovecot: Dovecot, authority: Authority, workdir: Callable[[], Path], client: str
) -> None:
    """The second and third time on connections that have waited."""
    user = dovecot.new_user()
    for message in SAMPLES.values():
        dovecot.deliver(user, message)
    popover = start()
    direct = Account((dovecot.host, dovecot.imaps_port), user, dovecot.password, authority.ca_file)
    expected = IMAP_CLIENTS[client](direct, workdir())
    through = Account(popover.addresses[0], user, dovecot.password)
    for _ in range(3):
        same = IMAP_CLIENTS[client](through, workdir()) == expected
        assert same
    assert popover.wait_for_event("session", warm=True)["user"] == user


def test_twenty_megabytes_are_stored_with_a_literal_of_either_kind(start: Start, dovecot: Dovecot) -> None:
    user, mail = dovecot.new_user(), of_size(20_000_000)
    popover = start()
    with logged_in(popover, user) as client:  # imaplib waits for the server's word
        assert client.append("INBOX", "", "", mail)[0] == "OK"
    with Wire.to(popover.addresses[0]) as wire:
        wire.line()
        login = b"a LOGIN %s %s\r\n" % (user.encode(), dovecot.password.encode())
        wire.send(login + b"b APPEND INBOX {%d+}\r\n" % len(mail) + mail + b"\r\nc LOGOUT\r\n")
        words, how = wire.ending()
    assert how == "fin"
    assert re.search(rb"\r\nb OK.*\r\nc OK", words, re.DOTALL)
    same = [stored == mail for stored in dovecot.messages(user)]
    assert same == [True, True]


def test_half_a_session_in_one_piece_gets_all_its_answers(start: Start, dovecot: Dovecot) -> None:
    """As `nc -N` does it: all commands, then the end; the last answer is long."""
    user, mail = dovecot.new_user(), of_size(5_000_000)
    dovecot.deliver(user, mail)
    popover = start()
    with Wire.to(popover.addresses[0]) as client:
        client.send(b"a LOGIN %s %s\r\n" % (user.encode(), dovecot.password.encode()))
        client.send(b"b SELECT INBOX\r\nc FETCH 1 (BODY[])\r\n")
        client.half_close()
        words, how = client.ending()
    assert how == "fin"
    assert words.endswith(b"\r\n")
    assert words.count(b"\r\nc OK ") == 1
    assert mail in words
    assert popover.wait_for_event("session")["end"] == "client closed"


# IDLE is no silence


def test_a_client_that_idles_is_not_ended_for_its_silence(start: Start, dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    popover = start(idle_timeout=0.3)
    with Wire.to(popover.addresses[0]) as client:
        client.line()
        client.send(b"a LOGIN %s %s\r\nb SELECT INBOX\r\nc IDLE\r\n" % (user.encode(), dovecot.password.encode()))
        while client.line() != b"+ idling\r\n":
            pass
        threading.Event().wait(1.5)
        dovecot.deliver(user, SAMPLES["plain"])
        while client.line() != b"* 1 EXISTS\r\n":
            pass
        client.send(b"DONE\r\n")
        while not client.line().startswith(b"c OK"):
            pass
        assert client.ending().how == "reset"  # now it is silence
    assert popover.wait_for_event("session")["end"] == "idle timeout"


# LOGOUT


def test_logout_is_answered_at_once_and_told(stage: Stage) -> None:
    """The server of this test never answers it: who waits for it is not the client."""
    told = threading.Event()

    def hears(wire: Talker) -> None:
        wire.send(GREETINGS["imap"])
        assert wire.line() == b"a LOGIN anna secret\r\n"
        wire.send(b"a OK\r\n")
        assert wire.line() == b"b LOGOUT\r\n"
        told.set()
        wire.ending()

    gateway = stage.gateway(stage.server(hears), "imap")
    with gateway.greeted() as client:
        assert client.ask(b"a LOGIN anna secret") == b"a OK\r\n"
        client.send(b"b LOGOUT\r\n")
        assert client.ending() == (b"* BYE logging out\r\nb OK LOGOUT completed\r\n", "fin")
    assert told.wait(30)


def test_what_was_stored_before_logout_is_stored(start: Start, dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    for message in SAMPLES.values():
        dovecot.deliver(user, message)
    popover = start()
    with logged_in(popover, user) as client:
        client.select()
        client.store("1:*", "+FLAGS", "\\Deleted")
        client.expunge()
    assert dovecot.messages(user) == []


# Strangers


@pytest.mark.parametrize("half_closes", [False, True])
def test_five_unknown_commands_are_sent_away_and_nothing_is_echoed(stage: Stage, half_closes: bool) -> None:
    gateway = stage.gateway(stage.server(imap), "imap")
    with gateway.greeted() as client:
        client.send(b"".join(b"Header-%d: <script>canary</script>\r\n" % number for number in range(9)))
        if half_closes:
            client.half_close()
        words, how = client.ending()
    assert how == "fin"
    last = words.splitlines(keepends=True)[-1]
    assert "no IMAP commands" in farewell(last, "imap")
    assert b"canary" not in last
    assert gateway.session()["end"] == "misdialled"


# A connection that has waited


def test_a_spare_that_died_lets_down_one_client_at_most(stage: Stage) -> None:
    """Its server says nothing any more; the next client is served by a connection of its own."""
    silent = threading.Event()

    def falls_silent(wire: Talker) -> None:
        wire.send(GREETINGS["imap"])
        while line := wire.line():
            if silent.is_set():
                return
            wire.send(line.split(b" ")[0] + b" OK\r\n")

    server = stage.server(falls_silent)
    gateway = stage.gateway(server, "imap")
    for _ in range(2):
        with gateway.greeted() as client:
            assert client.ask(b"a LOGIN anna secret") == b"a OK\r\n"
            client.send(b"b LOGOUT\r\n")
            client.ending()
        gateway.session()
    silent.set()
    with gateway.greeted() as client:
        client.send(b"a LOGIN anna secret\r\n")
        assert client.ending().words == b""
    silent.clear()
    gateway.session()
    with gateway.greeted() as client:
        assert client.ask(b"a LOGIN anna secret") == b"a OK\r\n"


def test_a_server_that_does_not_tell_is_asked_while_it_waits(stage: Stage) -> None:
    asked = threading.Event()

    def tells(wire: Talker) -> None:
        wire.send(b"* OK hello\r\n")
        while line := wire.line():
            tag, _, verb = line.strip().partition(b" ")
            if verb == b"CAPABILITY":
                wire.send(b"* CAPABILITY IMAP4rev1 IDLE\r\n")
                asked.set()
            wire.send(tag + b" OK\r\n")

    gateway = stage.gateway(stage.server(tells), "imap", hide=["IDLE"])
    with gateway.greeted(b"* OK hello\r\n") as client:
        assert client.ask(b"a LOGIN anna secret") == b"a OK\r\n"
        client.send(b"b LOGOUT\r\n")
        client.ending()
    assert asked.wait(30)
    gateway.settle()
    with gateway.greeted(b"* OK hello\r\n") as client:
        client.send(b"a CAPABILITY\r\n")
        assert client.line() == b"* CAPABILITY IMAP4rev1\r\n"


def test_a_server_that_says_goodbye_in_the_middle_is_passed_on(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(says(GREETINGS["imap"], b"* BYE [UNAVAILABLE] error\r\n")), "imap")
    with gateway.greeted() as client:
        assert client.line() == b"* BYE [UNAVAILABLE] error\r\n"


def test_many_at_once_each_get_their_own(start: Start, dovecot: Dovecot, workdir: Callable[[], Path]) -> None:
    users = [dovecot.new_user() for _ in range(8)]
    for user in users:
        dovecot.deliver(user, b"Subject: x\r\n\r\n" + user.encode() + b"\r\n")
    address: Address = start().addresses[0]
    found: dict[str, list[bytes]] = {}

    def fetch(user: str, directory: Path) -> None:
        found[user] = fetch_by_imaplib(Account(address, user, dovecot.password), directory)

    threads = [threading.Thread(target=fetch, args=(user, workdir())) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {user: mails[0].split()[-1] for user, mails in found.items()} == {user: user.encode() for user in users}


# Any talk


def script(chance: Random) -> list[bytes]:
    """What a client may say after its login, each command with its tag; a literal's octets follow its command."""
    said: list[bytes] = []
    for number in range(chance.randint(3, 10)):
        mail = b"Subject: x\r\n\r\n* CAPABILITY STARTTLS\r\nq1 OK [CAPABILITY IDLE]\r\n{9}\r\n" + b"y" * chance.randint(
            0, 9000
        )
        verb = chance.choice([
            b"SELECT INBOX", b"EXAMINE INBOX", b"NOOP", b"CAPABILITY", b"FETCH 1:* (FLAGS UID)", b"UID SEARCH ALL",
            b"FETCH 1 (BODY[HEADER] BODY.PEEK[TEXT]<0.9>)", b"FETCH 1:3 (BODY.PEEK[])", b'LIST "" "*"', b"NAMESPACE",
            b"STORE 1 +FLAGS (\\Seen)", b"CLOSE", b"HUH", b'SELECT "no such"', b"CREATE box", b"DELETE box",
            b"STATUS INBOX (MESSAGES)", b"SELECT {5+}\r\nINBOX", b"SEARCH SUBJECT {1+}\r\nx",
            b"APPEND INBOX {%d+}\r\n%s" % (len(mail), mail),
            b"ENABLE CONDSTORE", b"FETCH 1:* (ENVELOPE BODYSTRUCTURE)", b'LIST "" {1+}\r\n%', b"ID NIL", b"CHECK",
        ])  # fmt: skip
        said.append(b"t%d %s\r\n" % (number, verb))
    return said


def transcript(address: Address, ca_file: Path | None, user: str, said: list[bytes]) -> bytes:
    """All that a server says to this, without what it says differently each time."""
    with socket.create_connection(address, timeout=30) as plain:
        context = ssl.create_default_context(cafile=ca_file)
        client = context.wrap_socket(plain, server_hostname="localhost") if ca_file else plain
        with client, client.makefile("rb") as lines:
            heard = lines.readline()
            client.sendall(b"l LOGIN %s %s\r\n" % (user.encode(), Dovecot.password.encode()))
            for line in iter(lines.readline, b""):
                heard += line
                if line.startswith(b"l "):
                    break
            for command in said:
                client.sendall(command)
                tag = command.split(b" ")[0] + b" "
                while not (line := lines.readline()).startswith(tag):  # no mail of these has a line like it
                    heard += line
                heard += line
            client.sendall(b"z LOGOUT\r\n")
            heard += lines.read()
    heard = re.sub(rb" ?\(\d\.\d+ \+ .*? secs\)", b"", heard)
    heard = re.sub(rb"(UIDVALIDITY|APPENDUID|MODSEQ|HIGHESTMODSEQ) \(?\d+", rb"\1", heard)
    heard = re.sub(rb"\[CAPABILITY IMAP4rev1 [^]]*|\* CAPABILITY [^\r]*", _in_order, heard)
    return heard.replace(b" LOGIN-REFERRALS", b"")


def _in_order(found: re.Match[bytes]) -> bytes:
    return b" ".join(sorted(found[0].split()))


@pytest.mark.parametrize("seed", range(examples(8)))
def test_any_talk_is_answered_as_directly(start: Start, dovecot: Dovecot, authority: Authority, seed: int) -> None:
    users = dovecot.new_user(), dovecot.new_user()
    for message in list(SAMPLES.values())[:4]:
        for user in users:
            dovecot.deliver(user, message)
    popover = start(quit_at_once=False)
    chance = Random(seed)
    for _ in range(3):
        said = script(chance)
        direct = transcript((dovecot.host, dovecot.imaps_port), authority.ca_file, users[0], said)
        through = transcript(popover.addresses[0], None, users[1], said)
        assert through == direct
