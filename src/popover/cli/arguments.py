"""The command line: its words and its help. typed.py reads what is typed."""

from __future__ import annotations

import argparse
from pathlib import Path

from popover import __version__
from popover.cli import epilogs
from popover.cli.account.arguments import EXAMPLES as _ACCOUNT
from popover.cli.account.arguments import add_verbs


def make_parser() -> argparse.ArgumentParser:
    """Make the parser, all commands in it; scripts/complete makes the shells' completions of it."""
    parser = argparse.ArgumentParser(
        prog="popover",
        description="POP over TLS, for mail clients that can't: POP3, IMAP, SMTP inside, plain or in old TLS; "
        "verified TLS outside.",
        epilog="Begin with `popover demo`, or with `popover setup you@example.com`. "
        "`popover COMMAND --help` tells more, with examples.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"popover {__version__}")
    parser.set_defaults(misused=parser.error, explained=parser.print_help, usage=parser.format_usage)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _run(_command(commands, "run", "serve mail clients", epilogs.RUN))
    _inetd(_command(commands, "inetd", "serve one session on stdin and stdout, started by xinetd", epilogs.INETD))
    _check(_command(commands, "check", "say what is wrong with a set-up, and what to do", epilogs.CHECK))
    _route(_command(commands, "route", "say where a user's login leads, and why", epilogs.ROUTE))
    _demo(_command(commands, "demo", "see it work, with a mail server made for it", epilogs.DEMO))
    _setup(_command(commands, "setup", "set it up for an address: servers, checks, the file", epilogs.SETUP))
    _explain(_command(commands, "explain", "say what a server's refusal means, and what to do", epilogs.EXPLAIN))
    _account(_command(commands, "account", "keep own logins: popover signs in with the provider for them", _ACCOUNT))
    _queue(_command(commands, "queue", "see to mails of devices that wait for their server", epilogs.QUEUE))
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, does: str, epilog: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    # Which know this command's own usage.
    parser.set_defaults(misused=parser.error, explained=parser.print_help, usage=parser.format_usage)
    return parser


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="[LISTEN=]SERVER", help="a service: where, and to which server")
    parser.add_argument("-c", "--config", metavar="FILE", type=_path, help="serve from a file, or a directory of files")
    _shared(parser)
    parser.add_argument("--max-sessions", metavar="N", type=_count, help="sessions per service at most (0: no limit)")
    parser.add_argument("--user", metavar="NAME", help="become this user after binding low ports")
    parser.add_argument("--check", action="store_true", help="only say whether FILE or the words are right, and exit")
    parser.add_argument("--trace", action="store_true", help="log what is said, without secrets and without bodies")


