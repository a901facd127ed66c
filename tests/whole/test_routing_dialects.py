"""What holds behind a table in each dialect: server lists, the three outcomes, what stands behind a login."""

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fakes.server import FakeServer, Script
from fakes.tls import server_context
from fakes.wire import Talker, Wire
from parts.certificates import Authority
from parts.net import free_port
from parts.routed import Routed

DIALECTS = ("pop3", "imap", "smtp", "sieve")


def login(dialect: str, user: str = "alice") -> bytes:
    plain = base64.b64encode(f"\0{user}\0wonderland".encode())
    return {
        "pop3": f"USER {user}\r\nPASS wonderland\r\n".encode(),
        "imap": f"a LOGIN {user} wonderland\r\n".encode(),
        "smtp": b"AUTH PLAIN " + plain + b"\r\n",
        "sieve": b'AUTHENTICATE "PLAIN" "' + plain + b'"\r\n',
    }[dialect]


NEXT = {
    "pop3": b"STAT\r\nNOOP\r\nQUIT\r\n",
    "imap": b"b NOOP\r\nc STATUS INBOX (MESSAGES)\r\nd LOGOUT\r\n",
    "smtp": b"MAIL FROM:<alice@example.com>\r\nRSET\r\nQUIT\r\n",
    "sieve": b'PUTSCRIPT "a" {5+}\r\nkeep;\r\nLISTSCRIPTS\r\nLOGOUT\r\n',
}
WELCOME = {
    "pop3": (b"+OK [PASSED] in\r\n",),
    "imap": (b"a OK [CAPABILITY IMAP4rev1] in\r\n",),
    "smtp": (b"235 2.7.0 in\r\n",),
    "sieve": (b'OK "in"\r\n',),
}
REFUSALS = {
    "pop3": b"-ERR [IN-USE] the moon is full\r\n",
    "imap": b"a NO [INUSE] the moon is full\r\n",
    "smtp": b"454 4.3.2 the moon is full\r\n",
    "sieve": b'NO (QUOTA/MAXSCRIPTS) "the moon is full"\r\n',
}


