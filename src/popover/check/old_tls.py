"""Which old TLS this machine's OpenSSL can still speak: by trying, in memory, and not by its version number.

Popover talks plain text inside; this is for those whose client insists on its old TLS.
"""

from __future__ import annotations

import ssl
import warnings
from importlib.resources import as_file, files
from typing import NamedTuple

from popover.check.report import Report


class Kind(NamedTuple):
    """One thing that a client may insist on: a version, and for it a cipher, in OpenSSL's words."""

    name: str
    version: ssl.TLSVersion
    cipher: str


KINDS = (
    Kind("SSL 3", ssl.TLSVersion.SSLv3, "ALL"),
    Kind("TLS 1.0", ssl.TLSVersion.TLSv1, "ALL"),
    Kind("TLS 1.1", ssl.TLSVersion.TLSv1_1, "ALL"),
    Kind("TLS 1.2", ssl.TLSVersion.TLSv1_2, "ALL"),
    Kind("TLS 1.3", ssl.TLSVersion.TLSv1_3, "ALL"),
    Kind("RSA key exchange", ssl.TLSVersion.TLSv1_2, "AES128-SHA"),
    Kind("3DES", ssl.TLSVersion.TLSv1_2, "DES-CBC3-SHA"),
    Kind("RC4", ssl.TLSVersion.TLSv1_2, "RC4-SHA"),
)

_FLIGHTS = 10  # each side speaks three times at most; more is a handshake that goes nowhere


def check_old_tls(report: Report) -> None:
    """Try each kind."""
    can = [kind.name for kind in KINDS if works(kind)]
    not_any_more = [kind.name for kind in KINDS if kind.name not in can]
    text = f"{ssl.OPENSSL_VERSION} can still speak with old clients: {', '.join(can) or 'nothing'}"
    if not_any_more:
        text += f"; no longer: {', '.join(not_any_more)}"
    report.add("old clients", "ok", text, can=can, can_not=not_any_more, openssl=ssl.OPENSSL_VERSION)


def works(kind: Kind) -> bool:
    """Whether a client and a server that know only this find together."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of what we want to know
            client = _context(ssl.PROTOCOL_TLS_CLIENT, kind)
            server = _context(ssl.PROTOCOL_TLS_SERVER, kind)
        with as_file(files("popover.check") / "handshake.pem") as path:
            server.load_cert_chain(path)
        return _shake_hands(client, server)
    except (ssl.SSLError, ValueError):  # ValueError: this OpenSSL was built without the version
        return False


def _context(role: int, kind: Kind) -> ssl.SSLContext:
    """Make one side, which verifies nothing: both are ours, and nothing but the handshake is said."""
    context = ssl.SSLContext(role)
    if role == ssl.PROTOCOL_TLS_CLIENT:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(f"{kind.cipher}:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = kind.version
    return context


def _shake_hands(client_side: ssl.SSLContext, server_side: ssl.SSLContext) -> bool:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    done: set[ssl.SSLObject] = set()
    for _ in range(_FLIGHTS):
        for side in (client, server):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                pass
        if len(done) == 2:  # noqa: PLR2004 - both sides
            return True
    return False
