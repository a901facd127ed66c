"""The parts work without popover: when one of these fails, look here before looking at the gateway."""

import os
import pwd
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import world
from parts import pretend, private
from parts.account import Account
from parts.activate import systemd_socket_activate
from parts.certificates import Authority, Certificate, Faults
from parts.clients import IMAP_CLIENTS, POP3_CLIENTS, SMTP_CLIENTS, fetch_by_poplib, pop3
from parts.dovecot import Dovecot
from parts.messages import DOTS, EIGHT_BIT, HEADER, PLAIN, of_size
from parts.net import LOOPBACK, free_port
from parts.places import short_directory
from parts.popover import count_listeners
from parts.postfix import Postfix, without_trace
from parts.program import Program
from parts.xinetd import RECIPE, xinetd

WITH_LF = {"alpine", "mpop", "getmail", "mbsync", "offlineimap", "mutt"}  # these hand on lines that end with LF

FAULTS: list[tuple[Faults, int]] = [
    ({"expired": True}, 10),
    ({"not_yet_valid": True}, 9),
    ({"self_signed": True}, 18),
    ({"unknown_ca": True}, 20),
    ({"missing_intermediate": True}, 20),
    ({"cn_only": True}, 62),
    ({"client_auth_only": True}, 26),
    ({"sha1": True}, 68),
    ({"rsa_bits": 1024}, 66),
    ({"rsa_bits": 2048}, 0),
    ({"intermediate": True}, 0),
    ({}, 0),
]


@pytest.mark.parametrize(("faults", "code"), FAULTS, ids=str)
def test_certificate_has_the_fault(authority: Authority, faults: Faults, code: int) -> None:
    assert verify_code(authority, authority.issue("mail.example.test", **faults), "mail.example.test") == code


@pytest.mark.parametrize(
    ("issued_for", "asked_for", "code"),
    [
        ("*.example.test", "mail.example.test", 0),
        ("*.example.test", "a.mail.example.test", 62),
        ("127.0.0.1", "127.0.0.1", 0),
        ("::1", "::1", 0),
        ("127.0.0.2", "127.0.0.1", 64),
        ("pop.example.test", "mail.example.test", 62),
    ],
)
def test_certificate_is_for_its_names(authority: Authority, issued_for: str, asked_for: str, code: int) -> None:
    assert verify_code(authority, authority.issue(issued_for), asked_for) == code


