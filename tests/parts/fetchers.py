"""Real programs that fetch mail: each leaves all of it on the server, in a mailbox or where it is told.

Every fetcher returns the messages of the INBOX in its order, as the program handed them on. What a program
itself changes on the way is in its docstring; all were told to change as little as they can.
"""

import re
from pathlib import Path

from parts.account import TIMEOUT, Account, run, suppress_code, write


def fetch_by_curl_pop3(account: Account, workdir: Path) -> list[bytes]:
    """One connection for STAT, then one for all RETR. The bytes as sent, dots unstuffed."""
    url = f"{'pop3s' if account.ca_file and not account.starttls else 'pop3'}://{account.host}:{account.port}/"
    # STAT and not LIST, for which curl 7.88 calls an empty mailbox a weird answer.
    talk = _curl(account, workdir, "--stderr", "-", "-v", "-I", "-X", "STAT", url)
    count = int(talk.split(b"> STAT\r\n")[1].split(b"< +OK ")[1].split()[0])
    return _curl_messages(account, workdir, url, count)


def fetch_by_curl_imap(account: Account, workdir: Path) -> list[bytes]:
    """One connection for STATUS, then one for all FETCH BODY[]. The bytes as sent."""
    url = f"{'imaps' if account.ca_file and not account.starttls else 'imap'}://{account.host}:{account.port}/"
    status = _curl(account, workdir, "-X", "STATUS INBOX (MESSAGES)", url)
    count = int(status.split(b"MESSAGES ")[1].split(b")")[0])
    return _curl_messages(account, workdir, f"{url}INBOX;MAILINDEX=", count)


def _curl_messages(account: Account, workdir: Path, url: str, count: int) -> list[bytes]:
    if not count:
        return []
    _curl(account, workdir, "-o", "#1.eml", f"{url}[1-{count}]")
    return [(workdir / f"{number}.eml").read_bytes() for number in range(1, count + 1)]


def _curl(account: Account, workdir: Path, *arguments: str) -> bytes:
    trust = ["--ssl-reqd", "--cacert", str(account.ca_file)] if account.ca_file else []
    secret = f"{account.user}:{account.password}"
    return run(workdir, "curl", "-q", "-sS", "--user", secret, *trust, *arguments)


def fetch_by_fetchmail(
    account: Account, workdir: Path, *, keep: bool = True, protocol: str = "pop3", plugin: str = ""
) -> list[bytes]:
    """All messages, read ones too, as they were sent; deleted from the server unless `keep`.

    A line longer than its buffer of 8 KiB is spoiled: fetchmail 6.4 puts two bytes of its memory and a line
    end in at each end of the buffer.
    `plugin`: a command that it speaks with in the place of a server. `invisible` saves the Received line that
    fetchmail would write; `sslproto ''` keeps it from trying STLS
    on a plain port, which it would by default.
    """
    begin = "sslproto 'auto'" if account.starttls else "ssl"
    tls = f'{begin} sslcertck sslcertfile "{account.ca_file}"' if account.ca_file else "sslproto ''"
    settings = f"""
        set invisible
        poll "{account.host}" protocol {protocol} port {account.port} bad-header accept
          {f'plugin "{plugin}"' if plugin else ""}
          auth password user "{account.user}" password "{account.password}" {tls}
          {"keep" if keep else "nokeep"} fetchall no rewrite no stripcr no forcecr mda "{_sink(workdir)}"
    """
    rc = write(workdir, "fetchmailrc", settings)
    with suppress_code(1):  # "there was no mail to be fetched"
        run(workdir, "fetchmail", "-v", "-f", rc, "--nosyslog", "--nodetach", "--pidfile", workdir / "pid")
    return _sunk(workdir)


def fetch_by_mpop(account: Account, workdir: Path, *, keep: bool = True, auth: str = "user") -> list[bytes]:
    """All messages, with line ends as LF; deleted from the server unless `keep`.

    `received_header off` saves the Received line that mpop would write.
    """
    starttls = "on" if account.starttls else "off"
    tls = f"tls on\ntls_starttls {starttls}\ntls_trust_file {account.ca_file}" if account.ca_file else "tls off"
    settings = f"""
        account default
        host {account.host}
        port {account.port}
        {tls}
        auth {auth}
        user {account.user}
        password {account.password}
        keep {"on" if keep else "off"}
        only_new off
        uidls_file {workdir}/uidls
        received_header off
        delivery mda {_sink(workdir)}
    """
    run(workdir, "mpop", "-C", write(workdir, "mpoprc", settings))
    return _sunk(workdir)


