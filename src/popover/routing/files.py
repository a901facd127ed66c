"""Files that tables are made of: read in one go, at a load."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG

from popover.errors import ConfigError


def read_whole(file: Path, limit: int, what: str) -> bytes:
    """Give all of it. `limit`: octets; `what`: what it should be. Raises ConfigError; FileNotFoundError is the caller's
    to tell.
    """
    try:
        if not S_ISREG(file.stat().st_mode):  # opening a pipe would wait for its writer, and everybody else for us
            raise ConfigError(f"{file}: is no ordinary file")
        with file.open("rb") as stream:
            octets = stream.read(limit + 1)
    except FileNotFoundError:
        raise
    except OSError as fault:
        raise ConfigError(f"{file}: cannot be read: {fault.strerror}") from None
    if len(octets) > limit:
        raise ConfigError(f"{file}: more than {limit} bytes: this is no {what}")
    return octets
