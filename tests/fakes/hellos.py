"""What clients say first: hellos of any age, and in any form."""

import contextlib
import ssl
import struct

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def hello(newest: ssl.TLSVersion = V13, alpn: tuple[str, ...] = ()) -> bytes:
    """What OpenSSL says first."""
    context = ssl.create_default_context()
    context.maximum_version = newest
    if alpn:
        context.set_alpn_protocols(list(alpn))
    outward = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outward, server_hostname="localhost").do_handshake()
    return outward.read()


def old_hello(version: int = 0x301) -> bytes:
    """In SSL 2's form, as Windows XP says it (RFC 5246, appendix E.2)."""
    body = struct.pack("!BHHHH", 1, version, 6, 0, 16) + bytes.fromhex("00002f00000a") + bytes(range(16))
    return struct.pack("!H", 0x8000 | len(body)) + body


def in_records(message: bytes, size: int) -> bytes:
    """The same hello in records of this size."""
    body = message[5:]
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"\x16\x03\x01" + len(part).to_bytes(2) + part for part in parts)