def fetch_by_getmail(account: Account, workdir: Path, *, keep: bool = True) -> list[bytes]:
    """All messages, read ones too; deleted from the server unless `keep`.

    getmail makes every line end LF, a bare CR too, and writes a Return-Path line on top, removed here. A delivery
    agent that has ended before getmail begins to wait for it is never noticed, and the message fails after 60 s: so
    ours begins when getmail sleeps.
    """
    kind = "SimplePOP3SSLRetriever" if account.ca_file else "SimplePOP3Retriever"
    trust = f"ca_certs = {account.ca_file}" if account.ca_file else ""
    settings = f"""
[retriever]
type = {kind}
server = {account.host}
port = {account.port}
username = {account.user}
password = {account.password}
{trust}

[destination]
type = MDA_external
path = {_sink(workdir, first='until read -r _ _ state _ <"/proc/$PPID/stat"; [ "$state" = S ]; do :; done')}
allow_root_commands = true
unixfrom = false

[options]
read_all = true
delete = {"false" if keep else "true"}
delivered_to = false
received = false
"""
    rc = write(workdir, "getmailrc", settings)
    run(workdir, "getmail", "--getmaildir", workdir, "--rcfile", rc)
    return [message.removeprefix(b"Return-Path: <unknown>\n") for message in _sunk(workdir)]


def fetch_by_mbsync(account: Account, workdir: Path) -> list[bytes]:
    """The INBOX by IMAP into a Maildir.

    mbsync drops every CR, at a line's end or not, and writes a line `X-TUID: random` into the header, which
    is removed here.
    """
    kind = "STARTTLS" if account.starttls else "IMAPS"
    tls = f"SSLType {kind}\nCertificateFile {account.ca_file}" if account.ca_file else "SSLType None"
    settings = f"""
IMAPAccount server
Host {account.host}
Port {account.port}
User {account.user}
Pass {account.password}
AuthMechs LOGIN
{tls}

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
Sync Pull
SyncState *
"""
    run(workdir, "mbsync", "-c", write(workdir, "mbsyncrc", settings), "--all")
    paths = [path for folder in ("new", "cur") for path in (workdir / "INBOX" / folder).iterdir()]
    # mbsync writes the number it gave a message into its name: `...,U=12:2,S`.
    paths.sort(key=lambda path: int(path.name.split(",U=")[1].split(":")[0]))
    return [re.sub(rb"(?m)^X-TUID: .*\n", b"", path.read_bytes(), count=1) for path in paths]


def fetch_by_offlineimap(account: Account, workdir: Path, *, limit: float = TIMEOUT) -> list[bytes]:
    """The INBOX by IMAP into a Maildir; every CRLF becomes LF. Raises TimeoutExpired after `limit` seconds: with
    STARTTLS two of its threads may read the same answer, and it waits for ever.
    """
    starttls, implicit = account.starttls, bool(account.ca_file) and not account.starttls
    trust = f"sslcacertfile = {account.ca_file}" if account.ca_file else ""
    settings = f"""
[general]
accounts = all
metadata = {workdir}/state

[Account all]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {workdir}/mail

[Repository far]
type = IMAP
remotehost = {account.host}
remoteport = {account.port}
remoteuser = {account.user}
remotepass = {account.password}
ssl = {"yes" if implicit else "no"}
starttls = {"yes" if starttls else "no"}
{trust}
readonly = true
folderfilter = lambda name: name == "INBOX"
"""
    rc = write(workdir, "offlineimaprc", settings)
    run(workdir, "offlineimap", "-c", rc, "-o", "-u", "quiet", limit=limit)
    paths = [path for folder in ("new", "cur") for path in (workdir / "mail" / "INBOX" / folder).iterdir()]
    # The number that the server gave a message is in its name: `...,U=12,FMD5=...`.
    paths.sort(key=lambda path: int(path.name.split(",U=")[1].split(",")[0]))
    return [path.read_bytes() for path in paths]


def _sink(workdir: Path, *, first: str = ":") -> Path:
    """A delivery agent that writes what it gets to `mail/00000`, `mail/00001` and so on, byte for byte, once the
    command `first` has ended.
    """
    mail = workdir / "mail"
    mail.mkdir()
    script = f'#!/bin/sh\n{first}\nexec cat >"{mail}/$(ls "{mail}" | wc -l | xargs printf %05d)"\n'
    path = write(workdir, "sink", script)
    path.chmod(0o700)
    return path


def _sunk(workdir: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((workdir / "mail").iterdir())]
