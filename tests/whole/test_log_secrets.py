"""The login's user name goes to the log, its secret nowhere: every dialect's every mechanism, traced, refused by a
server that repeats what it has heard.
"""

import base64
from typing import NamedTuple

import pytest

from fakes.mail import GREETINGS
from fakes.scene import UNHURRIED, Stage
from fakes.wire import Talker
from keeping import tells

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED | {"trace": True}

CANARY = "canary-XqZ17kW"
ANNA = "anna@example.com"


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


RESPONSES: dict[str, list[bytes]] = {
    "PLAIN": [b64(f"\0{ANNA}\0{CANARY}")],
    "LOGIN": [b64(ANNA), b64(CANARY)],
    "CRAM-MD5": [b64(f"{ANNA} {CANARY}")],
    "DIGEST-MD5": [b64(f'charset=utf-8,username="{ANNA}",realm="x",response={CANARY}'), b""],
    "XOAUTH2": [b64(f"user={ANNA}\1auth=Bearer {CANARY}\1\1"), b""],
    "OAUTHBEARER": [b64(f"n,a={ANNA},\1host=x\1auth=Bearer {CANARY}\1\1"), b"AQ=="],
    "SCRAM-SHA-256": [b64(f"n,,n={ANNA},r={CANARY}"), b64(f"c=biws,r=x,p={CANARY}")],
}
VERBS = {"pop3": "AUTH {}", "imap": "a AUTHENTICATE {}", "smtp": "AUTH {}", "sieve": 'AUTHENTICATE "{}"'}
CHALLENGES = {"pop3": b"+ aGk=", "imap": b"+ aGk=", "smtp": b"334 aGk=", "sieve": b'"aGk="'}
REFUSALS = {"pop3": b"-ERR no: ", "imap": b"a NO no: ", "smtp": b"535 no: ", "sieve": b"NO no: "}


@pytest.mark.parametrize("behind", ["", "x", "xy", "xyz"])
@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", "xyz" * 9])
def test_a_secret_is_found_wherever_it_stands(before: str, behind: str) -> None:
    """In clear, and in base64, of which the characters at both of its ends are its neighbours', too."""
    for text in (f"{before}{CANARY}{behind}".encode(), b64(f"{before}{CANARY}{behind}")):
        assert tells(b"C: " + text, CANARY.encode())
        assert not tells(b"C: " + text, CANARY.swapcase().encode())


class Way(NamedTuple):
    """A login: its lines, each with what the server says to it; to the last one, that it is refused."""

    dialect: str
    name: str
    lines: list[bytes]
    answers: list[bytes]


def exchanges(dialect: str) -> list[Way]:
    """AUTH and its like by each mechanism, with the first response in the same line and behind it."""
    found = []
    for mechanism, responses in RESPONSES.items():
        said = [b'"' + one + b'"' for one in responses] if dialect == "sieve" else responses
        verb = VERBS[dialect].format(mechanism).encode()
        for lines in ([verb, *said], [b" ".join((verb, said[0])), *said[1:]]):
            challenges = [CHALLENGES[dialect]] * (len(lines) - 1)
            found.append(Way(dialect, f"{mechanism}-{len(lines)}", lines, [*challenges, REFUSALS[dialect]]))
    return found


WAYS = [
    *(way for dialect in VERBS for way in exchanges(dialect)),
    Way("pop3", "USER", [b"USER %s" % ANNA.encode(), b"PASS " + CANARY.encode()], [b"+OK", b"-ERR no: "]),
    Way("pop3", "APOP", [f"APOP {ANNA} {CANARY}".encode()], [b"-ERR no: "]),
    Way("imap", "LOGIN", [f"a LOGIN {ANNA} {CANARY}".encode()], [b"a NO no: "]),
    Way("imap", "quoted", [f'a LOGIN "{ANNA}" "{CANARY}"'.encode()], [b"a NO no: "]),
    Way(
        "imap",
        "literals",
        [b"a LOGIN {%d}" % len(ANNA), b"%s {%d}" % (ANNA.encode(), len(CANARY)), CANARY.encode()],
        [b"+ go", b"+ go", b"a NO no: "],
    ),
    Way(
        "sieve",
        "literal",
        [b'AUTHENTICATE "PLAIN" {%d+}\r\n%s' % (len(RESPONSES["PLAIN"][0]), RESPONSES["PLAIN"][0])],
        [b"NO no: "],
    ),
]


class Refusing:
    """A server that gives these answers, and says behind the last one what it has heard."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def __call__(self, wire: Talker) -> None:
        wire.send(GREETINGS[self._way.dialect])
        for line, answer in zip(self._way.lines, self._way.answers, strict=True):
            heard = b""
            for _ in range(line.count(b"\n") + 1):
                heard = wire.line()
            wire.send(answer + (heard.strip() if answer.endswith(b" ") else b"") + b"\r\n")
        wire.ending()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.dialect}-{way.name}")
def test_no_login_of_any_dialect_brings_its_secret_into_the_log(stage: Stage, way: Way) -> None:
    gateway = stage.gateway(stage.server(Refusing(way)), way.dialect)
    with gateway.client() as client:
        for _ in GREETINGS[way.dialect].splitlines():
            client.line()
        answer = b""
        for line in way.lines:
            answer = client.ask(line)
    assert answer.startswith(REFUSALS[way.dialect]), answer
    assert gateway.session()["user"] == ANNA
    log = "\n".join(gateway.popover.log_lines())
    assert "trace" in log
    assert not tells(log.encode(), CANARY.encode())