class Server:
    """A server of one dialect. `heard`: what it is told behind the login; `logins`: who came; `says`: its answer."""

    def __init__(self, dialect: str, says: bytes = b"") -> None:
        self._dialect = dialect
        self.says = says or WELCOME[dialect][0]
        self.heard: list[bytes] = []
        self.logins: list[str] = []

    def __call__(self, wire: Talker) -> None:
        getattr(self, f"_{self._dialect}")(wire)

    def _plain(self, response: bytes) -> None:
        self.logins.append(base64.b64decode(response).split(b"\0")[1].decode())

    def _pop3(self, wire: Talker) -> None:
        wire.send(b"+OK a fake server\r\n")
        while line := wire.line():
            verb, _, rest = line.strip().partition(b" ")
            if verb == b"CAPA":
                wire.send(b"+OK\r\nUSER\r\nUIDL\r\n.\r\n")
                continue
            if verb == b"USER":
                self.logins.append(rest.decode())
            elif verb != b"PASS":
                self.heard.append(verb)
            wire.send(self.says if verb == b"PASS" else b"+OK 0 0\r\n")
            if verb == b"QUIT":
                return

    def _imap(self, wire: Talker) -> None:
        wire.send(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] a fake server\r\n")
        while line := wire.line():
            tag, verb, *rest = line.split()
            if verb == b"LOGIN":
                self.logins.append(rest[0].strip(b'"').decode())
                wire.send(self.says)
                continue
            self.heard.append(verb)
            wire.send((b"* BYE\r\n" if verb == b"LOGOUT" else b"") + tag + b" OK done\r\n")
            if verb == b"LOGOUT":
                return

    def _smtp(self, wire: Talker) -> None:
        wire.send(b"220 fake.example\r\n")
        while line := wire.line():
            verb, *rest = line.split()
            if verb == b"EHLO":
                wire.send(b"250-fake.example\r\n250 AUTH PLAIN\r\n")
            elif verb == b"AUTH":
                self._plain(rest[1])
                wire.send(self.says)
            else:
                self.heard.append(verb)
                wire.send(b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n")
            if verb == b"QUIT":
                return

    def _sieve(self, wire: Talker) -> None:
        wire.send(b'"IMPLEMENTATION" "fake"\r\n"SASL" "PLAIN"\r\nOK\r\n')
        while line := wire.line():
            verb, *rest = line.split()
            if verb == b"AUTHENTICATE":
                self._plain(rest[1].strip(b'"'))
                wire.send(self.says)
                continue
            self.heard.append(verb)
            if line.endswith(b"+}\r\n"):
                wire.exactly(int(line.rpartition(b"{")[2].rstrip(b"+}\r\n")))
                wire.line()
            wire.send(b'OK "done"\r\n')
            if verb == b"LOGOUT":
                return


class Scene:
    def __init__(self, stack: ExitStack, directory: Path, authority: Authority) -> None:
        self._stack = stack
        self.directory = directory
        self.authority = authority

    def server(self, script: Script) -> FakeServer:
        return self._stack.enter_context(FakeServer(script, server_context(self.authority.issue("localhost"))))

    def popover(self, table: str, dialect: str, **keys: Any) -> Routed:
        keys = {"ca_file": str(self.authority.ca_file), "warm": 0} | keys
        lines = f'name = "users"\n{table}' + ("" if "refuse_after" in table else "\nrefuse_after = 0")
        return self._stack.enter_context(Routed(self.directory, lines, dialect, **keys))

    def client(self, popover: Routed, dialect: str) -> Wire:
        """One that has read the greeting."""
        wire = self._stack.enter_context(Wire.to(popover.at(dialect)))
        line = wire.line()
        while dialect == "sieve" and not line.startswith(b"OK"):
            line = wire.line()
        return wire


@pytest.fixture
def scene(tmp_path: Path, authority: Authority) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(stack, tmp_path, authority)


def routes(dialect: str, *ports: int, user: str = "*") -> str:
    places = [f"{dialect}s://localhost:{port}" for port in ports]
    return f'kind = "static"\nroutes = {{ "{user}" = {json.dumps(places)} }}'


def answer(wire: Wire, dialect: str) -> bytes:
    """What the login is told."""
    line = wire.line()
    while (dialect == "imap" and line.startswith(b"*")) or (dialect == "pop3" and line.startswith(b"+OK, who")):
        line = wire.line()
    return line


def logs_in(scene: Scene, popover: Routed, dialect: str, user: str = "alice") -> bytes:
    """A whole session; the answer to its login."""
    before = len(popover.events("session"))
    with scene.client(popover, dialect) as wire:
        if dialect == "pop3":
            assert wire.ask(f"USER {user}".encode()).startswith(b"+OK")
            wire.send(b"PASS wonderland\r\n")
        else:
            wire.send(login(dialect, user))
        said = answer(wire, dialect)
        wire.send(NEXT[dialect].splitlines(keepends=True)[-1])
        wire.ending()
    popover.wait_for_events("session", before + 1)
    return said


# -- server lists


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dead_servers_are_passed_over_within_the_same_login_and_rest(scene: Scene, dialect: str) -> None:
    """One refuses to be connected, one hangs up before it has greeted; the next login tries neither."""
    script = Server(dialect)
    broken, live = scene.server(lambda wire: wire.close()), scene.server(script)
    popover = scene.popover(routes(dialect, free_port(), broken.port, live.port), dialect, trace=True)
    for _ in range(3):
        assert logs_in(scene, popover, dialect) in WELCOME[dialect]
    assert broken.accepted == 1
    passed_over = [event for event in popover.events("trace") if "is passed over" in event["text"]]
    assert len(passed_over) == 2
    assert script.logins == ["alice"] * 3


@pytest.mark.parametrize("dialect", DIALECTS)
def test_round_robin_goes_round_and_a_dead_one_costs_nobody_a_login(scene: Scene, dialect: str) -> None:
    one, two = Server(dialect), Server(dialect)
    servers = [scene.server(one), scene.server(two)]
    table = routes(dialect, *(server.port for server in servers)) + '\nbalance = "round_robin"'
    popover = scene.popover(table, dialect)
    for number in range(4):
        assert logs_in(scene, popover, dialect) in WELCOME[dialect]
        assert len(one.logins) == number // 2 + 1  # each second one
    servers[0].shut()
    for _ in range(4):
        assert logs_in(scene, popover, dialect) in WELCOME[dialect]
    assert (len(one.logins), len(two.logins)) == (2, 6)


# -- three outcomes


@pytest.mark.parametrize(
    ("dialect", "words"),
    [("pop3", b"-ERR [AUTH] "), ("imap", b"a NO [AUTHENTICATIONFAILED] "), ("smtp", b"535 5.7.8 "), ("sieve", b'NO "')],
)
def test_who_is_not_found_is_told_what_a_wrong_password_is_told(scene: Scene, dialect: str, words: bytes) -> None:
    popover = scene.popover(routes(dialect, free_port(), user="alice"), dialect)
    assert logs_in(scene, popover, dialect, "stranger").startswith(words)
    event = popover.wait_for_event("login", user="stranger")
    assert " login refused: 'stranger' is not in routes" in event["text"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_who_is_not_found_is_refused_as_late_as_a_server_has_refused_a_password(scene: Scene, dialect: str) -> None:
    """What the file says counts as long as no server has refused anybody; here it is more than any client waits."""
    words = {
        "pop3": b"-ERR [AUTH] no\r\n",
        "imap": b"a NO [AUTHENTICATIONFAILED] no\r\n",
        "smtp": b"535 5.7.8 no\r\n",
        "sieve": b'NO "no"\r\n',
    }[dialect]
    table = f"{routes(dialect, scene.server(Server(dialect, words)).port, user='alice')}\nrefuse_after = 86400"
    popover = scene.popover(table, dialect)
    assert logs_in(scene, popover, dialect) == words
    assert logs_in(scene, popover, dialect, "stranger").startswith(words[:8].partition(b'"')[0])


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        ("pop3", b"-ERR [SYS/TEMP] "),
        ("imap", b"a NO [UNAVAILABLE] "),
        ("smtp", b"454 4.7.0 "),
        ("sieve", b"NO (TRYLATER) "),
    ],
)
def test_a_table_that_failed_is_told_as_temporary_and_the_next_try_succeeds(
    scene: Scene, dialect: str, words: bytes
) -> None:
    """On the same connection, too."""
    live = scene.server(Server(dialect))
    file = scene.directory / "mail.db"
    database = sqlite3.connect(file)
    database.execute("create table users (name text, server text)")
    database.execute("insert into users values ('alice', ?)", [f"{dialect}s://localhost:{live.port}"])
    database.commit()
    database.close()
    query = "select server from users where name = :user"
    popover = scene.popover(f'kind = "sql"\nurl = "sqlite:///mail.db"\nquery = "{query}"', dialect)
    file.rename(scene.directory / "gone")
    wire = scene.client(popover, dialect)
    for told in (words, words, WELCOME[dialect][0]):
        if told is not words:
            (scene.directory / "gone").rename(file)
        if dialect == "pop3":
            assert wire.ask(b"USER alice").startswith(b"+OK")
        wire.send(login(dialect).splitlines(keepends=True)[-1])
        assert answer(wire, dialect).startswith(told)
    assert "mail.db" in popover.wait_for_event("login")["remedy"]
    assert any(event["table"] == 'table "users"' for event in popover.events("table"))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_server_s_own_refusal_reaches_the_client_in_its_words(scene: Scene, dialect: str) -> None:
    refuses, other = scene.server(Server(dialect, REFUSALS[dialect])), scene.server(Server(dialect))
    popover = scene.popover(routes(dialect, refuses.port, other.port), dialect)
    assert logs_in(scene, popover, dialect) == REFUSALS[dialect]
    assert other.accepted == 0  # nobody tries a password at the next one


