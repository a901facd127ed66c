"""One door for everyone: two mail servers, users split between them, one port a dialect, and each kind of table."""

import imaplib
import itertools
import json
import poplib
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from parts.account import Account
from parts.auth_http import AuthHTTP
from parts.certificates import Authority
from parts.clients import SMTP_CLIENTS
from parts.dovecot import Dovecot
from parts.net import wait_until
from parts.places import short_directory
from parts.postfix import Postfix
from parts.routed import Routed
from routing.places import KINDS, place, written

DIALECTS = ("pop3", "imap", "smtp")
FILES = ("static", "popmap", "popmap.re")


class Town:
    """Two mail servers. The user of the same name at both has other mail there."""

    def __init__(
        self, here: Dovecot, there: Dovecot, postfix: Postfix, far_postfix: Postfix, authority: Authority
    ) -> None:
        self.servers = {"here": here, "there": there}
        self.postfixes = {"here": postfix, "there": far_postfix}
        self.ca_file = str(authority.ca_file)
        self.users: dict[str, str] = {}
        self._numbers = itertools.count(4000)

    def moves_in(self, at: str) -> str:
        """A new user of that server, with a letter that says where it is; at the other is one of the same name."""
        user = f"user{next(self._numbers)}"  # which both servers know
        for name, server in self.servers.items():
            server.wipe(user)
            server.deliver(user, f"Subject: {name}\r\n\r\nfor {user}\r\n".encode())
        self.users[user] = at
        return user

    def places(self, user: str) -> list[str]:
        """The user's servers, one a dialect, as an entry has them."""
        at = self.users[user]
        server = self.servers[at]
        ports = {"pop3s": server.pop3s_port, "imaps": server.imaps_port, "smtps": self.postfixes[at].port}
        return [f"{scheme}://localhost:{port}" for scheme, port in ports.items()]


@pytest.fixture(scope="module")
def town(dovecot: Dovecot, postfix: Postfix, authority: Authority) -> Iterator[Town]:
    with (
        short_directory("there") as directory,
        short_directory("postfix") as other,
        Dovecot(directory, authority) as there,
        Postfix(other, authority, there) as far_postfix,
    ):
        yield Town(dovecot, there, postfix, far_postfix, authority)


def subject_by_pop3(popover: Routed, user: str) -> str:
    with closing(poplib.POP3(*popover.at("pop3"), timeout=30)) as client:
        client.user(user)
        client.pass_(Dovecot.password)
        lines = client.retr(1)[1]
        client.quit()
    return lines[0].decode().removeprefix("Subject: ")


def subject_by_imap(popover: Routed, user: str) -> str:
    with imaplib.IMAP4(*popover.at("imap"), timeout=30) as client:
        client.login(user, Dovecot.password)
        client.select()
        [found] = client.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][:1]
        assert isinstance(found, tuple)
        return found[1].decode().strip().removeprefix("Subject: ")


def table_of_files(kind: str, directory: Path, town: Town, users: list[str]) -> str:
    """A table that is a file of ours; without a scheme, an entry is for one dialect: POP3."""
    if kind == "static":
        routes = ", ".join(f"{json.dumps(user)} = {json.dumps(town.places(user))}" for user in users)
        return f'name = "users"\nkind = "static"\nroutes = {{ {routes} }}'
    lines = []
    for user in users:
        key = f"^{user}$:" if kind == "popmap.re" else f"{user}:"
        lines.append(f"{key}{' ' if kind == 'popmap.re' else ''}{','.join(town.places(user))}")
    (directory / kind).write_text("\n".join(lines) + "\n")
    return f'name = "users"\nkind = "popmap"\nfile = "{kind}"'


@pytest.mark.parametrize("kind", FILES)
def test_users_reach_their_own_server_by_a_table_that_is_a_file(tmp_path: Path, town: Town, kind: str) -> None:
    users = [town.moves_in(at) for at in ("here", "there", "here", "there")]
    table = table_of_files(kind, tmp_path, town, users)
    with Routed(tmp_path, table, *DIALECTS, ca_file=town.ca_file) as popover:
        for user in users:
            assert subject_by_pop3(popover, user) == town.users[user]
            assert subject_by_imap(popover, user) == town.users[user]


