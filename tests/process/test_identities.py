"""Which certificate is shown: made, renewed, kept, and what is said about it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from parts.certificates import Authority
from popover.config import Inside, Service
from popover.errors import ConfigError, StartError
from popover.inside import selfmade
from popover.log import Log
from popover.process.identities import Identities, doubts
from services import service


class Told:
    """A log, and what it was told."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.log = Log(lambda line, _priority: self.events.append(json.loads(line)), "json")

    def words(self) -> str:
        return "\n".join(event["text"] for event in self.events)


def with_tls(inside: Inside, name: str = "one") -> Service:
    return replace(service(), inside=inside, name=name)


def load(identities: Identities, *services: Service) -> None:
    identities.become(identities.read(services), services)


def serial(directory: Path) -> x509.Certificate:
    return x509.load_der_x509_certificate((directory / selfmade.DER).read_bytes())


def test_services_without_tls_need_nothing(tmp_path: Path) -> None:
    told = Told()
    identities = Identities(told.log, tmp_path / "state")
    load(identities, service())
    assert identities.of(service()) is None
    assert not told.events
    assert not (tmp_path / "state").exists()


def test_own_certificate_is_renewed_before_its_end_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, one = Told(), with_tls(Inside("implicit"))
    with monkeypatch.context() as short:
        short.setattr(selfmade, "DAYS", selfmade.BEFORE + 29)
        selfmade.make(tmp_path, ["gate"])
    load(Identities(told.log, tmp_path), one)
    first = serial(tmp_path)
    identities = Identities(told.log, tmp_path)
    load(identities, one)
    assert serial(tmp_path) == first, "it was renewed already"
    assert "gate" not in str(first.subject), "it was not renewed"


def test_own_certificate_that_can_not_be_renewed_is_shown_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, one = Told(), with_tls(Inside("implicit"))
    monkeypatch.setattr(selfmade, "DAYS", selfmade.BEFORE + 29)
    selfmade.make(tmp_path, ["gate", "127.0.0.1"])

    def fails(*_: object, **__: object) -> None:
        raise StartError("no")

    monkeypatch.setattr(selfmade, "make", fails)
    identities = Identities(told.log, tmp_path)
    load(identities, one)
    assert identities.of(one) is not None
    assert "ends soon" in told.words()


def test_own_certificate_that_lacks_an_address_is_told(tmp_path: Path) -> None:
    told = Told()
    selfmade.make(tmp_path, ["gate", "192.168.77.1"])
    identities = Identities(told.log, tmp_path)
    load(identities, with_tls(Inside("implicit")))
    assert "does not name 127.0.0.1" in told.words()
    assert str(tmp_path / selfmade.IDENTITY) in told.words()


def test_own_certificate_in_force_is_not_read_again(tmp_path: Path) -> None:
    """popover may have become a user who cannot."""
    told, one = Told(), with_tls(Inside("implicit"))
    identities = Identities(told.log, tmp_path)
    load(identities, one)
    before = identities.of(one)
    (tmp_path / selfmade.IDENTITY).write_text("spoilt")
    load(identities, one)
    assert identities.of(one) is before
    assert "stays in force" not in told.words()


def test_fingerprint_is_told_once_for_each_service(tmp_path: Path) -> None:
    told = Told()
    identities = Identities(told.log, tmp_path)
    services = [with_tls(Inside("implicit")), with_tls(Inside("offer"), "two")]
    for _ in range(3):
        load(identities, *services)
    assert [event["service"] for event in told.events if event["event"] == "tls"] == ["one", "two"]
    assert len({event["fingerprint"] for event in told.events if event["event"] == "tls"}) == 1


def test_new_service_with_a_broken_certificate_is_a_mistake_and_the_old_ones_stay(
    tmp_path: Path, authority: Authority
) -> None:
    told, good = Told(), authority.issue("localhost")
    identities = Identities(told.log, tmp_path)
    one = with_tls(Inside("implicit", good.cert_file, good.key_file))
    load(identities, one)
    wrong = with_tls(Inside("implicit", good.cert_file, authority.issue("other").key_file), "two")
    with pytest.raises(ConfigError, match=r'service "two".*is not the key of'):
        load(identities, one, wrong)
    assert identities.of(one) is not None


def test_no_place_is_told_only_where_one_is_needed(authority: Authority) -> None:
    identities, good = Identities(Told().log, None), authority.issue("localhost")
    load(identities, with_tls(Inside("implicit", good.cert_file, good.key_file)))
    with pytest.raises(StartError, match="name a tls_cert"):
        load(identities, with_tls(Inside("implicit")))


def test_doubts_are_about_what_is_dangerous(tmp_path: Path, authority: Authority) -> None:
    told, good = Told(), authority.issue("localhost")
    identities = Identities(told.log, tmp_path)
    for inside, wanted in (
        (Inside("implicit", good.cert_file, good.key_file), ""),
        (Inside("implicit", good.cert_file, good.key_file, legacy=True), "no RSA key"),
        (Inside("implicit", legacy=True), "old TLS is let in"),
        (Inside("implicit"), ""),
    ):
        one = with_tls(inside)
        load(identities, one)
        identity = identities.of(one)
        assert identity is not None
        found = [doubt for doubt in doubts(one, identity) if "expires" not in doubt]
        assert wanted in " ".join(found)
        assert bool(found) is bool(wanted)


def test_who_was_let_in_before_a_reload_is_shown_the_certificate_of_then(tmp_path: Path) -> None:
    """A balancer takes its time to say for whom it connects, and the service may be gone by then."""
    told, old = Told(), with_tls(Inside("implicit"))
    identities = Identities(told.log, tmp_path)
    load(identities, old)
    shown = identities.of(old)
    load(identities, service())
    assert identities.of(old) is shown is not None
    load(identities, service())
    assert identities.of(old) is None
