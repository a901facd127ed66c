"""What can go wrong between a login at the desk and its server: nothing of it is told as a wrong password, the client
may try again, and the server is let go.
"""

import hashlib
import itertools
import re
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fakes.mail import answer_pop3
from fakes.server import FakeServer, Script
from fakes.tls import server_context
from fakes.wire import Talker, Wire
from parts.at_desk import AtDesk
from parts.certificates import Authority
from parts.inside import Plainly, trusting
from parts.net import free_port, wait_until
from popover.refusals import explain

LOCAL, SECRET = "simsalabim", "wonderland"
FAIL2BAN = Path(__file__).parents[2] / "docs" / "accounts.md"
GREETING = b"+OK a fake server greets you\r\n"
LOGIN = (b"USER grandpa", b"PASS simsalabim")
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


class Scene:
    """A popover that knows grandpa, and fake servers."""

    def __init__(self, stack: ExitStack, directory: Path, authority: Authority, **keys: Any) -> None:
        self._stack = stack
        self._authority = authority
        self.popover = stack.enter_context(AtDesk(directory, "pop3", **keys))

    def server(self, script: Script, names: tuple[str, ...] = ("localhost",)) -> FakeServer:
        context = server_context(self._authority.issue(*names))
        return self._stack.enter_context(FakeServer(script, context))

    def leads(self, *ports: int, name: str = "grandpa", **more: Any) -> None:
        """Grandpa's mail is there."""
        self.popover.knows(
            name,
            LOCAL,
            login=f"{name}@example.com",
            secret=SECRET,
            servers=[f"pop3s://localhost:{port}" for port in ports],
            ca_file=str(self._authority.ca_file),
            **more,
        )

    def client(self) -> Wire:
        """One that is greeted."""
        wire = self._stack.enter_context(Wire.to(self.popover.at("pop3")))
        assert wire.line().startswith(b"+OK popover")
        return wire


@pytest.fixture
def scene(tmp_path: Path, authority: Authority) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(stack, tmp_path, authority)


@pytest.fixture
def make(tmp_path: Path, authority: Authority) -> Iterator[Callable[..., Scene]]:
    with ExitStack() as stack:
        yield lambda **keys: Scene(stack, tmp_path, authority, **keys)


def log_in(wire: Talker, name: bytes = b"grandpa") -> bytes:
    """The answer to PASS."""
    assert wire.ask(b"USER " + name).startswith(b"+OK")
    return wire.ask(LOGIN[1])


def good(wire: Talker) -> None:
    """A server that lets everybody in."""
    wire.send(GREETING)
    answer_pop3(wire)


def refusing(words: bytes, *good_secrets: bytes) -> Script:
    """A server that lets in who says one of these, and tells the others so."""

    def script(wire: Talker) -> None:
        wire.send(GREETING)
        while line := wire.line():
            verb, _, rest = line.strip().partition(b" ")
            wire.send(b"+OK\r\n" if verb != b"PASS" or rest in good_secrets else words)
            if verb == b"QUIT":
                return

    return script


def heard_of(heard: list[bytes], script: Script) -> Script:
    """The same server, each of whose connections writes down the passwords that it was told."""

    class Listening:
        def __init__(self, wire: Talker) -> None:
            self._wire = wire

        def send(self, data: bytes) -> None:
            self._wire.send(data)

        def line(self) -> bytes:
            line = self._wire.line()
            if line.startswith((b"PASS", b"USER")):
                heard.append(line.strip())
            return line

    return lambda wire: script(Listening(wire))


# -- our own trouble -----------------------------------------------------------------------------


def is_delayed(answer: bytes) -> bool:
    return answer.startswith((b"-ERR [SYS/TEMP]", b"-ERR [SYS/PERM]")) and b"rror" not in answer


