"""STARTTLS towards the server: from a plain connection to TLS, and the first words inside. Two talks per dialect.

plaintext.py                  what a server may say before TLS
pop3.py, imap.py, smtp.py, sieve.py   the two talks
inside.py                     answers inside TLS
"""

from __future__ import annotations

from typing import Protocol

from popover.config import DialectName
from popover.protocols.dialect import Greeting
from popover.protocols.starttls import imap, pop3, sieve, smtp
from popover.talk import End, Talk

__all__ = ["STARTTLS", "Beginning"]


class Beginning(Protocol):
    """How a session begins with a server that has TLS only after STARTTLS. Each dialect's module is one."""

    def start_tls(self, server: End) -> Talk[None]:
        """Ask a server, in plain text, to begin TLS. Ends when the next octet of both sides is TLS's, and nothing that
        was said before is left. Raises ServerFailure, or TLSFailure: then no octet more goes out.
        """

    def greet_anew(self, server: End) -> Talk[Greeting]:
        """See, inside TLS, that a mail server speaks there, and greet the client in its place. Raises ServerFailure."""


STARTTLS: dict[DialectName, Beginning] = {"pop3": pop3, "imap": imap, "smtp": smtp, "sieve": sieve}
