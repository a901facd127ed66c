"""The attacks on STARTTLS towards the server (protocol notes, U1 to U13), each by a server that does it, on real
sockets through a running gateway: it sees no login, and the client sees none of its words.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakes.evil import ASKED, EVIL, HONEST, Attack, Behind, by_rule, honest_until
from fakes.scene import FAREWELLS, PARTING, UNHURRIED, farewell, toml
from fakes.server import FakeServer
from fakes.tls import server_context
from fakes.wire import Wire
from parts.certificates import Authority, Faults
from parts.popover import Event, Popover

SOURCE = Path(__file__).parents[2] / "src"

CANARY = b"wonderland"
LOGINS = {
    "pop3": b"USER alice\r\nPASS wonderland\r\n",
    "imap": b"a LOGIN alice wonderland\r\n",
    "smtp": b"EHLO client.example\r\nAUTH LOGIN d29uZGVybGFuZA==\r\n",
    "sieve": b'AUTHENTICATE "LOGIN" "d29uZGVybGFuZA=="\r\n',
}
SECRETS = (CANARY, b"d29uZGVybGFuZA==", b"alice")
OWN = {
    "pop3": b"+OK localhost is ready\r\n",
    "imap": b"* OK [CAPABILITY IMAP4rev1 SASL-IR] localhost is ready\r\n",
    "smtp": b"220 localhost ESMTP ready\r\n",
    "sieve": b'"IMPLEMENTATION" "fake"\r\n"SASL" "PLAIN"\r\nOK ',
}


_SCHEMES = {"sieve": "sieve"}  # RFC 5804 has STARTTLS in mind


class House:
    """One gateway with a service for each dialect, and the servers behind them, which change with each attack."""

    def __init__(self, authority: Authority, directory: Path, stack: ExitStack) -> None:
        self.context = server_context(authority.issue("localhost"))
        self.servers = {one: stack.enter_context(FakeServer(Behind(one, self.context))) for one in HONEST}
        services = [
            {
                "listen": "127.0.0.1:0",
                "server": f"{_SCHEMES.get(dialect, f'{dialect}+starttls')}://localhost:{server.port}",
                "ca_file": str(authority.ca_file),
                "name": dialect,
                "greeting_timeout": 3,  # some of them say nothing more
                **UNHURRIED,
            }
            for dialect, server in self.servers.items()
        ]
        path = directory / "popover.toml"
        path.write_text(toml(tuple(services), {"drain_timeout": 0}))
        self.popover = stack.enter_context(Popover("-c", path))
        self._ended = dict.fromkeys(HONEST, 0)

    def attacked(self, attack: Attack, context: object = None) -> tuple[Behind, bytes, Event]:
        """A session against it, of a client that sends its login without waiting for anything: what was behind, what
        the client got, and the log's word.
        """
        dialect = attack.dialect
        behind = Behind(dialect, context or self.context, attack.said)  # type: ignore[arg-type]
        self.servers[dialect].script = behind
        with Wire.to(self.popover.addresses[list(HONEST).index(dialect)]) as client:
            client.send(LOGINS[dialect] + PARTING[dialect] + b"\r\n")
            words = client.ending().words
        self._ended[dialect] += 1
        event = self.popover.wait_for_events("session", self._ended[dialect], service=dialect)[-1]
        return behind, words, event


@pytest.fixture(scope="module")
def house(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(authority, tmp_path_factory.mktemp("evil"), stack)


def withstands(house: House, attack: Attack) -> None:
    """No login and nothing but our own two questions goes out in plain text; nothing of the attacker's comes in."""
    behind, words, event = house.attacked(attack)
    assert not [secret for secret in SECRETS if secret in behind.heard]
    asked = [line.rpartition(b" ")[2] if attack.dialect == "imap" else line for line in behind.heard.splitlines()]
    questions = ASKED[attack.dialect]
    assert asked == questions[: len(asked)]
    assert EVIL not in words
    assert b"\x1b" not in words
    if attack.fails:
        farewell(words, attack.dialect)  # temporary, and one line
        assert event["end"] in {"no tls", "no greeting"}
        assert event["tls"] is None
        assert event["remedy"]
        assert "EVIL" not in event["cause"]
    else:
        assert words.startswith(OWN[attack.dialect])
        assert "cause" not in event
        assert event["tls"] == "TLSv1.3"


