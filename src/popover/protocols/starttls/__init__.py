"""STARTTLS towards the server: from a plain connection to TLS, and the first words inside. Two talks per dialect.

plaintext.py                  what a server may say before TLS
pop3.py, imap.py, smtp.py, sieve.py   the two talks
inside.py                     answers inside TLS
"""

from __future__ import annotations

# ruff: noqa: PLC0415 - as in the package above: a gateway needs one of them, or none
from typing import Protocol

from popover.protocols.dialect import Greeting
from popover.protocols.rooms import Rooms
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


def _pop3() -> Beginning:
    from popover.protocols.starttls import pop3

    return pop3


def _imap() -> Beginning:
    from popover.protocols.starttls import imap

    return imap


def _smtp() -> Beginning:
    from popover.protocols.starttls import smtp

    return smtp


def _sieve() -> Beginning:
    from popover.protocols.starttls import sieve

    return sieve


STARTTLS = Rooms({"pop3": _pop3, "imap": _imap, "smtp": _smtp, "sieve": _sieve})
