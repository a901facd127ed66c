"""Our side of TLS and a client's back to back: no socket, so every cut of the bytes is tried."""

import itertools
import ssl
import warnings
from pathlib import Path

import pytest

from fakes.hellos import old_hello
from hearing import cut
from parts.certificates import Authority
from popover.inside.tls import Keys
from popover.wire.engine import Ending, Engine, TLSError

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
EVERY_VERSION = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture(scope="module")
def keys(authority: Authority) -> Keys:
    certificate = authority.issue("localhost")
    return Keys(certificate.cert_file, certificate.key_file, ("pop3",), legacy=False)


@pytest.fixture(scope="module")
def old_keys(authority: Authority) -> Keys:
    certificate = authority.issue("localhost", rsa_bits=2048)
    return Keys(certificate.cert_file, certificate.key_file, ("pop3",), legacy=True)


class Client:
    """The other end: TLS in the role of the client."""

    def __init__(self, ca_file: Path, version: str) -> None:
        context = ssl.create_default_context(cafile=ca_file)
        context.minimum_version = context.maximum_version = VERSIONS[version]
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inward, self.outward, server_hostname="localhost")

    def shake(self, sealed: bytes = b"") -> bytes:
        """Go on with the handshake; what it says."""
        self.inward.write(sealed)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outward.read()


def hear(engine: Engine, sealed: bytes | None) -> tuple[bytes, Ending | None]:
    room = memoryview(bytearray(1 << 18))
    size, ending = engine.pull(room, sealed)
    return bytes(room[:size]), ending


@EVERY_VERSION
def test_handshake_goes_through_at_every_cut(keys: Keys, authority: Authority, version: str) -> None:
    for place in itertools.count(1):
        client, engine = Client(authority.ca_file, version), keys.engine("pop3")
        done, said, at = False, client.shake(), 0
        while not done:
            for piece in cut(said, *([place - at] if 0 < place - at < len(said) else [])):
                assert not done, "it is done before all was said"
                done = engine.shake(piece)
            at += len(said)
            said = client.shake(engine.answer())
        client.tls.write(b"NOOP\r\n")
        assert hear(engine, client.outward.read()) == (b"NOOP\r\n", None)
        client.inward.write(engine.push(b"+OK\r\n"))
        assert client.tls.read() == b"+OK\r\n"
        if place > at:
            break


@EVERY_VERSION
def test_clients_cut_and_its_goodbye_are_told_apart(keys: Keys, authority: Authority, version: str) -> None:
    for clean in (True, False):
        client, engine = Client(authority.ca_file, version), keys.engine("pop3")
        said = client.shake()
        while not engine.shake(said):
            said = client.shake(engine.answer())
        client.shake(engine.answer())
        if clean:
            with pytest.raises(ssl.SSLWantReadError):
                client.tls.unwrap()
        _, ending = hear(engine, client.outward.read() if clean else None)
        assert ending is not None
        assert ending.kind == ("closed" if clean else "cut")


def test_client_can_not_renegotiate(old_keys: Keys) -> None:
    assert all(context.options & ssl.OP_NO_RENEGOTIATION for context in old_keys._contexts.values())  # noqa: SLF001
    assert all(context.options & ssl.OP_NO_COMPRESSION for context in old_keys._contexts.values())  # noqa: SLF001


@pytest.mark.parametrize("place", [0, 1, 4, 20])
def test_hello_in_the_form_of_ssl_2_is_answered_with_tls_1_0(old_keys: Keys, place: int) -> None:
    said = old_hello()
    engine = old_keys.engine("pop3", len(said))
    for piece in cut(said, *([place] if place else [])):
        assert not engine.shake(piece)
    answer = engine.answer()
    assert answer[:3] == b"\x16\x03\x01"  # a handshake's record, TLS 1.0
    assert answer[5] == 2  # ServerHello
    assert answer[43] == 32  # octets of the session id
    assert answer[76:78] == b"\x00\x2f"  # AES128-SHA with RSA key exchange


def test_what_follows_an_old_hello_is_taken_record_by_record(old_keys: Keys) -> None:
    """Its octets 4 and 5 are no length. Taken for one, they would count into the records behind it, and the last
    octets of what has come would wait for more.
    """
    said = old_hello()
    engine = old_keys.engine("pop3", len(said))
    engine.shake(said)
    engine.answer()
    alert = b"\x15\x03\x01\x00\x02\x02\x30"
    wrong = 5 + int.from_bytes(said[3:5])  # octets from the beginning on
    size = wrong + 3 - len(said) - len(alert) - 5
    with pytest.raises(TLSError) as caught:
        engine.shake(b"\x16\x03\x01" + size.to_bytes(2) + b"\x10\x00\x04\x00" + bytes(size - 4) + alert)
    assert caught.value.reason == "TLSV1_ALERT_UNKNOWN_CA"


def test_ordinary_port_has_forward_secrecy_only(keys: Keys) -> None:
    (context,) = keys._contexts.values()  # noqa: SLF001
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    kinds = {cipher["kea"] for cipher in context.get_ciphers()}
    assert kinds <= {"kx-ecdhe", "kx-dhe", "kx-any"}


def test_legacy_port_has_nothing_without_key_or_encryption(old_keys: Keys) -> None:
    (context,) = old_keys._contexts.values()  # noqa: SLF001
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert context.minimum_version <= ssl.TLSVersion.TLSv1
    for cipher in context.get_ciphers():
        assert cipher["auth"] != "auth-null", cipher["name"]
        assert cipher["strength_bits"] >= 112, cipher["name"]


def test_what_openssl_can_not_do_is_known(old_keys: Keys) -> None:
    missing = old_keys.missing()
    assert ("SSL 3" in missing) is not ssl.HAS_SSLv3
    assert "TLS 1.0" not in missing
