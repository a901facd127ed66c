"""`--trace` shows what is said, and never a secret."""

import base64
from collections.abc import Callable

import pytest

from fakes.mail import says
from fakes.scene import Stage
from fakes.wire import Talker, Wire
from keeping import tells
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.popover import Popover
from parts.postfix import Postfix
from popover.protocols.imap.overhear import Imap
from popover.protocols.pop3.overhear import Pop3

pytest_plugins = ["fakes.fixture"]

CANARY = "canary-XqZ17kW"


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


POP3_WAYS = {
    "USER, PASS": [b"USER alice", b"PASS " + CANARY.encode()],
    "lower case": [b"user alice", b"pass " + CANARY.encode()],
    "blanks": [b"USER alice", b" PASS  " + CANARY.encode() + b" x "],
    "no USER": [b"PASS " + CANARY.encode()],
    "APOP": [b"APOP alice " + CANARY.encode()],
    "AUTH PLAIN at once": [b"AUTH PLAIN " + b64(f"\0alice\0{CANARY}")],
    "AUTH PLAIN": [b"AUTH PLAIN", b64(f"\0alice\0{CANARY}")],
    "AUTH LOGIN": [b"AUTH LOGIN", b64("alice"), b64(CANARY)],
    "AUTH unknown": [b"AUTH XSECRET " + b64(CANARY), b64(CANARY)],
    "as the mechanism": [b"AUTH " + CANARY.encode()],
    "without a command": [CANARY.encode(), b64(CANARY)],
    "as an argument": [b"LIST " + CANARY.encode(), b"QUIT " + CANARY.encode(), b"USER alice " + CANARY.encode()],
}


def say(address: tuple[str, int], lines: list[bytes], parting: bytes = b"QUIT") -> None:
    """All lines, each after an answer, and then all of them in one piece."""
    with Wire.to(address) as client:
        client.line()
        for line in lines:
            client.ask(line)
    with Wire.to(address) as client:
        client.send(b"\r\n".join([*lines, parting, b""]))
        client.half_close()
        client.ending()


@pytest.mark.parametrize("way", POP3_WAYS)
def test_no_way_to_say_a_password_in_pop3_shows_it(way: str, dovecot: Dovecot, authority: Authority) -> None:
    server = f"0=pop3s://localhost:{dovecot.pop3s_port}"
    with Popover(server, "--trace", "-v", "--ca-file", authority.ca_file) as popover:
        say(popover.addresses[0], POP3_WAYS[way])
        popover.wait_for_events("session", 2)
        assert popover.events("trace")
        log = "\n".join([*popover.log_lines(), *popover.out_lines()])
    assert not tells(log.encode(), CANARY.encode())


@pytest.mark.parametrize("way", POP3_WAYS)
def test_a_server_that_repeats_it_makes_no_difference(way: str, stage: Stage) -> None:
    def repeats(wire: Talker) -> None:
        wire.send(b"+OK\r\n")
        while line := wire.line():
            wire.send(b"-ERR you said " + line.strip() + b"\r\n")

    service = {"listen": "127.0.0.1:0", "ca_file": str(stage.authority.ca_file), "trace": True}
    server = stage.server(repeats)
    popover = stage.popover("-c", stage.config(service | {"server": f"pop3s://localhost:{server.port}"}))
    say(popover.addresses[0], POP3_WAYS[way])
    popover.wait_for_events("session", 2)
    assert popover.events("trace")
    assert not tells("\n".join(popover.log_lines()).encode(), CANARY.encode())