def test_server_that_is_down_is_no_wrong_password_and_the_next_try_succeeds(scene: Scene) -> None:
    scene.leads(free_port())
    client = scene.client()
    assert is_delayed(log_in(client))
    told = scene.popover.wait_for_event("login")
    assert "127.0.0.1 login undecided: " in told["text"]
    assert told["user"] == "grandpa (grandpa@example.com)"
    scene.leads(scene.server(good).port)
    assert log_in(client).startswith(b"+OK")
    assert client.ask(b"QUIT").startswith(b"+OK")
    assert scene.popover.wait_for_event("session")["user"] == "grandpa (grandpa@example.com)"


def test_server_with_a_wrong_certificate_gets_no_login(scene: Scene) -> None:
    heard: list[bytes] = []
    scene.leads(scene.server(heard_of(heard, good), ("other.example",)).port)
    answer = log_in(scene.client())
    assert is_delayed(answer)
    assert b"certificate" in answer
    assert not heard


def test_server_that_greets_with_a_refusal_has_not_refused_the_login(scene: Scene) -> None:
    scene.leads(scene.server(lambda wire: wire.send(b"-ERR [IN-USE] come back later\r\n")).port)
    client = scene.client()
    answer = log_in(client)
    assert is_delayed(answer)
    assert b"come back later" in answer
    assert client.ask(b"QUIT").startswith(b"+OK")


@pytest.mark.parametrize("before", [b"USER", b"PASS"])
def test_server_that_closes_at_the_login_has_not_refused_it(scene: Scene, before: bytes) -> None:
    def script(wire: Talker) -> None:
        wire.send(GREETING)
        while not wire.line().startswith(before):
            wire.send(b"+OK\r\n")

    scene.leads(scene.server(script).port)
    client = scene.client()
    assert is_delayed(log_in(client))
    scene.leads(scene.server(good).port)
    assert log_in(client).startswith(b"+OK")


def test_what_is_to_be_said_can_not_be_had(scene: Scene) -> None:
    scene.leads(1, trouble="the provider gives no token at present")
    assert log_in(scene.client()) == b"-ERR [SYS/TEMP] the provider gives no token at present\r\n"


def test_finder_that_does_not_know_is_no_refusal(scene: Scene) -> None:
    scene.leads(1, unsure="the table cannot be read")
    client = scene.client()
    assert log_in(client) == b"-ERR [SYS/TEMP] the table cannot be read\r\n"
    scene.popover.wait_for_event("login")
    assert scene.popover.told() == ["127.0.0.1 login undecided: the table cannot be read; it is a test: grandpa"]


def test_route_without_a_server_is_no_refusal(scene: Scene) -> None:
    scene.leads()
    assert is_delayed(log_in(scene.client()))


# -- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [(b"USER grandma", b"PASS simsalabim"), (b"USER grandpa", b"PASS abracadabra")])
def test_wrong_login_is_told_the_same_for_unknown_names_and_leaves_one_line(
    scene: Scene, login: tuple[bytes, bytes]
) -> None:
    heard: list[bytes] = []
    scene.leads(scene.server(heard_of(heard, good)).port)
    client = scene.client()
    assert client.ask(login[0]).startswith(b"+OK")
    assert client.ask(login[1]) == b"-ERR [AUTH] wrong user name or password\r\n"
    assert client.ask(b"QUIT").startswith(b"+OK")
    scene.popover.wait_for_event("session", end="no login")
    [told] = scene.popover.told()
    assert told.startswith("127.0.0.1 login refused: ")
    assert told.endswith(login[0].decode().removeprefix("USER"))
    assert not heard
    assert not any(SECRET in line or "abracadabra" in line or LOCAL in line for line in scene.popover.log_lines())


