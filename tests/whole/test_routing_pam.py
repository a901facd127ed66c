"""Passwords are checked by PAM before the server hears of them, in a root with people of its own."""

from pathlib import Path

import pytest

import popover
from fakes.wire import Wire
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.places import short_directory
from parts.private import OWN, inside
from parts.residents import PASSWORD, Residents
from parts.routed import Routed

_RUN = """
import ctypes.util, sys
ctypes.util.find_library = lambda name: f"lib{name}.so.0"  # it asks ldconfig, whose cache no package brings
from popover.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_what_pam_says_counts_before_the_server_is_asked(
    tmp_path: Path, dovecot: Dovecot, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pam  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

    with short_directory("pam") as directory:
        residents = Residents(directory)
        user, other = residents.add(), residents.add()
        dovecot.add_user(user, PASSWORD)
        (directory / "popover").write_text("auth required pam_unix.so\naccount required pam_unix.so\n")
        (directory / "broken").write_text("auth required pam_none.so\n")
        binds = residents.binds | {  # names that the packages of mail servers bring: nothing is written below .parts
            "/etc/pam.d/dovecot": directory / "popover",
            "/etc/pam.d/imap": directory / "broken",
            "/opt/popover": Path(popover.__file__).parents[1],
            "/opt/site": Path(pam.__file__).parents[1],
        }
        words = inside(OWN, "env", "PYTHONPATH=/opt/popover:/opt/site", "python3", "-c", _RUN, binds=binds)
        monkeypatch.setattr(Routed, "program", tuple(map(str, words)))
        table = (
            f'name = "users"\nkind = "static"\nrefuse_after = 0\nroutes = {{ "*" = "localhost:{dovecot.pop3s_port}" }}'
        )
        keys = {"ca_file": str(authority.ca_file), "login_timeout": 30}
        with Routed(tmp_path, table, "pop3", authenticate="pam:dovecot", **keys) as gateway:
            told = [_asks(gateway, name, secret) for name, secret in ((user, PASSWORD), (user, "wrong"), (other, "x"))]
            assert told[0].startswith(b"+OK")
            assert [words[:12] for words in told[1:]] == [b"-ERR [AUTH] "] * 2
            assert PASSWORD not in "".join(gateway.log_lines())
        with Routed(tmp_path, table, "pop3", authenticate="pam:imap", **keys) as gateway:
            assert _asks(gateway, user, PASSWORD).startswith(b"-ERR [SYS/TEMP] ")
            assert "PAM service" in gateway.wait_for_event("login")["remedy"]


def _asks(gateway: Routed, user: str, password: str) -> bytes:
    with Wire.to(gateway.at("pop3")) as wire:
        wire.line()
        assert wire.ask(f"USER {user}".encode()).startswith(b"+OK")
        return wire.ask(f"PASS {password}".encode())