IMAP_WAYS = {
    "LOGIN": [b'a LOGIN alice "%s"' % CANARY.encode()],
    "lower case, blanks": [b"a  login  alice  " + CANARY.encode()],
    "LOGIN with a literal": [b"a LOGIN alice {%d}" % len(CANARY), CANARY.encode()],
    "LOGIN with a literal at once": [b"a LOGIN {5+}\r\nalice {%d+}\r\n%s" % (len(CANARY), CANARY.encode())],
    "a literal that is refused": [b"a SELECT {%d}" % len(CANARY), CANARY.encode()],
    "AUTHENTICATE": [b"a AUTHENTICATE PLAIN", b64(f"\0alice\0{CANARY}")],
    "AUTHENTICATE LOGIN": [b"a AUTHENTICATE LOGIN", b64("alice"), b64(CANARY)],
    "AUTHENTICATE unknown": [b"a AUTHENTICATE XSECRET", b64(CANARY)],
    "SASL-IR": [b"a AUTHENTICATE PLAIN " + b64(f"\0alice\0{CANARY}")],
    "as the mechanism": [b"a AUTHENTICATE " + CANARY.encode()],
    "without a command": [CANARY.encode(), b64(CANARY)],
    "as an argument": [b"a SELECT " + CANARY.encode(), b"b UID " + CANARY.encode(), b"c FETCH " + CANARY.encode()],
}


@pytest.mark.parametrize("way", IMAP_WAYS)
def test_no_way_to_say_a_password_in_imap_shows_it(way: str, dovecot: Dovecot, authority: Authority) -> None:
    server = f"0=imaps://localhost:{dovecot.imaps_port}"
    with Popover(server, "--trace", "-v", "--ca-file", authority.ca_file) as popover:
        say(popover.addresses[0], IMAP_WAYS[way], b"z LOGOUT")
        popover.wait_for_events("session", 2)
        assert popover.events("trace")
        log = "\n".join([*popover.log_lines(), *popover.out_lines()])
    assert not tells(log.encode(), CANARY.encode())


@pytest.mark.parametrize("way", IMAP_WAYS)
def test_an_imap_server_that_repeats_it_makes_no_difference(way: str, stage: Stage) -> None:
    def repeats(wire: Talker) -> None:
        wire.send(b"* OK\r\n")
        while line := wire.line():
            tag = line.split(b" ")[0].strip()
            wire.send(b"* NO you said %s\r\n* %s\r\n%s BAD %s\r\n" % (line.strip(), line.strip(), tag, line.strip()))

    service = {"listen": "127.0.0.1:0", "ca_file": str(stage.authority.ca_file), "trace": True}
    server = stage.server(repeats)
    popover = stage.popover("-c", stage.config(service | {"server": f"imaps://localhost:{server.port}"}))
    say(popover.addresses[0], IMAP_WAYS[way], b"z LOGOUT")
    popover.wait_for_events("session", 2)
    assert popover.events("trace")
    assert not tells("\n".join(popover.log_lines()).encode(), CANARY.encode())


SMTP_WAYS = {
    "AUTH PLAIN at once": [b"AUTH PLAIN " + b64(f"\0alice\0{CANARY}")],
    "AUTH PLAIN": [b"auth plain", b64(f"\0alice\0{CANARY}")],
    "AUTH LOGIN": [b"AUTH LOGIN", b64("alice"), b64(CANARY)],
    "AUTH LOGIN with the name at once": [b"AUTH LOGIN " + b64("alice"), b64(CANARY)],
    "AUTH CRAM-MD5": [b"AUTH CRAM-MD5", b64(f"alice {CANARY}")],
    "AUTH XOAUTH2": [b"AUTH XOAUTH2 " + b64(f"user=alice\1auth=Bearer {CANARY}\1\1")],
    "AUTH unknown": [b"AUTH XSECRET " + b64(CANARY), b64(CANARY)],
    "as the mechanism": [b"AUTH " + CANARY.encode()],
    "without a command": [CANARY.encode(), b64(CANARY)],
    "as an argument": [b"NOOP " + CANARY.encode(), b"EHLO x " + CANARY.encode(), b"VRFY " + CANARY.encode()],
}


