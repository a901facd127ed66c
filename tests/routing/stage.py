"""A gateway's tables without a gateway, by a clock that the test sets."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from popover.config import Server, Service, nobody
from popover.config.desk import Desk
from popover.config.flat import assemble
from popover.config.routes import Place, Static, Table
from popover.protocols.login import Credentials, Digest, Found, Login, NotFound, Password, Route, Visit
from popover.routing import Tables
from popover.routing.finder import TableFinder


def service(server: Server | None = None, dialect: str = "pop3", table: str = "users") -> Service:
    made = assemble({"name": "club", "listen": (), "server": server or nobody("pop3"), "table": table})
    if server is None and dialect != "pop3":
        made = replace(made, target=replace(made.target, server=nobody(dialect)))  # type: ignore[arg-type]
    assert isinstance(made.desk, Desk)
    return made


def static(*routes: tuple[str, str | Sequence[str]], name: str = "users", **keys: object) -> Table:
    """A table in the file: names and servers."""
    places = [(one, Place((said,) if isinstance(said, str) else tuple(said))) for one, said in routes]
    return replace(Table(name, Static(tuple(places))), **keys)  # type: ignore[arg-type]


class Stage:
    """Tables in force. `late`: how late each refusal was to be told."""

    def __init__(self, *tables: Table) -> None:
        self.now = 1000.0
        self.late: list[float] = []
        self.notes: list[str] = []
        self.tables = Tables(None, lambda: self.now)
        self.settings = tables
        self.tables.load(tables)

    async def find(
        self,
        user: str,
        at: Service | None = None,
        proof: Password | Digest | None = None,
        client: str = "192.168.1.9",
        local: str = "192.168.1.2",
    ) -> Found:
        at = at or service()
        login = Login(user, proof or Password(b"secret"))
        visit = Visit(login, at.dialect, at.name, client, local, table=at.desk.table)
        self.tables.load(self.settings, [at]) if at.desk.authenticate else None
        finder = self.tables.finder(at)
        assert isinstance(finder, TableFinder)
        found = await finder.trace(visit, self.notes.append)
        if isinstance(found, NotFound):
            self.late.append(found.late)
        return found

    def find_now(self, user: str, at: Service | None = None, proof: Password | Digest | None = None) -> Found:
        return asyncio.run(self.find(user, at, proof))


def servers(found: Found) -> list[str]:
    """Whom a login is led to, in the order of trying."""
    assert isinstance(found, Route), found
    return [str(target.server) for target in found.targets]


def said(found: Found) -> Credentials:
    """What is said there."""
    assert isinstance(found, Route), found
    credentials = asyncio.run(fetched(found, again=False))
    assert credentials is not None
    return credentials


async def fetched(route: Route, *, again: bool) -> Credentials | None:
    return await route.fetch(again)