def attacks(rule: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("attack", by_rule(rule), ids=lambda attack: attack.name)


@pytest.mark.parametrize("dialect", HONEST)
def test_honest_server_is_served(house: House, dialect: str) -> None:
    withstands(house, Attack("", dialect, HONEST[dialect], fails=False))


@attacks("U1")
def test_u1_stripping_of_starttls(house: House, attack: Attack) -> None:
    withstands(house, attack)


@attacks("U2")
def test_u2_server_that_pretends_to_be_old(house: House, attack: Attack) -> None:
    withstands(house, attack)


@attacks("U3")
def test_u3_preauth(house: House, attack: Attack) -> None:
    withstands(house, attack)


@attacks("U4")
def test_u4_response_injection(house: House, attack: Attack) -> None:
    withstands(house, attack)


@pytest.mark.parametrize("dialect", HONEST)
def test_u4_response_injection_in_a_segment_of_its_own(house: House, dialect: str) -> None:
    """It comes while the handshake is under way: TLS breaks on it."""

    class Late(Behind):
        def __call__(self, wire: Wire) -> None:
            for answer in self._said:
                wire.send(answer.replace(b"{tag}", self.heard.split(b" ")[0]))
                self.heard += wire.line() if answer is not self._said[-1] else b""
            wire.arrival()
            wire.send(b"+OK EVIL\r\n* OK EVIL\r\n250 EVIL\r\n")
            self.heard += wire.ending().words

    house.servers[dialect].script = late = Late(dialect, house.context)
    with Wire.to(house.popover.addresses[list(HONEST).index(dialect)]) as client:
        client.send(LOGINS[dialect])
        words = client.ending().words
    house._ended[dialect] += 1  # noqa: SLF001 - as `attacked` does
    event = house.popover.wait_for_events("session", house._ended[dialect], service=dialect)[-1]  # noqa: SLF001
    assert "went on in plain text" in farewell(words, dialect)
    assert event["end"] == "no tls"
    assert not [secret for secret in SECRETS if secret in late.heard]


@attacks("U5")
def test_u5_answer_before_the_question(house: House, attack: Attack) -> None:
    withstands(house, attack)


@attacks("U6")
def test_u6_untagged_data_before_tls(house: House, attack: Attack) -> None:
    withstands(house, attack)


@attacks("U7")
def test_u7_spoofed_words_for_the_screen(house: House, attack: Attack) -> None:
    withstands(house, attack)


@attacks("U8")
def test_u8_referral(house: House, attack: Attack) -> None:
    withstands(house, attack)


@attacks("U9")
def test_u9_bye(house: House, attack: Attack) -> None:
    withstands(house, attack)


@attacks("U10")
def test_u10_endless_words(house: House, attack: Attack) -> None:
    withstands(house, attack)


@pytest.mark.parametrize("dialect", HONEST)
@pytest.mark.parametrize("faults", [{"self_signed": True}, {"unknown_ca": True}, {"expired": True}], ids=str)
def test_u11_certificate_that_nobody_vouches_for(
    house: House, authority: Authority, dialect: str, faults: Faults
) -> None:
    wrong = server_context(authority.issue("localhost", **faults))
    behind, words, event = house.attacked(Attack("U11", dialect, HONEST[dialect]), wrong)
    assert "certificate of localhost" in farewell(words, dialect)
    assert event["end"] == "no tls"
    assert CANARY not in behind.heard


@pytest.mark.parametrize("dialect", HONEST)
def test_u11_certificate_for_another_name(house: House, authority: Authority, dialect: str) -> None:
    """The second look, which tells the names, goes through STARTTLS, too."""
    wrong = server_context(authority.issue("evil.example"))
    _, words, event = house.attacked(Attack("U11", dialect, HONEST[dialect]), wrong)
    assert "is for another name: evil.example" in farewell(words, dialect)
    assert event["end"] == "no tls"


# The one way to a stream that carries a login; all others are refused by mypy.
WAYS = """
from popover.outside.dial import Dialled
from popover.session.relay import Relay
from popover.wire.engine import Engine
from popover.wire.stream import Stream
from typing import Any

async def good(plain: Stream, tls: Engine, rest: Any) -> None:
    secured = await plain.secure(tls)
    Dialled(secured, ("a", 1), tls, rest, 0.0)
    Relay(rest, rest, plain, secured, rest)

def into_dialled(plain: Stream, tls: Engine, rest: Any) -> None:
    Dialled(plain, ("a", 1), tls, rest, 0.0)

def into_relay(plain: Stream, rest: Any) -> None:
    Relay(rest, rest, plain, plain, rest)

def by_exchange(plain: Stream, dialled: Dialled) -> None:
    dialled._replace(stream=plain)
    dialled.stream = plain
"""


def test_u12_no_path_carries_a_login_without_tls(tmp_path: Path) -> None:
    """A matter of types: mypy refuses each other way."""
    (tmp_path / "ways.py").write_text(WAYS)
    config = ["--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}", "--no-error-summary"]
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", *config, "ways.py"],
        cwd=tmp_path, env={"MYPYPATH": str(SOURCE)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    wrong = [line.split(":")[1] for line in ended.stdout.splitlines() if "error" in line]
    refused = [
        str(n) for n, line in enumerate(WAYS.splitlines(), 1) if "plain" in line and n > 13 and "def" not in line
    ]
    assert sorted(set(wrong)) == refused, ended.stdout + ended.stderr


def test_u12_only_a_finished_handshake_makes_a_secured_stream() -> None:
    makers = []
    for path in SOURCE.rglob("*.py"):
        for outer in ast.walk(ast.parse(path.read_text())):
            if isinstance(outer, ast.AsyncFunctionDef | ast.FunctionDef):
                calls = [node for node in ast.walk(outer) if isinstance(node, ast.Call)]
                makers += [f"{path.name}:{outer.name}" for call in calls if "Secured" in ast.unparse(call.func)]
    assert makers == ["stream.py:secure"]


def test_u12_only_the_second_look_which_says_nothing_goes_without_verifying() -> None:
    users = [path.name for path in SOURCE.rglob("*.py") if "unverified(" in path.read_text()]
    assert sorted(users) == ["look.py", "trust.py"]
    looking = next(SOURCE.rglob("look.py")).read_text()
    assert "await stream.secure(tls)\n        stream.leave()\n" in looking


@attacks("U13")
def test_u13_cross_protocol(house: House, attack: Attack) -> None:
    withstands(house, attack)


def test_client_that_comes_when_starttls_is_refused_may_come_again(house: House) -> None:
    """A temporary failure: the next session is served, as soon as the server is well."""
    for dialect in HONEST:
        refused = Attack("U1", dialect, honest_until(dialect, b"454 EVIL\r\n"))
        _, words, _ = house.attacked(refused)
        assert words.decode().startswith(FAREWELLS[dialect])
        withstands(house, Attack("", dialect, HONEST[dialect], fails=False))