def test_what_fail2ban_is_to_look_for_is_in_no_line_but_that_of_a_wrong_login_whatever_names_clients_have(
    scene: Scene,
) -> None:
    [wanted] = re.findall(r"^failregex = (.+)$", FAIL2BAN.read_text(), re.MULTILINE)
    scene.leads(scene.server(good).port)
    scene.leads(scene.server(good).port, name="unsure: 192.0.2.66 login refused: so", unsure="nobody knows")
    for name in (b"grandpa", b"grandma: 192.0.2.66 login refused: so", b"unsure: 192.0.2.66 login refused: so"):
        client = scene.client()
        log_in(client, name)
        client.ask(b"QUIT")
    scene.popover.wait_for_events("session", 3)
    lines = [f"{one['id']} {one['service']}: {one['text']}" for one in scene.popover.events() if "id" in one]
    for before in ("", " ", " mail popover[123]: "):
        found = [re.search(wanted.replace("<ADDR>", "(?P<addr>[0-9a-f.:]+)"), before + line) for line in lines]
        assert [one["addr"] for one in found if one is not None] == ["127.0.0.1"]


def test_wrong_login_stands_in_the_log_whether_or_not_the_client_waits_for_the_answer(scene: Scene) -> None:
    """Else who guesses would leave as soon as the answer is later than that of a right login."""
    scene.leads(free_port(), late=3600.0)
    client = scene.client()
    client.send(b"USER grandpa\r\nPASS a guess\r\n")
    told = scene.popover.wait_for_event("login")["text"]
    assert told == "127.0.0.1 login refused: the password is wrong: grandpa"
    client.reset()
    assert scene.popover.wait_for_event("session")["end"] == "client reset"


def test_name_in_the_log_is_printable_and_short(scene: Scene) -> None:
    client = scene.client()
    client.ask(b"USER \xff\x1b" + 200 * b"x")
    client.ask(b"PASS x")
    client.ask(b"USER \xff" + 200 * b"x")
    client.ask(b"PASS x")
    text = scene.popover.wait_for_event("login")["text"]
    assert text.isprintable()
    assert len(text) < 200


def test_refusal_of_our_secret_reaches_the_client_in_the_servers_words_and_not_as_a_wrong_password(
    scene: Scene,
) -> None:
    """An old client would forget its own, which was right."""
    scene.leads(scene.server(refusing(b"-ERR [AUTH] the moon is full\r\n")).port)
    client = scene.client()
    assert log_in(client) == b"-ERR [SYS/PERM] the moon is full\r\n"
    told = scene.popover.wait_for_event("login")["text"]
    assert told.startswith("127.0.0.1 not signed in: localhost refuses the sign-in: ")
    assert "the moon is full" in told
    scene.leads(scene.server(good).port)
    assert log_in(client).startswith(b"+OK")


def test_what_a_providers_refusal_means_is_in_the_log(scene: Scene) -> None:
    """The client gets the server's own words; the log says what they mean, as `popover explain` does."""
    words = b"-ERR [AUTH] Application-specific password required: https://support.google.com/accounts/answer/185833\r\n"
    scene.leads(scene.server(refusing(words)).port)
    assert log_in(scene.client()) == words.replace(b"[AUTH]", b"[SYS/PERM]")
    told = scene.popover.wait_for_event("login")
    found = explain(words.decode())
    assert found is not None
    assert f"refuses the sign-in ({found.cause}): " in told["cause"]
    assert told["remedy"] == f"the client's own login was right: {found.remedy}"


def test_refusal_of_what_the_client_said_itself_is_a_wrong_login(scene: Scene) -> None:
    """As with a table: fail2ban is to know."""
    scene.leads(scene.server(refusing(b"-ERR [AUTH] no\r\n")).port)
    scene.popover.knows(
        "passed-on", SECRET, login="x", secret=SECRET, servers=scene.popover.known("grandpa")["servers"],
        ca_file=scene.popover.known("grandpa")["ca_file"],
    )  # fmt: skip
    client = scene.client()
    client.ask(b"USER passed-on")
    assert client.ask(b"PASS " + SECRET.encode()) == b"-ERR [AUTH] no\r\n"
    assert scene.popover.wait_for_event("login")["text"].startswith("127.0.0.1 login refused: localhost says ")


