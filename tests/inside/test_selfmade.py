"""The certificate that popover makes for itself, by either of the two ways."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from popover.config import Inside
from popover.errors import ConfigError, StartError
from popover.inside import selfmade
from popover.inside.identity import own

NAMES = ("gate", "gate.local", "localhost", "192.168.1.2", "127.0.0.1", "::1")
WAYS = pytest.mark.parametrize("way", ["cryptography", "openssl"])


def not_installed(_key: str, _names: Sequence[str]) -> str:
    raise ImportError


Use = Callable[[str], None]


@pytest.fixture
def by(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Leaves this way alone to be gone, or none."""

    def use(way: str) -> None:
        if way != "cryptography":
            monkeypatch.setattr(selfmade, "_by_cryptography", not_installed)
        if way == "nothing":
            monkeypatch.setenv("PATH", "")

    return use


def read(directory: Path) -> x509.Certificate:
    return x509.load_der_x509_certificate((directory / selfmade.DER).read_bytes())


@WAYS
def test_certificate_is_good_for_old_and_new_clients(tmp_path: Path, by: Use, way: str) -> None:
    by(way)
    selfmade.make(tmp_path, NAMES)
    identity = own(tmp_path, Inside("implicit", legacy=True))
    assert identity is not None
    certificate = read(tmp_path)
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= timedelta(days=825)
    assert certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=800)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gate", "gate.local", "localhost"]
    assert list(map(str, names.get_values_for_type(x509.IPAddress))) == ["192.168.1.2", "127.0.0.1", "::1"]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert (tmp_path / selfmade.IDENTITY).stat().st_mode & 0o777 == 0o600
    pem = (tmp_path / selfmade.PEM).read_bytes()
    assert x509.load_pem_x509_certificate(pem) == certificate
    assert b"PRIVATE" not in pem
    assert not list(tmp_path.glob(".*")), "drafts are left"


@WAYS
def test_renewed_certificate_keeps_the_key(tmp_path: Path, by: Use, way: str) -> None:
    by(way)
    seen = []
    for anew in (False, True):
        selfmade.make(tmp_path, NAMES, anew=anew)
        assert own(tmp_path, Inside("implicit")) is not None
        seen.append(read(tmp_path))
    assert seen[0].public_key() == seen[1].public_key()
    assert seen[0].serial_number != seen[1].serial_number


def test_certificate_is_made_once_whoever_else_makes_one(tmp_path: Path) -> None:
    """xinetd starts a popover for each client."""
    makers = [threading.Thread(target=selfmade.make, args=(tmp_path, NAMES)) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    first = (tmp_path / selfmade.IDENTITY).read_bytes()
    selfmade.make(tmp_path, NAMES)
    assert (tmp_path / selfmade.IDENTITY).read_bytes() == first
    assert own(tmp_path, Inside("implicit")) is not None


def test_machine_that_can_make_none_says_what_to_install(tmp_path: Path, by: Use) -> None:
    by("nothing")
    with pytest.raises(StartError, match=r"popover\[tls\].*openssl.*tls_cert"):
        selfmade.make(tmp_path, NAMES)


def test_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StartError, match="STATE_DIRECTORY"):
        selfmade.make(tmp_path / "file" / "state", NAMES)


@pytest.mark.parametrize(
    "text", ["", "no certificate at all", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"]
)
def test_broken_identity_is_told_and_never_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / selfmade.IDENTITY).write_text(text)
    with pytest.raises(ConfigError, match="remove it"):
        own(tmp_path, Inside("implicit"))
    assert (tmp_path / selfmade.IDENTITY).read_text() == text


def test_there_is_none_before_it_was_made(tmp_path: Path) -> None:
    assert own(tmp_path, Inside("implicit")) is None
    assert not list(tmp_path.iterdir())
