"""The mail program: Python's poplib, smtplib and imaplib, which wait for each answer. What people do with one."""

import imaplib
import poplib
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from bench.certificates import HOST

_PATIENCE = 120  # seconds for an answer, only for a run never to hang


class Errand(NamedTuple):
    """What a program does: in which mailbox, which messages it fetches, and whether it deletes them; by SMTP, that it
    sends one; by IMAP, that it looks into the INBOX.
    """

    title: str
    user: str
    first: int = 1
    last: int = 0
    deletes: bool = False
    password: str = "secret"
    dialect: Literal["pop3", "smtp", "imap"] = "pop3"


class Line(NamedTuple):
    """Where a program connects, to fetch mail, to send it and to look at it. With `ca_file` it speaks TLS itself."""

    port: int
    ca_file: Path | None = None
    submission: int = 0
    folders: int = 0


class Moment(NamedTuple):
    """What happened when: seconds since the program began to connect."""

    what: str
    at: float


def run(line: Line, errand: Errand) -> list[Moment]:
    """Do it; the last moment is the end. Raises poplib.error_proto, smtplib.SMTPException or imaplib.IMAP4.error for
    anything that is not as it should be.
    """
    start = time.perf_counter()
    moments: list[Moment] = []

    def done(what: str) -> None:
        moments.append(Moment(what, time.perf_counter() - start))

    steps = {"pop3": _fetching, "smtp": _sending, "imap": _looking}[errand.dialect]
    for what, act in steps(line, errand):
        act()
        done(what)
    return moments


Steps = Iterator[tuple[str, Callable[[], object]]]


def _sending(line: Line, errand: Errand) -> Steps:
    """One small mail, as smtplib's `sendmail` does it."""
    found: list[smtplib.SMTP] = []
    yield "greeting", lambda: found.append(_submission(line))
    [client] = found
    yield "EHLO", client.ehlo
    yield "AUTH", lambda: client.login(errand.user, errand.password)
    yield "MAIL", lambda: client.mail("anna@example.com")
    yield "RCPT", lambda: client.rcpt("bert@example.com")
    yield "DATA", lambda: _taken(client.data(_MAIL))
    yield "QUIT", client.quit


def _taken(answer: tuple[int, bytes]) -> None:
    if answer[0] != 250:
        raise smtplib.SMTPDataError(*answer)


_MAIL = b"From: anna@example.com\r\nTo: bert@example.com\r\nSubject: a scan\r\n\r\n" + b"A line of text.\r\n" * 100


def _submission(line: Line) -> smtplib.SMTP:
    name = "scanner.example"  # else it looks up this machine's
    if line.ca_file is None:
        return smtplib.SMTP("127.0.0.1", line.submission, name, _PATIENCE)
    context = ssl.create_default_context(cafile=str(line.ca_file))
    return smtplib.SMTP_SSL(HOST, line.submission, name, timeout=_PATIENCE, context=context)


def _looking(line: Line, errand: Errand) -> Steps:
    """As imaplib does it, which asks for CAPABILITY at once."""
    found: list[imaplib.IMAP4] = []
    yield "greeting, CAPABILITY", lambda: found.append(_folders(line))
    [client] = found
    yield "LOGIN", lambda: client.login(errand.user, errand.password)
    yield "SELECT", lambda: _counted(client.select())
    yield "LOGOUT", client.logout


def _counted(answer: tuple[str, list[bytes | None]]) -> None:
    if answer != ("OK", [b"3"]):
        raise imaplib.IMAP4.error(answer)


def _folders(line: Line) -> imaplib.IMAP4:
    if line.ca_file is None:
        return imaplib.IMAP4("127.0.0.1", line.folders, _PATIENCE)
    context = ssl.create_default_context(cafile=str(line.ca_file))
    return imaplib.IMAP4_SSL(HOST, line.folders, ssl_context=context, timeout=_PATIENCE)


def _fetching(line: Line, errand: Errand) -> Steps:
    found: list[poplib.POP3] = []
    yield "greeting", lambda: found.append(_connect(line))
    yield from _steps(found[0], errand)


def _connect(line: Line) -> poplib.POP3:
    if line.ca_file is None:
        return poplib.POP3("127.0.0.1", line.port, timeout=_PATIENCE)
    context = ssl.create_default_context(cafile=str(line.ca_file))
    return poplib.POP3_SSL(HOST, line.port, timeout=_PATIENCE, context=context)


def _steps(mailbox: poplib.POP3, errand: Errand) -> list[tuple[str, Callable[[], object]]]:
    steps: list[tuple[str, Callable[[], object]]] = [
        ("USER", lambda: mailbox.user(errand.user)),
        ("PASS", lambda: mailbox.pass_(errand.password)),
        ("STAT", mailbox.stat),
        ("LIST", mailbox.list),
        ("UIDL", mailbox.uidl),
    ]
    for number in range(errand.first, errand.last + 1):
        steps.append((f"RETR {number}", lambda number=number: mailbox.retr(number)))  # type: ignore[misc]
        if errand.deletes:
            steps.append((f"DELE {number}", lambda number=number: mailbox.dele(number)))  # type: ignore[misc]
    return [*steps, ("QUIT", mailbox.quit)]
