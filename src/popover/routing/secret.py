"""The password of a table: read once, at a load, while popover still is who may read it."""

from __future__ import annotations

import os
from pathlib import Path

from popover.config.accounts import SecretSource
from popover.errors import ConfigError

SECRET_LIMIT = 4096
"""Octets: no password is longer; it keeps /dev/zero out."""

_KEYS = {"file": "password_file", "credential": "password_credential", "environment": "password_env"}


def read_secret(source: SecretSource) -> str:
    """Give it without the line end that editors put behind it. Raises ConfigError, never with the secret in it."""
    key = _KEYS.get(source.kind, source.kind)
    if source.kind == "environment":
        if source.where not in os.environ:
            raise ConfigError(f"{key}: there is no variable {source.where}")
        return os.environ[source.where]
    path = source.path
    if source.kind == "credential":
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if folder is None:
            raise ConfigError(f"{key}: there are no credentials: LoadCredential= in the unit gives {source.where}")
        path = Path(folder) / source.where
    try:
        with path.open("rb") as file:
            return file.read(SECRET_LIMIT).decode().removesuffix("\n").removesuffix("\r")
    except FileNotFoundError:
        raise ConfigError(f"{key}: {path} does not exist; write the password into it, and nothing else") from None
    except OSError as fault:
        raise ConfigError(f"{key}: {path} cannot be read: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{key}: {path} is not UTF-8") from None
