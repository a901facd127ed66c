"""What SASL exchanges show of who logs in, for the log. In POP3 and IMAP alike; never a password."""

from __future__ import annotations

import base64
import binascii

# A word that only looks like a mechanism may be a password. IANA's registry, and what old clients say.
MECHANISMS = frozenset(
    b"PLAIN LOGIN CRAM-MD5 DIGEST-MD5 NTLM GSSAPI GSS-SPNEGO KERBEROS_V4 EXTERNAL ANONYMOUS SKEY OTP XOAUTH2 "
    b"OAUTHBEARER SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS SCRAM-SHA-512".split()
)
_BARE = frozenset((b"PLAIN", b"LOGIN", b"CRAM-MD5", b"XOAUTH2", b"OAUTHBEARER", b"ANONYMOUS", b"NTLM", b"EXTERNAL"))


def may_add_a_layer(mechanism: bytes) -> bool:
    """Whether the connection may hold something else than mail once this has succeeded (RFC 4422 section 3.7).

    `mechanism` in upper case. GSSAPI and DIGEST-MD5 can; of those that are unknown nobody knows.
    """
    return mechanism not in _BARE and not mechanism.startswith(b"SCRAM-")


def user_of(mechanism: bytes, response: bytes) -> str:
    """Find the user name in a response of a SASL exchange; empty for one that shows none. Never a password.

    PLAIN is `authorise NUL user NUL password` (RFC 4616), XOAUTH2 begins `user=NAME SOH`, LOGIN's first
    response is the name, and CRAM-MD5's stands before the digest (RFC 2195).
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
    elif mechanism == b"CRAM-MD5":
        name = clear.rpartition(b" ")[0]
    return name.decode("utf-8", "replace")
