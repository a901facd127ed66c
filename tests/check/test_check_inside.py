"""What check says about TLS towards clients."""

import os
from pathlib import Path

import pytest

from fakes.capable import capable
from fakes.scene import Stage
from parts.check import run_check
from popover.check.inside import check_inside
from popover.check.report import Part, Report
from popover.check.settings import settings_lines, settings_of
from popover.config import Address, Inside
from popover.inside import selfmade
from services import changed, service

pytest_plugins = ["fakes.fixture"]


def test_check_shows_the_certificate_and_what_to_import(stage: Stage, tmp_path: Path) -> None:
    config = stage.config(stage.service(stage.server(capable), tls="implicit", legacy=True))
    state = tmp_path / "state"
    env = os.environ | {"STATE_DIRECTORY": str(state)}
    before = run_check("-c", config, env=env).stdout
    assert "makes a certificate when it starts" in before
    assert not state.exists(), "check has made one"
    selfmade.make(state, ["localhost", "127.0.0.1"])
    after = run_check("-c", config, env=env).stdout
    assert "TLS 1.0 to 1.3" in after
    assert "popover.pem" in after
    assert "old TLS is let in" in after
    assert "SSL/TLS on" in after


def test_check_fails_for_a_certificate_that_is_of_no_use(stage: Stage) -> None:
    cert = stage.authority.issue("localhost")
    key = stage.authority.issue("other").key_file
    report = Report()
    report.begin(Part("one"))
    check_inside(report, changed(service(), tls="offer", tls_cert=cert.cert_file, tls_key=key))
    assert not report.ok
    assert "is not the key of" in report.parts[0].findings[0].text


@pytest.mark.parametrize(
    ("tls", "words"),
    [("off", "SSL off"), ("offer", "SSL off, or STARTTLS"), ("require", "STARTTLS"), ("implicit", "SSL/TLS on")],
)
def test_what_to_type_says_how_to_set_tls(tls: str, words: str) -> None:
    one = service(listen=(Address("127.0.0.1", 1110),), tls=tls)
    assert one.inside == Inside(tls)  # type: ignore[arg-type]
    lines = settings_lines(settings_of(one))
    assert any(line.endswith(f"   {words}") for line in lines)


def test_what_to_type_into_a_device_is_no_login() -> None:
    device = service("smtp", listen=(Address("127.0.0.1", 25),), device=True, accounts=("scans",))
    program = service("smtp", listen=(Address("127.0.0.1", 587),), accounts=("scans",))
    alone = "\n".join(settings_lines(settings_of(device)))
    assert "there is no login to type in" in alone
    assert "port 25   SSL off, no login (a device's)" in alone
    assert "Eudora" not in alone
    both = "\n".join(settings_lines([*settings_of(device), *settings_of(program)]))
    assert "those of the account here" in both
