"""AUTH (RFC 4954): which mechanisms can work through a gateway, and two prompts."""

from __future__ import annotations

import base64
import binascii

USERNAME, PASSWORD = b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6"
"""`Username:` and `Password:`, as old clients compare them letter by letter (Outlook)."""

_BOUND = frozenset((b"EXTERNAL", b"GSSAPI", b"NTLM", b"KERBEROS_V4", b"GSS-SPNEGO"))


def can_work(mechanism: bytes, *, in_tls: bool) -> bool:
    """Whether a mechanism (upper case) can work through a gateway.

    Some are bound to a certificate, a host name or a channel. A client that speaks TLS with us and finds SCRAM without
    -PLUS says that it could have bound to the channel, and the server must refuse it (RFC 5802 section 6).
    """
    is_bound = mechanism in _BOUND or mechanism.endswith(b"-PLUS")
    return not is_bound and not (in_tls and mechanism.startswith(b"SCRAM-"))


def prompt(line: bytes) -> bytes:
    """Say a challenge of AUTH LOGIN as Outlook wants to read it, where it asks for the name or the password in other
    words; any other stays as it is.
    """
    if line[:4] != b"334 ":
        return line
    end = b"\r\n" if line.endswith(b"\r\n") else b"\n"
    try:
        question = base64.b64decode(line[4:].strip(), validate=True).lower()
    except (binascii.Error, ValueError):
        return line
    if b"user" in question:
        return USERNAME + end
    return PASSWORD + end if b"pass" in question else line
