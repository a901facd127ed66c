"""`popover check`: say what is wrong with a set-up, and what to do."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import sys

from popover.check.login import Login
from popover.check.report import Part, Report
from popover.check.save import save_certificate
from popover.check.settings import settings_lines
from popover.check.table import Table
from popover.check.walk import check_all
from popover.cli.asking import PASSWORD, password_of
from popover.cli.output import say
from popover.cli.program import program
from popover.cli.run import check_tables_of, from_command_line
from popover.config import Config, default_listen, load, parse_service_word
from popover.errors import ConfigError


def check(arguments: argparse.Namespace) -> int:
    """Check each service: 0 all is well, 1 something failed, 130 interrupted. Raises ConfigError."""
    table = Table(sys.stdout, os.environ)
    report = Report() if arguments.json else table.report()
    try:
        _walk(arguments, report)
    except ConfigError as wrong:
        if arguments.json:
            report.begin(Part(str(arguments.config or "command line")))
            for mistake in wrong.mistakes:
                report.add("file", "fail", mistake)
            say(json.dumps(report.document(), indent=2))
        raise
    if arguments.json:
        say(json.dumps(report.document(), indent=2))
    else:
        _conclude(table, report, next_command(arguments) if _is_to_be_started(report) else "")
    return 0 if report.ok else 1


def _walk(arguments: argparse.Namespace, report: Report) -> None:
    config = _configuration(arguments)
    if arguments.save_certificate is not None:
        config = _saved(arguments, report, config)
    if arguments.config is not None:
        report.begin(Part(str(arguments.config)))
        report.add("file", "ok", f"{arguments.config}: well-formed, services: {len(config.services)}")
    asyncio.run(check_all(report, config, _login(arguments.login)))


def _saved(arguments: argparse.Namespace, report: Report, config: Config) -> Config:
    """Save the server's certificate first; the configuration that trusts it, if there is need. Raises ConfigError."""
    if arguments.config is not None or arguments.ca_file is not None or len(config.services) != 1:
        raise ConfigError("--save-certificate is for one SERVER, without -c and --ca-file")
    if not asyncio.run(save_certificate(report, config.services[0], arguments.save_certificate)):
        return config
    arguments.ca_file = arguments.save_certificate  # for the next command, too
    return from_command_line(arguments)


def _configuration(arguments: argparse.Namespace) -> Config:
    if arguments.config is not None:
        if arguments.ca_file is not None:
            raise ConfigError("with -c, write it into the file: --ca-file (ca_file)")
        config = load(arguments.config)
        check_tables_of(config)
        return config
    arguments.services = _with_listen(arguments.services)
    return from_command_line(arguments)


def _with_listen(words: list[str]) -> list[str]:
    """Give the words without a LISTEN whose usual port another one has the next port: that is no mistake here."""
    taken: set[int] = set()
    complete = []
    for word in words:
        try:
            listen, server = parse_service_word(word)
        except ConfigError:  # told with all others later
            complete.append(word)
            continue
        if listen is None:
            port = usual = default_listen(server.dialect).port
            while port in taken:
                port += 1
            taken.add(port)
            if port != usual:
                word = f"{port}={word}"  # noqa: PLW2901 - completed
        complete.append(word)
    return complete


def _login(user: str | None) -> Login | None:
    """Ask for the password, unless the environment has it. It is never an argument: `ps` shows those to all."""
    if user is None:
        return None
    password = password_of(user)
    if password is None:
        raise ConfigError(f"--login: there is no terminal to ask for the password: put it into {PASSWORD}")
    if any(sign in user + password for sign in "\r\n\0"):
        raise ConfigError("--login: a user name or password holds a line end, which no mail protocol can carry")
    return Login(user, password)


def _is_to_be_started(report: Report) -> bool:
    """Whether no popover runs at some address, and it is not systemd that starts it."""
    outcomes = {find.facts.get("outcome") for part in report.parts for find in part.findings if find.step == "here"}
    return "free" in outcomes and "systemd" not in outcomes


def next_command(arguments: argparse.Namespace) -> str:
    """Write the `popover run` that serves what was checked. The words of `arguments` are those of check."""
    words = list(arguments.services)
    for option, value in (("--ca-file", arguments.ca_file), ("-c", arguments.config)):
        words += [option, str(value)] if value is not None else []
    return shlex.join([program(), "run", *words])


def _conclude(table: Table, report: Report, command: str) -> None:
    entries = [entry for part in report.parts for entry in part.settings]
    if report.ok and entries:
        for line in settings_lines(entries, ", once popover runs" if command else ""):
            table.say(line)
    table.conclude(report, command)
