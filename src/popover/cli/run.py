"""`popover run`: from arguments or a file to a running gateway."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from popover.config import (
    Config,
    Service,
    check,
    default_listen,
    default_names,
    load,
    parse_network,
    parse_service_word,
)
from popover.daemon import serve
from popover.errors import ConfigError
from popover.log import Log, to_stderr


def run(arguments: argparse.Namespace) -> int:
    """Serve until stopped. Raises ConfigError, StartError."""
    log = Log(to_stderr(arguments.log_format), arguments.log_format, verbose=arguments.verbose)
    if arguments.config is None:
        serve(_traced(from_command_line(arguments), arguments), log, None, _announce)
    else:
        _only_in_file(arguments)

        def read() -> Config:
            return _traced(load(arguments.config), arguments)

        serve(read(), log, read, _announce)
    return 0


def _traced(config: Config, arguments: argparse.Namespace) -> Config:
    """With --trace, let every service be traced, whatever its file says."""
    if not arguments.trace:
        return config
    return replace(config, services=tuple(replace(service, trace=True) for service in config.services))


def _announce(line: str) -> None:
    try:
        print(f"listening {line}", flush=True)  # noqa: T201 - part of the command line's contract
    except OSError:  # whoever wanted to know has gone, or the disk is full: no reason not to serve
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def from_command_line(arguments: argparse.Namespace) -> Config:
    """Make the configuration that the arguments describe; all mistakes are told at once."""
    mistakes: list[str] = []
    pairs, allow = [], []
    for word in arguments.services:
        try:
            listen, server = parse_service_word(word)
            pairs.append((listen or default_listen(server.dialect), server))
        except ConfigError as mistake:
            mistakes += mistake.mistakes
    for network in arguments.allow or ():
        try:
            allow.append(parse_network(network))
        except ConfigError as mistake:
            mistakes += [f"--allow: {line}" for line in mistake.mistakes]
    if mistakes:
        raise ConfigError(mistakes)
    names = default_names([server for _, server in pairs])
    limits = {} if arguments.max_sessions is None else {"max_sessions": arguments.max_sessions}
    config = Config(
        services=tuple(
            Service(
                name=name,
                listen=(listen,),
                server=server,
                ca_file=arguments.ca_file,
                allow=tuple(allow) or None,
                **limits,
            )
            for name, (listen, server) in zip(names, pairs, strict=True)
        ),
        user=arguments.user,
    )
    check(config)
    return config


def _only_in_file(arguments: argparse.Namespace) -> None:
    """With -c the file says it all: an option that would silently do nothing is a mistake."""
    given = {
        "--ca-file (ca_file)": arguments.ca_file,
        "--allow (allow)": arguments.allow,
        "--max-sessions (max_sessions)": arguments.max_sessions,
        "--user (user)": arguments.user,
    }
    if wrong := [name for name, value in given.items() if value is not None]:
        raise ConfigError(f"with -c, write it into the file: {', '.join(wrong)}")
