"""Who signs in, in every mechanism: the name for the log, the secret for the server alone."""

import base64

import pytest

from hearing import every_cut
from keeping import keeps, tells
from model_smtp import EHLO, Talk
from popover.protocols.overhear import Overhearer, overhearer
from popover.protocols.sasl import user_of
from popover.protocols.smtp.commands import LINE_LIMIT
from popover.protocols.smtp.prompts import prompt

CANARY = "canary-XqZ17kW"
USERNAME, PASSWORD = b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


ANNA = "anna@example.com"
PLAIN = b64(f"\0{ANNA}\0{CANARY}")
XOAUTH2 = b64(f"user={ANNA}\1auth=Bearer {CANARY}\1\1")
BEARER = b64(f"n,a={ANNA},\1host=x\1auth=Bearer {CANARY}\1\1")
SCRAM = b64(f"n,,n={ANNA},r={CANARY}")
DIGEST = b64(f'charset=utf-8,username="{ANNA}",realm="x",response={CANARY}')
CRAM = b64(f"{ANNA} {CANARY}")

WAYS: dict[str, list[bytes]] = {
    "PLAIN at once": [b"AUTH PLAIN " + PLAIN],
    "PLAIN": [b"auth plain", PLAIN],
    "LOGIN": [b"AUTH LOGIN", b64(ANNA), b64(CANARY)],
    "LOGIN with the name at once": [b"AUTH LOGIN " + b64(ANNA), b64(CANARY)],
    "CRAM-MD5": [b"AUTH CRAM-MD5", CRAM],
    "DIGEST-MD5": [b"AUTH DIGEST-MD5", DIGEST, b""],
    "XOAUTH2 at once": [b"AUTH XOAUTH2 " + XOAUTH2],
    "XOAUTH2": [b"AUTH XOAUTH2", XOAUTH2, b""],
    "OAUTHBEARER": [b"AUTH OAUTHBEARER " + BEARER, b"AQ=="],
    "SCRAM": [b"AUTH SCRAM-SHA-256 " + SCRAM, b64(f"c=biws,r=x,p={CANARY}")],
    "PLAIN authorised": [b"AUTH PLAIN " + b64(f"admin\0{ANNA}\0{CANARY}")],
}


@pytest.mark.parametrize("way", WAYS)
def test_the_user_is_known_and_all_passes_as_it_is(way: str) -> None:
    """With each line a piece, and with each line answered octet by octet."""
    talk = Talk()
    talk.ask(b"EHLO me\r\n", EHLO)
    for number, line in enumerate(WAYS[way]):
        assert talk.say(*every_cut(line + b"\r\n")[-1]) == (b"", line + b"\r\n")
        assert talk.ears.is_owed
        if number < len(WAYS[way]) - 1:
            assert talk.answer(*every_cut(b"334 aGk=\r\n")[-1])[0] == b"334 aGk=\r\n"
    assert not talk.ears.logged_in
    assert talk.answer(b"235-2.7.0 in\r\n235 2.7.0 welcome\r\n")[0] == b"235-2.7.0 in\r\n235 2.7.0 welcome\r\n"
    assert talk.ears.logged_in
    assert talk.ears.user == ANNA


@pytest.mark.parametrize("way", WAYS)
def test_the_secret_is_nowhere(way: str) -> None:
    """Not in what is known of the session, nor in any part of it that could be shown, nor in the trace."""
    talk, trace = Talk(), overhearer("smtp")
    shown: list[str] = []
    for line in WAYS[way]:
        shown += trace.client_said(line + b"\r\n") + trace.client_got(b"334 aGk=\r\n")
        talk.say(line + b"\r\n")
        assert not keeps(talk.ears, CANARY.encode())
        talk.answer(b"334 aGk=\r\n")
        assert not keeps(talk.ears, CANARY.encode())
    shown += trace.client_got(b"535 no: " + WAYS[way][-1] + b"\r\n")
    assert not tells("\n".join(shown).encode(), CANARY.encode())


