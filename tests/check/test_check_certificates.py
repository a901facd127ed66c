"""`popover check` names each fault of a certificate for what it is: cases 1 to 13 of the list of faults.

Cases 11 and 12 are about revocation, which popover does not look at: docs/troubleshooting.md says so.
"""

import datetime as dt
from typing import Any

import pytest

from fakes.capable import capable
from fakes.scene import Stage
from fakes.tls import EVERY_CIPHER
from parts.check import Checked
from parts.popover import run_popover

pytest_plugins = ["fakes.fixture"]


def checked(stage: Stage, *names: str, host: str = "localhost", **faults: Any) -> Checked:
    """What a check says of a server with such a certificate."""
    server = stage.server(capable)
    server.context = stage.context(stage.authority.issue(*names, **faults), EVERY_CIPHER)
    return Checked(f"0=pop3s://{host}:{server.port}", "--ca-file", stage.authority.ca_file)


def test_case_01_expired(stage: Stage) -> None:
    last = stage.authority.issue("localhost", expired=True).leaf.not_valid_after_utc
    check = checked(stage, "localhost", expired=True)
    check.failed("tls", "expired", f"{last:%Y-%m-%d}", remedy="renew")
    assert check.fact("not_after").startswith(f"{last:%Y-%m-%d}")


def test_case_02_not_yet_valid(stage: Stage) -> None:
    first = stage.authority.issue("localhost", not_yet_valid=True).leaf.not_valid_before_utc
    checked(stage, "localhost", not_yet_valid=True).failed("tls", "not yet valid", f"{first:%Y-%m-%d}", remedy="clock")


def test_case_03_self_signed(stage: Stage) -> None:
    check = checked(stage, "localhost", self_signed=True)
    check.failed("tls", "self-signed", remedy="popover check --save-certificate localhost.pem pop3s://localhost:")


def test_case_04_unknown_authority(stage: Stage) -> None:
    check = checked(stage, "localhost", unknown_ca=True)
    check.failed("tls", "signed by", "Authority nobody knows", remedy="--ca-file")
    assert check.fact("issuer") == "Authority nobody knows"


def test_case_04_missing_intermediate(stage: Stage) -> None:
    check = checked(stage, "localhost", missing_intermediate=True)
    check.failed("tls", "Popover test intermediate", remedy="intermediate certificate")


def test_case_05_wrong_name_with_expected_and_found(stage: Stage) -> None:
    check = checked(stage, "mail.example.com", "192.0.2.7")
    check.failed("tls", "another name", "mail.example.com", "192.0.2.7", remedy="instead of localhost")
    assert check.fact("expected_name") == "localhost"
    assert check.fact("names") == ["mail.example.com", "192.0.2.7"]
    [shown] = [text for text in check.texts("tls") if text.startswith("expected")]
    assert "for localhost" in shown
    assert "mail.example.com" in shown.partition("found")[2]


def test_case_05_names_can_not_paint_the_screen(stage: Stage) -> None:
    server = stage.server(capable, stage.authority.issue("a\x1b[2Jb\r\n+OK"))
    ended = run_popover("check", f"0=localhost:{server.port}", "--ca-file", stage.authority.ca_file)
    assert ended.returncode == 1
    assert "\\x1b[2J" in ended.stdout
    assert "\x1b" not in ended.stdout


def test_case_06_common_name_only(stage: Stage) -> None:
    checked(stage, "localhost", cn_only=True).failed("tls", "no name", "subjectAltName", remedy="common name")


@pytest.mark.parametrize("name", ["local*", "*", "localhost.evil.example"])
def test_case_07_name_that_matches_in_part(stage: Stage, name: str) -> None:
    checked(stage, name).failed("tls", "another name", name)


def test_case_08_made_for_clients(stage: Stage) -> None:
    checked(stage, "localhost", client_auth_only=True).failed("tls", "purpose", remedy="serverAuth")


def test_case_09_signed_with_sha1(stage: Stage) -> None:
    checked(stage, "localhost", sha1=True).failed("tls", "SHA-1", remedy="SHA-256")


def test_case_10_rsa_1024(stage: Stage) -> None:
    checked(stage, "localhost", rsa_bits=1024).failed("tls", "too short", remedy="2048")


def test_case_13_address_that_is_not_in_the_certificate(stage: Stage) -> None:
    check = checked(stage, "localhost", host="127.0.0.1")
    check.failed("tls", "another name", "localhost", remedy="instead of 127.0.0.1")


def test_a_certificate_that_ends_soon_is_a_warning(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parts.certificates._DAY", dt.timedelta(hours=8))
    # An address, not localhost: where that is ::1 as well, it is another warning that nothing listens there.
    check = checked(stage, "127.0.0.1", "soon.example.com", host="127.0.0.1")  # 30 thirds of a day: ten days
    assert check.code == 0
    [warning] = [finding for finding in check.findings if finding["status"] == "warn"]
    assert warning["facts"]["days_left"] == 9
    assert "9 days" in warning["remedy"]
