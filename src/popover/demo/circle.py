"""`popover demo --once`: the full circle as a client does it, with poplib and smtplib in plain text."""

from __future__ import annotations

import email.policy
import email.utils
import poplib
import secrets
import smtplib
from collections.abc import Callable
from email.message import EmailMessage

from popover.config import host_port
from popover.demo.letters import ADDRESS
from popover.demo.pop3 import PASSWORD, USER
from popover.errors import StartError

TIMEOUT = 20.0
"""Seconds for one answer. All is on this machine: it is only there so that a broken installation ends."""

SUBJECT = "once around"

Place = tuple[str, int]
Tell = Callable[[str], None]


def go_round(pop3: Place, smtp: Place, letters: list[bytes], tell: Tell) -> None:
    """Fetch `letters`, send one more, fetch it, delete it; `tell` each step. Raises StartError if one fails."""
    try:
        found = _fetch(pop3, tell)
        if found != letters:
            raise StartError("the letters fetched are not, octet for octet, those in the mailbox")
        tell(f"all {len(found)} are octet for octet as they lie on the server")
        sent = _letter()
        _send(smtp, sent, tell)
        *before, last = _fetch(pop3, tell, delete_last=True)
        if before != letters or last != sent:
            raise StartError("the letter that came back is not the one that was sent")
        tell(f'"{SUBJECT}" came back, octet for octet as it was sent')
        if _fetch(pop3, tell) != letters:
            raise StartError("the letter that was deleted is still there")
        tell("and is gone after DELE and QUIT")
    except (OSError, EOFError, poplib.error_proto, smtplib.SMTPException) as fault:
        raise StartError(f"the circle is broken: {fault}") from None


def _fetch(place: Place, tell: Tell, *, delete_last: bool = False) -> list[bytes]:
    client = poplib.POP3(*place, timeout=TIMEOUT)
    try:
        client.user(USER)
        client.pass_(PASSWORD)
        count, octets = client.stat()
        tell(f"POP3 at {host_port(*place)}: {USER} is logged in, {count} letters, {octets:,} octets")
        letters = [b"".join(line + b"\r\n" for line in client.retr(number)[1]) for number in range(1, count + 1)]
        if delete_last:
            client.dele(count)
        client.quit()
    finally:
        client.close()
    return letters


def _letter() -> bytes:
    letter = EmailMessage()
    letter["From"] = ADDRESS
    letter["To"] = ADDRESS
    letter["Subject"] = SUBJECT
    letter["Date"] = email.utils.formatdate()
    letter["Message-ID"] = f"<{secrets.token_hex(16)}@demo.example>"
    letter.set_content("From SMTP to POP3 through popover.\n.\nThe line above is only a dot.\n", cte="7bit")
    return letter.as_bytes(policy=email.policy.SMTP)


def _send(place: Place, letter: bytes, tell: Tell) -> None:
    with smtplib.SMTP(*place, local_hostname="client.demo.example", timeout=TIMEOUT) as client:
        client.sendmail(ADDRESS, [ADDRESS], letter)
    tell(f'SMTP at {host_port(*place)}: sent "{SUBJECT}" to {ADDRESS}')
