"""Two hundred users of one gateway, at random and several at once: nobody ever gets anything of another's, neither mail
nor what the gateway has learned of him. All come from one address with one password: only the name tells them apart.
"""

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from fakes.server import FakeServer
from fakes.tls import server_context
from fakes.wire import Talker, Wire
from parts.certificates import Authority
from parts.popover import Popover

USERS, SESSIONS, AT_ONCE = 200, 1200, 8
LOCAL, SECRET = "simsalabim", "wonderland"
DIALECTS = ("pop3", "imap", "smtp")
QUESTIONS = (b"STAT", b"UIDL", b"LIST", b"RETR 1")
POP3_CAPA = b"+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n"


def habits(user: str) -> tuple[bytes, ...]:
    """What this user's program asks in each session; no two programs need be alike."""
    random = Random(user)
    return tuple(random.sample(QUESTIONS, random.randint(0, len(QUESTIONS))))


def may_be_asked(user: str) -> set[bytes]:
    """What the server may hear in a session of his: that, STAT of everybody, and what reading ahead has to know."""
    own = {question.split()[0] for question in habits(user)}
    return own | {b"STAT"} | ({b"LIST"} if b"RETR" in own else set())


def mailbox(user: str) -> dict[bytes, bytes]:
    """What the server says to him. Each answer names him."""
    mark = user.encode()
    return {
        b"STAT": b"+OK 1 100 %s\r\n" % mark,
        b"UIDL": b"+OK\r\n1 %s\r\n.\r\n" % mark,
        b"LIST": b"+OK %s\r\n1 100\r\n.\r\n" % mark,
        b"RETR": b"+OK\r\nSubject: %s\r\n\r\nfor %s\r\n.\r\n" % (mark, mark),
    }


@dataclass
class Seen:
    """One connection, as the server has seen it: who logged in there, and what was asked behind it."""

    users: list[str] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)


