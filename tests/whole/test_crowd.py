"""200 people at random behind one desk, each with mail of his own: nobody ever sees another's.

All come from one address and at the same time, over and over: their sessions take the same connections that stand
ready, ask ahead and read ahead; some say a wrong password, some vanish at any moment.
"""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from parts.certificates import Authority
from parts.crowd import Crowd
from parts.dovecot import Dovecot
from parts.net import Address
from parts.popover import Popover

LOCAL = "simsalabim"
DIALECTS = ("pop3", "imap")
ROUNDS = 500


class Door:
    """Where one finds the popover that is not yet there when its people move in."""

    def __init__(self) -> None:
        self.popover: Popover | None = None

    def at(self, dialect: str) -> Address:
        assert self.popover is not None
        return self.popover.addresses[DIALECTS.index(dialect)]


def write_secret(path: Path, words: str) -> None:
    path.touch(mode=0o600)
    path.write_text(f"{words}\n")


def accounts(directory: Path, crowd: Crowd, dovecot: Dovecot, authority: Authority) -> str:
    """An account for each of them."""
    write_secret(directory / "local", LOCAL)
    write_secret(directory / "secret", dovecot.password)
    servers = f'{{ pop3 = "pop3s://localhost:{dovecot.pop3s_port}", imap = "imaps://localhost:{dovecot.imaps_port}" }}'
    return "".join(
        f'[[account]]\nname = "{name}"\nlogin = "{user}"\nservers = {servers}\nca_file = "{authority.ca_file}"\n'
        'password_file = "local"\nsecret_file = "secret"\n'
        for name, user in crowd.logins.items()
    )


def static(directory: Path, crowd: Crowd, dovecot: Dovecot, authority: Authority) -> str:  # noqa: ARG001 - as the others
    """A route in the file for each."""
    servers = json.dumps([f"pop3s://localhost:{dovecot.pop3s_port}", f"imaps://localhost:{dovecot.imaps_port}"])
    routes = ", ".join(f'{name} = {{ server = {servers}, user = "{user}" }}' for name, user in crowd.logins.items())
    return f'[[table]]\nname = "users"\nkind = "static"\nroutes = {{ {routes} }}\n'


def sqlite(directory: Path, crowd: Crowd, dovecot: Dovecot, authority: Authority) -> str:  # noqa: ARG001 - as the others
    """A row for each; asked anew each second, so that there are many look-ups and what is remembered, too."""
    database = sqlite3.connect(directory / "mail.db")
    database.execute("create table people (name text, user text)")
    database.executemany("insert into people values (?, ?)", crowd.logins.items())
    database.commit()
    database.close()
    ports = f"case :dialect when 'pop3' then {dovecot.pop3s_port} else {dovecot.imaps_port} end"
    query = f"select 'localhost' as server, {ports} as port, user from people where name = :user"
    return (
        f'[[table]]\nname = "users"\nkind = "sql"\nurl = "sqlite:///{directory / "mail.db"}"\nquery = "{query}"\n'
        "cache_ttl = 1\n"
    )


@pytest.mark.parametrize("kind", [accounts, static, sqlite])
def test_200_users_at_random_each_sees_only_its_own_mailbox(
    tmp_path: Path,
    dovecot: Dovecot,
    authority: Authority,
    kind: Callable[[Path, Crowd, Dovecot, Authority], str],
) -> None:
    door = Door()
    has_accounts = kind is accounts
    crowd = Crowd(door.at, dovecot, LOCAL if has_accounts else dovecot.password)
    whom = "accounts = true\n" if has_accounts else f'table = "users"\nca_file = "{authority.ca_file}"\n'
    services = "".join(
        f'[[service]]\nname = "{dialect}"\ndialect = "{dialect}"\nlisten = "127.0.0.1:0"\n'
        f"max_sessions_per_client = 0\n{whom}"
        for dialect in DIALECTS
    )
    (tmp_path / "popover.toml").write_text(services + kind(tmp_path, crowd, dovecot, authority))
    with Popover("-c", tmp_path / "popover.toml", env={"STATE_DIRECTORY": str(tmp_path / "state")}) as popover:
        door.popover = popover
        crowd.comes(popover, ROUNDS)