def _inetd(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("server", metavar="SERVER", help="the mail server; with -c: the name of a service in FILE")
    parser.add_argument("-c", "--config", metavar="FILE", type=_path, help="serve as this service of a file does")
    _shared(parser)


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="[LISTEN=]SERVER", help="a service as `run` takes it")
    parser.add_argument("-c", "--config", metavar="FILE", type=_path, help="check a file, or a directory of files")
    _ca_file(parser)
    parser.add_argument("--login", metavar="USER", help="log in, too")
    parser.add_argument(
        "--save-certificate",
        metavar="FILE",
        type=_path,
        help="of a server of your own: write its self-made certificate to FILE, and check with that as --ca-file",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    parser.set_defaults(allow=None, unsafe_public=False, max_sessions=None, user=None)
    parser.set_defaults(tls=None, tls_cert=None, tls_key=None, legacy=False)


def _route(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", metavar="USER", help="the name as the mail program says it")
    parser.add_argument("-c", "--config", metavar="FILE", type=_path, required=True, help="a file, or a directory")
    parser.add_argument("--service", metavar="NAME", help="this service only (default: all with a table)")
    parser.add_argument("--client", metavar="ADDRESS", default="127.0.0.1", help="as if a client came from there")
    parser.add_argument("--listen", metavar="ADDRESS", default="127.0.0.1", help="as if it had connected to there")
    parser.add_argument("--dial", action="store_true", help="also connect to each server: TLS and greeting, no login")


def _demo(parser: argparse.ArgumentParser) -> None:
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--listen", metavar="ADDRESS", default="127.0.0.1", help="default: 127.0.0.1, this machine")
    one.add_argument("--once", action="store_true", help="go the circle once, show each step, and exit")


def _setup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="ADDRESS", help="alice@example.com")
    parser.add_argument(
        "--server", action="append", metavar="SERVER", help="take this one (repeatable: one for each dialect)"
    )
    parser.add_argument("-c", "--config", metavar="FILE", type=_path, help="write into this file, or this directory")
    parser.add_argument("--listen", metavar="ADDRESS", default="127.0.0.1", help="default: 127.0.0.1, this machine")
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="HOST",
        help="this server is the provider's, though only DNS names it (repeatable)",
    )
    _ca_file(parser)
    parser.add_argument(
        "--account", metavar="NAME", help="an own login: what the mail program will say as its user name"
    )
    parser.add_argument("--login", metavar="LOGIN", help="who signs in with the provider, if that is not the address")
    parser.add_argument("--client-id", metavar="ID", help="it signs in by OAuth2, with a client id of your own")
    parser.add_argument("--client-secret-file", metavar="FILE", type=_path, help="take its secret from a file")
    parser.add_argument("--tenant", metavar="TENANT", help="with Microsoft: whose directory (default: the provider's)")
    parser.add_argument("--issuer", metavar="URL", help="OAuth2 of a provider that popover does not know")
    parser.add_argument("--password-file", metavar="FILE", type=_path, help="take the local password from a file")
    parser.add_argument("--secret-file", metavar="FILE", type=_path, help="take the provider's password from a file")
    parser.add_argument(
        "--unit", choices=("user", "system"), help="let systemd start it: with your session, or at boot"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing: yes to all that cannot be forged")
    parser.add_argument(
        "--json", action="store_true", help="one JSON document instead of lines; without --yes, only look"
    )


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("refusal", nargs="*", metavar="REFUSAL", help="the server's words, or a code of them")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")


def _account(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="action", metavar="VERB")
    add_verbs(lambda name, does, examples: _command(verbs, name, does, examples))


def _queue(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "retry", "drop"), metavar="{list,retry,drop}", help="what to do")
    parser.add_argument(
        "names", nargs="*", default=[], metavar="NAME", help="which mails (retry without: all that wait)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")


def _ca_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ca-file",
        metavar="FILE",
        type=_path,
        help="trust the authorities in this PEM file, not the system's",
    )


def _tls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tls",
        choices=("off", "offer", "require", "implicit"),
        help="TLS for clients: offer or require STLS/STARTTLS, or implicit, from the first octet on (default: off)",
    )
    parser.add_argument(
        "--tls-cert", metavar="FILE", type=_path, help="show this certificate (PEM), not one of our own"
    )
    parser.add_argument("--tls-key", metavar="FILE", type=_path, help="its key (PEM), if that is another file")
    parser.add_argument("--legacy", action="store_true", help="let in old TLS, too: 1.0 and 1.1, RSA key exchange")


def _shared(parser: argparse.ArgumentParser) -> None:
    _ca_file(parser)
    _tls(parser)
    parser.add_argument("--log-format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "--allow",
        action="append",
        metavar="NETWORK",
        help="let in clients from there (repeatable; without it: this machine and private networks)",
    )
    parser.add_argument(
        "--unsafe-public",
        action="store_true",
        help="let --allow name public networks: strangers on the way can read the passwords",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="log more: the settings of each service, whenever they are read"
    )


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("it is empty (a variable of a script that was not set?)")
    return Path(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more; is {text!r}")
    return int(text)