def test_server_that_hangs_up_behind_its_refusal_has_refused(scene: Scene) -> None:
    def script(wire: Talker) -> None:
        wire.send(GREETING)
        assert wire.line().startswith(b"USER")
        wire.send(b"+OK\r\n")
        wire.line()
        wire.send(b"-ERR [AUTH] and do not come back\r\n")

    scene.leads(scene.server(script).port)
    assert log_in(scene.client()) == b"-ERR [SYS/PERM] and do not come back\r\n"


def test_other_credentials_are_said_on_the_same_connection(scene: Scene) -> None:
    heard: list[bytes] = []
    server = scene.server(heard_of(heard, refusing(b"-ERR [AUTH] stale\r\n", b"fresh")))
    scene.leads(server.port, again="fresh")
    client = scene.client()
    assert log_in(client).startswith(b"+OK")
    assert client.ask(b"STAT").startswith(b"+OK")
    assert [line for line in heard if line.startswith(b"PASS")] == [b"PASS wonderland", b"PASS fresh"]
    assert server.accepted == 1
    assert not scene.popover.told()


def test_other_credentials_are_said_on_a_new_connection_where_the_server_has_hung_up(scene: Scene) -> None:
    heard: list[bytes] = []

    def script(wire: Talker) -> None:
        wire.send(GREETING)
        while line := wire.line():
            if line == b"PASS wonderland\r\n":
                wire.send(b"-ERR [AUTH] stale\r\n")
                return
            wire.send(b"+OK\r\n")

    scene.leads(scene.server(heard_of(heard, script)).port, again="fresh")
    assert log_in(scene.client()).startswith(b"+OK")
    assert [line for line in heard if line.startswith(b"PASS")] == [b"PASS wonderland", b"PASS fresh"]


def test_refused_twice_is_refused(scene: Scene) -> None:
    scene.leads(scene.server(refusing(b"-ERR [AUTH] no\r\n")).port, again="fresh")
    assert log_in(scene.client()) == b"-ERR [SYS/PERM] no\r\n"


def test_status_page_counts_wrong_logins_and_those_that_trouble_kept_out(make: Callable[..., Scene]) -> None:
    port = free_port()
    scene = make(also=f'[status]\nlisten = "127.0.0.1:{port}"\n')
    scene.leads(free_port())
    client = scene.client()
    for name in (b"grandma", b"grandpa", b"grandma"):
        assert log_in(client, name).startswith(b"-ERR")
    assert client.ask(b"QUIT").startswith(b"+OK")
    client.close()

    def page(path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30) as answer:
            text: str = answer.read().decode()
            return text

    wait_until(lambda: 'ended_sessions_total{service="pop3"} 1\n' in page("metrics"), "the end of the session")
    numbers = page("metrics")
    assert 'popover_wrong_logins_total{service="pop3"} 2\n' in numbers
    assert 'popover_undecided_logins_total{service="pop3"} 1\n' in numbers
    shown = page("")
    assert "accounts (pop3)" in shown
    assert "Wrong logins" in shown
    assert "NOT REACHED" in shown
    assert "grandma" not in numbers + shown


# -- several servers -----------------------------------------------------------------------------


def test_dead_server_is_passed_over_within_the_same_login(scene: Scene) -> None:
    scene.leads(free_port(), scene.server(good).port)
    client = scene.client()
    assert log_in(client).startswith(b"+OK")
    assert not scene.popover.told()


def test_server_that_refuses_the_login_is_not_passed_over(scene: Scene) -> None:
    heard: list[bytes] = []
    first, second = scene.server(refusing(b"-ERR [AUTH] no\r\n")), scene.server(heard_of(heard, good))
    scene.leads(first.port, second.port)
    assert log_in(scene.client()) == b"-ERR [SYS/PERM] no\r\n"
    assert not heard


# -- clients -------------------------------------------------------------------------------------


