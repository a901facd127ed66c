"""popover with a finder of the tests, as a program: `python finding.py run -c FILE`.

The file that POPOVER_TEST_LOGINS names is read anew for each login, so that a test may change what comes of it:
`{name: {"password": ..., "login": ..., "secret": ..., "servers": [URL, ...], "ca_file": ..., ...}}`; see `Known`.
"""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from popover.cli import main
from popover.config import Target, Trust, parse_server
from popover.errors import Failure
from popover.process import finders
from popover.protocols.login import Credentials, Digest, Found, NotFound, Route, Unsure, Visit

LOGINS = "POPOVER_TEST_LOGINS"


@dataclass(frozen=True)
class Known:
    """One login. `again`: another secret, for a second try; `slow`: seconds that looking it up takes; `late`:
    those of NotFound; `unsure`, `trouble`: why nobody can say who it is, or what to say for it.
    """

    password: str
    login: str
    secret: str
    servers: tuple[str, ...]
    ca_file: str | None = None
    again: str | None = None
    slow: float = 0.0
    late: float = 0.0
    unsure: str = ""
    trouble: str = ""
    connect_timeout: float = 10

    def is_said(self, visit: Visit) -> bool:
        assert visit.login is not None
        proof, password = visit.login.proof, self.password.encode()
        return proof.is_of(password) if isinstance(proof, Digest) else proof.octets == password

    def route(self, visit: Visit) -> Route:
        servers = [one for word in self.servers if (one := parse_server(word)).dialect == visit.dialect]
        trust = Trust(Path(self.ca_file) if self.ca_file else None)
        targets = [Target(server, trust, connect_timeout=self.connect_timeout) for server in servers]
        name = visit.login.user if visit.login is not None else "a device"
        return Route(f"{name} ({self.login})", tuple(targets), self.fetch)

    async def fetch(self, is_refused: bool) -> Credentials | None:
        if self.trouble:
            raise Failure(self.trouble, "it is a test")
        secret = self.again if is_refused else self.secret
        if secret is None:
            return None
        return Credentials(self.login, secret.encode(), is_passed_on=secret == self.password)


class Logins:
    """The finder of one service."""

    takes_digests = True

    async def find(self, visit: Visit) -> Found:
        known = _read()
        assert visit.login is not None
        if visit.login.user not in known:
            return NotFound("there is no such account")
        one = Known(**known[visit.login.user])
        await asyncio.sleep(one.slow)
        if one.unsure:
            return Unsure(one.unsure, "it is a test")
        return one.route(visit) if one.is_said(visit) else NotFound("the password is wrong", one.late)


def _read() -> dict[str, Any]:
    known: dict[str, Any] = json.loads(Path(os.environ[LOGINS]).read_text())
    return known


if __name__ == "__main__":
    setattr(finders.Finders, "of", lambda _self, _service: Logins())  # noqa: B010 - as mypy wants it
    sys.exit(main(sys.argv[1:]))
