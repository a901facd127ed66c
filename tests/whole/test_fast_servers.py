"""The same with the other real POP3 servers: what a client gets and what stays are as without popover, which has seen
enough of each to run ahead of its client where that is safe.
"""

import re
from collections.abc import Iterator

import pytest
from test_fast import session
from test_parts_servers import PATIENCE_OF_SOLID, READING_DELETES, SERVERS, Server

from parts.account import Account
from parts.certificates import Authority
from parts.messages import DOTS, EIGHT_BIT, PLAIN, of_size
from parts.places import short_directory
from parts.popover import Popover

MESSAGES = [PLAIN, DOTS, EIGHT_BIT, of_size(300), of_size(30_000)] * 2
FEW = 4
SESSIONS = 4  # a server shows what it can in the first two
OTHERS = [name for name in SERVERS if name != "courier"]  # which test_fast_courier has


class House:
    """A server, and the two ways to it."""

    def __init__(self, name: str, server: Server, authority: Authority, popover: Popover) -> None:
        self.name = name
        self.server = server
        self._ca_file = authority.ca_file
        self._popover = popover
        self._sessions = 0

    def through(self, user: str) -> Account:
        return Account(self._popover.addresses[0], user, self.server.password)

    def direct(self, user: str) -> Account:
        return Account((self.server.host, self.server.port), user, self.server.password, self._ca_file)

    def has_gone(self) -> None:
        """All sessions through popover are over: no mailbox is locked by one."""
        self._sessions += 1
        self._popover.wait_for_events("session", self._sessions)


@pytest.fixture(scope="module", params=OTHERS)
def house(request: pytest.FixtureRequest, authority: Authority) -> Iterator[House]:
    name: str = request.param
    with (
        short_directory(name) as directory,
        SERVERS[name](directory, authority) as server,
        Popover(f"0=pop3s://localhost:{server.port}", "--ca-file", authority.ca_file) as popover,
    ):
        yield House(name, server, authority, popover)


def said(account: Account, *lines: bytes) -> list[bytes]:
    """A session step by step; all answers behind its login."""
    with session(account) as client:
        return [client.say(line + b"\r\n") for line in (*lines, b"QUIT")]


def of_any_user(lines: list[bytes], answers: list[bytes]) -> list[bytes]:
    """What must be the same for two users: sizes and unique names count what stands in a header for one alone."""
    return [_of_any_user(line.split()[0], answer) for line, answer in zip(lines, answers, strict=False)]


def _of_any_user(verb: bytes, answer: bytes) -> bytes:
    if verb in (b"STAT", b"LIST", b"UIDL"):
        return b"\n".join(b" ".join(line.split()[: 2 if verb == b"STAT" else 1]) for line in answer.splitlines())
    if verb == b"RETR":
        return _OF_ONE_USER.sub(b"", answer)
    return answer[:4]


# The status line and what a server adds: before the header, or behind it, as GNU Mailutils does in an mbox.
_OF_ONE_USER = re.compile(rb"\A\+OK[^\n]*\n.*?(?=From: Alice)|(?:X-UIDL|X-IMAPbase|X-UID|Status): [^\n]*\n", re.DOTALL)

ALL = [b"RETR %d" % number for number in range(1, len(MESSAGES) + 1)]
LOOKS = [b"STAT", b"UIDL", b"LIST"]


def test_a_client_that_looks_gets_the_same_each_time(house: House) -> None:
    """To the octet, words of ours excepted, and however often: in the third session its questions leave ahead of it."""
    user = house.server.new_user(MESSAGES)
    said(house.direct(user), *LOOKS)  # GNU Mailutils then writes into each message what it is called
    direct = said(house.direct(user), *LOOKS)
    for _ in range(SESSIONS):
        assert said(house.through(user), *LOOKS)[:-1] == direct[:-1]
        house.has_gone()


def test_a_client_that_fetches_all_gets_the_same_each_time(house: House) -> None:
    lines = [*LOOKS, *ALL]
    user, other = (house.server.new_user(MESSAGES) for _ in range(2))
    direct = of_any_user(lines, said(house.direct(other), *lines))
    for _ in range(1 if house.name in READING_DELETES else SESSIONS):
        answers = said(house.through(user), *lines)
        house.has_gone()
        assert of_any_user(lines, answers) == direct


def test_of_a_client_that_fetches_some_the_others_stay(house: House) -> None:
    """GNU Mailutils is told to delete at QUIT what was read, and says `EXPIRE0`: what no client has got must stay."""
    some = [*LOOKS, *ALL[:FEW]]
    one, other = (house.server.new_user(MESSAGES) for _ in range(2))
    before = [house.server.left(user) for user in (one, other)]
    for _ in range(2):
        through, direct = said(house.through(one), *some), said(house.direct(other), *some)
        house.has_gone()
        assert of_any_user(some, through) == of_any_user(some, direct)
        kept = [
            [names.index(name) for name in house.server.left(user)]
            for user, names in zip((one, other), before, strict=True)
        ]
        assert kept[0] == kept[1]
        assert len(kept[0]) >= len(MESSAGES) - 2 * FEW


def test_what_a_client_deletes_is_gone_and_nothing_else(house: House) -> None:
    deletes = [b"LIST", *[line for n in (1, 2, 4, 7) for line in (b"RETR %d" % n, b"DELE %d" % n)]]
    for _ in range(SESSIONS - 1):
        user = house.server.new_user(MESSAGES)
        before = house.server.left(user)
        answers = said(house.through(user), *deletes)
        house.has_gone()
        assert all(answer.startswith(b"+OK") for answer in answers)
        left = [name for number, name in enumerate(before, 1) if number not in {1, 2, 4, 7}]
        assert house.server.left(user) == left


@pytest.mark.parametrize("house", ["popa3d", "solid"], indirect=True, scope="module")
def test_what_we_ask_uses_up_nobodys_patience(house: House) -> None:
    """Solid POP3 hangs up at the fifth command that it does not know, and CAPA is one: four are the client's."""
    odd = [b"XTND XLST"] * (PATIENCE_OF_SOLID - 1)
    for _ in range(SESSIONS):
        user = house.server.new_user(MESSAGES)
        answers = said(house.through(user), *odd, b"STAT")
        house.has_gone()
        assert answers[: len(odd)] == said(house.direct(user), *odd, b"STAT")[: len(odd)]
        assert answers[len(odd)].startswith(b"+OK %d " % len(MESSAGES))
        assert answers[-1].startswith(b"+OK")