class Servers:
    """Three that let in whoever says the secret, and remember each connection."""

    def __init__(self, stack: ExitStack, authority: Authority) -> None:
        self.seen: list[Seen] = []
        self.mails: list[tuple[str, str]] = []  # who logged in, and from whom the mail was
        context = server_context(authority.issue("localhost"))
        scripts = {"pop3": self._pop3, "imap": self._imap, "smtp": self._smtp}
        self.ports = {
            dialect: stack.enter_context(FakeServer(script, context)).port for dialect, script in scripts.items()
        }

    def _begin(self) -> Seen:
        self.seen.append(Seen())
        return self.seen[-1]

    def _pop3(self, wire: Talker) -> None:
        seen, name = self._begin(), ""
        wire.send(b"+OK ready\r\n")
        while line := wire.line():
            verb, _, rest = line.strip().partition(b" ")
            if verb == b"USER":
                name = rest.decode()
            elif verb == b"PASS":
                assert rest == SECRET.encode()
                seen.users.append(name)
            elif verb in mailbox(""):
                seen.asked.append(verb)
            answers = {b"CAPA": POP3_CAPA} | (mailbox(name) if seen.users else {})
            about_one = b"+OK 1 %s\r\n" % (name.encode() if verb == b"UIDL" else b"100")
            wire.send(about_one if rest and verb in (b"LIST", b"UIDL") else answers.get(verb, b"+OK\r\n"))
            if verb == b"QUIT":
                return

    def _imap(self, wire: Talker) -> None:
        seen = self._begin()
        wire.send(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n")
        while line := wire.line():
            tag, verb, *words = line.split()
            if verb == b"AUTHENTICATE":
                seen.users.append(_said(words[1]))
            mark = seen.users[-1].encode() if seen.users else b""
            if verb == b"SELECT":
                wire.send(b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] %s\r\n" % mark)
            wire.send((b"* BYE\r\n" if verb == b"LOGOUT" else b"") + tag + b" OK [CAPABILITY IMAP4rev1] done\r\n")
            if verb == b"LOGOUT":
                return

    def _smtp(self, wire: Talker) -> None:
        seen = self._begin()
        wire.send(b"220 ready\r\n")
        while line := wire.line():
            verb, *words = line.split()
            if verb == b"EHLO":
                wire.send(b"250-here\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n")
            elif verb == b"AUTH":
                seen.users.append(_said(words[1]))
                wire.send(b"235 in\r\n")
            elif verb == b"MAIL":
                self.mails.append((seen.users[-1], words[0].decode().removeprefix("FROM:<").rstrip(">")))
                wire.send(b"250 ok\r\n")
            else:
                wire.send(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return


def _said(response: bytes) -> str:
    """Who logs in by PLAIN."""
    _, user, secret = base64.b64decode(response).decode().split("\0")
    assert secret == SECRET
    return user


@dataclass(frozen=True)
class House:
    popover: Popover
    servers: Servers

    def visit(self, number: int) -> int:
        """One session of somebody's, in some dialect; how many UIDL it has said. One in three only looks in."""
        random = Random(number)
        name, place = f"u{random.randrange(USERS)}", random.randrange(len(DIALECTS) + 1)
        dialect = DIALECTS[max(0, place - 1)]  # half of all are POP3: it is run ahead of
        with Wire.to(self.popover.addresses[DIALECTS.index(dialect)], "127.0.0.1") as client:
            client.line()
            if dialect == "pop3":
                return read_pop3(client, name, habits(login_of(name)) if random.randrange(3) else ())
            {"imap": read_imap, "smtp": send_smtp}[dialect](client, name)
            return 0


def login_of(name: str) -> str:
    """What he is called at the server."""
    return f"{name}@example.com"


def read_pop3(client: Wire, name: str, questions: tuple[bytes, ...]) -> int:
    user = login_of(name)
    assert client.ask(b"USER " + name.encode()).startswith(b"+OK")
    assert client.ask(b"PASS " + LOCAL.encode()).startswith(b"+OK")
    for question in questions:
        wanted = mailbox(user)[question.split()[0]]
        client.send(question + b"\r\n")
        assert client.exactly(len(wanted)) == wanted
    assert client.ask(b"QUIT").startswith(b"+OK")
    client.ending()
    return questions.count(b"UIDL")


def read_imap(client: Wire, name: str) -> None:
    client.send(f"a LOGIN {name} {LOCAL}\r\n".encode())
    assert answered(client)[-1].startswith(b"a OK")
    client.send(b"a SELECT INBOX\r\n")
    assert answered(client)[-2] == f"* OK [UIDVALIDITY 1] {login_of(name)}\r\n".encode()
    client.send(b"a LOGOUT\r\n")
    client.ending()


def answered(client: Wire) -> list[bytes]:
    """All lines up to the one with our tag."""
    lines = [client.line()]
    while lines[-1].startswith(b"* "):
        lines.append(client.line())
    return lines


def send_smtp(client: Wire, name: str) -> None:
    client.ask(b"HELO old.example")
    plain = base64.b64encode(f"\0{name}\0{LOCAL}".encode())
    assert client.ask(b"AUTH PLAIN " + plain).startswith(b"235 ")
    assert client.ask(f"MAIL FROM:<{login_of(name)}>".encode()).startswith(b"250 ")
    assert client.ask(b"QUIT").startswith(b"221 ")
    client.ending()


@pytest.fixture
def house(tmp_path: Path, authority: Authority) -> Iterator[House]:
    with ExitStack() as stack:
        servers = Servers(stack, authority)
        for name, content in (("password", LOCAL), ("secret", SECRET)):
            (tmp_path / name).touch(mode=0o600)
            (tmp_path / name).write_text(content)
        lines = [
            f'[[service]]\naccounts = true\ndialect = "{dialect}"\nlisten = "127.0.0.1:0"\n'
            "max_sessions_per_client = 0\nwarm = 4\n"
            for dialect in DIALECTS
        ]
        urls = ", ".join(f'{dialect} = "{dialect}s://localhost:{port}"' for dialect, port in servers.ports.items())
        lines += [
            f'[[account]]\nname = "u{number}"\nlogin = "{login_of(f"u{number}")}"\npassword_file = "password"\n'
            f'secret_file = "secret"\nservers = {{ {urls} }}\nca_file = "{authority.ca_file}"\n'
            for number in range(USERS)
        ]
        file = tmp_path / "popover.toml"
        file.write_text("".join(lines))
        env = {"STATE_DIRECTORY": str(tmp_path / "state")}
        yield House(stack.enter_context(Popover("-c", file, env=env)), servers)


def test_two_hundred_users_at_random_never_share_anything(house: House) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = sum(pool.map(house.visit, range(SESSIONS)))
    sessions = house.popover.wait_for_events("session", SESSIONS)
    assert {one["end"] for one in sessions} <= {"client closed", "server closed"}
    proofs = 0
    for seen in house.servers.seen:
        assert len(seen.users) <= 1, "two users on one connection"
        foreign = {*seen.asked} - may_be_asked("".join(seen.users))
        assert foreign <= {b"LIST"}, f"{seen.users} were asked for what others ask"
        proofs += bool(foreign)
    assert proofs <= AT_ONCE  # what the server bears is found out with LIST, by those under way before it is known
    assert house.servers.mails
    assert not [mail for mail in house.servers.mails if mail[0] != mail[1]]
    # Or all this would show nothing: connections stood ready, and what was asked last time left with the login.
    assert sum(one["warm"] for one in sessions) > SESSIONS / 4
    assert sum(seen.asked.count(b"UIDL") for seen in house.servers.seen) > asked
