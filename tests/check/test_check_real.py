"""`popover check` against a real Dovecot and a real submission server."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.net import LOOPBACK
from parts.popover import Popover, run_popover
from parts.postfix import Postfix

CANARY = "canary-XqZ17"


def check(*args: str | Path, password: str | None = None, code: int = 0) -> dict[str, Any]:
    """The findings of a check about its only server."""
    env = os.environ | ({} if password is None else {"POPOVER_PASSWORD": password})
    ended = run_popover("check", "--json", *args, env=env)
    assert ended.returncode == code, ended.stdout + ended.stderr
    document = json.loads(ended.stdout)
    assert document["ok"] is (code == 0)
    part: dict[str, Any] = next(part for part in document["parts"] if part["server"])
    return part


def texts(part: dict[str, Any], step: str) -> list[str]:
    return [finding["text"] for finding in part["findings"] if finding["step"] == step]


@pytest.fixture
def servers(dovecot: Dovecot, postfix: Postfix) -> dict[str, str]:
    ports = {"pop3": dovecot.pop3s_port, "imap": dovecot.imaps_port, "smtp": postfix.port}
    return {dialect: f"0={dialect}s://localhost:{port}" for dialect, port in ports.items()}


@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
def test_all_is_well_without_a_login(dialect: str, servers: dict[str, str], authority: Authority) -> None:
    part = check(servers[dialect], "--ca-file", authority.ca_file)
    steps = [finding["step"] for finding in part["findings"]]
    assert list(dict.fromkeys(steps)) == ["name", "connect", "tls", "dialect", "here", "session"]
    [secured] = [finding["facts"] for finding in part["findings"] if "cipher" in finding["facts"]]
    assert secured["version"] in {"TLSv1.2", "TLSv1.3"}
    [certificate] = [finding["facts"] for finding in part["findings"] if "days_left" in finding["facts"]]
    assert "localhost" in certificate["names"]
    assert certificate["trust_store"] == str(authority.ca_file)
    assert any(finding["facts"].get("resumed") is not None for finding in part["findings"])
    capabilities = next(
        finding["facts"]["capabilities"] for finding in part["findings"] if finding["facts"].get("capabilities")
    )
    assert {"pop3": "UIDL", "imap": "IMAP4rev1", "smtp": "PIPELINING"}[dialect] in capabilities
    assert [entry["dialect"] for entry in part["settings"]] == [dialect]


@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
def test_a_login_tells_what_is_there(
    dialect: str, servers: dict[str, str], authority: Authority, dovecot: Dovecot
) -> None:
    user = dovecot.new_user()
    dovecot.deliver(user, b"Subject: one\r\n\r\nbody\r\n")
    part = check(servers[dialect], "--ca-file", authority.ca_file, "--login", user, password=dovecot.password)
    [first, *_] = texts(part, "login")
    assert f"{user} is logged in" in first
    assert dialect == "smtp" or "1 messages" in first
    assert len(dovecot.messages(user)) == 1


@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
def test_a_wrong_password_is_named_so(
    dialect: str, servers: dict[str, str], authority: Authority, dovecot: Dovecot
) -> None:
    part = check(
        servers[dialect], "--ca-file", authority.ca_file, "--login", dovecot.new_user(), password=CANARY, code=1
    )
    [failed] = [finding for finding in part["findings"] if finding["status"] == "fail"]
    assert failed["step"] == "login"
    assert "wrong password" in failed["text"]
    assert "app password" in failed["remedy"]
    assert CANARY not in json.dumps(part)


def test_the_table_ends_with_what_to_type(servers: dict[str, str], authority: Authority) -> None:
    # By its address: where localhost is ::1 as well, all is not well, since nothing listens there.
    ended = run_popover("check", servers["pop3"].replace("localhost", LOOPBACK), "--ca-file", authority.ca_file)
    assert ended.returncode == 0
    assert "What to type into the mail client, once popover runs; " in ended.stdout
    assert "\nAll is well.\n\nThe next command:\n  popover run " in ended.stdout
    assert "\x1b" not in ended.stdout


def test_a_running_popover_is_recognised(servers: dict[str, str], authority: Authority) -> None:
    server = servers["pop3"].partition("=")[2]
    with Popover(f"0={server}", "--ca-file", authority.ca_file) as popover:
        part = check(f"{popover.ports[0]}={server}", "--ca-file", authority.ca_file)
        lines = run_popover("check", f"{popover.ports[0]}={server}", "--ca-file", authority.ca_file).stdout
    [here] = texts(part, "here")
    assert "served by a running popover" in here
    assert f"pid {popover.pid}" in here
    assert "What to type into the mail client; " in lines
    assert "The next command" not in lines


def test_a_running_popover_of_another_dialect_is_in_the_way(servers: dict[str, str], authority: Authority) -> None:
    with Popover(servers["pop3"], "--ca-file", authority.ca_file) as popover:
        wanted = f"{popover.ports[0]}={servers['imap'].partition('=')[2]}"
        part = check(wanted, "--ca-file", authority.ca_file, code=1)
    [here] = [finding for finding in part["findings"] if finding["step"] == "here"]
    assert here["status"] == "fail"
    assert "does not serve it" in here["text"]


def test_a_server_s_full_stop_does_not_stand_within_what_to_do(dovecot: Dovecot, authority: Authority) -> None:
    words = (f"0=pop3s://localhost:{dovecot.pop3s_port}", "--ca-file", authority.ca_file, "--login", "nobody")
    said = run_popover("check", *words, env=os.environ | {"POPOVER_PASSWORD": "wrong"}).stdout
    assert "failed.\n" in said
    assert "failed: is the user name" in said