@pytest.mark.parametrize(
    ("mechanism", "response"),
    [
        (b"LOGIN", b"not base64!"), (b"PLAIN", b64("no zeros")), (b"PLAIN", b"="), (b"XOAUTH2", b64("auth=x")),
        (b"OTHER", b64(ANNA)), (b"LOGIN", b64("x" * 500)), (b"CRAM-MD5", b64("digest")), (b"DIGEST-MD5", b64("x")),
    ],
)  # fmt: skip
def test_what_shows_no_name_gives_none(mechanism: bytes, response: bytes) -> None:
    assert user_of(mechanism, response) == ""


def test_a_password_is_never_taken_for_the_name() -> None:
    """Only the first response to LOGIN is one, whatever the server asks for again."""
    talk = Talk()
    for line in (b"AUTH LOGIN\r\n", b64(ANNA) + b"\r\n", b64(CANARY) + b"\r\n"):
        talk.say(line)
        talk.answer(PASSWORD)
    assert talk.ears.user == ANNA


# The prompts of LOGIN


@pytest.mark.parametrize(
    ("said", "got"),
    [
        (USERNAME, USERNAME),
        (PASSWORD, PASSWORD),
        (b"334 dXNlcm5hbWU6\r\n", USERNAME),
        (b"334 " + b64("User Name\0") + b"\r\n", USERNAME),
        (b"334 " + b64("Password\0") + b"\r\n", PASSWORD),
        (b"334 " + b64("password:") + b"\n", PASSWORD[:-2] + b"\n"),
        (b"334 \r\n", b"334 \r\n"),
        (b"334 Username:\r\n", b"334 Username:\r\n"),
        (b"334 " + b64("What?") + b"\r\n", b"334 " + b64("What?") + b"\r\n"),
        (b"535 dXNlcm5hbWU6\r\n", b"535 dXNlcm5hbWU6\r\n"),
    ],
)
def test_the_prompts_are_those_that_old_clients_compare(said: bytes, got: bytes) -> None:
    assert prompt(said) == got
    for cuts in every_cut(said):
        talk = Talk()
        talk.say(b"AUTH LOGIN\r\n")
        assert talk.answer(*cuts)[0] == got


def test_other_mechanisms_have_no_prompts() -> None:
    talk = Talk()
    assert talk.ask(b"AUTH XOTHER\r\n", b"334 dXNlcm5hbWU6\r\n") == b"334 dXNlcm5hbWU6\r\n"


# The exchange


def test_what_is_said_behind_auth_waits_for_its_answer() -> None:
    """A line behind it is a response where the server wants one, else a command, as the server will take it."""
    talk = Talk()
    assert talk.say(b"AUTH LOGIN\r\nQUIT\r\nNOOP\r\n") == (b"", b"AUTH LOGIN\r\n")
    assert talk.answer(USERNAME) == (USERNAME, b"QUIT\r\n")
    assert not talk.ears.has_quit
    assert talk.answer(b"535 no\r\n") == (b"535 no\r\n", b"NOOP\r\n")
    talk = Talk()
    talk.say(b"AUTH LOGIN\r\nNOOP\r\n")
    assert talk.answer(b"504 unknown\r\n") == (b"504 unknown\r\n", b"NOOP\r\n")
    talk.answer(b"250 ok\r\n")
    assert not talk.ears.is_owed


def test_a_server_that_says_farewell_instead_of_an_answer_is_heard() -> None:
    talk = Talk()
    talk.ask(b"AUTH LOGIN\r\n", USERNAME)
    assert talk.answer(b"421 4.4.2 you are slow\r\n")[0] == b"421 4.4.2 you are slow\r\n"
    assert not talk.ears.is_owed


def test_a_token_may_be_long() -> None:
    """RFC 4954 section 4 wants 12,288 octets."""
    line = b"AUTH XOAUTH2 " + b"x" * 12_288 + b"\r\n"
    assert len(line) <= LINE_LIMIT
    assert Talk().say(line) == (b"", line)


