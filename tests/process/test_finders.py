"""Who is asked where a login leads: accounts, tables, both; what a reload does to it, and a gateway without either."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from popover.config import Config, load
from popover.errors import ConfigError
from popover.log import Log
from popover.process.finders import Finders
from popover.protocols.login import Found, Login, NotFound, Password, Route, Unsure, Visit

LOG = Log(lambda _line, _priority: None)
SERVICE = '[[service]]\nname = "{0}"\ndialect = "pop3"\nlisten = "127.0.0.1:{1}"\n{2}\n'
ACCOUNT = (
    '[[account]]\nname = "{0}"\nserver = "pop3s://own.example.com"\nlogin = "{0}@example.com"\n'
    'password_file = "secret"\nsecret_file = "secret"\n'
)
TABLE = (
    '[[table]]\nname = "users"\nkind = "static"\nrefuse_after = 0\nroutes = {{ {0} = "pop3s://club.example.com" }}\n'
)

Write = Callable[[str], Config]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("simsalabim")

    def config(text: str) -> Config:
        path = tmp_path / "popover.toml"
        path.write_text(text)
        return load(path)

    return config


def asked(config: Config, *logins: tuple[str, str], before: Config | None = None) -> list[Found]:
    """What comes of logins (service, user), all with the right password."""

    async def main() -> list[Found]:
        finders = Finders(LOG, Path("/nonexistent"))
        if before is not None:
            finders.load(before)
        finders.load(config)
        found = []
        for name, user in logins:
            service = next(one for one in config.services if one.name == name)
            login, desk = Login(user, Password(b"simsalabim")), service.desk
            visit = Visit(login, "pop3", name, "127.0.0.1", accounts=desk.accounts, table=desk.table)
            found.append(await finders.of(service).find(visit))
        await finders.close()
        return found

    return asyncio.run(main())


def leads(found: Found) -> str:
    assert isinstance(found, Route), found
    return found.targets[0].server.host


def test_accounts_are_asked_where_a_service_has_them_and_a_table_where_it_has_one(write: Write) -> None:
    text = SERVICE.format("own", 1110, "accounts = true") + SERVICE.format("club", 1111, 'table = "users"')
    config = write(text + ACCOUNT.format("anna") + TABLE.format("bert"))
    own, club, stranger = asked(config, ("own", "anna"), ("club", "bert"), ("club", "anna"))
    assert leads(own) == "own.example.com"
    assert leads(club) == "club.example.com"
    assert isinstance(stranger, NotFound)


def test_name_of_an_account_is_never_looked_up_in_the_table_behind_it(write: Write) -> None:
    service = SERVICE.format("both", 1110, 'accounts = true\ntable = "users"')
    config = write(service + ACCOUNT.format("anna") + TABLE.format("anna"))
    [found] = asked(config, ("both", "anna"))
    assert leads(found) == "own.example.com"


def test_service_says_how_the_servers_of_its_accounts_are_reached(write: Write) -> None:
    keys = 'accounts = true\nconnect_timeout = 3\nsource_address = "127.0.0.7"'
    [found] = asked(write(SERVICE.format("own", 1110, keys) + ACCOUNT.format("anna")), ("own", "anna"))
    assert isinstance(found, Route)
    [target] = found.targets
    assert (target.connect_timeout, target.source_address) == (3, "127.0.0.7")


def test_reload_brings_new_accounts(write: Write) -> None:
    before = write(SERVICE.format("own", 1110, "accounts = true") + ACCOUNT.format("anna"))
    after = write(SERVICE.format("own", 1110, "accounts = true") + ACCOUNT.format("bert"))
    found, gone = asked(after, ("own", "bert"), ("own", "anna"), before=before)
    assert leads(found) == "own.example.com"
    assert isinstance(gone, NotFound)


def test_what_could_not_be_had_leaves_all_as_it_was(write: Write, tmp_path: Path) -> None:
    """A table that cannot be read; and a rest of the configuration that cannot be had (`go_back`)."""
    service = SERVICE.format("club", 1110, 'table = "users"')
    before = write(service + TABLE.format("anna"))
    broken = write(service + '[[table]]\nname = "users"\nkind = "popmap"\nfile = "none"\n')
    after = write(service + TABLE.format("bert"))

    async def main() -> None:
        finders = Finders(LOG, tmp_path)
        finders.load(before)
        [desk] = before.services
        login = Login("anna", Password(b"simsalabim"))
        visit = Visit(login, "pop3", "club", "127.0.0.1", table="users")
        with pytest.raises(ConfigError):
            finders.load(broken)
        assert isinstance(await finders.of(desk).find(visit), Route)
        finders.load(after)
        assert isinstance(await finders.of(desk).find(visit), NotFound)
        finders.go_back()
        assert isinstance(await finders.of(desk).find(visit), Route)
        await finders.close()

    asyncio.run(main())


def test_client_of_a_service_that_is_gone_is_not_called_wrong(write: Write) -> None:
    config = write(SERVICE.format("own", 1110, "accounts = true") + ACCOUNT.format("anna"))
    visit = Visit(Login("anna", Password(b"x")), "pop3", "own", "127.0.0.1", accounts=True)
    found = asyncio.run(Finders(LOG, Path("/nonexistent")).of(config.services[0]).find(visit))
    assert isinstance(found, Unsure)


def test_gateway_that_leads_to_fixed_servers_imports_neither() -> None:
    script = (
        "import asyncio, sys\nfrom popover.config import Config\nfrom popover.log import Log\n"
        "from popover.process.gateway import Gateway\n"
        "async def main(): Gateway(Log(lambda *_: None), 10).load(Config(()))\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if name.startswith(('popover.accounts.', 'popover.routing.'))])\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
