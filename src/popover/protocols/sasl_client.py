"""SASL as a client speaks it, the same in all dialects: what is said for a login, in base64, and what a refusal means.

PLAIN (RFC 4616) for a password; for an OAuth2 access token XOAUTH2, which all large providers have, and where there is
only that, OAUTHBEARER (RFC 7628).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection

from popover.config import Server
from popover.errors import SignInFailure
from popover.protocols.login import Credentials

TOKEN_LIMIT = 8 * 1024
"""Octets of an access token. Microsoft's have 1.5 to 3 KiB; at 11 KiB Dovecot closes, or says 500, in every form."""

_TOKEN = re.compile(rb"[\x21-\x7e]+")
_BREAKS = re.compile(rb"[\x00\r\n]")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


def name(credentials: Credentials) -> bytes:
    """Give the user's name as octets (login.Login). Raises SignInFailure for one that would end a line."""
    octets = credentials.user.encode("utf-8", "surrogateescape")
    if not octets or _CONTROL.search(octets):
        raise SignInFailure("the server cannot be told that user name", needs_person=True)
    return octets


def password(credentials: Credentials) -> bytes:
    """Give the password. Raises SignInFailure for one that no dialect has a form for."""
    if not credentials.secret or _BREAKS.search(credentials.secret):
        raise SignInFailure("the server cannot be told that password", needs_person=True)
    return credentials.secret


def plain(credentials: Credentials) -> bytes:
    """Say a name and a password in one."""
    return base64.b64encode(b"\0" + name(credentials) + b"\0" + password(credentials))


def bearer_mechanism(offered: Collection[bytes]) -> bytes:
    """Choose among the mechanisms that the server offers, upper case. Where it offers neither, it may not say so
    (`hide` takes them away, too), and is asked to take XOAUTH2.
    """
    return b"OAUTHBEARER" if b"OAUTHBEARER" in offered and b"XOAUTH2" not in offered else b"XOAUTH2"


def bearer(mechanism: bytes, credentials: Credentials, server: Server) -> bytes:
    """Say a name and a token in one. Raises SignInFailure for a token that is none, or too long."""
    token = credentials.secret
    if len(token) > TOKEN_LIMIT:
        raise SignInFailure(
            f"the token for {server.host} has {len(token):,} octets, more than the {TOKEN_LIMIT:,} that servers take",
            "ask for fewer scopes",
            needs_person=True,
        )
    if not _TOKEN.fullmatch(token):
        raise SignInFailure(
            f"the token for {server.host} is none", "it is empty, or has blanks in it", needs_person=True
        )
    user = name(credentials)
    if mechanism == b"XOAUTH2":
        return base64.b64encode(b"user=%s\x01auth=Bearer %s\x01\x01" % (user, token))
    user = user.replace(b"=", b"=3D").replace(b",", b"=2C")  # RFC 5801 section 4
    where = b"\x01host=%s\x01port=%d" % (server.host.encode(), server.port)
    return base64.b64encode(b"n,a=%s,%s\x01auth=Bearer %s\x01\x01" % (user, where, token))


def last_word(mechanism: bytes) -> bytes:
    """Say what a client answers to the reasons for a refusal, before it hears the refusal itself: RFC 7628 section
    3.2.3; XOAUTH2 wants an empty line. Other mechanisms have no reasons, and `*` ends them.
    """
    return {b"OAUTHBEARER": b"AQ==", b"XOAUTH2": b""}.get(mechanism, b"*")


def reasons(challenge: bytes) -> str:
    """Read the reasons for a refusal, base64 of JSON, as words; empty where there are none to be read."""
    try:
        told = json.loads(base64.b64decode(challenge.strip(), validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    words = [f"{key} {told[key]}" for key in _TELLING if isinstance(told.get(key), str | int) and told[key] != ""]
    return ", ".join(words)


_TELLING = ("status", "error", "error_description", "schemes", "scope")