@pytest.mark.parametrize("way", SMTP_WAYS)
def test_no_way_to_say_a_password_in_smtp_shows_it(way: str, postfix: Postfix, authority: Authority) -> None:
    server = f"0=smtps://localhost:{postfix.port}"
    with Popover(server, "--trace", "-v", "--ca-file", authority.ca_file) as popover:
        say(popover.addresses[0], [b"EHLO x", *SMTP_WAYS[way]])
        popover.wait_for_events("session", 2)
        assert popover.events("trace")
        log = "\n".join([*popover.log_lines(), *popover.out_lines()])
    assert not tells(log.encode(), CANARY.encode())


def test_a_session_can_be_followed(dovecot: Dovecot, authority: Authority) -> None:
    user = dovecot.new_user()
    dovecot.deliver(user, b"Subject: one\r\n\r\nsecret words\r\n.dot\r\n")
    with Popover(f"0=pop3s://localhost:{dovecot.pop3s_port}", "--trace", "--ca-file", authority.ca_file) as popover:
        with Wire.to(popover.addresses[0]) as client:
            client.line()
            for line in (f"USER {user}".encode(), b"PASS " + Dovecot.password.encode(), b"STAT"):
                client.ask(line)
            client.ask(b"RETR 1")
            while client.line() != b".\r\n":
                pass
            client.ask(b"RETR 9")
            client.ask(b"QUIT")
        ended = popover.wait_for_event("session")
        events = popover.events("trace")
    assert {event["id"] for event in events} == {ended["id"]}
    texts = [event["text"] for event in events][2:]
    assert [text for text in texts if text.startswith("C:")] == [
        f"C: USER {user}", "C: PASS ***", "C: STAT", "C: RETR 1", "C: RETR 9", "C: QUIT",
    ]  # fmt: skip
    assert "S: +OK 36 octets" in texts
    assert "S: ... 37 octets" in texts  # one dot was stuffed
    assert any(text.startswith("S: -ERR") for text in texts)
    assert "secret words" not in "\n".join(texts)


def test_without_it_nothing_is_traced(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(says(b"+OK\r\n")))
    with gateway.client() as client:
        client.line()
    gateway.session()
    assert gateway.popover.events("trace") == []


def dialogue(*pieces: tuple[str, bytes]) -> list[str]:
    hear = Pop3()
    lines: list[str] = []
    for who, data in pieces:
        lines += hear.client_said(data) if who == "C" else hear.client_got(data)
    return lines


CONVERSATION = [
    ("S", b"+OK hello <1.2@x>\r\n"),
    ("C", b"CAPA\r\n"),
    ("S", b"+OK\r\nUIDL\r\n.\r\n"),
    ("C", b"AUTH LOGIN\r\n"),
    ("S", b"+ VXNlcg==\r\n"),
    ("C", b"YWxpY2U=\r\n"),
    ("S", b"+ UGFzcw==\r\n"),
    ("C", b"c2VjcmV0\r\n"),
    ("S", b"+OK\r\n"),
    ("C", b"LIST\r\nRETR 1\r\nTOP 1 0\r\nNOOP\r\n"),
    ("S", b"+OK\r\n.\r\n+OK 9 octets\r\na\r\n..\r\n\r\n.\r\n-ERR no\r\n+OK noop\r\n"),
]
TRACE = [
    "S: +OK hello <1.2@x>",
    "C: CAPA",
    "S: +OK",
    "S: ... 6 octets",
    "C: AUTH LOGIN",
    "S: + *** (a challenge)",
    "C: *** (a response to AUTH)",
    "S: + *** (a challenge)",
    "C: *** (a response to AUTH)",
    "S: +OK",
    "C: LIST",
    "C: RETR 1",
    "C: TOP 1 0",
    "C: NOOP",
    "S: +OK",
    "S: ... 0 octets",
    "S: +OK 9 octets",
    "S: ... 9 octets",
    "S: -ERR no",
    "S: +OK noop",
]


def whole(pieces: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return pieces


def bytewise(pieces: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [(who, bytes([octet])) for who, data in pieces for octet in data]


@pytest.mark.parametrize("cut", [whole, bytewise])
def test_answers_belong_to_their_commands_however_the_octets_come(
    cut: Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]],
) -> None:
    assert dialogue(*cut(CONVERSATION)) == TRACE


