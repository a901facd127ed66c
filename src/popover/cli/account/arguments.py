"""The words of `popover account`, and their help."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

EXAMPLES = """\
The mail program says a name and a password of this house, and popover signs in with the provider for it: at services
with `accounts = true` in their file, at once, without a restart.
Passwords are asked for; without a terminal they are read from stdin, a line each, in the order in which they would
be asked for. Root's accounts belong to the user who owns /var/lib/popover; everybody else has his own.

examples:
  popover account add grandpa --provider gmail --login grandpa@gmail.com
      asks for the password that grandpa's mail program will send, and for the app password of his at Google
  popover account add anna --server pop3s://pop.example.com --server smtps://smtp.example.com --login anna@example.com
  popover account add scanner --device --provider fastmail --login anna@fastmail.com --secret-file secret
      for a scanner that knows no login; its service names it: accounts = ["scanner"], device = true
  popover account add aunt --provider outlook --login aunt@outlook.com --client-id 12345678-...
  popover account login aunt
      for a provider that takes OAuth2 only: shows a code, and the page to enter it
  popover account passwd grandpa
  popover account list
exit: 0 it is done, 1 it could not be, 2 wrong use
"""

_ADD = """\
examples:
  popover account add grandpa --provider gmail --login grandpa@gmail.com
  popover account add anna --also a.example --server mail.example.com --login anna@example.com --plain
      for a mail program that uses APOP or CRAM-MD5, which need the password itself and not its hash
"""

_LIST = """\
examples:
  popover account list
  popover account list -c /etc/popover.toml --json
"""

_SHOW = """\
examples:
  popover account show grandpa
  popover account show grandpa --json
"""

_CHANGE = """\
examples:
  popover account passwd grandpa
      what the mail program sends; where it encrypts tokens, the present one is asked for, too
  popover account passwd grandpa --secret
      what the provider takes: a new app password
  popover account passwd --hash >grandpa.hash
      the line for a password_file of an [[account]] in a file
"""

_REMOVE = """\
examples:
  popover account remove grandpa
      sessions that he has go on to their end
"""

_LOGIN = """\
Which way it goes: a code is shown that is typed into a page of the provider's, on any machine (--device, where the
provider has that); or an address is shown, for a browser on this machine that comes back by itself (--browser), or for
one elsewhere, whose last address is copied by hand (--paste). popover ships no client id: docs/oauth2 tells how to have
one of your own. Where the tokens are encrypted by the local password, that is asked for first.

examples:
  popover account login grandpa
  popover account login grandpa --paste -c /etc/popover.toml
"""

_LOGOUT = """\
Where the tokens are encrypted by the local password, that is asked for, if the provider is one that takes them back;
who has forgotten it says nothing, and ends the sign-in on the provider's pages.

examples:
  popover account logout grandpa
"""

Add = Callable[[argparse.ArgumentParser], None]
Verb = Callable[[str, str, str], argparse.ArgumentParser]


def add_verbs(verb: Verb) -> None:
    """Add all verbs. `verb` makes the parser of one: its name, what it does, its examples."""
    _add(verb("add", "keep a new account", _ADD))
    _list(verb("list", "show all accounts, a line each", _LIST))
    _show(verb("show", "show what is kept of one account, but for its secrets", _SHOW))
    _passwd(verb("passwd", "change a password", _CHANGE))
    _login(verb("login", "sign in at the provider, by OAuth2", _LOGIN))
    _logout(verb("logout", "give that sign-in back, and forget it", _LOGOUT))
    _name(verb("remove", "remove an account", _REMOVE))


def _name(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("name", metavar="NAME", help="what the mail program says as its user name; any case will do")
    return parser


def _config_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c", "--config", metavar="FILE", type=Path, help="also the [[account]]s of a file, or a directory of files"
    )


def _login(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--device", action="store_true", help="by a code that is typed into a page of the provider's")
    one.add_argument("--browser", action="store_true", help="by a browser on this machine")
    one.add_argument("--paste", action="store_true", help="by a browser elsewhere, and an address that is pasted here")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--encrypt", action="store_true", help="from now on encrypt its tokens by the local password")
    form.add_argument("--no-encrypt", action="store_true", help="from now on do not")
    _password_file(parser)
    _config_file(parser)


def _logout(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    _password_file(parser)
    _config_file(parser)


def _password_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--password-file", metavar="FILE", type=Path, help="where that encrypts: take the local password from a file"
    )


def _config(parser: argparse.ArgumentParser) -> None:
    _config_file(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")


def _add(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("--also", action="append", metavar="NAME", help="another name for it (repeatable)")
    parser.add_argument("--login", metavar="LOGIN", required=True, help="who signs in with the provider")
    parser.add_argument(
        "--mailbox", metavar="MAILBOX", help="whose mail it is, where that is another (shared mailboxes)"
    )
    parser.add_argument("--provider", metavar="PROVIDER", help="whose servers are known: gmail, outlook, fastmail, ...")
    parser.add_argument("--server", action="append", metavar="SERVER", help="a server of its own (one a dialect)")
    parser.add_argument("--ca-file", metavar="FILE", type=Path, help="trust the authorities in this PEM file there")
    parser.add_argument("--device", action="store_true", help="for a device: nobody can log in as it")
    parser.add_argument("--plain", action="store_true", help="keep the password itself: APOP and CRAM-MD5 need it")
    parser.add_argument("--password-file", metavar="FILE", type=Path, help="take the local password from a file")
    parser.add_argument("--secret-file", metavar="FILE", type=Path, help="take the provider's password from a file")
    parser.add_argument("--client-id", metavar="ID", help="sign in by OAuth2, with a client id of your own")
    parser.add_argument("--client-secret-file", metavar="FILE", type=Path, help="take its secret from a file")
    parser.add_argument("--tenant", metavar="TENANT", help="with Microsoft: whose directory (default: the provider's)")
    parser.add_argument("--issuer", metavar="URL", help="OAuth2 of a provider that popover does not know")
    parser.add_argument("--encrypt", action="store_true", help="encrypt its tokens by the local password (docs/oauth2)")


def _list(parser: argparse.ArgumentParser) -> None:
    _config(parser)


def _show(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    _config(parser)


def _passwd(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="whose; not with --hash")
    parser.add_argument("--secret", action="store_true", help="change what the provider takes, not the local password")
    parser.add_argument("--plain", action="store_true", help="keep the password itself: APOP and CRAM-MD5 need it")
    parser.add_argument("--hash", action="store_true", help="only print the hash of a password, for a password_file")
    parser.add_argument("--password-file", metavar="FILE", type=Path, help="take the new one from a file")
