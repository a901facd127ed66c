"""`--trace` shows what is said, and never a secret."""

import base64
from collections.abc import Callable

import pytest

from fakes.mail import says
from fakes.scene import Stage
from fakes.wire import Talker, Wire
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.popover import Popover
from parts.postfix import Postfix
from popover.protocols.overhear import Pop3

pytest_plugins = ["fakes.fixture"]

CANARY = "canary-XqZ17kW"


def encoded(text: str) -> list[str]:
    """Base64 of it at each of the three places it may have among other octets, without what depends on these."""
    shifted = [base64.b64encode(b"\0" * before + text.encode() + b"\0\0").decode() for before in range(3)]
    return [word[4:-4] for word in shifted]


def is_silent_about(secret: str, log: str) -> bool:
    return not any(form in log for form in (secret, *encoded(secret)))


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


def say(address: tuple[str, int], lines: list[bytes]) -> None:
    """All lines, each after an answer, and then all of them in one piece."""
    with Wire.to(address) as client:
        client.line()
        for line in lines:
            client.ask(line)
    with Wire.to(address) as client:
        client.send(b"\r\n".join([*lines, b"QUIT", b""]))
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
    assert is_silent_about(CANARY, log)


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
    assert is_silent_about(CANARY, "\n".join(popover.log_lines()))


IMAP_WAYS = {
    "LOGIN": [b'a LOGIN alice "%s"' % CANARY.encode()],
    "LOGIN with a literal": [b"a LOGIN alice {%d}" % len(CANARY), CANARY.encode()],
    "AUTHENTICATE": [b"a AUTHENTICATE PLAIN", b64(f"\0alice\0{CANARY}")],
    "SASL-IR": [b"a AUTHENTICATE PLAIN " + b64(f"\0alice\0{CANARY}")],
}


@pytest.mark.parametrize("way", IMAP_WAYS)
def test_a_dialect_that_passes_unread_shows_sizes_alone(way: str, dovecot: Dovecot, authority: Authority) -> None:
    server = f"0=imaps://localhost:{dovecot.imaps_port}"
    with Popover(server, "--trace", "--ca-file", authority.ca_file) as popover:
        with Wire.to(popover.addresses[0]) as client:
            client.line()
            for line in IMAP_WAYS[way]:
                client.ask(line)
        popover.wait_for_event("session")
        texts = [event["text"] for event in popover.events("trace")]
        log = "\n".join(popover.log_lines())
    assert is_silent_about(CANARY, log)
    assert f"C: {len(IMAP_WAYS[way][0]) + 2} octets" in texts
    assert "127.0.0.1 connected" in texts
    assert any("has greeted after" in text for text in texts)


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
    assert is_silent_about(CANARY, log)


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
