"""Mistakes around desks: what a service's keys say of whom it asks, and whether there are such accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from popover.config.accounts import Account, fold
from popover.config.cross import server_mistake, wrong_ca_file
from popover.config.values import Service
from popover.config.words import quote

_OF_DEVICES = ("sender", "recipients", "max_recipients", "queue")


def desk_mistakes(stated: Mapping[str, object]) -> list[str]:
    """Say what is wrong with how a service's keys, as they are written, name its server or whom its desk asks."""
    first = server_mistake(stated)
    if first is not None:
        return [first]
    mistakes = (
        _device_mistakes(stated)
        if stated.get("device") is True
        else [f"{key}: belongs to a device; write device = true" for key in _OF_DEVICES if key in stated]
    )
    if stated.get("accounts") and "table" not in stated:
        mistakes += [
            f"{key}: belongs to the account, which has the server; write it below its line [[account]]"
            for key in ("ca_file", "min_tls", "pin", "certificate_name")
            if key in stated
        ]
    return mistakes


def _device_mistakes(stated: Mapping[str, object]) -> list[str]:
    """A device says no login: so who may come in, and as whom, has to be written."""
    accounts = stated.get("accounts")
    found = []
    if not isinstance(accounts, list) or len(accounts) != 1:
        found.append('device: needs the one account that sends for it; write accounts = ["NAME"]')
    if stated.get("dialect") != "smtp":
        found.append('device: only sends; write dialect = "smtp"')
    if "allow" not in stated:
        found.append("allow: is missing; whoever it lets in sends as that account, without a password; name the "
                     'devices: allow = ["192.168.1.50"]')  # fmt: skip
    if "table" in stated:
        found.append("table: a device has the server of its account; leave it out")
    return found


def account_mistakes(
    accounts: Sequence[Account], services: Iterable[Service], account_places: Sequence[str], places: Sequence[str]
) -> list[str]:
    """Give all mistakes of accounts, and between them and services, one line each; the places say where they stand."""
    mistakes = _same_names(accounts, account_places)
    index = {fold(name): account for account in accounts for name in account.names}
    of_devices = set()
    for service, place in zip(services, places, strict=True):
        for name in _listed(service):
            account = index.get(fold(name))
            if account is None:
                continue  # one of the command's, most likely: `unknown_accounts` warns of those that are none
            if service.desk.device:
                of_devices.add(account.name)
            mistakes += [f"{place}: accounts: {line}" for line in _unfit(account, service)]
    for account, place in zip(accounts, account_places, strict=True):
        if account.password is None and account.name not in of_devices:
            mistakes.append(f"{place}: password_file: is missing; write into a file what the mail program will send, "
                            "and name that (only the account of a device needs none)")  # fmt: skip
        if account.targets and (wrong := wrong_ca_file(account.targets[0].trust)):
            mistakes.append(f"{place}: {wrong}")
    return mistakes


def unknown_accounts(services: Iterable[Service], names: Iterable[str]) -> list[str]:
    """Give a line for each account that a service lists and nobody has: a warning, for one that was removed by the
    command must not keep the gateway from starting.
    """
    known = {fold(name): name for name in names}
    lines = []
    for service in services:
        for name in _listed(service):
            if fold(name) in known:
                continue
            import difflib  # noqa: PLC0415 - for mistakes alone

            near = difflib.get_close_matches(fold(name), known, 1)
            hint = f"did you mean {quote(known[near[0]])}?" if near else "popover account add makes one"
            lines.append(f"service {quote(service.name)}: accounts: there is no account {quote(name)}; {hint}")
    return lines


def _listed(service: Service) -> tuple[str, ...]:
    accounts = service.desk.accounts
    return accounts if isinstance(accounts, tuple) else ()


def _unfit(account: Account, service: Service) -> list[str]:
    """Say why an account cannot be of use at a service."""
    lines = []
    if account.target(service.dialect) is None:
        lines.append(f"{quote(account.name)} has no server for {service.dialect}, which this service speaks; write "
                     f'servers = {{ {service.dialect} = "..." }} in the account')  # fmt: skip
    if account.password is None and not service.desk.device:
        lines.append(f"{quote(account.name)} has no password of its own (password_file), so nobody can log in as it")
    return lines


def _same_names(accounts: Sequence[Account], places: Sequence[str]) -> list[str]:
    first: dict[str, str] = {}
    mistakes = []
    for account, place in zip(accounts, places, strict=True):
        mistakes += [
            f"{place}: name: {quote(name)} is taken, {first[fold(name)]} has it; capitals make no difference"
            for name in account.names
            if fold(name) in first
        ]
        first |= {fold(name): place for name in account.names if fold(name) not in first}
    return mistakes
