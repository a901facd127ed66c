"""Secrets: passwords, client secrets, keys, from where the configuration says. Read anew each time, so that a change
is in force at the next login.

A file must be its owner's alone. That of a systemd credential is guarded by systemd, which shows its rights in its own
way (an ACL), and a container's /run/secrets is, too: CREDENTIALS_DIRECTORY may name that.
"""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path

from popover.accounts.kept import KEPT_LIMIT, read_kept
from popover.accounts.private import for_shell, read_private
from popover.config import SecretSource, quote
from popover.errors import SecretFailure

SECRET_LIMIT = 4096
"""Octets of a secret of one line: a client's whole login has to fit into a line of some 12,000 in base64; the longest
that providers hand out have some 200. Tokens are not kept here."""

KEY_LIMIT = 64 * 1024
"""Octets of a private key in PEM: one of RSA with 4,096 bits has 3,300, with its certificates some 10,000."""

_BREAKS = re.compile(rb"[\r\n\0]")

CAUSE = "the gateway cannot read what it needs for this account"
"""All that a client's user has to know; the log knows where and why."""


def read_secret(source: SecretSource) -> bytes:
    """Read a secret of one line, without its line end. Raises SecretFailure."""
    octets = _octets(source, SECRET_LIMIT).removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n")
    if not octets:
        raise _failure(source, "is empty")
    if _BREAKS.search(octets):
        raise _failure(source, "holds more than one line, or a NUL: no mail protocol could carry it")
    return octets


def read_key(source: SecretSource) -> bytes:
    """Read a secret as it is, with all its lines: a key in PEM, or what is known to be one line. Raises
    SecretFailure.
    """
    return _octets(source, KEY_LIMIT)


def _octets(source: SecretSource, limit: int) -> bytes:
    try:
        match source.kind:
            case "file":
                return read_private(source.where, limit)
            case "account":
                return _of_account(source, limit)
            case "credential":
                return _credential(source.where, limit)
            case "environment":
                return os.environb[os.fsencode(source.where)]
    except KeyError:
        raise _failure(source, "is not set") from None
    except OSError as fault:
        raise _failure(source, _why(source, fault)) from None
    except ValueError as wrong:
        raise _failure(source, str(wrong)) from None


def _credential(name: str, limit: int) -> bytes:
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise ValueError(f"was not given to popover: write LoadCredential={name}:FILE in its unit")
    with (Path(directory) / name).open("rb") as file:
        octets = file.read(limit + 1)
    if len(octets) > limit:
        raise ValueError(f"has more than {limit} octets: this is no secret")
    return octets


def _of_account(source: SecretSource, limit: int) -> bytes:
    value = read_kept(read_private(source.where, KEPT_LIMIT)).get(source.key)
    if not isinstance(value, str):
        raise ValueError(f"holds no {source.key} any more: popover account passwd makes one")  # noqa: TRY004 - it is the file's
    octets = value.encode("utf-8", "surrogateescape")
    if len(octets) > limit:
        raise ValueError(f"holds more than {limit} octets as its {source.key}")
    return octets


def _why(source: SecretSource, fault: OSError) -> str:
    if isinstance(fault, FileNotFoundError):
        return "does not exist"
    if isinstance(fault, PermissionError) and source.kind == "file":
        return f"cannot be read by popover's user: make it its owner (chown) and chmod 600 {for_shell(source.where)}"
    return f"cannot be read: {fault.strerror}"


def _failure(source: SecretSource, what: str) -> SecretFailure:
    kinds = {"file": "the file", "account": "the file", "credential": "the credential", "environment": "the variable"}
    return SecretFailure(CAUSE, f"{kinds[source.kind]} {quote(source.where)} {what}")
