"""The chain that a server sent, heard in a handshake, and the way up from its own certificate."""

import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from fakes.tls import server_context
from hearing import UNTIMED
from parts.certificates import Authority, Certificate
from popover.outside.chain import LONGEST, overheard, way_up
from popover.outside.trust import unverified

NOW = dt.datetime.now(dt.UTC)
RECORD_HEAD = 5


def chain_of(path: Path) -> list[bytes]:
    """The certificates of a PEM file, in DER."""
    marks = path.read_text().split("-----BEGIN CERTIFICATE-----")[1:]
    return [ssl.PEM_cert_to_DER_cert(f"-----BEGIN CERTIFICATE-----{mark}") for mark in marks]


def flight(certificate: Certificate, newest: ssl.TLSVersion) -> bytes:
    """What a server says up to its certificates, and behind them."""
    heard = bytearray()
    engine = unverified("one.test", heard, may_be_new=True)
    context = server_context(certificate)
    context.maximum_version = newest
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(inward, outward, server_side=True)
    engine.shake(b"")
    inward.write(engine.answer())
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    said = outward.read()
    engine.shake(said)
    assert bytes(heard) == said
    return said


@pytest.fixture
def said(authority: Authority) -> bytes:
    return flight(authority.issue("one.test", intermediate=True), ssl.TLSVersion.TLSv1_2)


def records(message: bytes, size: int) -> bytes:
    """A message in records of this size."""
    parts = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x03" + len(part).to_bytes(2) + part for part in parts)


def test_chain_is_overheard_in_tls_1_2(authority: Authority, said: bytes) -> None:
    assert overheard(said) == chain_of(authority.issue("one.test", intermediate=True).cert_file)
    assert len(overheard(said)) == 2


@pytest.mark.parametrize("size", [1, 7, 1000, 16384])
def test_chain_is_overheard_however_it_lies_in_records(said: bytes, size: int) -> None:
    messages = b""
    at = 0
    while at < len(said):
        end = at + RECORD_HEAD + int.from_bytes(said[at + 3 : at + 5])
        messages += said[at + RECORD_HEAD : end]
        at = end
    assert overheard(records(messages, size)) == overheard(said)


def test_half_a_chain_is_none(said: bytes) -> None:
    whole = overheard(said)
    found = {len(overheard(said[:place])) for place in range(len(said))}
    assert found == {0, len(whole)}


def test_sealed_chain_is_not_overheard(authority: Authority) -> None:
    assert overheard(flight(authority.issue("one.test", intermediate=True), ssl.TLSVersion.TLSv1_3)) == []


@UNTIMED
@given(st.one_of(st.binary(), st.binary().map(lambda octets: records(b"\x0b\0\0\x20" + octets, 9))))
def test_whatever_is_overheard_breaks_nothing(octets: bytes) -> None:
    assert way_up(overheard(octets), [], NOW) == []


def names(sent: list[bytes], trusted: list[bytes]) -> list[tuple[str, bool]]:
    return [(link.certificate.subject, link.is_ours) for link in way_up(sent, trusted, NOW)]


ROOT, MIDDLE, OWN = "Popover test authority", "Popover test intermediate", "Popover test server"


@pytest.mark.parametrize(
    ("faults", "trusts", "way"),
    [
        ({"intermediate": True}, True, [(OWN, False), (MIDDLE, False), (ROOT, True)]),
        ({"intermediate": True}, False, [(OWN, False), (MIDDLE, False)]),
        ({"intermediate": True, "with_root": True}, False, [(OWN, False), (MIDDLE, False), (ROOT, False)]),
        ({"intermediate": True, "with_root": True}, True, [(OWN, False), (MIDDLE, False), (ROOT, True)]),
        ({"missing_intermediate": True}, True, [(OWN, False)]),
        ({}, True, [(OWN, False), (ROOT, True)]),
        ({"self_signed": True}, True, [(OWN, False)]),
    ],
    ids=str,
)
def test_way_up(authority: Authority, faults: Any, trusts: bool, way: list[tuple[str, bool]]) -> None:
    sent = chain_of(authority.issue("one.test", **faults).cert_file)
    trusted = chain_of(authority.ca_file) if trusts else []
    assert names(sent, trusted) == way
    assert names([sent[0], *reversed(sent[1:])], trusted) == way  # servers send them in any order
    assert names([sent[0], b"no certificate", *sent[1:]], [b"none", *trusted]) == way


def test_what_the_server_sent_does_not_count_above_what_we_trust(authority: Authority) -> None:
    sent = chain_of(authority.issue("one.test", intermediate=True, with_root=True).cert_file)
    assert names(sent, chain_of(authority.intermediate_file)) == [(OWN, False), (MIDDLE, True)]


def test_of_two_issuers_with_one_name_the_valid_one_is_taken(authority: Authority, tmp_path: Path) -> None:
    old = Authority(tmp_path, expired=True)
    sent = chain_of(authority.issue("one.test").cert_file)
    for trusted in ([old, authority], [authority, old]):
        [_, root] = way_up(sent, [chain_of(one.ca_file)[0] for one in trusted], NOW)
        assert root.certificate.is_valid_at(NOW)
    [_, root] = way_up(sent, chain_of(old.ca_file), NOW)
    assert not root.certificate.is_valid_at(NOW)


def vouched(subject: str, issuer: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    owner, signer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer))
    builder = x509.CertificateBuilder().subject_name(owner).issuer_name(signer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOW - dt.timedelta(days=1)).not_valid_after(NOW + dt.timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_way_up_ends_where_two_vouch_for_each_other() -> None:
    circle = [vouched("one", "two"), vouched("two", "one")]
    assert names(circle, []) == [("one", False), ("two", False)]
    assert len(names(circle[:1], circle)) == LONGEST
    assert way_up([], circle, NOW) == []


def test_certificate_that_can_not_be_read_is_no_way_up(authority: Authority) -> None:
    sent = chain_of(authority.issue("one.test", intermediate=True).cert_file)
    assert way_up([b"none", *sent], chain_of(authority.ca_file), NOW) == []
