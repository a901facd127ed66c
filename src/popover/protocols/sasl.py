"""SASL, the same in all dialects: which mechanisms can work through a gateway, and what an exchange shows of who logs
in, for the log. Never a secret.
"""

from __future__ import annotations

import base64
import binascii
import re

from popover.protocols.reception import ClientTLS

# A word that only looks like a mechanism may be a password. IANA's registry, and what old clients say.
MECHANISMS = frozenset(
    b"PLAIN LOGIN CRAM-MD5 DIGEST-MD5 NTLM GSSAPI GSS-SPNEGO KERBEROS_V4 EXTERNAL ANONYMOUS SKEY OTP XOAUTH2 "
    b"OAUTHBEARER SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS SCRAM-SHA-512".split()
)
USER_LIMIT = 320
"""Octets of a user name: those of the longest address (RFC 3696, erratum 1690). What is longer is not shown."""

_BOUND = frozenset((b"EXTERNAL", b"GSSAPI", b"NTLM", b"KERBEROS_V4", b"GSS-SPNEGO"))
"""Mechanisms bound to a certificate, a host name or a channel: through a gateway they can only fail."""

_NAMED = re.compile(rb'(?:^|,)\s*username="((?:[^"\\]|\\.)*)"')
_BARE = frozenset((b"PLAIN", b"LOGIN", b"CRAM-MD5", b"XOAUTH2", b"OAUTHBEARER", b"ANONYMOUS", b"NTLM", b"EXTERNAL"))


def is_bound(mechanism: bytes, tls: ClientTLS = "off") -> bool:
    """Whether a mechanism (upper case) is bound to something that a gateway is not: see `_BOUND`. Inside TLS that is
    true of SCRAM, too: a client that could bind its login to a channel says so, and the server, which is at the end of
    another one, must refuse it (RFC 5802 section 6).
    """
    if tls == "on" and mechanism.startswith(b"SCRAM-"):
        return True
    return mechanism in _BOUND or mechanism.endswith(b"-PLUS")


def shown_mechanism(mechanism: bytes) -> str:
    """Say a mechanism's name for a trace, if it is one."""
    name = mechanism.upper()
    return name.decode() if name in MECHANISMS else "***"


def may_add_a_layer(mechanism: bytes) -> bool:
    """Whether the connection may hold something else than mail once this has succeeded (RFC 4422 section 3.7).

    `mechanism` in upper case. GSSAPI and DIGEST-MD5 can; of those that are unknown nobody knows.
    """
    return mechanism not in _BARE and not mechanism.startswith(b"SCRAM-")


def user_of(mechanism: bytes, response: bytes) -> str:
    """Find the user name in a client's response, base64; empty for one that shows none. Never a secret.

    PLAIN is `authorise NUL user NUL password` (RFC 4616), LOGIN's first response is the name, XOAUTH2 begins
    `user=NAME SOH`, OAUTHBEARER `n,a=NAME,` (RFC 7628), SCRAM `n,,n=NAME,` (RFC 5802), CRAM-MD5 is `NAME digest`
    (RFC 2195), DIGEST-MD5 holds `username="NAME"` (RFC 2831).
    """
    try:
        clear = base64.b64decode(response.strip(), validate=True)
    except (binascii.Error, ValueError):
        return ""
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


def _attribute(message: bytes, name: bytes) -> bytes:
    """Find an attribute of a GS2 header or a SCRAM message; commas and `=` in it stand as `=2C` and `=3D`."""
    found = next((part[len(name) :] for part in message.split(b",") if part.startswith(name)), b"")
    return found.replace(b"=2C", b",").replace(b"=3D", b"=")
