"""A service that asks who logs in: its accounts, and the servers that are known to lie behind."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from popover.accounts.doubts import owner_doubts
from popover.accounts.oauth2.facts import facts
from popover.accounts.register import Register
from popover.check.report import Report, Status
from popover.config import Account, Config, Service, Target
from popover.errors import OurFailure
from popover.process.state import state_file

_STATES: dict[str, Status] = {"good": "ok", "sign in": "fail", "broken": "fail"}


class NoTokens:
    """A check signs nobody in."""

    def load(self, accounts: Iterable[Account]) -> None:
        """There is nothing to be had ready."""

    async def access_token(self, account: Account, **_told: bytes | None) -> bytes | None:
        """Nobody asks."""
        raise OurFailure(f"a check has no token of {account.name}")


def check_accounts(report: Report, config: Config, service: Service) -> tuple[Target, ...]:
    """Look at the accounts that a service lets in; the servers to which it is known to lead."""
    folder = state_file().parent
    register = Register(NoTokens(), folder / "accounts")
    register.load(config.accounts)
    every = replace(config, accounts=register.accounts())
    if service.desk.accounts:
        for line in register.doubts([service]):
            what, _, remedy = line.partition("; ")
            report.add("accounts", "warn", what, remedy or "nobody can log in by that until it is mended")
        let_in = [account for account in every.accounts_of(service) if account.target(service.dialect) is not None]
        for line in _not_his(config, let_in):
            what, _, remedy = line.partition("; ")
            report.add("accounts", "warn", what, remedy)
        if service.rules.queue != "off" and not _is_his(config, folder):
            report.add(
                "queue",
                "warn",
                f"no mail can be kept in {folder}, which is not {config.user}'s, whom popover becomes",
                f"install -d -o {config.user} -m 700 DIRECTORY, and start popover with STATE_DIRECTORY=DIRECTORY",
            )
        for account in let_in:
            _tell(report, account, folder / "tokens")
        if not let_in:
            kind = service.dialect.upper()
            report.add("accounts", "fail", f"none of its accounts has a server for {kind}", "popover account add")
    return every.targets_of(service)


def _not_his(config: Config, accounts: Iterable[Account]) -> list[str]:
    """What root can read, and the user will not that popover becomes."""
    if config.user is None or os.geteuid() != 0:
        return []
    return [line for account in accounts for line in owner_doubts(account, config.user)]


def _is_his(config: Config, folder: Path) -> bool:
    """Whether popover can write there, if it gives root's rights up; else nothing is known."""
    if config.user is None or os.geteuid() != 0:
        return True
    try:
        return folder.stat().st_uid == pwd.getpwnam(config.user).pw_uid
    except KeyError:  # told where popover is to become he
        return True
    except OSError:
        return False


def _tell(report: Report, account: Account, tokens: Path) -> None:
    if account.oauth2 is None:
        report.add("accounts", "ok", f"{account.name} signs in as {account.login}", account=account.name)
        return
    found = facts(account, tokens, time.time())
    report.add(
        "accounts", _STATES[found.state], f"{account.name}: {found.sentence}", found.remedy, account=account.name
    )
