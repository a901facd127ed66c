"""The certificate that popover makes for itself: once, and kept.

    identity.pem   the key and the certificate; nobody else may read it
    popover.pem    the certificate alone, to import into a client
    popover.cer    the same in DER, which Windows and old Macs want

RSA with 2,048 bits, because clients from before 2006 know no other kind of key. It vouches for this gateway alone: it
is no authority, so whoever steals the key can be this gateway, and nobody else.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from popover.errors import StartError

DAYS = 820
"""How long it is good. Apple's newer systems take none that is good for more than 825 days (support.apple.com/103769),
Chrome neither; as long as that allows, for each client must import the next one by hand. A week of it lies before
today: the clocks of old machines are slow."""

BEFORE = 5  # of those days

IDENTITY, PEM, DER = "identity.pem", "popover.pem", "popover.cer"

_COMMON_NAME_LIMIT = 64  # RFC 5280 appendix A.1, ub-common-name
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s+(.*?)-----END CERTIFICATE-----", re.DOTALL)
_CONFIG = """\
[req]
distinguished_name = name
prompt = no
x509_extensions = extensions
[name]
CN = {name}
[extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
subjectAltName = {names}
"""


def first_certificate(pem: str) -> bytes:
    """Give the first certificate in a PEM text, in DER. Raises ValueError."""
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("it holds no certificate")
    return base64.b64decode("".join(found[1].split()), validate=True)


def make(directory: Path, names: Sequence[str], *, anew: bool = False) -> None:
    """Make the files of a certificate for these names and addresses; the first name is the subject's.

    With `anew` what is there is replaced, its key kept; else what another process has made meanwhile stays. Raises
    StartError.
    """
    import tempfile  # noqa: PLC0415 - once in two years

    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=directory) as place:
            draft = Path(place) / IDENTITY
            draft.touch(mode=0o600)
            text = _key_of(directory / IDENTITY) if anew else ""
            draft.write_text(_made(text, names, Path(place)), encoding="ascii")
            if anew:
                draft.replace(directory / IDENTITY)
            else:
                with contextlib.suppress(FileExistsError):
                    os.link(draft, directory / IDENTITY)
    except OSError as fault:
        raise StartError(
            f"tls: there is no place for the certificate that popover makes: {directory} cannot be written "
            f"({fault.strerror}); give popover a StateDirectory=, or set STATE_DIRECTORY, or name a tls_cert"
        ) from None


def publish(directory: Path, der: bytes) -> None:
    """Write the files to import, if they are not there. Raises OSError."""
    text = f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(der).decode()}-----END CERTIFICATE-----\n"
    for name, content in ((PEM, text.encode()), (DER, der)):
        place = directory / name
        if not place.exists() or place.read_bytes() != content:
            draft = directory / f".{name}.{os.getpid()}"
            draft.write_bytes(content)
            draft.replace(place)


def _key_of(identity: Path) -> str:
    """Give the key alone, in PEM."""
    return identity.read_text(encoding="ascii").partition("-----BEGIN CERTIFICATE-----")[0]


def _made(key: str, names: Sequence[str], place: Path) -> str:
    """Make a certificate, for a key if there is one; both in PEM, the key first."""
    try:
        return _by_cryptography(key, names)
    except ImportError:
        import shutil  # noqa: PLC0415 - likewise

        if shutil.which("openssl"):
            return _by_openssl(key, names, place)
    raise StartError(
        'tls: nothing here can make a certificate: install popover with it (pip install "popover[tls]"), or the '
        "program openssl, or name a tls_cert"
    )


def _by_cryptography(key: str, names: Sequence[str]) -> str:
    import datetime as dt  # noqa: PLC0415 - only a gateway that makes a certificate needs all this

    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    if key:
        loaded = serialization.load_pem_private_key(key.encode(), None)
        if not isinstance(loaded, rsa.RSAPrivateKey):
            raise StartError("tls: the key that popover has made is no RSA key any more: remove it")
        private = loaded
    else:
        private = rsa.generate_private_key(65537, 2048)
        shape = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key = private.private_bytes(serialization.Encoding.PEM, *shape).decode()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0][:_COMMON_NAME_LIMIT])])
    now = dt.datetime.now(dt.UTC)
    usages = ("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    usage = dict.fromkeys((*usages, "encipher_only", "decipher_only"), False)
    alternatives = [
        x509.IPAddress(ipaddress.ip_address(one)) if _is_address(one) else x509.DNSName(one) for one in names
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=BEFORE))
        .not_valid_after(now + dt.timedelta(days=DAYS - BEFORE))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_encipherment=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    )
    cert = builder.sign(private, hashes.SHA256())
    return key + cert.public_bytes(serialization.Encoding.PEM).decode()


def _by_openssl(key: str, names: Sequence[str], place: Path) -> str:
    config, key_file, cert = place / "config", place / "key", place / "cert"
    alternatives = ", ".join(f"{'IP' if _is_address(one) else 'DNS'}:{one}" for one in names)
    config.write_text(_CONFIG.format(name=names[0][:_COMMON_NAME_LIMIT], names=alternatives), encoding="ascii")
    key_file.touch(mode=0o600)
    if key:
        key_file.write_text(key, encoding="ascii")
        how = ["-key", str(key_file)]
    else:
        how = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(key_file)]
    words = ["-config", str(config), "-sha256", "-days", str(DAYS - BEFORE), "-out", str(cert)]
    command = ["openssl", "req", "-x509", *how, *words]
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - our words
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"]
        raise StartError(f"tls: the program openssl could not make a certificate: {said[-1]}")
    return key_file.read_text(encoding="ascii") + cert.read_text(encoding="ascii")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