@pytest.mark.parametrize("mechanism", [b"GSSAPI", b"DIGEST-MD5", b"KERBEROS_V4"])
def test_behind_a_layer_of_its_own_octets_just_pass(mechanism: bytes) -> None:
    talk = Talk(bare_lf="normalize")
    talk.ask(b"AUTH " + mechanism + b"\r\n", b"235 in\r\n")
    assert talk.say(b"\0\nDATA\n") == (b"", b"\0\nDATA\n")
    assert talk.answer(b"\0\1\2")[0] == b"\0\1\2"


# The trace


def lines_of(*said: tuple[str, bytes]) -> list[str]:
    """With each octet a piece of its own, and in whole lines: the same."""
    found = []
    for size in (1, 10_000):
        trace: Overhearer = overhearer("smtp")
        lines: list[str] = []
        for who, words in said:
            for at in range(0, len(words), size):
                piece = words[at : at + size]
                lines += trace.client_said(piece) if who == "C" else trace.client_got(piece)
        found.append(lines)
    assert found[0] == found[1]
    return found[1]


def test_a_trace_shows_what_is_said_and_no_mail() -> None:
    assert lines_of(
        ("S", b"220-hello\r\n220 there\r\n"), ("C", b"EHLO me\r\n"), ("S", EHLO),
        ("C", b"AUTH LOGIN\r\n"), ("S", USERNAME), ("C", b64(CANARY) + b"\r\n"), ("S", b"235 in\r\n"),
        ("C", b"MAIL FROM:<a@x>\r\n"), ("S", b"250 ok\r\n"), ("C", b"DATA\r\n"), ("S", b"354 go on\r\n"),
        ("C", b"Subject: CANARY\r\n.\r\n"), ("S", b"250 queued\r\n"), ("C", b"BDAT 6 LAST\r\nCANARY"),
        ("S", b"503 no\r\n"), ("C", b"QUIT\r\n"), ("S", b"221 bye\r\n"),
    ) == [
        "S: 220-hello", "S: 220 there", "C: EHLO me", *(f"S: {line.decode()}" for line in EHLO.splitlines()),
        "C: AUTH LOGIN", "S: 334 *** (a challenge)", "C: *** (a response to AUTH)", "S: 235", "C: MAIL FROM:<a@x>",
        "S: 250 ok", "C: DATA", "S: 354 go on", "C: ... 20 octets", "S: 250 queued", "C: BDAT 6 LAST",
        "C: ... 6 octets", "S: 503 no", "C: QUIT", "S: 221 bye",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        b"CANARY", b"AUTH CANARY", b"AUTH PLAIN CANARY", b"NOOP CANARY", b"VRFY CANARY", b"MAIL CANARY", b"RCPT CANARY",
        b"BDAT CANARY", b"XCLIENT LOGIN=CANARY", b"STARTTLS CANARY", b"EHLO me CANARY", b"DATA CANARY",
    ],
)  # fmt: skip
def test_a_trace_shows_nothing_that_may_be_a_secret_in_the_wrong_place(line: bytes) -> None:
    shown = lines_of(
        ("S", b"220 hello\r\n"), ("C", line + b"\r\n"), ("S", b"501-you said\r\n501 " + line + b"\r\n"),
        ("C", line + b"\r\n"), ("S", b"500 " + line + b"\r\n"),
    )  # fmt: skip
    assert len(shown) == 6
    assert "CANARY" not in "\n".join(shown)


def test_a_trace_of_a_client_that_does_not_wait_shows_no_mail_and_no_secret() -> None:
    said = b"AUTH LOGIN\r\nYQ==\r\nMAIL FROM:<CANARY@x>\r\nDATA\r\nRCPT TO:<CANARY@x>\r\n.\r\nQUIT\r\n"
    replies = USERNAME + PASSWORD + b"235 in\r\n354 go on\r\n250 queued\r\n221 bye\r\n"
    shown = lines_of(("S", b"220 hello\r\n"), ("C", said), ("S", replies))
    assert "CANARY" not in "\n".join(shown)
    assert {"C: ... 23 octets", "C: QUIT"} <= set(shown)


def test_a_trace_of_what_is_no_smtp_shows_sizes() -> None:
    assert lines_of(("S", b"220 hi\r\n"), ("C", b"NOOP\r\n"), ("S", b"what?\r\n"))[-1].endswith("only sizes are shown")
