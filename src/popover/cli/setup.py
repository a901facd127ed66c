"""`popover setup`: from an address to a working set-up."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from popover import __version__
from popover.check.report import Report
from popover.check.settings import settings_lines, settings_of
from popover.check.table import Table
from popover.check.walk import check_all
from popover.cli import own_login
from popover.cli.asking import is_terminal
from popover.cli.output import say
from popover.cli.own_login import Secrets
from popover.cli.program import executable, program
from popover.config import Address, Config, Trust, parse_ip, parse_server
from popover.errors import ConfigError, StartError
from popover.inside.listen import open_listener
from popover.outside.dial import Dialler
from popover.setup import telling, unit
from popover.setup.address import MailAddress, parse_address
from popover.setup.found import Found, asked_for
from popover.setup.own import OwnLogin
from popover.setup.person import Agreed, Person, Silent, Terminal
from popover.setup.place import Place, place_of
from popover.setup.plan import Plan, make_own_plan, make_plan
from popover.setup.search import Search, Tried
from popover.wire.stream import Scratch


def setup(arguments: argparse.Namespace) -> int:
    """Do it: 0 it is done, 1 it is not. Raises ConfigError, StartError."""
    course = _Course(arguments, parse_address(arguments.address), _person(arguments))
    done = course.go()
    if arguments.json:
        say(json.dumps({"popover": __version__, "ok": done, **course.told}, indent=2))
    return 0 if done else 1


def _person(arguments: argparse.Namespace) -> Person:
    if arguments.json:
        return Silent(agreed=arguments.yes)
    if arguments.yes:
        return Agreed()
    if not is_terminal():
        raise ConfigError("setup: there is no terminal to ask at: add --yes, or --json to only look")
    return Terminal()


@dataclass
class _Course:
    """The way from an address to a set-up. `told`: what --json prints."""

    arguments: argparse.Namespace
    address: MailAddress
    person: Person
    told: dict[str, Any] = field(default_factory=dict)
    own: OwnLogin | None = None
    secrets: Secrets | None = None

    def go(self) -> bool:
        """Go it, to the end or to where somebody says no."""
        host = _listen_host(self.arguments.listen)
        trust = Trust(self.arguments.ca_file)
        found, tried = self._found(trust)
        self.told |= telling.document(found, self.address, tried, self.arguments.login)
        if found is None:
            self._say(*telling.nothing(self.address.domain, tried))
            return False
        self._say(*telling.servers(found, self.address, self.arguments.login))
        if not self._accepted(found):
            self._say("", "Nothing was done.")
            return False
        place = place_of(self.arguments.config, self.address.domain)
        if self.arguments.unit and (why := unit.why_not(self.arguments.unit, executable(), place.path.absolute())):
            raise StartError(why)
        self.own = own_login.choose(self.arguments, self.person, found, self.address)
        if self.own is None and (why := own_login.needs_one(found)):
            self._say("", why)
            self.told["needs"] = "account"
            return False
        if self.own is None and all(str(offer.server) in place.servers() for offer in found.offers):
            self._say("", f"{place.path} leads to all of them already: nothing is to be done.")
            self.told["written"] = None
            return True
        plan = self._plan(found, place, host, trust)
        return self._checked(plan) and self._written(plan, place) and self._finish(plan, place)

    def _plan(self, found: Found, place: Place, host: str, trust: Trust) -> Plan:
        plan = make_plan(found, host, place.taken(), trust, _is_free)
        if self.own is None:
            return plan
        if self._may_write:
            self.secrets = own_login.ask_secrets(self.arguments, self.own)
        return make_own_plan(plan, place.desks())

    @property
    def _may_write(self) -> bool:
        return not self.arguments.json or bool(self.arguments.yes)

    def _found(self, trust: Trust) -> tuple[Found | None, list[Tried]]:
        domain = self.address.domain
        if self.arguments.server:
            return asked_for(map(parse_server, self.arguments.server), domain), []
        return asyncio.run(_search(domain, trust))

    def _accepted(self, found: Found) -> bool:
        """Whether somebody stands up for the hosts that may be forged. --yes does not: whoever writes that has not seen
        them.
        """
        for host in found.doubtful:
            if host in {name.lower().rstrip(".") for name in self.arguments.accept}:
                continue
            if not isinstance(self.person, Terminal):
                self._say("", telling.doubt(host, found), f"If it is, add --accept {host}")
                return False
            if not self.person.agrees(telling.doubt(host, found)):
                return False
        return isinstance(self.person, Silent) or self.person.agrees("Set these up?")

    def _checked(self, plan: Plan) -> bool:
        """Whether the servers are such that a session works."""
        table = None if self.arguments.json else Table(sys.stdout, os.environ)
        report = table.report() if table else Report()
        login = own_login.login_for(self.own, self.secrets) if self.own and self.secrets else None
        asyncio.run(check_all(report, Config(plan.services()), login))
        self.told |= {"check": report.document(), "services": telling.services(plan)}
        if table and not report.ok:
            table.conclude(report)
            self._say("", "Nothing was written. When that is mended, the same command goes on.")
        return report.ok

    def _written(self, plan: Plan, place: Place) -> bool:
        text = plan.text()
        self.told |= {"file": str(place.file), "written": None if not text else False}
        if not text:
            self._say("", f"{place.path} has all that is needed for own logins, and stays as it is.")
        if not self._may_write:
            return True
        if text:
            self._say("", *place.difference(text).splitlines())
            if not self.person.agrees(f"Write this into {place.file}?"):
                self._say("", "Nothing was written.")
                return False
            place.write(text)
            self.told["written"] = True
        return True

    def _finish(self, plan: Plan, place: Place) -> bool:
        """Let systemd start it, keep the own login, and say what to type."""
        entries = [entry for service in plan.served() for entry in settings_of(service)]
        self.told["settings"] = entries
        command = f"{program()} run -c {place.path}"
        kind = self._unit(place) if self._may_write else None
        done = self._started(kind, place) if kind else True
        self._say(*settings_lines(entries, "" if kind else ", once popover runs", self._who(plan)))
        sign_in = self._kept(plan)
        nexts = [*([] if kind else [command]), *([sign_in] if sign_in else [])]
        if nexts:
            self._say(
                "", "The next command:" if len(nexts) == 1 else "The next commands:", *(f"  {one}" for one in nexts)
            )
            self.told["next"] = nexts
        return done

    def _kept(self, plan: Plan) -> str:
        """Keep the own login, and sign in; the command that is still to be typed for it, if there is one."""
        if self.own is None:
            return ""
        table = self.own.table(plan.found, plan.trust.ca_file)
        self.told["account"] = table
        command = f"{program()} account login {self.own.name}" if self.own.way == "oauth2" else ""
        if self.secrets is None:
            return command
        user = os.geteuid()
        own_login.keep(self.own, self.secrets, table)
        self._say("", f"The own login {self.own.name} is kept: popover account show {self.own.name}")
        # Root may have become whoever owns the state directory, and would look for it elsewhere.
        is_done = command and os.geteuid() == user and own_login.signed_in(self.own, self.person)
        return "" if is_done else command

    def _who(self, plan: Plan) -> str:
        if self.own is not None:
            return f"the user name is {self.own.name}, the password the local one"
        names = dict.fromkeys(self.arguments.login or self.address.login(row.offer.login) for row in plan.rows)
        return f"the user name is {' or '.join(names)}, the password the provider's"

    def _unit(self, place: Place) -> unit.Kind | None:
        kind: unit.Kind | None = self.arguments.unit
        if kind is None and isinstance(self.person, Terminal) and Path("/run/systemd/system").is_dir():
            kind = "system" if os.geteuid() == 0 else "user"
            when = "machine" if kind == "system" else "your session"
            if unit.why_not(kind, executable(), place.path.absolute()):
                return None
            if unit.existing(kind) or not self.person.agrees(f"Shall systemd start popover with the {when}?"):
                return None
        return kind

    def _started(self, kind: unit.Kind, place: Place) -> bool:
        reload = f"systemctl {'--user ' if kind == 'user' else ''}reload-or-restart {unit.NAME}"
        if there := unit.existing(kind):
            self._say("", f"{there} is there already, and stays as it is. For what is new: {reload}")
            self.told["unit"] = str(there)
            return True
        file = unit.install(kind, unit.text_of(kind, executable(), place.path.absolute()))
        why = unit.start(kind)
        self._say("", f"{file} is written" + (f", but not started: {why}" if why else "; systemd has started popover."))
        self.told |= {"unit": str(file), "started": not why}
        return not why

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.person.tell(line)


async def _search(domain: str, trust: Trust) -> tuple[Found | None, list[Tried]]:
    search = Search(Dialler(asyncio.get_running_loop(), Scratch(), lambda _address: False), trust)
    return await search.find(domain), search.tried


def _is_free(place: Address) -> bool:
    """Whether no other program listens there; what else may be wrong with it the check tells."""
    try:
        sockets = open_listener(place, {})
    except StartError as fault:
        return "in use" not in str(fault)
    for sock in sockets:
        sock.close()
    return True


def _listen_host(word: str) -> str:
    try:
        return str(parse_ip("127.0.0.1" if word == "localhost" else word))
    except ConfigError as mistake:
        raise ConfigError(f"--listen: {mistake}") from None
