"""How a gateway asks its tables: once for all who wait, and no longer than it lives; passwords are checked first."""

import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakes.wire import Wire
from parts.auth_http import AuthHTTP
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.net import Address, wait_until
from parts.places import short_directory
from parts.routed import Routed
from routing.places import KINDS, place, written


def asks(place: Address, user: str, password: str = "wonderland") -> Wire:
    """A client that waits for the answer to its PASS."""
    wire = Wire.to(place)
    wire.line()
    assert wire.ask(f"USER {user}".encode()).startswith(b"+OK")
    wire.send(f"PASS {password}\r\n".encode())
    return wire


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_that_hangs_does_not_keep_the_gateway_from_ending(tmp_path: Path, kind: str) -> None:
    """Nor its clients waiting for longer than its deadline."""
    with short_directory("table") as directory, place(kind, directory) as there:
        there.add("alice", "pop3s://localhost:1")
        table = written(there.source) + "\ndeadline = 1\nrefuse_after = 0"
        with Routed(tmp_path, table, "pop3") as popover:
            with asks(popover.at("pop3"), "alice") as wire:
                assert wire.line().startswith(b"-ERR [SYS/TEMP] ")  # there is no such server
            there.hang()
            try:
                with asks(popover.at("pop3"), "bob") as wire:
                    assert wire.line().startswith(b"-ERR [SYS/TEMP] ")
                assert "deadline" in popover.wait_for_event("table")["text"]
                assert popover.stop(timeout=20) == 0
            finally:
                there.go_on()


def test_all_who_wait_for_the_same_name_are_answered_by_one_look_up(
    tmp_path: Path, dovecot: Dovecot, authority: Authority
) -> None:
    user = dovecot.new_user()
    with ExitStack() as stack:
        back_end = stack.enter_context(AuthHTTP())
        back_end.add(user, "localhost", dovecot.pop3s_port)
        table = f'name = "users"\nkind = "http"\nurl = "{back_end.url}"\nrefuse_after = 0\ndeadline = 30'
        popover = stack.enter_context(Routed(tmp_path, table, "pop3", ca_file=str(authority.ca_file)))
        back_end.go_on.clear()
        waiting = [stack.enter_context(asks(popover.at("pop3"), user, dovecot.password)) for _ in range(10)]
        wait_until(lambda: back_end.asked, "it is asked")
        waiting[0].reset()  # who asked first has left meanwhile
        back_end.go_on.set()
        assert all(wire.line().startswith(b"+OK") for wire in waiting[1:])
        assert len(back_end.asked) == 1
        for _ in range(3):
            with asks(popover.at("pop3"), "nobody") as wire:
                assert wire.line().startswith(b"-ERR [AUTH] ")
        assert len(back_end.asked) == 2  # that there is no such user is remembered, too


def htpasswd(*words: str) -> str:
    done = subprocess.run(["openssl", "passwd", "-5", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_password_that_is_wrong_here_never_reaches_the_server(
    tmp_path: Path, dovecot: Dovecot, authority: Authority, workdir: Callable[[], Path]
) -> None:
    """Nor does a name that is unknown here; both are told alike. What is right here goes on to the server."""
    user, other = dovecot.new_user(), dovecot.new_user()
    users = workdir() / "users"
    users.write_text(f"{user}:{htpasswd(dovecot.password)}\n{other}:{htpasswd('of the house')}\n")
    table = f'name = "users"\nkind = "static"\nrefuse_after = 0\nroutes = {{ "*" = "localhost:{dovecot.pop3s_port}" }}'
    keys = {"authenticate": f"htpasswd:{users}", "ca_file": str(authority.ca_file)}
    with Routed(tmp_path, table, "pop3", **keys) as popover:
        told = []
        for name, password in ((user, "wrong"), ("stranger", dovecot.password), (other, dovecot.password)):
            with asks(popover.at("pop3"), name, password) as wire:
                told.append(wire.line())
        assert len(set(told)) == 1
        assert told[0].startswith(b"-ERR [AUTH] ")
        assert not [event for event in popover.events("session") if event.get("server")]
        with asks(popover.at("pop3"), other, "of the house") as wire:
            assert wire.line().startswith(b"-ERR [AUTH] ")  # in the server's words: there it is another one
        with asks(popover.at("pop3"), user, dovecot.password) as wire:
            assert wire.line().startswith(b"+OK")
    log = dovecot.log()
    assert "stranger" not in log
    assert dovecot.password not in "".join(popover.log_lines())
