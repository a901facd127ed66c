"""The demo's certificate, made on the fly by the program `openssl`: that is there wherever TLS is, and no library."""

from __future__ import annotations

import subprocess
from pathlib import Path

from popover.errors import StartError

_MISSING = "popover demo needs the program openssl, to make a certificate: install openssl (OpenWrt: openssl-util)"

_PATIENCE = 60.0
"""Seconds for a key and a certificate. It takes 0.02 s on a PC; a router's first random numbers may take longer."""

_REQUEST = """\
[req]
prompt = no
distinguished_name = subject
x509_extensions = extensions

[subject]
O = popover demo

[extensions]
subjectAltName = DNS:localhost, IP:127.0.0.1
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, keyCertSign
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
"""An authority and its only certificate in one. The file says it all: a router has openssl without its openssl.cnf."""


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost that vouches for itself for a month; gives the files of it and of its key, both
    PEM and in `directory`. Raises StartError.
    """
    request, certificate, key = (directory / name for name in ("demo.cnf", "demo-ca.pem", "demo-key.pem"))
    request.write_text(_REQUEST)
    made = ("-x509", "-days", "30", "-sha256", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-config", str(request), "-keyout", str(key), "-out", str(certificate))
    try:
        ended = subprocess.run(  # noqa: S603 - fixed words
            ("openssl", "req", *made, *files),  # noqa: S607 - where it lies differs from system to system
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise StartError(_MISSING) from None
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise StartError(f"popover demo: openssl could not be run: {fault}") from None
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
        raise StartError(f"popover demo: openssl could not make a certificate: {said[-1]}")
    return certificate, key
