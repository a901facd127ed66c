"""Passwords, asked for: on a terminal without an echo, else a line of stdin each; never arguments, which `ps` shows."""

from __future__ import annotations

import codecs
import getpass
import sys
from pathlib import Path

from popover.accounts.scrypt import MARK
from popover.accounts.secrets import SECRET_LIMIT
from popover.errors import ConfigError, StartError


def ask(prompt: str, file: Path | None = None, *, twice: bool = False) -> bytes:
    """Get a secret: from a file's one line, from the terminal, or from stdin. Raises ConfigError, StartError."""
    if file is not None:
        return _checked(_from_file(file), str(file))
    if sys.stdin is None:
        raise ConfigError(f"{prompt}: there is neither a terminal to ask, nor a stdin to read it from")
    if not sys.stdin.isatty():
        line = sys.stdin.buffer.readline(SECRET_LIMIT + 2)
        if not line:
            raise ConfigError(f"{prompt}: stdin has no line for it, and is no terminal")
        return _checked(line, prompt)
    try:
        typed = getpass.getpass(f"{prompt}: ")
        if twice and getpass.getpass("Once more: ") != typed:
            raise StartError("the two are not the same; nothing was changed")
    except EOFError:
        raise StartError("nothing was typed; nothing was changed") from None
    return _checked(typed.encode("utf-8", "surrogateescape"), prompt)


def ask_if_known(prompt: str) -> bytes:
    """Get a secret that may be forgotten, likewise; empty: nothing was said. Raises ConfigError."""
    if sys.stdin is None:
        return b""
    if sys.stdin.isatty():
        try:
            said = getpass.getpass(f"{prompt}: ").encode("utf-8", "surrogateescape")
        except EOFError:
            said = b""
    else:
        said = sys.stdin.buffer.readline(SECRET_LIMIT + 2)
    return _checked(said, prompt) if said.rstrip(b"\r\n") else b""


def _from_file(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(SECRET_LIMIT + 2)
    except (OSError, ValueError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "its name holds a NUL"
        raise StartError(f"{file} cannot be read: {why}") from None


def _checked(octets: bytes, place: str) -> bytes:
    """Give the line without its end, if it is one that a mail protocol can carry. Raises ConfigError."""
    secret = octets.removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n")
    if not secret:
        raise ConfigError(f"{place}: is empty")
    if len(secret) > SECRET_LIMIT:
        raise ConfigError(f"{place}: has more than {SECRET_LIMIT} octets: this is no password")
    if any(sign in secret for sign in b"\r\n\0"):
        raise ConfigError(f"{place}: holds more than one line, or a NUL: no mail protocol could carry it")
    if secret.startswith(MARK):
        raise ConfigError(f"{place}: is a hash; the password itself is wanted, popover makes the hash")
    return secret
