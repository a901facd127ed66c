"""`popover account login`: a person signs in at the provider, and the account has its tokens."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Mapping
from datetime import datetime

from popover.accounts.oauth2.answers import DeviceCode, Token
from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.facts import missing_scopes
from popover.accounts.oauth2.flows.browser import by_browser
from popover.accounts.oauth2.flows.device import by_device
from popover.accounts.oauth2.flows.paste import by_paste
from popover.accounts.oauth2.flows.sign_in import SignIn
from popover.accounts.oauth2.kept import Kept
from popover.accounts.oauth2.providers import Flow
from popover.accounts.oauth2.refresh import renew
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.way import Way
from popover.accounts.secrets import read_key
from popover.accounts.store import Store
from popover.cli.account.ask import ask as ask_for
from popover.cli.account.place import Found, find_account
from popover.cli.account.sealed import key_of, prompt, told, wish
from popover.cli.output import say, warn
from popover.config import Account, quote
from popover.errors import Failure, StartError


def login(arguments: argparse.Namespace) -> int:
    """Sign in, and keep what comes of it. Raises ConfigError, StartError."""
    file = arguments.password_file
    said = None if file is None else ask_for(prompt(arguments.name), file)  # before root may have become somebody else
    account, is_kept, tokens = found(arguments)
    wished = wish(arguments, account, is_kept=is_kept)
    key = key_of(wished, said)
    if wished != account:
        Store(tokens.parent / "accounts").change(account, {}, {"encrypt": wished.encrypts})
        account = wished
    ask = Ask(read_key)
    try:
        way = ask.way(account)
        if way.grant != "user":
            kept = renew(account, ask, TokenFile(tokens, account.name), lambda _: False, time.time, insist=True)
        else:
            sign_in = SignIn(account, tokens, ask, key=key)
            kept = sign_in.keep(_by(flow_of(arguments, way, os.environ), sign_in))
    except Failure as fault:
        raise StartError(told(fault)) from None
    _conclude(account, way, kept)
    return 0


def found(arguments: argparse.Namespace) -> Found:
    """Find the account, which signs in by OAuth2. Raises ConfigError, StartError."""
    # As root we may go to another place and become another user: what a file names has to be found from there, too.
    config = arguments.config and arguments.config.resolve()
    there = find_account(arguments.name, config)
    account = there.account
    if account.oauth2 is None:
        raise StartError(
            f"{quote(account.name)} signs in by a password, not by OAuth2: popover account passwd {account.name} "
            "--secret changes that"
        )
    return there


def flow_of(arguments: argparse.Namespace, way: Way, environ: Mapping[str, str]) -> Flow:
    """Choose how: as is wished, else the easiest that works from here. Raises StartError."""
    wished: Flow | None = next((flow for flow in ("device", "browser", "paste") if getattr(arguments, flow)), None)
    if wished is not None:
        if wished not in way.flows:
            raise StartError(f"{way.title} cannot be signed in at by --{wished}, but by --{', --'.join(way.flows)}")
        return wished
    has_screen = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")) and "SSH_CONNECTION" not in environ
    return next(flow for flow in way.flows if flow != "browser" or has_screen)


def _by(flow: Flow, sign_in: SignIn) -> Token:
    user = sign_in.account.login
    match flow:
        case "device":
            return by_device(sign_in, lambda code: _show_code(code, user))
        case "browser":
            return by_browser(sign_in, lambda address: _show_address(address, user, "a browser on this machine"))
        case "paste":
            return by_paste(sign_in, lambda address: _show_address(address, user, "any browser"), _read_back, warn)


def _show_code(code: DeviceCode, user: str) -> None:
    whole = f"Or open this one, which has the code in it:\n\n    {code.complete}\n\n" if code.complete else ""
    say(
        f"Open this page in a browser, on any machine, and enter the code there:\n\n    {code.address}\n"
        f"    {code.user_code}\n\n{whole}"
        f"Sign in as {user}. The code is good for {code.life / 60:.0f} minutes; waiting ..."
    )


def _show_address(address: str, user: str, where: str) -> None:
    say(f"Open this address in {where}, and sign in as {user}:\n\n    {address}\n")


def _read_back() -> str:
    """Read a line that may be longer than a terminal's own 4,095 characters: readline reads it by itself."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401, PLC0415 - what `input` looks for
    say("Then the browser finds nothing: that is right so. Copy the address that it shows, and paste it here:")
    try:
        return input()
    except EOFError:
        raise StartError("no address was pasted") from None


def _conclude(account: Account, way: Way, kept: Kept) -> None:
    until = datetime.fromtimestamp(kept.expires).strftime("%H:%M")  # noqa: DTZ006 - as the clock on the wall shows it
    say(
        f"{quote(account.name)} is signed in at {way.title}; the first token is good until {until}, and is renewed then"
    )
    if way.grant == "user" and kept.refresh is None:
        warn(
            f"{way.title} has given nothing to renew it by, so this is needed again then: see docs/oauth2/{way.page}.md"
        )
    if missing := missing_scopes(way.scopes, kept):
        warn(f"{way.title} has not given what {' and '.join(missing).upper()} needs: see docs/oauth2/{way.page}.md")
