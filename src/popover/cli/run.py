"""`popover run`: from arguments or a file to a running gateway."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module

from popover.cli.output import OutputError, give_up, say
from popover.config import (
    PRIVATE_NETWORKS,
    Address,
    Admission,
    Config,
    Inside,
    Network,
    Service,
    Target,
    Trust,
    check,
    default_listen,
    default_names,
    load,
    parse_listen,
    parse_network,
    parse_server,
    parse_service_word,
    pin_text,
)
from popover.config.flat import flatten
from popover.errors import ConfigError
from popover.log import Log, to_stderr
from popover.process.daemon import serve
from popover.process.identities import check_given
from popover.process.trust_stores import verifiers_of


def run(arguments: argparse.Namespace) -> int:
    """Serve until stopped. Raises ConfigError, StartError."""
    log = Log(to_stderr(arguments.log_format), arguments.log_format, verbose=arguments.verbose)

    def read() -> Config:
        config = _traced(_configuration(arguments), arguments)
        log_settings(log, config)
        return config

    config = read()
    if arguments.check:
        verifiers_of(config.services, config.accounts)
        check_given(config.services)
        check_tables_of(config)
        place = arguments.config or "command line"
        say(f"{place}: well-formed, services: {len(config.services)}")
    else:
        serve(config, log, None if arguments.config is None else read, Announcer(config))
    return 0


def check_tables_of(config: Config) -> None:
    """Read all that its tables name. Raises ConfigError."""
    if config.tables:
        from popover.process.routed_logins import check_tables  # noqa: PLC0415 - most files have no table

        check_tables(config)


def _configuration(arguments: argparse.Namespace) -> Config:
    if arguments.config is None:
        return from_command_line(arguments)
    only_in_file(arguments)
    return load(arguments.config)


def _traced(config: Config, arguments: argparse.Namespace) -> Config:
    """With --trace, let every service be traced, whatever its file says."""
    if not arguments.trace:
        return config
    return replace(config, services=tuple(replace(service, trace=True) for service in config.services))


def log_settings(log: Log, config: Config) -> None:
    """With -v, log what each service has been told, defaults too; what is not limited is left out."""
    for service in config.services:
        values = flatten(service)
        if values["allow"] is None:
            values["allow"] = PRIVATE_NETWORKS
        if not service.server.host:  # accounts or a table say it
            del values["server"]
        told = [f"{key} = {_shown(value)}" for key, value in values.items() if value is not None and value != ()]
        log.event("debug", "settings", f"settings: {', '.join(told)}", service=service.name)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, bool):
        return str(value).lower()  # as it stands in a file
    return pin_text(value) if isinstance(value, bytes) else str(value)


class Announcer:
    """Says where popover listens, a line each; after the last, who looks on is told what to type into the client."""

    def __init__(self, config: Config) -> None:
        self._services = config.services
        self._left = sum(len(service.listen) for service in config.services)
        self._lines: list[str] = []
        self._is_watched = sys.stdout.isatty()
        if self._is_watched:
            import_module("popover.check.settings")  # now: whom popover becomes may not be able to read it

    def __call__(self, line: str) -> None:
        """Say one line: "127.0.0.1:1110 -> pop3s://pop.example.com:995"."""
        self._left -= 1
        try:
            say(f"listening {line}")  # part of the command line's contract
            if self._is_watched:
                self._lines.append(line)
                if self._left == 0 and (words := what_to_type(self._lines, self._services)):
                    say(words)
        except OutputError:  # whoever wanted to know has gone, or the disk is full: no reason not to serve
            give_up()


def what_to_type(lines: Iterable[str], services: Sequence[Service]) -> str:
    """Say what `check` says about it, for the listeners of these services in such lines."""
    from popover.check.settings import setting, settings_lines  # noqa: PLC0415 - a daemon on a router needs none of it

    settings = []
    for line in lines:
        place, _, server = line.partition(" -> ")
        with contextlib.suppress(ConfigError):  # a Unix socket of systemd's is no place for a mail client
            listen = parse_listen(place)
            if isinstance(listen, Address):
                settings.append(setting(_service_at(listen, server, services), listen))
    return "\n".join(settings_lines(settings)) if settings else ""


def _service_at(listen: Address, server: str, services: Sequence[Service]) -> Service:
    """Find a listener's service; one that was told port 0 has another port by now."""
    led = [service for service in services if service.leads_to == server]
    exact = next((service for service in led if listen in service.listen), led[0] if led else None)
    return exact or Service("", (listen,), Target(parse_server(server)))


def from_command_line(arguments: argparse.Namespace) -> Config:
    """Make the configuration that the arguments describe; all mistakes are told at once."""
    mistakes: list[str] = []
    pairs = []
    for word in arguments.services:
        try:
            listen, server = parse_service_word(word)
            pairs.append((listen or default_listen(server.dialect), server))
        except ConfigError as mistake:
            mistakes += mistake.mistakes
    allow = parse_allow(arguments.allow or (), mistakes)
    if mistakes:
        raise ConfigError(mistakes)
    names = default_names([server for _, server in pairs])
    limits = {} if arguments.max_sessions is None else {"max_sessions": arguments.max_sessions}
    config = Config(
        services=tuple(
            Service(
                name=name,
                listen=(listen,),
                target=Target(server, Trust(arguments.ca_file)),
                inside=inside_of(arguments),
                admission=Admission(allow=allow, unsafe_public=arguments.unsafe_public, **limits),
            )
            for name, (listen, server) in zip(names, pairs, strict=True)
        ),
        user=arguments.user,
    )
    check(config)
    return config


def inside_of(arguments: argparse.Namespace) -> Inside:
    """What the arguments say of TLS for clients."""
    return Inside(arguments.tls or "off", arguments.tls_cert, arguments.tls_key, arguments.legacy)


def parse_allow(words: Iterable[str], mistakes: list[str]) -> tuple[Network, ...] | None:
    """Read what --allow was given; None: nothing. What is wrong with it goes to `mistakes`."""
    allow = []
    for word in words:
        try:
            allow.append(parse_network(word))
        except ConfigError as mistake:
            mistakes += [f"--allow: {line}" for line in mistake.mistakes]
    return tuple(allow) or None


def only_in_file(arguments: argparse.Namespace) -> None:
    """With -c the file says it all: an option that would silently do nothing is a mistake."""
    given = {
        "--ca-file (ca_file)": arguments.ca_file,
        "--tls (tls)": arguments.tls,
        "--tls-cert (tls_cert)": arguments.tls_cert,
        "--tls-key (tls_key)": arguments.tls_key,
        "--legacy (legacy)": arguments.legacy or None,
        "--allow (allow)": arguments.allow,
        "--unsafe-public (unsafe_public)": arguments.unsafe_public or None,
        "--max-sessions (max_sessions)": getattr(arguments, "max_sessions", None),  # inetd has neither
        "--user (user)": getattr(arguments, "user", None),
    }
    if wrong := [name for name, value in given.items() if value is not None]:
        raise ConfigError(f"with -c, write it into the file: {', '.join(wrong)}")
