"""alpine, which wants a terminal: it gets one, and the keys that a person would press are in its command line.

fetch_by_alpine(account, workdir) -> the messages of the INBOX in its order
"""

import mailbox
import re
from contextlib import closing
from pathlib import Path

from parts.account import Account, write
from parts.terminal import run_on_a_terminal

# Select, all; apply, save; to this folder, which has to be made; quit.
_KEYS = [";", "a", "a", "s", '"copy"', "CR", "y", "q"]
_ADDED = re.compile(rb"(?m)^(?:Status|X-Status|X-Keywords|X-UID): .*\n")


def fetch_by_alpine(account: Account, workdir: Path) -> list[bytes]:
    """All of the INBOX by IMAP, saved into an mbox; every CRLF becomes LF, and what alpine writes into the header is
    removed here.
    """
    way = "notls" if account.ca_file is None else "tls" if account.starttls else "ssl"
    settings = f"""
personal-name=Anna
user-domain=example.test
inbox-path={{{account.host}:{account.port}/imap/user={account.user}/{way}}}INBOX
folder-collections=mail/[]
default-fcc=""
last-version-used=99.99
feature-list=enable-aggregate-command-set,save-will-not-delete,quit-without-confirm,no-enable-newmail-in-xterm-icon
user-input-timeout=0
"""
    (workdir / "mail").mkdir()
    trust = {"SSL_CERT_FILE": str(account.ca_file)} if account.ca_file else {}
    rc = write(workdir, "pinerc", settings)
    run_on_a_terminal(
        workdir, "alpine", "-p", rc, "-P", "/dev/null", "-i", "-o", "-I", ",".join(_KEYS),
        types={"ENTER PASSWORD": f"{account.password}\r"}, env=trust,
    )  # fmt: skip
    copy = workdir / "mail" / "copy"
    if not copy.exists():
        return []
    with closing(mailbox.mbox(copy)) as box:
        stored = [box.get_bytes(key) for key in box.keys()]  # noqa: SIM118 - it has no other order
    return [_as_sent(one) for one in stored if b"\nX-IMAP: " not in one.partition(b"\n\n")[0]]


def _as_sent(stored: bytes) -> bytes:
    header, _, body = stored.partition(b"\n\n")
    return _ADDED.sub(b"", header + b"\n") + b"\n" + body
