"""alpine, which wants a terminal: it gets one, and somebody who presses keys.

fetch_by_alpine(account, workdir) -> the messages of the INBOX in its order
"""

import mailbox
import re
from contextlib import closing
from pathlib import Path

from parts.account import Account, write
from parts.terminal import Steps, run_on_a_terminal

# Select all of them, and save those to a folder that has to be made; when the menu is there again, quit.
_STEPS: Steps = [
    {"Preserve password on DISK": "n"},
    {"READONLY)": ";"},
    {"criteria": "a", "No messages": "q"},
    {" selected]": "a"},
    {"APPLY command": "s"},
    {"[saved-messages]": "copy\r"},
    {"exist.  Create?": "y"},
    {"FldrList": "q"},
]
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
folder-collections={workdir}/mail/[]
default-fcc=""
last-version-used=99.99
feature-list=enable-aggregate-command-set,save-will-not-delete,quit-without-confirm,no-enable-newmail-in-xterm-icon
user-input-timeout=0
"""
    (workdir / "mail").mkdir()
    trust = {"SSL_CERT_FILE": str(account.ca_file)} if account.ca_file else {}
    rc = write(workdir, "pinerc", settings)
    steps = [{"ENTER PASSWORD": f"{account.password}\r"}, *_STEPS]
    run_on_a_terminal(workdir, "alpine", "-p", rc, "-P", "/dev/null", "-i", "-o", steps=steps, env=trust)
    copy = workdir / "mail" / "copy"
    if not copy.exists():
        return []
    with closing(mailbox.mbox(copy)) as box:
        stored = [box.get_bytes(key) for key in box.keys()]  # noqa: SIM118 - it has no other order
    return [_as_sent(one) for one in stored if b"\nX-IMAP: " not in one.partition(b"\n\n")[0]]


def _as_sent(stored: bytes) -> bytes:
    header, _, body = stored.partition(b"\n\n")
    return _ADDED.sub(b"", header + b"\n") + b"\n" + body
