"""popover started by others: the recipe's own xinetd file, and systemd's socket activation."""

import getpass
import re
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parts.account import Account
from parts.activate import systemd_socket_activate
from parts.certificates import Authority
from parts.clients import fetch_by_imaplib, fetch_by_poplib
from parts.dovecot import Dovecot
from parts.fetchers import fetch_by_curl_pop3, fetch_by_fetchmail
from parts.messages import SAMPLES
from parts.net import LOOPBACK, free_port, wait_until
from parts.program import Program, descendants
from parts.xinetd import RECIPE, xinetd
from popover.cli.epilogs import INETD

# Where its installer put the command.
POPOVER = Path(sysconfig.get_path("scripts")) / "popover"

Workdir = Callable[[], Path]


@pytest.fixture
def user(dovecot: Dovecot) -> str:
    """Somebody with a message of each kind, but for the line that fetchmail spoils."""
    name = dovecot.new_user()
    for title, message in SAMPLES.items():
        if title != "huge line":
            dovecot.deliver(name, message)
    return name


@contextmanager
def recipe(directory: Path, port: int, *words: str | Path, wait: str = "no") -> Iterator[Program]:
    """Runs the recipe's file with `popover WORDS` in the place of openssl.

    Its `user = nobody` becomes whoever runs the tests: nobody may have no way to this checkout.
    """
    words = ("inetd", *words)
    text = RECIPE.format(user=getpass.getuser(), server=POPOVER, server_args=" ".join(map(str, words)), port=port)
    with xinetd(directory, text.replace("wait = no", f"wait = {wait}"), port) as program:
        yield program


@pytest.mark.parametrize("wait", ["no", "yes"])
def test_recipe_fetches_as_without_it(
    authority: Authority, dovecot: Dovecot, user: str, tmp_path: Path, workdir: Workdir, wait: str
) -> None:
    direct = Account((dovecot.host, dovecot.pop3s_port), user, dovecot.password, authority.ca_file)
    through = Account((LOOPBACK, free_port()), user, dovecot.password)
    words = (f"pop3s://localhost:{dovecot.pop3s_port}", "--ca-file", authority.ca_file)
    with recipe(tmp_path, through.port, *words, wait=wait):
        for fetch in (fetch_by_poplib, fetch_by_curl_pop3, fetch_by_fetchmail):
            assert fetch(through, workdir()) == fetch(direct, workdir())


@pytest.mark.parametrize("wait", ["no", "yes"])
def test_recipe_serves_ten_clients_at_once(authority: Authority, dovecot: Dovecot, tmp_path: Path, wait: str) -> None:
    port = free_port()
    words = (f"pop3s://localhost:{dovecot.pop3s_port}", "--ca-file", authority.ca_file)
    with recipe(tmp_path, port, *words, wait=wait):
        clients = [socket.create_connection((LOOPBACK, port), timeout=60) for _ in range(10)]
        greetings = [client.recv(100) for client in clients]
        for client in clients:
            client.close()
    assert all(greeting.startswith(b"+OK") and greeting.endswith(b"ready.\r\n") for greeting in greetings)


def test_recipe_leaves_no_process_behind_its_client(authority: Authority, dovecot: Dovecot, tmp_path: Path) -> None:
    port = free_port()
    words = (f"pop3s://localhost:{dovecot.pop3s_port}", "--ca-file", authority.ca_file)
    with recipe(tmp_path, port, *words) as program:
        # As many as `instances`; with openssl they would have shut the service until the server's timeout.
        for _ in range(10):
            with socket.create_connection((LOOPBACK, port), timeout=60) as client:
                assert client.recv(100).startswith(b"+OK")
        wait_until(lambda: not descendants(program.pid), "all of xinetd's servers have ended")


