"""What is said by us, not by a server (RFC 5804 section 1.3)."""

from __future__ import annotations

from popover.protocols.dialect import sentence

KNOWN = frozenset(
    b"AUTHENTICATE STARTTLS LOGOUT CAPABILITY NOOP HAVESPACE PUTSCRIPT LISTSCRIPTS SETACTIVE GETSCRIPT DELETESCRIPT "
    b"RENAMESCRIPT CHECKSCRIPT UNAUTHENTICATE".split()
)
BEGIN_TLS = b'OK "begin TLS now"\r\n'
NO_TLS = b'NO "there is no TLS here"\r\n'
IN_TLS = b'NO "TLS is spoken already"\r\n'
TLS_FIRST = b'NO (ENCRYPT-NEEDED) "begin TLS first, with STARTTLS"\r\n'
UNKNOWN = b'NO "unknown command"\r\n'


def said(status: bytes, cause: str, code: bytes = b"") -> bytes:
    """A whole answer of ours."""
    text = sentence(cause).replace("\\", "/").replace('"', "'").encode()
    return b" ".join(filter(None, (status, code, b'"' + text + b'"'))) + b"\r\n"