def test_what_is_no_pop3_is_shown_by_its_size() -> None:
    assert dialogue(("S", b"+OK\r\n"), ("C", b"x" * 20000)) == [
        "S: +OK",
        "C: 20,000 octets that are no POP3; from here on only sizes are shown",
    ]


def imap_dialogue(*pieces: tuple[str, bytes]) -> list[str]:
    hear = Imap()
    lines: list[str] = []
    for who, data in pieces:
        lines += hear.client_said(data) if who == "C" else hear.client_got(data)
    return lines


IMAP_CONVERSATION = [
    ("S", b"* OK [CAPABILITY IMAP4rev1] hello\r\n"),
    ("C", b"a AUTHENTICATE LOGIN\r\n"),
    ("S", b"+ VXNlcg==\r\n"),
    ("C", b"YWxpY2U=\r\n"),
    ("S", b"a NO [AUTHENTICATIONFAILED] not YWxpY2U=\r\n"),
    ("C", b'b LOGIN "ali\\"ce" {6}\r\n'),
    ("S", b"+ OK\r\n"),
    ("C", b"secret\r\n"),
    ("S", b"* CAPABILITY secret\r\nb OK [CAPABILITY X] in\r\n* CAPABILITY X\r\n"),
    ("C", b"c select INBOX\r\nd UID FETCH 1:* (BODY[])\r\n"),
    ("S", b"* 3 EXISTS\r\n* FLAGS (a)\r\nc OK [READ-WRITE] done\r\n"),
    ("S", b"* 1 FETCH (BODY[] {10}\r\nd OK body\n UID 3)\r\nd OK\r\n"),
    ("C", b"e APPEND x {5}\r\n"),
    ("S", b"e NO full\r\n"),
    ("C", b"f IDLE\r\n"),
    ("S", b"+ idling\r\n"),
    ("C", b"DONE\r\ng NOOP\r\n"),
]
IMAP_TRACE = [
    "S: * OK [CAPABILITY IMAP4rev1] hello",
    "C: a AUTHENTICATE LOGIN",
    "S: + *** (a challenge)",
    "C: *** (a response to AUTHENTICATE)",
    "S: a NO [AUTHENTICATIONFAILED]",
    'C: b LOGIN ali"ce ***',
    "S: +",
    "C: ... 6 octets",
    "C: ... 2 octets, the rest of a command",
    "S: * CAPABILITY (21 octets)",
    "S: b OK [CAPABILITY]",
    "S: * CAPABILITY X",
    "C: c SELECT ***",
    "C: d UID FETCH 1:* ***",
    "S: * 3 EXISTS",
    "S: * FLAGS (13 octets)",
    "S: c OK [READ-WRITE]",
    "S: * 1 FETCH (24 octets)",
    "S: ... 10 octets",
    "S: ... 9 octets",
    "S: d OK",
    "C: e APPEND ***",
    "S: e NO",
    "C: f IDLE",
    "S: +",
    "C: DONE",
    "C: g NOOP",
]


@pytest.mark.parametrize("cut", [whole, bytewise])
def test_imap_is_followed_however_the_octets_come(
    cut: Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]],
) -> None:
    assert imap_dialogue(*cut(IMAP_CONVERSATION)) == IMAP_TRACE


def test_what_is_no_imap_is_shown_by_its_size() -> None:
    assert imap_dialogue(("S", b"* OK\r\n"), ("C", b"x" * 70000), ("S", b"* OK\r\n")) == [
        "S: * OK",
        "C: 70,000 octets that are no IMAP; from here on only sizes are shown",
        "S: 6 octets",
    ]


def test_what_is_compressed_is_shown_by_its_size() -> None:
    talk = ("S", b"* OK\r\n"), ("C", b"a COMPRESS DEFLATE\r\n"), ("S", b"a OK\r\n"), ("C", b"\0\n"), ("S", b"\0")
    assert imap_dialogue(*talk)[2:] == ["S: a OK", "C: 2 octets", "S: 1 octets"]