@pytest.mark.parametrize("kind", KINDS)
def test_users_reach_their_own_server_by_a_table_that_is_asked(tmp_path: Path, town: Town, kind: str) -> None:
    users = [town.moves_in(at) for at in ("here", "there")]
    with short_directory("table") as directory, place(kind, directory) as there:
        for user in users:
            there.add(user, *town.places(user))
        with Routed(tmp_path, written(there.source), *DIALECTS, ca_file=town.ca_file) as popover:
            for user in users:
                assert subject_by_pop3(popover, user) == town.users[user]
                assert subject_by_imap(popover, user) == town.users[user]
            there.stop()
            for user in users:  # who was found before has its mail all the same
                assert subject_by_pop3(popover, user) == town.users[user]
            with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
                subject_by_pop3(popover, "stranger")
            there.start()


@pytest.mark.parametrize("client", SMTP_CLIENTS)
def test_mail_leaves_by_the_server_of_who_sends_it(
    tmp_path: Path, town: Town, workdir: Callable[[], Path], client: str
) -> None:
    users = [town.moves_in(at) for at in ("here", "there")]
    table = table_of_files("popmap", tmp_path, town, users)
    with Routed(tmp_path, table, "smtp", ca_file=town.ca_file) as popover:
        for user in users:
            server, postfix = town.servers[town.users[user]], town.postfixes[town.users[user]]
            server.wipe(user)
            account = Account(popover.at("smtp"), user, Dovecot.password)
            SMTP_CLIENTS[client](account, workdir(), postfix.mailbox(user), b"Subject: sent\r\n\r\nhello\r\n")
            [stored] = server.wait_for_messages(user, 1)
            assert b"Subject: sent" in stored


def test_an_unknown_name_and_a_wrong_password_are_told_alike(tmp_path: Path, town: Town) -> None:
    user = town.moves_in("here")
    table = table_of_files("popmap", tmp_path, town, [user]) + "\nrefuse_after = 0"
    with Routed(tmp_path, table, "pop3", ca_file=town.ca_file) as popover:
        told = []
        for name in (user, "stranger"):
            with closing(poplib.POP3(*popover.at("pop3"), timeout=30)) as client:
                client.user(name)
                with pytest.raises(poplib.error_proto) as refused:
                    client.pass_("wrong")
            told.append(str(refused.value))
        assert all("[AUTH]" in one for one in told), told
        event = popover.wait_for_event("login", user="stranger")
        assert "is not in" in event["text"]


def test_a_popmap_is_read_anew_at_sighup_and_the_old_one_stays_if_that_fails(tmp_path: Path, town: Town) -> None:
    first, second = town.moves_in("here"), town.moves_in("there")
    table = table_of_files("popmap", tmp_path, town, [first]) + "\nrefuse_after = 0"
    with Routed(tmp_path, table, "pop3", ca_file=town.ca_file) as popover:
        with pytest.raises(poplib.error_proto):
            subject_by_pop3(popover, second)
        table_of_files("popmap", tmp_path, town, [first, second])
        popover.signal(signal.SIGHUP)
        popover.wait_for_event("reloaded")
        assert subject_by_pop3(popover, second) == "there"
        (tmp_path / "popmap").write_text(f"{first}:pop3://localhost\n")
        popover.signal(signal.SIGHUP)
        wait_until(lambda: any("plain text" in line for line in popover.log_lines()), "it says what is wrong")
        assert subject_by_pop3(popover, first) == "here"
        assert subject_by_pop3(popover, second) == "there"


def test_a_back_end_of_nginx_is_asked_once_for_a_login_that_it_knows(tmp_path: Path, town: Town) -> None:
    user = town.moves_in("there")
    with ExitStack() as stack:
        back_end = stack.enter_context(AuthHTTP())
        back_end.add(user, "127.0.0.1", town.servers["there"].pop3s_port)
        popover = stack.enter_context(
            Routed(tmp_path, f'name = "users"\nkind = "http"\nurl = "{back_end.url}"', "pop3", ca_file=town.ca_file)
        )
        for _ in range(3):
            assert subject_by_pop3(popover, user) == "there"
        assert len(back_end.asked) == 1


def test_one_server_may_have_an_authority_of_its_own_where_the_others_have_the_systems(
    tmp_path: Path, town: Town
) -> None:
    user = town.moves_in("here")
    table = table_of_files("static", tmp_path, town, [user])
    with Routed(tmp_path, table, *DIALECTS) as popover, closing(poplib.POP3(*popover.at("pop3"), timeout=30)) as client:
        client.user(user)
        with pytest.raises(poplib.error_proto, match=r"SYS/TEMP"):
            client.pass_(Dovecot.password)
    trust = f'\ntrust = {{ localhost = {{ ca_file = "{town.ca_file}" }} }}'
    with Routed(tmp_path, table + trust, *DIALECTS) as popover:
        assert subject_by_pop3(popover, user) == "here"
        assert subject_by_imap(popover, user) == "here"
