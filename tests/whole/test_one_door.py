"""One service for all dialects, from one table: users of two servers, each with mail and rules at its own."""

import itertools
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from parts.account import Account
from parts.certificates import Authority
from parts.clients import IMAP_CLIENTS, POP3_CLIENTS, SMTP_CLIENTS
from parts.net import Address
from parts.pigeonhole import ManageSieve, Pigeonhole
from parts.places import short_directory
from parts.popover import Popover
from parts.postfix import Postfix
from routing.places import KINDS, place, written

DIALECTS = ("pop3", "imap", "smtp", "sieve")
NUMBERS = itertools.count(4000)


class Site(NamedTuple):
    """A mail server, and whom it sends by."""

    dovecot: Pigeonhole
    postfix: Postfix

    @property
    def rows(self) -> dict[str, str]:
        """Where each dialect is served."""
        dovecot = self.dovecot
        return {
            "pop3": f"pop3s://localhost:{dovecot.pop3s_port}",
            "imap": f"imaps://localhost:{dovecot.imaps_port}",
            "smtp": f"smtps://localhost:{self.postfix.port}",
            "sieve": f"sieve://localhost:{dovecot.ports['sieve']}",
        }


@pytest.fixture(scope="module")
def sites(authority: Authority) -> Iterator[dict[str, Site]]:
    with ExitStack() as stack:
        found = {}
        for name in ("here", "there"):
            dovecot = stack.enter_context(Pigeonhole(stack.enter_context(short_directory(name)), authority))
            directory = stack.enter_context(short_directory("postfix"))
            found[name] = Site(dovecot, stack.enter_context(Postfix(directory, authority, dovecot)))
        yield found


def of_files(kind: str, directory: Path, users: dict[str, Site]) -> str:
    """A table that is a file of ours."""
    if kind == "static":
        routes = ", ".join(f"{user} = {json.dumps([*site.rows.values()])}" for user, site in users.items())
        return f'kind = "static"\nroutes = {{ {routes} }}'
    key = "^{}$: {}\n" if kind == "popmap.re" else "{}:{}\n"
    lines = [key.format(user, ",".join(site.rows.values())) for user, site in users.items()]
    (directory / kind).write_text("".join(lines))
    return f'kind = "popmap"\nfile = "{kind}"'


@pytest.mark.parametrize("kind", ["static", "popmap", "popmap.re", *KINDS])
def test_one_service_serves_the_ports_of_all_dialects_from_one_table(
    tmp_path: Path, sites: dict[str, Site], authority: Authority, kind: str, workdir: Callable[[], Path]
) -> None:
    context = ssl.create_default_context(cafile=authority.ca_file)
    users = {f"user{next(NUMBERS)}": site for site in sites.values()}  # which both servers know
    for user, site in users.items():
        for each in sites.values():
            each.dovecot.wipe(user)
        site.dovecot.deliver(user, b"Subject: mine\r\n\r\nhello\r\n")
    with ExitStack() as stack:
        if kind in KINDS:
            there = stack.enter_context(place(kind, stack.enter_context(short_directory("table"))))
            for user, site in users.items():
                there.add(user, *site.rows.values())
            table = written(there.source)
        else:
            table = f'name = "users"\n{of_files(kind, tmp_path, users)}'
        listen = ", ".join(f'{one} = "127.0.0.1:0"' for one in DIALECTS)
        (tmp_path / "popover.toml").write_text(
            f'[[service]]\nname = "club"\ndialect = {json.dumps(DIALECTS)}\ntable = "users"\nlisten = {{ {listen} }}\n'
            f'ca_file = "{authority.ca_file}"\n[[table]]\n{table}\nrefuse_after = 0\n'
        )
        state = {"STATE_DIRECTORY": str(tmp_path / "state")}
        popover = stack.enter_context(Popover("-c", tmp_path / "popover.toml", env=state))
        places = dict(zip(DIALECTS, popover.addresses, strict=True))
        for user, site in users.items():
            _is_at_home(places, user, site, workdir(), context)
        for dialect in ("pop3", "imap"):
            assert popover.wait_for_event("session", service=f"club-{dialect}")


def _is_at_home(places: dict[str, Address], user: str, site: Site, workdir: Path, context: ssl.SSLContext) -> None:
    """All that this user does, by all four ports, is done at that server."""
    dovecot = site.dovecot
    wanted = [b"Subject: mine\r\n\r\nhello\r\n"]
    assert POP3_CLIENTS["curl"](Account(places["pop3"], user, dovecot.password), workdir) == wanted
    assert IMAP_CLIENTS["curl"](Account(places["imap"], user, dovecot.password), workdir) == wanted
    account = Account(places["smtp"], user, dovecot.password)
    SMTP_CLIENTS["curl"](account, workdir, site.postfix.mailbox(user), b"Subject: sent\r\n\r\nhello\r\n")
    assert any(b"Subject: sent" in one for one in dovecot.wait_for_messages(user, 2))
    with ManageSieve(places["sieve"]) as client:
        assert client.login(user, dovecot.password).startswith(b"OK")
        assert client.put("rules", b"keep;\r\n").startswith(b"OK")
        assert client.ask(b"LOGOUT")[-1].startswith(b"OK")
    with ManageSieve((dovecot.host, dovecot.ports["sieve"])) as direct:
        direct.start_tls(context)
        assert direct.login(user, dovecot.password).startswith(b"OK")
        assert direct.ask(b"LISTSCRIPTS")[0] == b'"rules"\r\n'
