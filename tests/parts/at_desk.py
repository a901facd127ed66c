"""A popover whose services ask at the desk, and what the tests let it know of logins.

with AtDesk(directory, "pop3", "imap") as popover:
    popover.knows("grandpa", "simsalabim", login=user, secret=dovecot.password, servers=[...], ca_file=...)
    fetch(popover.at("pop3"))
"""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from parts import finding
from parts.net import Address
from parts.popover import Popover


class AtDesk(Popover):
    """`popover run -c FILE` with one service for each dialect. `keys` are further keys of them all; `also`: lines of
    the file that stand above the services.
    """

    program: ClassVar[Sequence[str]] = (sys.executable, "-P", finding.__file__)

    def __init__(self, directory: Path, *dialects: str, also: str = "", **keys: Any) -> None:
        self.file = directory / "popover.toml"
        self.logins = directory / "logins.json"
        self._dialects = dialects
        self._known: dict[str, dict[str, Any]] = {}
        self.tls = str(keys.get("tls", "off"))
        self._write()
        self.configure(also, **keys)
        state = {"STATE_DIRECTORY": str(directory / "state"), finding.LOGINS: str(self.logins)}
        super().__init__("-c", self.file, env=state)

    def configure(self, also: str = "", **keys: Any) -> None:
        """Write the file, anew for a reload."""
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        services = (
            "\n".join((f'[[service]]\nname = "{one}"', f'dialect = "{one}"', "accounts = true", *_LISTEN, *lines, ""))
            for one in self._dialects
        )
        self.file.write_text("\n".join((also, *services)))

    def at(self, dialect: str) -> Address:
        """Where its service listens."""
        return self.addresses[self._dialects.index(dialect)]

    def knows(self, name: str, password: str, *, login: str, secret: str, servers: Iterable[str], **more: Any) -> None:
        """Let it know a login, from now on."""
        self._known[name] = {"password": password, "login": login, "secret": secret, "servers": list(servers), **more}
        self._write()

    def known(self, name: str) -> dict[str, Any]:
        """What it knows of a login."""
        return self._known[name]

    def _write(self) -> None:
        draft = self.logins.with_suffix(".new")
        draft.write_text(json.dumps(self._known))
        draft.replace(self.logins)

    def told(self, **match: object) -> list[str]:
        """What the log says of logins that were not let in."""
        return [str(event["text"]) for event in self.events("login", **match)]


_LISTEN = ('listen = "127.0.0.1:0"',)