def test_recipe_says_why_in_one_line(authority: Authority, dovecot: Dovecot, tmp_path: Path) -> None:
    port = free_port()
    stranger = authority.issue("localhost", self_signed=True)
    with recipe(tmp_path, port, f"pop3s://localhost:{dovecot.pop3s_port}", "--ca-file", stranger.cert_file):
        heard = said(port)
    assert heard.startswith(b"-ERR [SYS/TEMP] ")
    assert heard.count(b"\n") == 1
    assert heard.endswith(b"\r\n")
    assert b"error" not in heard.lower().removeprefix(b"-err")


@pytest.mark.parametrize(
    "words",
    [(), ("pop3s://localhost:70000",), ("http://localhost",), ("localhost", "--ca-file", "/nowhere.pem"), ("-?",)],
    ids=" ".join,
)
def test_wrong_recipe_shows_the_client_nothing_but_its_dialect(tmp_path: Path, words: tuple[str, ...]) -> None:
    port = free_port()
    with recipe(tmp_path, port, *words):
        heard = said(port)
    assert not heard or heard.startswith(b"-ERR [SYS/")


APOLOGY = b"* BYE [UNAVAILABLE] this gateway is not set up right; its log tells the operator why\r\n"

AS_XINETD = """
import pathlib, sys, syslog
import popover.cli, popover.cli.inetd

def serve(arguments):
    secret = "hunter2"
    {body}

popover.cli.inetd.inetd = serve
syslog.syslog = lambda priority, line: pathlib.Path(sys.argv[1]).open("a").write(line + "\\n")
sys.exit(popover.cli.main(["inetd", "imaps://localhost"]))
"""


def as_xinetd(*command: str | Path) -> tuple[bytes, int]:
    """What the client hears of a program whose descriptors 0, 1 and 2 are its connection, and the exit code."""
    ours, theirs = socket.socketpair()
    with ours:
        with (
            theirs,
            subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=theirs.fileno()) as process,
        ):
            theirs.close()
            ours.settimeout(60)
            heard = b"".join(iter(lambda: ours.recv(1000), b""))
        return heard, process.returncode


def test_wrong_set_up_with_a_listening_socket_is_told_to_whoever_waits_and_does_not_start_again() -> None:
    """As xinetd does with `wait = yes`: a client that still waits would make it start popover again, for ever."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
        command = [sys.executable, "-m", "popover", "inetd", "imaps://localhost", "--ca-file", "/nowhere.pem"]
        door = listener.fileno()
        ended = subprocess.run(command, stdin=door, stdout=door, stderr=door, timeout=60, check=False)
        assert ended.returncode == 2
        for client in clients:
            with client, client.makefile("rb") as heard:
                client.settimeout(60)
                assert heard.read() == APOLOGY
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("RuntimeError(secret)", "this is a bug of popover, please report it: RuntimeError in "),
        ("OSError(24, secret)", "could not serve this client: Too many open files, in "),
    ],
)
def test_bug_is_told_to_syslog_and_not_to_the_client(tmp_path: Path, raised: str, told: str) -> None:
    log = tmp_path / "syslog"
    heard, code = as_xinetd(sys.executable, "-c", AS_XINETD.format(body=f"raise {raised}"), log)
    assert heard == APOLOGY
    assert code == 1
    [line] = log.read_text().splitlines()
    assert told in line
    assert "serve (<string>:7)" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("files", range(5, 10))
def test_client_sees_nothing_of_a_machine_without_descriptors(files: int) -> None:
    """Wherever they run out: importing, making the event loop, looking for the server. With 4 no interpreter starts."""
    limit = ("prlimit", f"--nofile={files}:{files}")
    heard, code = as_xinetd(*limit, sys.executable, "-m", "popover", "inetd", "imaps://127.0.0.1:1")
    assert heard.startswith(b"* BYE [UNAVAILABLE] ")
    assert heard.count(b"\n") == 1
    assert code in {0, 1}


def test_complaint_at_the_very_end_does_not_reach_the_client(tmp_path: Path) -> None:
    """As the interpreter's own, of an event loop that was never whole."""
    body = 'import atexit, os; atexit.register(os.write, 2, b"oh"); raise RuntimeError'
    heard, code = as_xinetd(sys.executable, "-c", AS_XINETD.format(body=body), tmp_path / "syslog")
    assert (heard, code) == (APOLOGY, 1)


