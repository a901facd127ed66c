"""A certificate authority of our own, and certificates with any one fault a mail server's may have.

    authority = Authority(directory)
    good = authority.issue("localhost", "127.0.0.1")
    old = authority.issue("localhost", expired=True)
    context.load_cert_chain(good.cert_file, good.key_file)

Keys are on the curve P-256, which takes a tenth of a millisecond to make; RSA only where asked for. What was
issued once is handed out again, so that a test session makes each certificate once.
"""

import base64
import datetime as dt
import hashlib
import ipaddress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypedDict, Unpack

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_DAY = dt.timedelta(days=1)
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


class Faults(TypedDict, total=False):
    """What may be wrong with a certificate; the numbers are the cases of the list of faults."""

    expired: bool  # 1: ran out yesterday
    not_yet_valid: bool  # 2: begins tomorrow
    self_signed: bool  # 3: signed by its own key
    unknown_ca: bool  # 4: signed by an authority which is not in `ca_file`
    missing_intermediate: bool  # 4: a chain of three, of which the server sends the leaf only
    cn_only: bool  # 6: the first name stands in the subject, and there is no subjectAltName
    client_auth_only: bool  # 8: extendedKeyUsage allows clients, not servers
    sha1: bool  # 9: signed with SHA-1
    rsa_bits: int  # 10: an RSA key of this size, in bits; 1024 is the fault, 2048 is fine
    intermediate: bool  # no fault: a chain of three, of which the server sends all but the root
    expired_intermediate: bool  # 1: the same, but the intermediate ran out yesterday
    unknown_root: bool  # 4: a chain of three that leads to an authority which is not in `ca_file`
    with_root: bool  # the server sends the root, too
    issuer_urls: tuple[str, ...]  # no fault: it says where its issuer's certificate can be had
    issuer_name: str  # 4: signed by an authority of this name, which is in no store
    issuer_expired: bool  # 4: and which ran out yesterday


@dataclass(frozen=True)
class Certificate:
    """A certificate chain and its key, as the PEM files a server is configured with."""

    cert_file: Path  # the leaf first, then the intermediate if there is one to be sent
    key_file: Path

    @property
    def leaf(self) -> x509.Certificate:
        """The server's own certificate."""
        return x509.load_pem_x509_certificate(self.cert_file.read_bytes())

    @property
    def pin(self) -> str:
        """`sha256:` and the base64 of the SHA-256 of the public key's info (RFC 7469, 2.4)."""
        key = self.leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return "sha256:" + base64.b64encode(hashlib.sha256(key).digest()).decode()


@dataclass(frozen=True)
class _Issuer:
    """A certificate that signs others, and its key."""

    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, name: str, parent: "_Issuer | None" = None, last: dt.timedelta = 3650 * _DAY) -> "_Issuer":
        """A root, or an intermediate below `parent`; valid since ten years ago, and for ten more."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, key, parent, (-3650 * _DAY, last))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        signing = parent.key if parent else key
        return cls(builder.sign(signing, hashes.SHA256()), key)


class Authority:
    """Issues certificates that those who trust `ca_file` accept, unless a fault is asked for."""

    def __init__(self, directory: Path, *, expired: bool = False) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._issued: dict[object, Certificate] = {}
        self._root = _Issuer.new("Popover test authority", last=-_DAY if expired else 3650 * _DAY)
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_bytes(_pem(self._root.cert))

    @cached_property
    def intermediate_file(self) -> Path:
        """The intermediate's certificate, for a `ca_file` that is no root."""
        path = self._directory / "intermediate.pem"
        path.write_bytes(_pem(self._middle.cert))
        return path

    @cached_property
    def _unknown(self) -> _Issuer:
        return _Issuer.new("Authority nobody knows")

    @cached_property
    def _middle(self) -> _Issuer:
        return _Issuer.new("Popover test intermediate", self._root)

    @cached_property
    def _old_middle(self) -> _Issuer:
        return _Issuer.new("Popover old intermediate", self._root, last=-_DAY)

    @cached_property
    def _middle_of_unknown(self) -> _Issuer:
        return _Issuer.new("Popover other intermediate", self._unknown)

    def issue(self, *names: str, **faults: Unpack[Faults]) -> Certificate:
        """A certificate for these host names (wildcards too) and IP addresses, with these faults."""
        wanted = (names, tuple(sorted(faults.items())))
        if wanted not in self._issued:
            self._issued[wanted] = self._make(names, faults)
        return self._issued[wanted]

    def _make(self, names: tuple[str, ...], faults: Faults) -> Certificate:
        key = _leaf_key(faults)
        issuer = self._issuer(faults)
        builder = _leaf(names, key, issuer, faults)
        number = len(self._issued) + 1
        made = Certificate(self._directory / f"{number}.pem", self._directory / f"{number}.key")
        cert = builder.sign(issuer.key if issuer else key, hashes.SHA256())
        if faults.get("sha1"):
            cert = _sign_with_sha1(cert, (issuer or self._root).key)
        pem = _pem(cert)
        made.key_file.touch(mode=0o600)
        made.key_file.write_bytes(_key_pem(key))
        if issuer and set(faults) & {"intermediate", "expired_intermediate", "unknown_root"}:
            pem += _pem(issuer.cert)
        if faults.get("with_root"):
            pem += _pem(self._root_of(faults, issuer).cert)
        made.cert_file.write_bytes(pem)
        return made

    def _root_of(self, faults: Faults, issuer: _Issuer | None) -> _Issuer:
        if faults.get("unknown_root"):
            return self._unknown
        return issuer if issuer and faults.get("issuer_name") else self._root

    def _issuer(self, faults: Faults) -> _Issuer | None:
        """Who signs; None: the certificate signs itself."""
        if faults.get("self_signed"):
            return None
        if other := faults.get("issuer_name"):
            return _Issuer.new(other, last=-_DAY if faults.get("issuer_expired") else 3650 * _DAY)
        return self._issuer_of_ours(faults)

    def _issuer_of_ours(self, faults: Faults) -> _Issuer:
        if faults.get("unknown_ca"):
            return self._unknown
        if faults.get("unknown_root"):
            return self._middle_of_unknown
        if faults.get("expired_intermediate"):
            return self._old_middle
        if faults.get("intermediate") or faults.get("missing_intermediate"):
            return self._middle
        return self._root


