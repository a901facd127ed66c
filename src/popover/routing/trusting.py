"""TLS with back ends and directories: as strict as with mail servers."""

from __future__ import annotations

from pathlib import Path
from ssl import SSLContext

from popover.errors import ConfigError
from popover.wire.verified import verified_context


def trusting(ca_file: Path | None) -> SSLContext:
    """Make a context that verifies chain and name. Raises ConfigError."""
    try:
        return verified_context(ca_file, is_framed=True)
    except OSError as fault:
        raise ConfigError(f"ca_file: {ca_file} cannot be used: {fault.strerror or fault}") from None
