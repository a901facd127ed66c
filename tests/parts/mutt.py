"""mutt, which wants a terminal: it gets one, and the keys that a person would type are in its settings.

fetch_by_mutt(account, workdir) -> the messages of the INBOX in its order
"""

import mailbox
import re
from contextlib import closing
from pathlib import Path

from parts.account import Account, suppress_code, write
from parts.terminal import run_on_a_terminal

_ADDED = re.compile(rb"(?m)^(?:Content-Length|Lines|Status): .*\n")
_KEYS = "<tag-pattern>~A<enter><tag-prefix><copy-message>{mailbox}<enter><quit>"


def fetch_by_mutt(account: Account, workdir: Path) -> list[bytes]:
    """All of the INBOX by IMAP, copied into an mbox; every CRLF becomes LF, and what mutt writes into the header is
    removed here.
    """
    copy = workdir / "mail"
    scheme = "imaps" if account.ca_file and not account.starttls else "imap"
    trust = f'set certificate_file="{account.ca_file}"' if account.ca_file else ""
    settings = f"""
set folder="{workdir}" spoolfile="{scheme}://{account.host}:{account.port}/INBOX"
set imap_user="{account.user}" imap_pass="{account.password}" imap_authenticators="login"
set ssl_starttls={"yes" if account.starttls else "no"} ssl_force_tls={"yes" if account.ca_file else "no"}
{trust}
set mbox_type=mbox confirmappend=no confirmcreate=no delete=no quit=yes wait_key=no header_cache=""
set sort=mailbox-order
push "{_KEYS.format(mailbox=copy)}"
"""
    with suppress_code(1):  # "mailbox is empty": -z
        run_on_a_terminal(workdir, "mutt", "-n", "-R", "-z", "-F", write(workdir, "muttrc", settings))
    if not copy.exists():
        return []
    with closing(mailbox.mbox(copy)) as box:
        return [_as_sent(box.get_bytes(key)) for key in box.keys()]  # noqa: SIM118 - it has no other order


def _as_sent(stored: bytes) -> bytes:
    header, _, body = stored.partition(b"\n\n")
    return _ADDED.sub(b"", header + b"\n") + b"\n" + body
