"""SASL as a server speaks it, the same in all dialects: PLAIN, LOGIN, CRAM-MD5, in clear octets and in base64.

How a challenge is written on a line, and a response read off one, is the dialect's business (`Asking`). What comes out
is a `Login`; nothing is compared here, and nothing is kept.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import TypeAlias

from popover.protocols.login import Digest, Login, Password, Proof
from popover.protocols.sasl import USER_LIMIT
from popover.talk import Talk

SECRET_LIMIT = 2048
"""Octets of a password: what a line with PASS can hold (pop3/commands.py). Cyrus takes 1,024."""

Asking: TypeAlias = Callable[[bytes], Talk[bytes]]
"""Says a challenge, in base64, and gives the client's line, without its line end."""

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_BREAKS = re.compile(rb"[\x00\r\n]")
_DIGEST = re.compile(rb"[0-9a-f]{32}")


class Unreadable(Exception):  # noqa: N818 - it names a state of the talk; dialects answer it in their words
    """What the client said is no login: `what` says why, as a sentence that holds nothing of it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Withdrawn(Exception):  # noqa: N818 - likewise
    """The client has said `*`: it wants to log in in another way, or not at all."""


def mechanisms(challenge: bytes) -> tuple[bytes, ...]:
    """Name those that work; without a challenge none that is made of one."""
    return (b"PLAIN", b"LOGIN", b"CRAM-MD5") if challenge else (b"PLAIN", b"LOGIN")


def prove(mechanism: bytes, initial: bytes, challenge: bytes, asking: Asking) -> Talk[Login]:
    """Let the client log in by one of `mechanisms`. `initial`: what it said in the command's own line, base64; nothing:
    it said none (an empty one, `=`, is no response of any of these). Raises Unreadable and Withdrawn.
    """
    if mechanism == b"CRAM-MD5":  # the server speaks first (RFC 2195)
        if initial:
            raise Unreadable("CRAM-MD5 begins with a challenge")
        return _cram_md5((yield from _ask(challenge, asking)), challenge)
    if mechanism == b"LOGIN":
        user = _clear(initial) if initial else (yield from _ask(b"Username:", asking))
        return login(user, password((yield from _ask(b"Password:", asking))))
    return _plain(_clear(initial) if initial else (yield from _ask(b"", asking)))


def login(user: bytes, proof: Proof) -> Login:
    """Make a login of octets as the client said them. Raises Unreadable for a name that is none."""
    if not user or len(user) > USER_LIMIT or _CONTROL.search(user):
        raise Unreadable("that is no user name")
    return Login(user.decode("utf-8", "surrogateescape"), proof)


def password(octets: bytes) -> Password:
    """Make a proof of octets. Raises Unreadable for what no dialect could say."""
    if not octets or len(octets) > SECRET_LIMIT or _BREAKS.search(octets):
        raise Unreadable("that is no password")
    return Password(octets)


def digest(octets: bytes) -> bytes:
    """Read 32 hexadecimal digits. Raises Unreadable."""
    lower = octets.lower()
    if not _DIGEST.fullmatch(lower):
        raise Unreadable("that is no digest")
    return lower


def _plain(clear: bytes) -> Login:
    """`authorise NUL user NUL password` (RFC 4616); to act for somebody else is nobody's right here."""
    parts = clear.split(b"\0")
    if len(parts) != 3:  # noqa: PLR2004 - see above
        raise Unreadable("that is no PLAIN response")
    authorise, user, secret = parts
    if authorise not in {b"", user}:
        raise Unreadable("nobody logs in for somebody else here")
    return login(user, password(secret))


def _cram_md5(clear: bytes, challenge: bytes) -> Login:
    """`user SP digest` (RFC 2195); blanks in a name are the name's."""
    user, _, answer = clear.rpartition(b" ")
    return login(user, Digest("cram-md5", challenge, digest(answer)))


def _ask(challenge: bytes, asking: Asking) -> Talk[bytes]:
    line = yield from asking(base64.b64encode(challenge))
    if line.strip(b" \t") == b"*":
        raise Withdrawn
    return _clear(line)


def _clear(response: bytes) -> bytes:
    try:
        return base64.b64decode(response.strip(b" \t"), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("that is no base64") from None