def verify_code(authority: Authority, certificate: Certificate, name: str) -> int:
    """OpenSSL's X509_V_ERR number for this server certificate; 0 for one that is accepted."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.set_ciphers("ALL:@SECLEVEL=0")
    server.load_cert_chain(certificate.cert_file, certificate.key_file)
    client = ssl.create_default_context(cafile=authority.ca_file)
    client.hostname_checks_common_name = False
    inside, outside = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(outside, server_side=True).close()
        except OSError:
            outside.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(inside, server_hostname=name).close()
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    finally:
        inside.close()
        thread.join()
    return 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("client", POP3_CLIENTS)
def test_pop3_client_fetches(
    authority: Authority, dovecot: Dovecot, workdir: Callable[[], Path], client: str, tls: bool
) -> None:
    user = dovecot.new_user()
    port, ca_file = (dovecot.pop3s_port, authority.ca_file) if tls else (dovecot.pop3_port, None)
    account = Account((dovecot.host, port), user, dovecot.password, ca_file)
    assert POP3_CLIENTS[client](account, workdir()) == []
    for message in (DOTS, EIGHT_BIT):
        dovecot.deliver(user, message)
    assert POP3_CLIENTS[client](account, workdir()) == handed_on(client, DOTS, EIGHT_BIT)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("client", IMAP_CLIENTS)
def test_imap_client_fetches(
    authority: Authority, dovecot: Dovecot, workdir: Callable[[], Path], client: str, tls: bool
) -> None:
    user = dovecot.new_user()
    port, ca_file = (dovecot.imaps_port, authority.ca_file) if tls else (dovecot.imap_port, None)
    account = Account((dovecot.host, port), user, dovecot.password, ca_file)
    assert IMAP_CLIENTS[client](account, workdir()) == []
    for message in (DOTS, EIGHT_BIT):
        dovecot.deliver(user, message)
    assert IMAP_CLIENTS[client](account, workdir()) == handed_on(client, DOTS, EIGHT_BIT)


def handed_on(client: str, *messages: bytes) -> list[bytes]:
    """What this client makes of these messages."""
    if client in WITH_LF:
        return [message.replace(b"\r\n", b"\n") for message in messages]
    return list(messages)


@pytest.mark.parametrize("client", SMTP_CLIENTS)
def test_smtp_client_sends(
    authority: Authority, dovecot: Dovecot, postfix: Postfix, workdir: Callable[[], Path], client: str
) -> None:
    user = dovecot.new_user()
    account = Account((postfix.host, postfix.port), user, dovecot.password, authority.ca_file)
    for number, message in enumerate((DOTS, EIGHT_BIT), 1):
        SMTP_CLIENTS[client](account, workdir(), postfix.mailbox(user), message)
        assert without_trace(dovecot.wait_for_messages(user, number)[-1]) == message


# Says who it is, gives a file away and shows whose it is now, says who a child is, and ends with 7.
WHO = """
import os, subprocess, sys
os.chown(sys.argv[1], 1, 1)
os.setgroups([1])
print(os.getuid(), os.geteuid(), os.stat(sys.argv[1]).st_uid, flush=True)
sys.exit(subprocess.call(["id", "-ru"]) + 7)
"""


def test_each_program_is_found_by_an_ordinary_users_path() -> None:
    programs = ["curl", "dovecot", "fetchmail", "getmail", "ip", "mbsync", "mpop", "msmtp", "mutt", "alpine"]
    programs += ["offlineimap", "openssl", "postconf", "swaks", "systemd-socket-activate", "xinetd"]
    path = private.search_path("/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games")
    assert [program for program in programs if not shutil.which(program, path=path)] == []


@pytest.mark.parametrize("release", [private.OWN, private.TRIXIE])
def test_program_with_a_root_of_its_own_is_run_by_who_runs_it(tmp_path: Path, release: str) -> None:
    bound = tmp_path / "bound"
    bound.write_text("bound here\n")
    script = f'id -u; id -un; cat /etc/hosts; echo written >"{tmp_path}/new"; exit 7'
    command = private.inside(release, "sh", "-c", script, binds={"/etc/hosts": bound})
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    who = [str(os.geteuid()), pwd.getpwuid(os.geteuid()).pw_name]
    assert (ended.stdout.splitlines(), ended.returncode) == ([*who, "bound here"], 7), ended.stderr
    assert (tmp_path / "new").read_text() == "written\n"
    assert (tmp_path / "new").stat().st_uid == os.geteuid()
    assert "bound here" not in Path("/etc/hosts").read_text()


def test_lent_file_is_there_for_the_program_alone(tmp_path: Path) -> None:
    lent = tmp_path / "popover-lent"
    lent.write_text("lent\n")
    lend = Path(private.__file__).with_name("lend")
    command: list[str | Path] = [lend, lent, "--", "sh", "-c", "id -u; cat /etc/popover-lent; head -n 1 /etc/passwd"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    first = Path("/etc/passwd").read_text().splitlines()[0]
    assert ended.stdout.splitlines() == [str(os.geteuid()), "lent", first], ended.stderr
    assert not Path("/etc/popover-lent").exists()


def test_pretender_is_told_that_it_is_root_and_its_children_the_truth(tmp_path: Path) -> None:
    command = [sys.executable, pretend.__file__, sys.executable, "-c", WHO, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.stdout.split(), ended.returncode) == (["0", "0", *2 * [str(os.geteuid())]], 7), ended.stderr


def test_pretender_is_who_gets_sigterm(tmp_path: Path) -> None:
    script = "trap 'echo over; exit' TERM; echo on; while :; do sleep 0.01; done"
    command = (sys.executable, pretend.__file__, "/bin/sh", "-c", script)
    with Program(*command, output=tmp_path / "output") as program:
        program.wait_until(program.output, "the command runs")
    assert program.output() == "on\nover\n"


@pytest.mark.parametrize(("root", "way_out"), [(True, "CAP_NET_ADMIN"), (False, "sudo make test")])
def test_world_that_can_not_be_made_tells_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: bool, way_out: str
) -> None:
    unshare = tmp_path / "unshare"
    unshare.write_text("#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
    unshare.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(world, "is_root", lambda: root)
    world.refusal.cache_clear()
    try:
        with pytest.raises(PermissionError, match=r"networks of their own(?s:.*)not permitted") as caught:
            world.World(tmp_path / "world")
    finally:
        world.refusal.cache_clear()
    assert way_out in str(caught.value)


def test_dovecot_numbers_messages_as_they_came(dovecot: Dovecot, workdir: Callable[[], Path]) -> None:
    user = dovecot.new_user()
    messages = [HEADER + b"%d\r\n" % number for number in range(50)]
    for message in messages:
        dovecot.deliver(user, message)
    account = Account((dovecot.host, dovecot.pop3_port), user, dovecot.password)
    assert fetch_by_poplib(account, workdir()) == messages == dovecot.messages(user)


def test_dovecot_mailbox_is_wiped(dovecot: Dovecot, workdir: Callable[[], Path]) -> None:
    user = dovecot.new_user()
    account = Account((dovecot.host, dovecot.pop3_port), user, dovecot.password)
    dovecot.deliver(user, PLAIN)
    assert fetch_by_poplib(account, workdir()) == [PLAIN]
    dovecot.wipe(user)
    assert fetch_by_poplib(account, workdir()) == dovecot.messages(user) == []


def test_dovecot_knows_an_added_user_at_once(dovecot: Dovecot, workdir: Callable[[], Path]) -> None:
    account = Account((dovecot.host, dovecot.pop3_port), "carol", "pass: word, with blanks")
    with pytest.raises(Exception, match="Authentication failed"):
        fetch_by_poplib(account, workdir())
    dovecot.add_user(account.user, account.password)
    assert fetch_by_poplib(account, workdir()) == []


def test_dovecot_chooses_the_certificate_by_name(authority: Authority) -> None:
    pop = authority.issue("localhost", "pop.example.test")
    with (
        short_directory("dovecot") as directory,
        Dovecot(directory, authority, authority.issue("127.0.0.1"), {"localhost": pop}) as dovecot,
    ):
        client = pop3(Account((dovecot.host, dovecot.pop3s_port), "alice", dovecot.password, authority.ca_file))
        assert b"+OK" in client.quit()


def test_message_of_size() -> None:
    assert len(of_size(12_345)) == 12_345
    assert of_size(12_345).endswith(b"\r\n")


def test_xinetd_runs_the_recipe(tmp_path: Path) -> None:
    port = free_port()
    recipe = RECIPE.format(user=os.geteuid(), server="/bin/cat", server_args="-", port=port)
    with xinetd(tmp_path, recipe, port):
        assert echoed(port) == b"hello"


def test_systemd_socket_activate_runs_one_program_per_client(tmp_path: Path) -> None:
    with systemd_socket_activate(tmp_path / "output", "/bin/cat", inetd=True) as ([port], _program):
        assert echoed(port) == echoed(port) == b"hello"


def test_systemd_socket_activate_names_the_sockets(tmp_path: Path) -> None:
    show = 'echo "$LISTEN_FDS $LISTEN_FDNAMES"; exec sleep 60'
    command = ("/bin/sh", "-c", show)
    with systemd_socket_activate(tmp_path / "output", *command, fdnames=["pop3", "imap"]) as (ports, program):
        socket.create_connection((LOOPBACK, ports[1]), timeout=60).close()
        program.wait_until(lambda: "2 pop3:imap" in program.output(), "the program is started")


def echoed(port: int) -> bytes:
    """What comes back for `hello` from a server that echoes until its client has closed."""
    with socket.create_connection((LOOPBACK, port), timeout=60) as client:
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(100), b""))


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("pop3s://a 0=imaps://b mail.example.test -v", 3),
        ("--ca-file ca.pem --allow 10.0.0.0/8 --allow 127.0.0.1 0=pop3s://a", 1),
        ("-c {file}", 3),
    ],
)
def test_count_listeners(tmp_path: Path, words: str, count: int) -> None:
    file = tmp_path / "popover.toml"
    file.write_text('[[service]]\nlisten = ["127.0.0.1:0", "[::1]:0"]\n[[service]]\nserver = "pop3s://a"\n')
    assert count_listeners(words.format(file=file).split()) == count