def test_what_is_said_behind_the_login_is_not_lost(scene: Scene) -> None:
    scene.leads(scene.server(good).port)
    with Wire.to(scene.popover.at("pop3")) as client:
        client.send(b"USER grandpa\r\nPASS simsalabim\r\nSTAT\r\nRETR 300\r\nQUIT\r\n")
        words = client.ending().words
    assert words.count(b"+OK") == 6
    assert words.endswith(b".\r\n+OK\r\n")


def test_what_is_said_behind_a_refused_login_is_not_lost(scene: Scene) -> None:
    with Wire.to(scene.popover.at("pop3")) as client:
        client.send(b"USER grandma\r\nPASS simsalabim\r\nNOOP\r\nQUIT\r\n")
        words = client.ending().words.splitlines()
    assert [line[:3] for line in words] == [b"+OK", b"+OK", b"-ER", b"+OK", b"+OK"]


def test_half_closed_client_gets_all_its_answers(scene: Scene) -> None:
    scene.leads(scene.server(good).port, slow=0.3)
    with Wire.to(scene.popover.at("pop3")) as client:
        client.send(b"USER grandpa\r\nPASS simsalabim\r\nSTAT\r\nRETR 300\r\nQUIT\r\n")
        client.half_close()
        ending = client.ending()
    assert ending.how == "fin"
    assert ending.words.endswith(b".\r\n+OK\r\n")


def test_half_closed_client_that_has_said_no_more_frees_the_server(scene: Scene) -> None:
    over = threading.Event()

    def script(wire: Talker) -> None:
        good(wire)
        over.set()

    scene.leads(scene.server(script).port)
    client = scene.client()
    assert log_in(client).startswith(b"+OK")
    client.half_close()
    assert client.ending().how == "fin"
    assert over.wait(30)


@pytest.mark.parametrize("how", ["reset", "close"])
def test_client_that_vanishes_while_its_login_is_looked_up_or_its_server_called_leaves_nothing(
    scene: Scene, how: str
) -> None:
    reached = threading.Event()

    def slow(wire: Talker) -> None:
        reached.set()
        assert not wire.receive()  # until it is let go

    scene.leads(scene.server(slow).port)
    client = scene.client()
    client.ask(LOGIN[0])
    client.send(LOGIN[1] + b"\r\n")
    assert reached.wait(30)
    if how == "reset":
        client.reset()
        told = scene.popover.wait_for_event("session")
        assert told["end"] == "client reset"
    else:
        client.close()  # it may have ended its side only, and wait for its answer: the server's time counts
        scene.popover.stop()


def test_client_that_vanishes_before_it_has_logged_in(scene: Scene) -> None:
    scene.client().reset()
    assert scene.popover.wait_for_event("session")["end"] == "client reset"
    scene.client().close()
    assert scene.popover.wait_for_events("session", 2)[1]["end"] == "client closed"


def test_client_that_says_nothing_is_told_why_it_is_sent_away(make: Callable[..., Scene]) -> None:
    scene = make(login_timeout=0.5)
    with scene.client() as client:
        assert client.ending().words == b"-ERR [SYS/TEMP] there was no login within 0.5 seconds\r\n"
    told = scene.popover.wait_for_event("session")
    assert (told["end"], told["level"]) == ("login timeout", "info")


@pytest.mark.parametrize(
    ("tls", "said", "words", "end"),
    [
        ("implicit", b"", b"-ERR [SYS/TEMP] this port speaks TLS from the first octet", "misdialled"),
        ("implicit", HALF_A_HELLO, b"", "login timeout"),
        ("offer", b"", b"", "login timeout"),
    ],
)
def test_handshake_that_takes_too_long_is_told_as_what_it_is_and_not_in_its_midst(
    make: Callable[..., Scene], tls: str, said: bytes, words: bytes, end: str
) -> None:
    """Plain text there would be taken for broken TLS; and who says nothing at all waits for a greeting, most likely."""
    scene = make(login_timeout=0.5, tls=tls)
    with Wire.to(scene.popover.at("pop3")) as client:
        if tls == "offer":
            client.line()
            client.ask(b"STLS")
        client.send(said)
        heard = client.ending().words
    assert heard.startswith(words)
    assert bool(heard) == bool(words)
    told = scene.popover.wait_for_event("session")
    assert told["end"] == end
    assert told["cause"]


