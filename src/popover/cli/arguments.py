"""The command line: its words and its help."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from popover import __version__
from popover.cli.account.arguments import EXAMPLES as _ACCOUNT
from popover.cli.account.arguments import add_verbs

_SERVER = """\
SERVER is a URL, or a bare host name, which means pop3s://:
  pop3s://host[:995]   imaps://host[:993]   smtps://host[:465]
or, for a server that has TLS only after STARTTLS:
  pop3+starttls://host[:110]   imap+starttls://host[:143]   smtp+starttls://host[:587]
It is always verified, and no login goes out without TLS."""

_SERVICE = f"""\
{_SERVER}
LISTEN is PORT, ADDRESS:PORT, [IPv6]:PORT or systemd:NAME; without an address it is 127.0.0.1,
without LISTEN port 1110, 1143 or 1587 of it, by the dialect."""

_RUN = f"""\
{_SERVICE}

examples:
  popover run pop.example.com
      POP3 on 127.0.0.1:1110 for the mail program on this machine
  popover run 192.168.1.2:110=pop.example.com 192.168.1.2:25=smtps://smtp.example.com --user nobody
      for the old machines and the printer of the house
  popover run 192.168.1.2:995=pop.example.com --tls implicit --legacy
      for a mail program that insists on its old SSL
  popover run -c /etc/popover.toml
      what the file says (a directory: all its *.toml); SIGHUP reads it again
  popover run -c /etc/popover.toml --check
      0 if it could, 2 and a line for each mistake if not: ask this before a SIGHUP
"""

_INETD = f"""\
{_SERVER}

examples:
  server = /usr/local/bin/popover      in a file of /etc/xinetd.d, with wait = no:
  server_args = inetd pop3s://pop.example.com
  fetchmail --plugin 'popover inetd pop.example.com; :' ...
  popover inetd -c /etc/popover.toml house
      as the service "house" of that file: with its accounts or its table, too
With wait = yes, xinetd hands over the listening socket, and this one process serves all clients.
Clients of private networks only are served, whatever xinetd's only_from says, unless --allow names others; pipes
and Unix sockets count as this machine.
Log lines go to stderr; where that is the client itself (xinetd), to syslog.
exit: 0 the client has seen the end of its session, 1 it was cut (what came may be half a mail), 2 wrong use
"""

_CHECK = f"""\
{_SERVICE}

Each step of a session is tried and shown as it happens: ok, warn or FAIL; the end says what to do.
The password for --login is asked for, or taken from the variable POPOVER_PASSWORD.

examples:
  popover check pop.example.com
      does it work from here, and if not, why?
  popover check pop.example.com smtps://smtp.example.com --login alice@example.com
      with a login: what the provider says to it, and how much mail there is
  popover check --save-certificate mail.pem mail.example.com
      a server of your own, with a certificate of its own making: save that, and check again with it
  popover check -c /etc/popover.toml --json
      every service of the file, and the file itself, for a program to read
exit: 0 all is well, 1 something failed, 2 wrong use or configuration
"""

_ROUTE = """\
Which table answers for a name, what it says and why, and where a login would lead; for each service with a table.
For a back end that checks passwords (kind = "http"), the password is asked for, or taken from POPOVER_PASSWORD.

examples:
  popover route alice@example.com -c /etc/popover.toml
      where is her mail?
  popover route alice -c /etc/popover.toml --service imap --dial
      and do those servers answer? TLS and greeting, no login
exit: 0 it leads somewhere at each service, 1 it does not, 2 wrong use or configuration
"""

_QUEUE = """\
Mails of devices whose service has queue = "when-down" wait while their server can't be reached: they are tried again
after a minute, and then at longer intervals, for four days. What a server refuses for good lies in failed/, until
it is dropped or tried again. NAME is what `popover queue list` shows.

examples:
  popover queue list
  popover queue retry
      try all that wait, within seconds
  popover queue retry 9f2c11aa
      one that waits, or has failed: the fault has been mended
  popover queue drop 9f2c11aa
exit: 0 it is done, 1 it could not be, 2 wrong use
"""

_DEMO = """\
A small mail server that speaks only TLS, with some letters in it, and the gateway in front of it: what an old
mail program sends by SMTP, it can fetch by POP3. Nothing goes out to the internet.

examples:
  popover demo
      for a mail program on this machine; prints what to type into it
  popover demo --listen 0.0.0.0
      for an old machine in the same house
  popover demo --once
      the smoke test of an installation: sends a letter, fetches it, and exits with 0
"""


_SETUP = """\
Finds the servers for an address: in the table that comes with popover, by what the domain itself says over HTTPS, by
its DNS. Only the domain leaves this machine, no name and no password. What is found is shown, checked, and written only
after a yes. SERVER is as for `popover check`; it names one that you know yourself, and nothing is looked for then.

