"""Dovecot's submission server behind popover, by TLS from the first octet on and by STARTTLS."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from parts.account import Account
from parts.certificates import Authority
from parts.clients import SMTP_CLIENTS
from parts.dovecot import Dovecot
from parts.dovecot_submission import DovecotSubmission
from parts.messages import DOTS, EIGHT_BIT, PLAIN
from parts.net import wait_until
from parts.places import short_directory
from parts.popover import Popover
from parts.postfix import Postfix, without_trace

Workdir = Callable[[], Path]


@pytest.fixture(scope="module")
def submission(authority: Authority, postfix: Postfix) -> Iterator[DovecotSubmission]:
    with short_directory("submission") as directory, DovecotSubmission(directory, authority, postfix) as running:
        yield running


class House(NamedTuple):
    """Who is at home: Dovecot's submission server for those who come directly, popover before it, Postfix behind it."""

    direct: Account
    popover: Popover
    postfix: Postfix


@pytest.fixture(scope="module", params=["smtps", "smtp+starttls"])
def house(
    request: pytest.FixtureRequest, authority: Authority, submission: DovecotSubmission, postfix: Postfix
) -> Iterator[House]:
    ports = {"smtps": submission.submissions_port, "smtp+starttls": submission.submission_port}
    direct = Account(("127.0.0.1", ports["smtps"]), "", submission.password, authority.ca_file)
    server = f"0={request.param}://localhost:{ports[request.param]}"
    with Popover(server, "--ca-file", authority.ca_file) as popover:
        yield House(direct, popover, postfix)


@pytest.mark.parametrize("client", SMTP_CLIENTS)
def test_mail_is_sent_as_directly_cold_and_warm(house: House, dovecot: Dovecot, workdir: Workdir, client: str) -> None:
    user = dovecot.new_user()
    direct = replace(house.direct, user=user)
    through = replace(direct, address=house.popover.addresses[0], ca_file=None)
    sent = 0

    def send(account: Account, message: bytes) -> None:
        nonlocal sent
        sent += 1
        SMTP_CLIENTS[client](account, workdir(), house.postfix.mailbox(user), message)
        stored = dovecot.wait_for_messages(user, sent)[-1]
        assert without_trace(stored) == message

    for message in (PLAIN, DOTS, EIGHT_BIT):
        send(direct, message)
        send(through, message)

    def is_warm() -> bool:
        send(through, PLAIN)
        return any(event["warm"] and event.get("user") == user for event in house.popover.events("session"))

    wait_until(is_warm, "a session finds a connection ready")