# -- what stands behind a login


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_pipelined_behind_the_login_is_not_lost(scene: Scene, dialect: str) -> None:
    """In one piece with it; the first time, and when a connection stood ready and it is known what the server can."""
    script = Server(dialect)
    live = scene.server(script)
    popover = scene.popover(routes(dialect, live.port), dialect, warm=1)
    for number in (1, 2, 3):
        script.heard.clear()
        wire = scene.client(popover, dialect)
        wire.send(login(dialect) + NEXT[dialect])
        words, how = wire.ending()
        assert how == "fin"
        assert WELCOME[dialect][0] in words
        popover.wait_for_events("session", number)
        wanted = [line.split()[dialect == "imap"] for line in NEXT[dialect].splitlines() if b";" not in line]
        answers = words.partition(WELCOME[dialect][0])[2].splitlines()
        assert len([one for one in answers if not one.startswith(b"*")]) == len(wanted)
        assert [verb for verb in script.heard if verb in wanted][: len(wanted)] == wanted


# -- who names its server


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_name_may_name_its_server_where_that_is_on_the_list_and_no_other(scene: Scene, dialect: str) -> None:
    script, elsewhere = Server(dialect), scene.server(Server(dialect))
    listed = scene.server(script)
    table = routes(dialect, free_port(), user="alice")
    table += f'\nscheme = "{dialect}s"\nnamed_servers = ["localhost:{listed.port}"]'
    popover = scene.popover(table, dialect)
    assert logs_in(scene, popover, dialect, f"alice%localhost:{listed.port}") in WELCOME[dialect]
    assert script.logins == ["alice"]
    refused = logs_in(scene, popover, dialect, f"alice%localhost:{elsewhere.port}")
    assert refused.startswith((b"-ERR [AUTH]", b"a NO [AUTHENTICATIONFAILED]", b"535 5.7.8", b"NO"))
    assert elsewhere.accepted == 0
