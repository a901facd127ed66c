"""All mail clients, by name: Python's own, written here, and the real programs of `fetchers` and `senders`.

    fetch(account, workdir) -> the messages of the INBOX in its order, as the client handed them on
    send(account, workdir, mailbox, message) -> None, once the server has taken it

`workdir` is an empty directory of the test's. A client that does not succeed raises: a program `ClientError`
with all it wrote, Python's own what it raises anyway.
"""

import imaplib
import poplib
import smtplib
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

from parts import fetchers, senders
from parts.account import TIMEOUT, Account
from parts.alpine import fetch_by_alpine
from parts.mutt import fetch_by_mutt

Fetch = Callable[[Account, Path], list[bytes]]
Send = Callable[[Account, Path, str, bytes], None]

# poplib gives up on a line longer than this, 2,048 bytes by default.
poplib._MAXLINE = 1 << 30  # type: ignore[attr-defined]  # noqa: SLF001


def pop3(account: Account) -> poplib.POP3:
    """Python's POP3 client, greeted but not signed in."""
    if account.ca_file and account.starttls:
        client = poplib.POP3(account.host, account.port, timeout=TIMEOUT)
        client.stls(_trusting(account.ca_file))
        return client
    if account.ca_file:
        return poplib.POP3_SSL(account.host, account.port, timeout=TIMEOUT, context=_trusting(account.ca_file))
    return poplib.POP3(account.host, account.port, timeout=TIMEOUT)


def imap(account: Account) -> imaplib.IMAP4:
    """Python's IMAP client, greeted but not signed in."""
    if account.ca_file and account.starttls:
        client = imaplib.IMAP4(account.host, account.port, timeout=TIMEOUT)
        client.starttls(_trusting(account.ca_file))
        return client
    if account.ca_file:
        context = _trusting(account.ca_file)
        return imaplib.IMAP4_SSL(account.host, account.port, timeout=TIMEOUT, ssl_context=context)
    return imaplib.IMAP4(account.host, account.port, timeout=TIMEOUT)


def smtp(account: Account) -> smtplib.SMTP:
    """Python's SMTP client, greeted but not signed in."""
    if account.ca_file and account.starttls:
        client = smtplib.SMTP(account.host, account.port, timeout=TIMEOUT)
        client.starttls(context=_trusting(account.ca_file))
        return client
    if account.ca_file:
        return smtplib.SMTP_SSL(account.host, account.port, timeout=TIMEOUT, context=_trusting(account.ca_file))
    return smtplib.SMTP(account.host, account.port, timeout=TIMEOUT)


def fetch_by_poplib(account: Account, _workdir: Path) -> list[bytes]:
    """The bytes as sent, dots unstuffed, and the last line with its CRLF."""
    client = pop3(account)
    try:
        client.user(account.user)
        client.pass_(account.password)
        count, _octets = client.stat()
        messages = [b"\r\n".join([*client.retr(number + 1)[1], b""]) for number in range(count)]
        client.quit()
    finally:
        client.close()
    return messages


def fetch_by_imaplib(account: Account, _workdir: Path) -> list[bytes]:
    """The bytes as sent."""
    with imap(account) as client:
        client.login(account.user, account.password)
        _ok, [count] = client.select(readonly=True)
        _ok, parts = client.fetch("1:*", "(BODY.PEEK[])") if count != b"0" else ("OK", [])
    return [part[1] for part in parts if isinstance(part, tuple)]


def send_by_smtplib(account: Account, _workdir: Path, mailbox: str, message: bytes) -> None:
    """With the first AUTH the server offers, and the message as it is."""
    with smtp(account) as client:
        client.login(account.user, account.password)
        client.sendmail(senders.sender(account), [mailbox], message)


def _trusting(ca_file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


POP3_CLIENTS: Mapping[str, Fetch] = {
    "poplib": fetch_by_poplib,
    "curl": fetchers.fetch_by_curl_pop3,
    "fetchmail": fetchers.fetch_by_fetchmail,
    "mpop": fetchers.fetch_by_mpop,
    "getmail": fetchers.fetch_by_getmail,
}
IMAP_CLIENTS: Mapping[str, Fetch] = {
    "imaplib": fetch_by_imaplib,
    "curl": fetchers.fetch_by_curl_imap,
    "mbsync": fetchers.fetch_by_mbsync,
    "offlineimap": fetchers.fetch_by_offlineimap,
    "mutt": fetch_by_mutt,
    "alpine": fetch_by_alpine,
}
SMTP_CLIENTS: Mapping[str, Send] = {
    "smtplib": send_by_smtplib,
    "curl": senders.send_by_curl,
    "msmtp": senders.send_by_msmtp,
    "swaks": senders.send_by_swaks,
}