def _leaf_key(faults: Faults) -> PrivateKey:
    bits = faults.get("rsa_bits")
    if bits:
        return rsa.generate_private_key(65537, bits)
    return ec.generate_private_key(ec.SECP256R1())


def _leaf(names: tuple[str, ...], key: PrivateKey, issuer: _Issuer | None, faults: Faults) -> x509.CertificateBuilder:
    """All of a server's certificate but the signature."""
    first, last = -_DAY, 30 * _DAY
    if faults.get("expired"):
        first, last = -30 * _DAY, -_DAY
    if faults.get("not_yet_valid"):
        first = _DAY
    cn_only = faults.get("cn_only", False)
    builder = _builder(names[0] if cn_only else "Popover test server", key, issuer, (first, last))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage("digital_signature", "key_encipherment"), critical=True)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH
    if faults.get("client_auth_only"):
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if not cn_only:
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    if urls := faults.get("issuer_urls"):
        places = [x509.UniformResourceIdentifier(url) for url in urls]
        access = [x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place) for place in places]
        builder = builder.add_extension(x509.AuthorityInformationAccess(access), critical=False)
    return builder


def _builder(
    name: str, key: PrivateKey, issuer: _Issuer | None, span: tuple[dt.timedelta, dt.timedelta]
) -> x509.CertificateBuilder:
    """What roots, intermediates and leaves have in common; `span` is counted from now."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key.public_key() if issuer else key.public_key()
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.cert.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + span[0])
        .not_valid_after(now + span[1])
        # Python 3.13 verifies strictly (VERIFY_X509_STRICT) and then insists on these two.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _sign_with_sha1(cert: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """The same certificate, signed anew. The library refuses SHA-1; so this writes DER (RFC 5280, 4.1)."""
    with_sha256 = bytes.fromhex("300a06082a8648ce3d040302")
    with_sha1 = bytes.fromhex("300906072a8648ce3d0401")
    signed = _sequence(cert.tbs_certificate_bytes[4:].replace(with_sha256, with_sha1, 1))
    signature = key.sign(signed, ec.ECDSA(hashes.SHA1()))
    bits = bytes([0x03, len(signature) + 1, 0]) + signature
    return x509.load_der_x509_certificate(_sequence(signed + with_sha1 + bits))


def _sequence(content: bytes) -> bytes:
    """A DER SEQUENCE of 256 to 65,535 bytes, which every certificate is: its head takes four bytes."""
    return b"\x30\x82" + len(content).to_bytes(2) + content


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in allowed for usage in _USAGES})


def _pem(cert: x509.Certificate) -> bytes:
    return cert.public_bytes(Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