examples:
  popover setup alice@example.com
      asks, step by step
  popover setup alice@example.com --listen 192.168.1.2 -c /etc/popover
      for the old machines of the house, into a directory of files
  popover setup alice@outlook.com --account alice --client-id 01234567-89ab-cdef-0123-456789abcdef
      with an own login: the mail program says a password of this house, popover signs in with the provider
  popover setup alice@example.com --json
      only looks, and shows what would be written; with --yes, too, it is written
exit: 0 it is set up, 1 it is not, 2 wrong use
"""

_EXPLAIN = """\
REFUSAL is what the server said, as it came: from the mail program's window, a log, `popover check`. Without one it is
read from stdin. Nothing of it is kept or sent anywhere.

examples:
  popover explain "535 5.7.139 Authentication unsuccessful, basic authentication is disabled"
      what Microsoft means by that, and what to do
  popover explain AADSTS50076
      a code alone often is enough
  popover explain --json < answer.txt
      for a program to read
exit: 0 it is known, 1 it is not
"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the arguments. Exits with 2, and a line that says why, for wrong use."""
    parser = make_parser()
    arguments, strange = parser.parse_known_args(_as_option(argv))
    name = arguments.command
    for option, value in vars(arguments).items():
        if value == "" or (isinstance(value, list) and "" in value):
            shown = option.upper() if option in {"refusal", "address"} else f"--{option.replace('_', '-')}"
            arguments.misused(f"{shown}: it is empty (a variable of a script that was not set?)")
    if strange:
        arguments.misused(f"unrecognized arguments: {' '.join(strange)}")
    if name in ("run", "check") and bool(arguments.config) == bool(arguments.services):
        both = ", not both" if arguments.config else ""
        arguments.misused(f"name one SERVER or more, or a file with -c{both} (see popover {name} --help)")
    if name == "queue" and (bool(arguments.names) == (arguments.action == "list")) and arguments.action != "retry":
        wants = "no NAME" if arguments.action == "list" else "a NAME, or more"
        arguments.misused(f"{arguments.action} wants {wants} (see popover queue --help)")
    return arguments


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("it is empty (a variable of a script that was not set?)")
    return Path(text)


def _as_option(argv: Sequence[str]) -> Sequence[str]:
    """`popover help`, `popover help run` and `popover version` are what many other programs have for the options."""
    match argv:
        case ["version"]:
            return ["--version"]
        case ["help", *command]:
            return [*command, "--help"]
        case ["explain", *words] if "--" not in words:  # `-ERR` is no option
            options = [word for word in words if word in {"-h", "--help", "--json"}]
            return ["explain", *options, "--", *(word for word in words if word not in options)]
    return argv


def make_parser() -> argparse.ArgumentParser:
    """Make the parser, all commands in it; scripts/complete makes the shells' completions of it."""
    parser = argparse.ArgumentParser(
        prog="popover",
        description="POP over TLS, for mail clients that can't: POP3, IMAP, SMTP inside, plain or in old TLS; "
        "verified TLS outside.",
        epilog="`popover COMMAND --help` tells more, with examples.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"popover {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _run(_command(commands, "run", "serve mail clients", _RUN))
    _inetd(_command(commands, "inetd", "serve one session on stdin and stdout, started by xinetd", _INETD))
    _check(_command(commands, "check", "say what is wrong with a set-up, and what to do", _CHECK))
    _route(_command(commands, "route", "say where a user's login leads, and why", _ROUTE))
    _demo(_command(commands, "demo", "see it work, with a mail server made for it", _DEMO))
    _setup(_command(commands, "setup", "set it up for an address: find the servers, check, write the file", _SETUP))
    _explain(_command(commands, "explain", "say what a server's refusal means, and what to do", _EXPLAIN))
    _account(_command(commands, "account", "keep own logins: popover signs in with the provider for them", _ACCOUNT))
    _queue(_command(commands, "queue", "see to mails of devices that wait for their server", _QUEUE))
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
    parser.set_defaults(misused=parser.error)  # which knows this command's own usage
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
    parser.add_argument("--yes", action="store_true", help="ask nothing: yes to all that can not be forged")
    parser.add_argument(
        "--json", action="store_true", help="one JSON document instead of lines; without --yes, only look"
    )


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("refusal", nargs="*", metavar="REFUSAL", help="the server's words, or a code of them")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")


def _account(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="action", metavar="VERB", required=True)
    add_verbs(lambda name, does, examples: _command(verbs, name, does, examples))


def _queue(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "retry", "drop"), help="what to do")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which mails (retry without: all that wait)")
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


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more; is {text!r}")
    return int(text)