def test_login_timeout_counts_over_the_whole_of_it(make: Callable[..., Scene]) -> None:
    """Commands, a refused login, a slow table, a server that never greets: each alone would be in time."""
    scene = make(login_timeout=2)

    def silent(wire: Talker) -> None:
        wire.receive()

    scene.leads(scene.server(silent).port, slow=1.2)
    client = scene.client()
    for login in (b"USER grandpa\r\nPASS wrong\r\n", b"USER grandpa\r\nPASS simsalabim\r\n"):
        client.send(login)
    words = client.ending().words.splitlines()
    assert words[-1] == b"-ERR [SYS/TEMP] there was no login within 2 seconds"
    assert scene.popover.wait_for_event("session")["end"] == "login timeout"


def test_login_timeout_lets_the_server_go(make: Callable[..., Scene]) -> None:
    scene = make(login_timeout=1)
    let_go = threading.Event()

    def silent(wire: Talker) -> None:
        wire.send(GREETING)
        while wire.receive():
            pass
        let_go.set()

    scene.leads(scene.server(silent).port)
    client = scene.client()
    client.send(b"USER grandpa\r\nPASS simsalabim\r\n")
    assert b"no login within 1 seconds" in client.ending().words
    assert let_go.wait(30)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", b"not a web server"),
        (HALF_A_HELLO, b"no TLS"),
        (b"PROXY TCP4 1.2.3.4 1.2.3.5 1 2\r\n", b"PROXY header"),
    ],
)
def test_client_that_is_none_is_told_so_by_its_first_octets(scene: Scene, said: bytes, words: bytes) -> None:
    client = scene.client()
    client.send(said)
    assert words in client.ending().words
    assert scene.popover.wait_for_event("session")["end"] == "misdialled"


def test_what_stands_behind_stls_in_plain_text_is_never_heard(make: Callable[..., Scene]) -> None:
    """Somebody on the way has put a login there (protocol notes, S1)."""
    scene = make(tls="offer")
    server = scene.server(good)
    scene.leads(server.port)
    client = scene.client()
    client.send(b"STLS\r\nUSER grandpa\r\nPASS simsalabim\r\nSTAT\r\n")
    assert client.line().startswith(b"+OK")
    client.ending()
    told = scene.popover.wait_for_event("session")
    assert told["end"] in {"misdialled", "no handshake"}
    assert "user" not in told
    assert server.accepted == 0


def test_apop_stamp_of_the_greeting_holds_behind_stls(make: Callable[..., Scene]) -> None:
    scene = make(tls="offer")
    scene.leads(scene.server(good).port)
    with Plainly(scene.popover.at("pop3")) as client:
        stamp = client.line().split()[-1]
        assert client.ask(b"STLS").startswith(b"+OK")
        client.secure(trusting(scene.popover.file.parent / "state" / "popover.pem"))
        digest = hashlib.md5(stamp + LOCAL.encode(), usedforsecurity=False).hexdigest()
        assert client.ask(f"APOP grandpa {digest}".encode()).startswith(b"+OK")


def test_session_that_is_stopped_ends_with_a_reset(scene: Scene) -> None:
    scene.leads(scene.server(good).port, slow=30)
    client = scene.client()
    client.ask(LOGIN[0])
    client.send(LOGIN[1] + b"\r\n")
    assert scene.popover.events("session") == []
    scene.popover.end()
    assert scene.popover.events("session")[0]["end"] == "gateway stopped"


# -- connections that stand ready ----------------------------------------------------------------


def capable(wire: Talker) -> None:
    """A server whose spare is of use."""
    wire.send(GREETING)
    while line := wire.line():
        wire.send(b"+OK\r\nUSER\r\n.\r\n" if line.startswith(b"CAPA") else b"+OK\r\n")
        if line.startswith(b"QUIT"):
            return


