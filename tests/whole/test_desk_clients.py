"""Real programs log in at the desk, each in its own way: the wire form of a login is theirs, not ours."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from fakes.counter import Counter
from parts.account import ClientError, run, write
from parts.net import Address
from popover.protocols.login import Digest, Password
from popover.protocols.reception import Offer

STAMP = b"<1896.697170952@popover.example>"
OFFER = Offer(challenge=STAMP)
USER, PASSWORD = "grandpa", "local secret"


def curl(scheme: str, mechanism: str) -> Callable[[Address, Path], None]:
    def log_in(address: Address, workdir: Path) -> None:
        url = f"{scheme}://{address[0]}:{address[1]}/"
        options = ["--login-options", f"AUTH={mechanism}"] if mechanism else []
        mail = ["--mail-from", "a@example.test", "--mail-rcpt", "b@example.test", "-T", "/dev/null"]
        run(
            workdir,
            "curl",
            "-q",
            "-sS",
            "--user",
            f"{USER}:{PASSWORD}",
            *options,
            *(mail if scheme == "smtp" else []),
            url,
        )

    return log_in


def mpop(auth: str) -> Callable[[Address, Path], None]:
    def log_in(address: Address, workdir: Path) -> None:
        settings = (
            f"account default\nhost {address[0]}\nport {address[1]}\ntls off\nauth {auth}\nuser {USER}\n"
            f'password "{PASSWORD}"\nuidls_file {workdir}/uidls\ndelivery mbox {workdir}/box\n'
        )
        run(workdir, "mpop", "-C", write(workdir, "mpoprc", settings))

    return log_in


def msmtp(auth: str) -> Callable[[Address, Path], None]:
    def log_in(address: Address, workdir: Path) -> None:
        settings = (
            f"account default\nhost {address[0]}\nport {address[1]}\ntls off\nauth {auth}\nuser {USER}\n"
            f'password "{PASSWORD}"\nfrom a@example.test\n'
        )
        run(workdir, "msmtp", "-C", write(workdir, "msmtprc", settings), "b@example.test", stdin=b"hello\r\n")

    return log_in


def fetchmail(protocol: str, auth: str) -> Callable[[Address, Path], None]:
    def log_in(address: Address, workdir: Path) -> None:
        settings = (
            f'poll "{address[0]}" protocol {protocol} port {address[1]} auth {auth} user "{USER}" '
            f"password \"{PASSWORD}\" sslproto '' keep mda /bin/true\n"
        )
        rc = write(workdir, "fetchmailrc", settings)
        run(workdir, "fetchmail", "-v", "-f", rc, "--nosyslog", "--nodetach", "--pidfile", workdir / "pid")

    return log_in


def swaks(auth: str) -> Callable[[Address, Path], None]:
    def log_in(address: Address, workdir: Path) -> None:
        server = ["--server", address[0], "--port", str(address[1]), "--helo", "NPIF65E56"]
        secret = ["--auth", auth, "--auth-user", USER, "--auth-password", PASSWORD]
        run(workdir, "swaks", *server, *secret, "--to", "b@example.test", "--quit-after", "AUTH")

    return log_in


def mbsync(mechanism: str) -> Callable[[Address, Path], None]:
    def log_in(address: Address, workdir: Path) -> None:
        settings = f"""
IMAPAccount server
Host {address[0]}
Port {address[1]}
User {USER}
Pass "{PASSWORD}"
AuthMechs {mechanism}
SSLType None

IMAPStore far
Account server

MaildirStore near
Path {workdir}/
Inbox {workdir}/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
"""
        run(workdir, "mbsync", "-c", write(workdir, "mbsyncrc", settings), "--all")

    return log_in


def getmail(address: Address, workdir: Path) -> None:
    settings = f"""
[retriever]
type = SimplePOP3Retriever
server = {address[0]}
port = {address[1]}
username = {USER}
password = {PASSWORD}

[destination]
type = Mboxrd
path = {workdir}/box
"""
    (workdir / "box").touch()
    run(workdir, "getmail", "--getmaildir", workdir, "--rcfile", write(workdir, "getmailrc", settings))


PROGRAMS: dict[str, tuple[str, Callable[[Address, Path], None]]] = {
    "fetchmail apop": ("pop3", fetchmail("apop", "any")), "fetchmail pop3": ("pop3", fetchmail("pop3", "password")),
    "fetchmail pop3 any": ("pop3", fetchmail("pop3", "any")), "fetchmail imap": ("imap", fetchmail("imap", "password")),
    "fetchmail imap cram-md5": ("imap", fetchmail("imap", "cram-md5")),
    "fetchmail pop3 cram-md5": ("pop3", fetchmail("pop3", "cram-md5")),
    "mpop apop": ("pop3", mpop("apop")), "mpop cram-md5": ("pop3", mpop("cram-md5")),
    "mpop plain": ("pop3", mpop("plain")), "mpop login": ("pop3", mpop("login")), "mpop user": ("pop3", mpop("user")),
    "msmtp cram-md5": ("smtp", msmtp("cram-md5")), "msmtp plain": ("smtp", msmtp("plain")),
    "msmtp login": ("smtp", msmtp("login")), "swaks login": ("smtp", swaks("LOGIN")),
    "swaks plain": ("smtp", swaks("PLAIN")), "mbsync login": ("imap", mbsync("LOGIN")), "getmail": ("pop3", getmail),
    **{f"curl {scheme} {how}": (scheme, curl(scheme, how))
       for scheme in ("pop3", "imap", "smtp") for how in ("", "PLAIN", "LOGIN", "CRAM-MD5")},
    "curl pop3 apop": ("pop3", curl("pop3", "+APOP")),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_logs_in_at_the_desk(name: str, workdir: Callable[[], Path]) -> None:
    dialect, log_in = PROGRAMS[name]
    with Counter(dialect, OFFER) as counter, suppress(ClientError):  # nobody is let in
        log_in(counter.address, workdir())
    assert counter.logins, bytes(counter.said)
    login = counter.logins[0]
    assert login.user == USER
    if "apop" in name or "cram-md5" in name.lower():
        assert isinstance(login.proof, Digest)
        assert login.proof.kind == ("apop" if "apop" in name else "cram-md5")
        assert login.proof.is_of(PASSWORD.encode())
        assert not login.proof.is_of(b"another")
        assert PASSWORD.encode() not in counter.said
    elif isinstance(login.proof, Digest):  # it had the choice
        assert login.proof.is_of(PASSWORD.encode())
    else:
        assert login.proof == Password(PASSWORD.encode())
