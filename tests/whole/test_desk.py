"""Sessions whose server is known by the login only: real clients and servers on both sides of a desk."""

import poplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from parts.at_desk import AtDesk
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.messages import PLAIN

LOCAL = "simsalabim"


def servers_of(dovecot: Dovecot) -> list[str]:
    return [f"pop3s://localhost:{dovecot.pop3s_port}", f"imaps://localhost:{dovecot.imaps_port}"]


@pytest.fixture
def popover(tmp_path: Path) -> Iterator[AtDesk]:
    with AtDesk(tmp_path, "pop3") as running:
        yield running


def grandpa(popover: AtDesk, dovecot: Dovecot, authority: Authority, **more: object) -> str:
    """Let it know one who calls himself so, and give who that is at Dovecot."""
    user = dovecot.new_user()
    known = {
        "login": user,
        "secret": dovecot.password,
        "servers": servers_of(dovecot),
        "ca_file": str(authority.ca_file),
    }
    popover.knows("grandpa", LOCAL, **(known | more))  # type: ignore[arg-type]
    return user


def test_session(popover: AtDesk, dovecot: Dovecot, authority: Authority) -> None:
    user = grandpa(popover, dovecot, authority)
    dovecot.deliver(user, PLAIN)
    client = poplib.POP3(*popover.at("pop3"), timeout=30)
    client.user("grandpa")
    assert client.pass_(LOCAL).startswith(b"+OK")
    assert client.stat()[0] == 1
    client.quit()
    told = popover.wait_for_event("session")
    assert told["user"] == f"grandpa ({user})"
    assert told["server"] == f"127.0.0.1:{dovecot.pop3s_port}"
    assert told["end"] in ("server closed", "client closed")
