"""The manual page, made of the command line itself: what scripts/complete writes beside the completions."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from popover import __version__
from popover.cli.arguments import make_parser

FILE = Path(__file__).parents[1] / "man" / "popover.1"

_HEAD = rf"""
.\" Made of popover's command line by scripts/complete.
.TH POPOVER 1 "" "popover {__version__}" "User Commands"
.SH NAME
popover \- POP over TLS, for mail clients that can't
.SH SYNOPSIS
.B popover
.I COMMAND
.RI [ OPTION ]...
.SH DESCRIPTION
A small gateway between old mail programs and today's mail servers: POP3, IMAP and SMTP inside, plain or in TLS as old
as 1.0; verified TLS outside.
"""

_TAIL = r"""
.SH SIGNALS
.TP
.B SIGHUP
.B popover run \-c
reads its file again; running sessions go on. A file with a mistake changes nothing.
.TP
.BR SIGTERM ", " SIGINT
No new session begins; running ones get the file's drain_timeout. A second one ends them at once.
.TP
.B SIGUSR1
The log tells what each service does now.
.TP
.B SIGUSR2
Another popover, of this version or a newer one, takes over without refusing a connection; this one finishes its
sessions.
.SH FILES
.TP
.I popover.toml
Every setting with its default and the reason for it stands in the example that comes with popover.
.TP
.I $STATE_DIRECTORY
What servers have failed in, the certificate that popover makes for TLS inside, and the accounts of
.BR "popover account" ;
without the variable
.I /var/lib/popover
for root, and
.I ~/.local/state/popover
for everybody else.
.SH ENVIRONMENT
.TP
.B POPOVER_PASSWORD
The password for
.BR "popover check \-\-login" ,
which is asked for without it.
.SH SEE ALSO
.BR fetchmail (1),
.BR stunnel (8),
.BR systemd.socket (5)
"""


def page() -> str:
    """The whole page, in the macros of man(7)."""
    lines = [_HEAD.strip("\n"), ".SH COMMANDS", *_commands("", make_parser())]
    return "\n".join([*lines, _TAIL.strip("\n")]) + "\n"


def _commands(before: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """All commands of a parser, and theirs."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, command in action.choices.items():
                yield from _command(f"{before}{name}", command)
                yield from _commands(f"{before}{name} ", command)


def _command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f".SS {name}"
    yield _plain(parser.description or "")
    for action in parser._actions:  # noqa: SLF001
        if action.help and action.dest != "help":
            yield ".TP"
            yield _words(action)
            yield _plain(action.help)
    yield ".PP"
    yield ".nf"
    yield _plain(parser.epilog or "").rstrip("\n")
    yield ".fi"


def _words(action: argparse.Action) -> str:
    """An option's names and what it takes, in bold and slanted; a positional word is only slanted."""
    takes = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices:
        takes = "|".join(map(str, action.choices))
    if not action.option_strings:
        return rf"\fI{_plain(takes)}\fR"
    names = ", ".join(rf"\fB{_plain(name)}\fR" for name in action.option_strings)
    return names if action.nargs == 0 else rf"{names} \fI{_plain(takes)}\fR"


def _plain(text: str) -> str:
    """With nothing in it that roff would take for its own: a backslash, a hyphen, or a dot or ' in the first column."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("%(default)s", "")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def main() -> None:
    """Write it."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(page())
