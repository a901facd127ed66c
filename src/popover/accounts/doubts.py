"""What of an account is not as it is meant: for the log, at each start, for `check` and for `account show`."""

from __future__ import annotations

import contextlib
import pwd
from collections.abc import Callable

from popover.accounts.passwords import read_password
from popover.accounts.private import for_shell
from popover.accounts.scrypt import MARK
from popover.accounts.secrets import read_key, read_secret
from popover.config import Account, SecretSource, Service, quote
from popover.errors import SecretFailure


def secret_doubts(account: Account) -> list[str]:
    """Say which of an account's secrets cannot be read, or guard nothing, and why, a line each."""
    oauth2 = account.oauth2
    reads: list[tuple[SecretSource | None, Callable[[SecretSource], bytes]]] = [
        (account.password, read_password),
        (account.secret, read_secret),
        (oauth2.client_secret if oauth2 else None, read_secret),
        (oauth2.key if oauth2 else None, read_key),
    ]
    lines = []
    for source, read in reads:
        try:
            kept = b"" if source is None else read(source)
        except SecretFailure as fault:
            lines.append(fault.remedy)
            continue
        if source is account.password and source is not None and account.encrypts and not kept.startswith(MARK):
            lines += _beside(source)
    return lines


def owner_doubts(account: Account, user: str) -> list[str]:
    """Say which of an account's files `user` is not to read, whom popover becomes: root could, and would not notice."""
    try:
        uid = pwd.getpwnam(user).pw_uid
    except KeyError:  # told where popover is to become he
        return []
    oauth2 = account.oauth2
    sources = [account.password, account.secret, *((oauth2.client_secret, oauth2.key) if oauth2 else ())]
    lines = []
    for source in sources:
        with contextlib.suppress(OSError):  # told by who reads it
            if source is not None and source.kind == "file" and source.path.stat().st_uid != uid:
                lines.append(
                    f"account {quote(account.name)}: the file {quote(source.where)} is not {user}'s, whom popover "
                    f"becomes; chown {user} {for_shell(source.path)}"
                )
    return lines


def _beside(source: SecretSource) -> list[str]:
    """The password that opens the tokens is kept itself: on the same disk, it guards nothing there."""
    if source.kind not in ("file", "account"):
        return []
    how = "popover account passwd" if source.kind == "account" else "popover account passwd --hash"
    what = "its tokens are encrypted by its password, and that lies beside them in clear; keep its hash"
    return [f"{what} ({how}): APOP and CRAM-MD5, which need it in clear, open no tokens anyway"]


def device_doubts(service: Service, find: Callable[[str], Account | None]) -> list[str]:
    """Say whose tokens a service's device cannot open."""
    names = service.desk.accounts if service.desk.device and isinstance(service.desk.accounts, tuple) else ()
    return [
        f"the account {quote(name)} encrypts its tokens by a password, which a device does not say; give the device an "
        "account of its own, without encrypt"
        for name in names
        if (account := find(name)) is not None and account.encrypts
    ]
