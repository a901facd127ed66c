"""Reading certificates, with the library `cryptography` as the one who knows."""

import base64
import datetime as dt
import ipaddress
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID, NameOID
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from depth import examples
from hearing import UNTIMED
from parts.certificates import Authority
from popover.outside.certificate import Certificate, pem_of, pin_of, read_certificate

DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
KINDS = ("p256", "p384", "rsa", "ed25519")
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@cache
def key(kind: str) -> Key:
    """One key of each kind is enough: making them takes longer than all else here."""
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1() if kind == "p256" else ec.SECP384R1())


def build(
    subject: x509.Name,
    issuer: x509.Name,
    names: list[x509.GeneralName] | bytes,
    span: tuple[dt.datetime, dt.datetime] = (NOW, NOW + DAY),
    kind: str = "p256",
    odd: x509.UnrecognizedExtension | None = None,
) -> x509.Certificate:
    """A certificate that signs itself. `names`: of its subjectAltName, or the octets that stand there instead."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key(kind).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if odd is not None:
        builder = builder.add_extension(odd, critical=False)
    if isinstance(names, bytes):
        odd = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, names)
        builder = builder.add_extension(odd, critical=False)
    elif names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key(kind), None if kind == "ed25519" else hashes.SHA256())


def name(common: str | None, organisation: str | None, country: str | None = None) -> x509.Name:
    wanted = [(NameOID.COUNTRY_NAME, country), (NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, common)]
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in wanted if text is not None])


def der(cert: x509.Certificate) -> bytes:
    return cert.public_bytes(Encoding.DER)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=16)  # 64 octets at most
MAYBE = st.none() | WORDS
SUBJECTS = st.builds(name, MAYBE, MAYBE, st.sampled_from([None, "DE", "US"]))
HOSTS = st.from_regex(r"(\*\.)?[a-z0-9_-]{1,40}(\.[a-z0-9-]{1,20}){0,3}", fullmatch=True)
GENERAL: st.SearchStrategy[x509.GeneralName] = st.one_of(
    st.builds(x509.DNSName, HOSTS),
    st.builds(x509.IPAddress, st.ip_addresses()),
    st.sampled_from([x509.RFC822Name("alice@example.com"), x509.UniformResourceIdentifier("https://example.com")]),
)
DATES = st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC))  # noqa: DTZ001


@settings(UNTIMED, max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow])
@given(SUBJECTS, SUBJECTS, st.lists(GENERAL, max_size=6), DATES, DATES, st.sampled_from(KINDS))
def test_every_certificate_is_read_as_the_library_reads_it(
    subject: x509.Name,
    issuer: x509.Name,
    names: list[x509.GeneralName],
    one: dt.datetime,
    other: dt.datetime,
    kind: str,
) -> None:
    first, last = sorted(moment.replace(microsecond=0) for moment in (one, other))
    made = build(subject, issuer, names, (first, last + DAY / 24), kind)
    read = read_certificate(der(made))
    assert read.not_before == made.not_valid_before_utc
    assert read.not_after == made.not_valid_after_utc
    assert read.names == tuple(str(n.value) for n in names if isinstance(n, x509.DNSName | x509.IPAddress))
    assert read.subject == known_as(made.subject)
    assert read.issuer == known_as(made.issuer)
    assert read.pin == pin_of(der(made)) == spki_hash(made)


def known_as(subject: x509.Name) -> str:
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in subject.get_attributes_for_oid(oid):
            return str(attribute.value)
    return ", ".join(str(attribute.value) for attribute in subject)


def spki_hash(made: x509.Certificate) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize()


@pytest.mark.parametrize("year", [1950, 1999, 2000, 2049, 2050, 2051, 9998])
def test_years_of_two_digits_and_of_four(year: int) -> None:
    begin = dt.datetime(year, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    read = read_certificate(der(build(name("x", None), name("y", None), [], (begin, begin + DAY))))
    assert read.not_before == begin
    assert read.not_after == begin + DAY


def test_who_names_itself_as_issuer_is_self_signed(authority: Authority) -> None:
    own = authority.issue("localhost", self_signed=True)
    assert read_certificate(der(own.leaf)).self_signed
    assert not read_certificate(der(authority.issue("localhost").leaf)).self_signed


def test_pin_is_the_one_of_the_operators_tools(authority: Authority) -> None:
    issued = authority.issue("localhost")
    assert issued.pin == "sha256:" + base64.b64encode(pin_of(der(issued.leaf))).decode()


def test_written_as_text_it_is_what_the_library_writes(authority: Authority) -> None:
    leaf = authority.issue("localhost").leaf
    assert pem_of(der(leaf)) == leaf.public_bytes(Encoding.PEM).decode()


def test_same_key_has_the_same_pin_in_every_certificate() -> None:
    one, other = (build(name(common, None), name("ca", None), []) for common in ("one", "other"))
    assert der(one) != der(other)
    assert pin_of(der(one)) == pin_of(der(other))
    assert pin_of(der(one)) != pin_of(der(build(name("one", None), name("ca", None), [], kind="p384")))


def test_addresses_that_are_none_are_passed_over() -> None:
    """Written as text by some home-made authorities: OpenSSL verifies such a certificate by its other names."""
    names = b"\x82\x09localhost" + b"\x87\x0b192.168.1.1" + b"\x87\x00" + b"\x87\x04\xc0\x00\x02\x01"
    read = read_certificate(der(build(name("x", None), name("x", None), b"\x30" + bytes([len(names)]) + names)))
    assert read.names == ("localhost", "192.0.2.1")


@pytest.mark.parametrize("urls", [(), ("http://ca.example.com/one.der",), ("http://a.test/1", "ldap://a.test/2")])
def test_where_its_issuer_can_be_had_is_read(authority: Authority, urls: tuple[str, ...]) -> None:
    issued = authority.issue("localhost", issuer_urls=urls)
    assert read_certificate(der(issued.leaf)).issuer_urls == urls


@pytest.mark.parametrize("octets", [b"", b"\x05\x00", b"\x30\x09", b"\x30\x02\x30\x00", b"\x30\x04\x30\x02\x05\x00"])
def test_such_a_place_that_is_none_makes_it_no_worse(octets: bytes) -> None:
    odd = x509.UnrecognizedExtension(ExtensionOID.AUTHORITY_INFORMATION_ACCESS, octets)
    read = read_certificate(der(build(name("x", None), name("x", None), [x509.DNSName("localhost")], odd=odd)))
    assert read.issuer_urls == ()
    assert read.names == ("localhost",)


# -- what is none --------------------------------------------------------------------------------------


@cache
def sample() -> bytes:
    names = [x509.DNSName("mail.example.com"), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]
    return der(build(name("mail.example.com", "Example"), name("An authority", "Example"), names))


def read_or_refuse(raw: bytes) -> Certificate | None:
    """Nothing else than a certificate or ValueError, which the caller expects."""
    try:
        return read_certificate(raw)
    except ValueError:
        return None


@UNTIMED
@given(st.binary(max_size=300))
@example(b"")
@example(b"\x30")
@example(b"\x30\x80")
@example(b"\x30\x84\xff\xff\xff\xff")
@example(b"\x30\x02\x30\x00")
def test_arbitrary_octets_are_none(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_certificate(raw)


@pytest.mark.parametrize("names", [b"", b"\x05\x00", b"\x30", b"\x30\x05\x82\x09loc"], ids=repr)
def test_names_that_are_no_list_make_it_none(names: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_certificate(der(build(name("x", None), name("x", None), names)))


def test_truncated_anywhere_is_none() -> None:
    whole = sample()
    assert read_or_refuse(whole)
    for size in range(len(whole)):
        with pytest.raises(ValueError, match=r"."):
            read_certificate(whole[:size])


def test_any_octet_changed_is_read_or_refused() -> None:
    whole, refused = sample(), 0
    for place in range(len(whole)):
        for octet in {whole[place] ^ (1 << bit) for bit in range(8)} | {0, 0x80, 0xFF, whole[place] ^ 0xFF}:
            refused += read_or_refuse(whole[:place] + bytes([octet]) + whole[place + 1 :]) is None
    assert refused > len(whole)  # the walk does meet what is no certificate any more


@settings(UNTIMED, max_examples=examples(300))
@given(st.data())
def test_any_part_replaced_is_read_or_refused(data: st.DataObject) -> None:
    whole = sample()
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, min(start + 12, len(whole))))
    read = read_or_refuse(whole[:start] + data.draw(st.binary(max_size=12)) + whole[stop:])
    assert read is None or len(read.pin) == 32