def test_complaint_during_a_session_does_not_stand_in_a_mail(tmp_path: Path) -> None:
    log = tmp_path / "syslog"
    body = 'import os; os.write(0, b"half a ma"); print("oh", file=sys.stderr); return 1'
    assert as_xinetd(sys.executable, "-c", AS_XINETD.format(body=body), log) == (b"half a ma", 1)
    assert log.read_text() == "oh\n"


@pytest.fixture
def popover_toml(authority: Authority, dovecot: Dovecot, tmp_path: Path) -> Path:
    """Two services whose sockets are systemd's; in the file the other way round than systemd has them."""
    path = tmp_path / "popover.toml"
    path.write_text(f"""
        [[service]]
        name = "imap"
        listen = "systemd:imap"
        server = "imaps://localhost:{dovecot.imaps_port}"
        ca_file = "{authority.ca_file}"

        [[service]]
        name = "pop3"
        listen = "systemd:pop3"
        server = "pop3s://localhost:{dovecot.pop3s_port}"
        ca_file = "{authority.ca_file}"
    """)
    return path


def test_systemd_hands_over_the_sockets_by_name(
    dovecot: Dovecot, user: str, popover_toml: Path, tmp_path: Path, workdir: Workdir
) -> None:
    command = (POPOVER, "run", "-c", popover_toml)
    with systemd_socket_activate(tmp_path / "output", *command, fdnames=["pop3", "imap"]) as (ports, program):
        for fetch, port in ((fetch_by_poplib, ports[0]), (fetch_by_imaplib, ports[1])):
            account = Account((LOOPBACK, port), user, dovecot.password)
            assert fetch(account, workdir()) == dovecot.messages(user)
        assert f"listening {LOOPBACK}:{ports[0]} -> pop3s://localhost:{dovecot.pop3s_port}" in program.output()
        assert f"listening {LOOPBACK}:{ports[1]} -> imaps://localhost:{dovecot.imaps_port}" in program.output()


def test_systemd_starts_one_popover_per_client(
    authority: Authority, dovecot: Dovecot, user: str, tmp_path: Path, workdir: Workdir
) -> None:
    command = (POPOVER, "inetd", f"pop3s://localhost:{dovecot.pop3s_port}", "--ca-file", authority.ca_file)
    with systemd_socket_activate(tmp_path / "output", *command, inetd=True) as ([port], program):
        account = Account((LOOPBACK, port), user, dovecot.password)
        for fetch in (fetch_by_poplib, fetch_by_curl_pop3, fetch_by_fetchmail):
            assert fetch(account, workdir()) == dovecot.messages(user)
        wait_until(lambda: not descendants(program.pid), "all of systemd's servers have ended")
        # Here stderr is not the client's socket, so the log goes there.
        assert f"{LOOPBACK} -> {LOOPBACK}:{dovecot.pop3s_port}" in program.output()


def test_fetchmail_starts_it_as_its_help_says(
    authority: Authority, dovecot: Dovecot, user: str, workdir: Workdir
) -> None:
    [words] = re.findall("fetchmail --plugin 'popover (.*?)'", INETD)
    server = f"pop3s://localhost:{dovecot.pop3s_port} --ca-file {authority.ca_file}"
    account = Account(("localhost", dovecot.pop3_port), user, dovecot.password)
    found = fetch_by_fetchmail(account, workdir(), plugin=f"{POPOVER} {words.replace('pop.example.com', server)}")
    assert found == dovecot.messages(user)


def said(port: int) -> bytes:
    """All a client hears that says nothing, until the close."""
    with socket.create_connection((LOOPBACK, port), timeout=60) as client:
        return b"".join(iter(lambda: client.recv(1000), b""))
