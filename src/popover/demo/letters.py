"""The messages in the demo's mailbox: one for each thing that gateways and clients stumble over."""

from __future__ import annotations

import email.policy
import email.utils
from email.message import EmailMessage

ADDRESS = "demo@demo.example"
"""Whose mailbox it is; `.example` belongs to nobody (RFC 2606)."""

_SENDER = "popover <popover@demo.example>"
_LONG_LINES = 3000

_HELLO = """\
This letter went by TLS to popover, and from there in plain text to your mail program.

Send one to demo@demo.example (any other address will do, too): it comes back into this mailbox.
"""

_DOTS = """\
POP3 ends a message with a line that is just a dot, and doubles the dot of lines that begin with one:
.
..
.profile is a file
Above are four lines, and none of them was the end.
"""

_ERROR = """\
Apple Mail 2 takes a server's line that says "error" for a failed login. Inside a letter the word is harmless:
error, ERROR, -ERR no such message, * BAD, 550 error.
"""

_EIGHT_BIT = """\
From: popover <popover@demo.example>
To: demo@demo.example
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=
Date: {date}
Message-ID: <eight-bit@demo.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße aus Köln, ça va à Orléans, zażółć gęślą jaźń: octets above 127, passed on as they are.
"""


def samples() -> list[bytes]:
    """Give the letters as they lie in the mailbox: whole lines, CRLF at their ends."""
    return [
        _plain("Welcome to popover", _HELLO, "welcome"),
        _with_attachment(),
        _EIGHT_BIT.format(date=email.utils.formatdate()).replace("\n", "\r\n").encode(),
        _plain("A long letter", _long(), "long"),
        _plain("Lines that start with dots", _DOTS, "dots"),
        _plain("The word error", _ERROR, "error"),
    ]


def _letter(subject: str, text: str, name: str) -> EmailMessage:
    letter = EmailMessage()
    letter["From"] = _SENDER
    letter["To"] = ADDRESS
    letter["Subject"] = subject
    letter["Date"] = email.utils.formatdate()
    letter["Message-ID"] = f"<{name}@demo.example>"
    letter.set_content(text, cte="7bit")
    return letter


def _plain(subject: str, text: str, name: str) -> bytes:
    return _letter(subject, text, name).as_bytes(policy=email.policy.SMTP)


def _with_attachment() -> bytes:
    letter = _letter("A letter with an attachment", "The attachment has every octet once, in order.\n", "attachment")
    octets = bytes(range(256))
    letter.add_attachment(octets, maintype="application", subtype="octet-stream", filename="octets.bin")
    return letter.as_bytes(policy=email.policy.SMTP)


def _long() -> str:
    return "".join(f"Line {number:,} of {_LONG_LINES:,}. A window fills, and the sender waits.\n"
                   for number in range(1, _LONG_LINES + 1))  # fmt: skip