def visit(scene: Scene) -> dict[str, Any]:
    """A whole session, and what the log says of it."""
    before = len(scene.popover.events("session"))
    client = scene.client()
    assert log_in(client).startswith(b"+OK")
    assert client.ask(b"STAT").startswith(b"+OK")
    assert client.ask(b"QUIT").startswith(b"+OK")
    client.ending()
    return scene.popover.wait_for_events("session", before + 1)[-1]


def test_connection_that_stands_ready_is_used_behind_a_desk(scene: Scene) -> None:
    scene.leads(scene.server(capable).port)
    assert not visit(scene)["warm"]
    wait_until(lambda: visit(scene)["warm"], "a session with a connection that stood ready")


def test_second_session_runs_ahead_of_its_client_and_of_no_other(scene: Scene) -> None:
    """What this user asked behind the login last time leaves with it, before the client has its answer to PASS; for
    another one, from the same address, nothing does.
    """
    heard: list[bytes] = []

    def script(wire: Talker) -> None:
        wire.send(GREETING)
        while line := wire.line():
            verb = line.split()[0]
            heard.append(verb)
            if verb == b"CAPA":
                wire.send(b"+OK\r\nUSER\r\nPIPELINING\r\nUIDL\r\n.\r\n")
            else:
                wire.send(b"+OK\r\n.\r\n" if verb == b"UIDL" else b"+OK 0 0\r\n")
            if verb == b"QUIT":
                return

    def visit(name: bytes, *asked: bytes) -> set[bytes]:
        """What the server has heard besides CAPA."""
        heard.clear()
        client = scene.client()
        assert log_in(client, name).startswith(b"+OK")
        for word in asked:
            assert client.ask(word).startswith(b"+OK")
        assert client.ask(b"QUIT").endswith(b"\r\n")
        client.ending()
        scene.popover.wait_for_events("session", next(count))
        return {*heard} - {b"CAPA"}

    count = itertools.count(1)
    server = scene.server(script).port
    scene.leads(server)
    scene.leads(server, name="grandma")
    wait_until(lambda: visit(b"grandpa", b"STAT", b"UIDL") and b"UIDL" in visit(b"grandpa"), "a server asked ahead")
    visit(b"grandpa", b"STAT", b"UIDL")
    assert b"UIDL" not in visit(b"grandma")
    assert b"UIDL" in visit(b"grandpa")


def test_reload_drops_what_stands_ready_for_servers_of_routes(scene: Scene) -> None:
    server = scene.server(capable)
    scene.leads(server.port)
    visit(scene)
    wait_until(lambda: len(server.wires) == 1 and server.accepted > 1, "a connection that stands ready")

    def is_let_go() -> bool:
        """One that is still shaking hands at a reload stands ready at the next."""
        scene.popover.signal(signal.SIGHUP)
        scene.popover.wait_for_event("reloaded")
        time.sleep(0.2)
        return not server.wires

    wait_until(is_let_go, "what stood ready is let go")


@pytest.mark.parametrize("words", [b"", b"-ERR you were idle for too long\r\n"], ids=["silent", "farewell"])
def test_connection_that_has_died_ready_lets_no_login_down(scene: Scene, words: bytes) -> None:
    """Its server has ended it with the first word that it heard; at a transparent service the client would see that."""
    has_let_down = threading.Event()

    def script(wire: Talker) -> None:
        wire.send(GREETING)
        is_spare = False
        while line := wire.line():
            if line.startswith(b"CAPA"):
                is_spare = True
                wire.send(b"+OK\r\nUSER\r\n.\r\n")
            elif is_spare and line.startswith(b"USER") and not has_let_down.is_set():
                has_let_down.set()
                wire.send(words)
                return
            else:
                wire.send(b"+OK\r\n")

    scene.leads(scene.server(script).port)
    wait_until(lambda: visit(scene) and has_let_down.is_set(), "a spare that dies")
    assert not scene.popover.told()
