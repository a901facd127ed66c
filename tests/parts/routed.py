"""A popover whose services ask a routing table, and the file that says so.

with Routed(directory, 'name = "users"\\nkind = "static"\\nroutes = {...}', "pop3", "imap", ca_file=...) as popover:
    fetch(popover.at("pop3"))
"""

import json
from pathlib import Path
from typing import Any

from parts.net import Address
from parts.popover import Popover


class Routed(Popover):
    """`popover run -c FILE` with one service for each dialect. `table`: the lines below `[[table]]`; `keys` are further
    keys of all the services.
    """

    def __init__(self, directory: Path, table: str, *dialects: str, **keys: Any) -> None:
        self.file = directory / "popover.toml"
        self._dialects = dialects
        self._keys = keys
        self.configure(table)
        super().__init__("-c", self.file, env={"STATE_DIRECTORY": str(directory / "state")})

    def configure(self, table: str, **keys: Any) -> None:
        """Write the file, anew for a reload."""
        lines = [
            f"{key} = {json.dumps(value)}" for key, value in ({"listen": "127.0.0.1:0"} | self._keys | keys).items()
        ]
        services = [
            "\n".join(("[[service]]", f'name = "{one}"', f'dialect = "{one}"', 'table = "users"', *lines))
            for one in self._dialects
        ]
        self.file.write_text("\n\n".join([*services, "[[table]]\n" + table]) + "\n")

    def at(self, dialect: str) -> Address:
        """Where its service listens."""
        return self.addresses[self._dialects.index(dialect)]
