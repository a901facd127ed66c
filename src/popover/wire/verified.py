"""TLS in the role of the client, that verifies: for mail servers, and for whoever gives out tokens."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Literal

from popover.wire.openssl import tell_cuts

CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
"""What TLS 1.2 may use: forward secrecy, and no key under 112 bits of strength. It is CPython's own default, but
Debian's Python is built with OpenSSL's, which lets RSA key exchange in. TLS 1.3 has nothing that is unsafe."""

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def verified_context(
    ca_file: Path | None, min_tls: Literal["1.2", "1.3"] = "1.2", *, is_framed: bool = False
) -> ssl.SSLContext:
    """Make a context that verifies chain and host name. `ca_file`: PEM; None: the system's trust store.

    `is_framed`: what is spoken tells by itself whether an answer is whole (JSON by HTTP, LDAP), and its servers often
    leave without close_notify, which Python before 3.11.4 would call broken, as later ones do not.

    Raises OSError, ssl.SSLError (which is one) for a trust store that cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # CERT_REQUIRED and check_hostname are its defaults
    if not is_framed:
        tell_cuts(context)
    context.hostname_checks_common_name = False  # RFC 9525 section 6.1: names stand in the SAN only
    context.minimum_version = _VERSIONS[min_tls]
    context.set_ciphers(CIPHERS)
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(ca_file)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # what the operator names is trusted, root or not
    return context
