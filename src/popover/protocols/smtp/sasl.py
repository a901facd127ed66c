"""AUTH (RFC 4954): who it is that signs in, which mechanisms can work through a gateway, and two prompts."""

from __future__ import annotations

import base64
import binascii
import re

USER_LIMIT = 320
"""Octets of a user name: those of the longest address (RFC 3696, erratum 1690). What is longer is not shown."""

USERNAME, PASSWORD = b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6"
"""`Username:` and `Password:`, as old clients compare them letter by letter (Outlook)."""

_BOUND = frozenset((b"EXTERNAL", b"GSSAPI", b"NTLM", b"KERBEROS_V4", b"GSS-SPNEGO"))
_BARE = frozenset((b"PLAIN", b"LOGIN", b"CRAM-MD5", b"XOAUTH2", b"OAUTHBEARER", b"ANONYMOUS", b"NTLM"))
# IANA's registry, and what old clients say.
_NAMES = _BOUND | _BARE | frozenset(b"DIGEST-MD5 SKEY OTP SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512".split())
_NAMED = re.compile(rb'(?:^|,)\s*username="((?:[^"\\]|\\.)*)"')


def can_work(mechanism: bytes, *, in_tls: bool) -> bool:
    """Whether a mechanism (upper case) can work through a gateway.

    Some are bound to a certificate, a host name or a channel. A client that speaks TLS with us and finds SCRAM without
    -PLUS says that it could have bound to the channel, and the server must refuse it (RFC 5802 section 6).
    """
    is_bound = mechanism in _BOUND or mechanism.endswith(b"-PLUS")
    return not is_bound and not (in_tls and mechanism.startswith(b"SCRAM-"))


def is_mechanism(word: bytes) -> bool:
    """Whether a word (upper case) is a mechanism's name: one that only looks like it may be a password."""
    return word.removesuffix(b"-PLUS") in _NAMES


def may_add_a_layer(mechanism: bytes) -> bool:
    """Whether after its success the connection may hold something else than SMTP (RFC 4954 section 4)."""
    return mechanism not in _BARE and not mechanism.startswith(b"SCRAM-")


def user_of(mechanism: bytes, response: bytes) -> str:
    """Find the user name in a client's response, base64; empty for one that shows none. Never a secret.

    PLAIN is `authorise NUL user NUL password` (RFC 4616), LOGIN's first response is the name, XOAUTH2 begins
    `user=NAME SOH`, OAUTHBEARER `n,a=NAME,` (RFC 7628), SCRAM `n,,n=NAME,` (RFC 5802), CRAM-MD5 is `NAME digest`
    (RFC 2195), DIGEST-MD5 holds `username="NAME"` (RFC 2831).
    """
    clear = _decode(response)
    name = b""
    if mechanism == b"PLAIN" and clear.count(b"\0") == 2:  # noqa: PLR2004 - see above
        name = clear.split(b"\0")[1]
    elif mechanism == b"LOGIN":
        name = clear
    elif mechanism == b"XOAUTH2" and clear.startswith(b"user="):
        name = clear[5:].partition(b"\x01")[0]
    elif mechanism == b"OAUTHBEARER":
        name = _attribute(clear.partition(b"\x01")[0], b"a=")
    elif mechanism.startswith(b"SCRAM-"):
        name = _attribute(clear, b"n=")
    elif mechanism == b"CRAM-MD5":
        name = clear.rpartition(b" ")[0]
    elif mechanism == b"DIGEST-MD5" and (found := _NAMED.search(clear)):
        name = found[1]
    return name.decode("utf-8", "replace") if len(name) <= USER_LIMIT else ""


def _decode(response: bytes) -> bytes:
    try:
        return base64.b64decode(response.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _attribute(message: bytes, name: bytes) -> bytes:
    """Find an attribute of a GS2 header or a SCRAM message; commas and `=` in it stand as `=2C` and `=3D`."""
    found = next((part[len(name) :] for part in message.split(b",") if part.startswith(name)), b"")
    return found.replace(b"=2C", b",").replace(b"=3D", b"=")


def prompt(line: bytes) -> bytes:
    """Say a challenge of AUTH LOGIN as Outlook wants to read it, where it asks for the name or the password in other
    words; any other stays as it is.
    """
    if line[:4] != b"334 ":
        return line
    end = b"\r\n" if line.endswith(b"\r\n") else b"\n"
    question = _decode(line[4:]).lower()
    if b"user" in question:
        return USERNAME + end
    return PASSWORD + end if b"pass" in question else line
