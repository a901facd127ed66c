"""Whatever a device says, however its server behaves: what is said 250 is somewhere, and nothing else is."""

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from hearing import pieces
from model_device import RULES, House, Server, Shelf
from popover.config import DeviceRules
from popover.errors import ConnectFailure, Failure
from popover.protocols.reception import Wish

SAYINGS = [
    b"EHLO x\r\n", b"HELO\n", b"NOOP\r\n", b"RSET\r\n", b"X-Odd: y\r\n", b"\r\n", b"VRFY a\r\n", b"QUIT\r\n",
    b"MAIL FROM:<a@x>\r\n", b"mail from: a@x SIZE=99\r\n", b"MAIL FROM:<>\r\n", b"MAIL\r\n",
    b"RCPT TO:<b@x>\r\n", b"rcpt to:c@x\n", b"RCPT TO:<eve@evil.example>\r\n",
    b"DATA\r\n", b"DATA\r\nSubject: a\r\n\r\ntext\r\n.\r\n", b"DATA\r\n.\r\n", b"Subject: late\r\n", b".\r\n",
    b"DATA\r\nno header\n.\nat all\n\r\n.\r\n",
    b"BDAT 5\r\nhello", b"BDAT 0 LAST\r\n", b"BDAT 7 LAST\r\n\r\n.\r\n\r\n", b"BDAT x\r\n",
]  # fmt: skip
WHOLE = [b"EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n" + data for data in SAYINGS if data.startswith(b"DATA\r\nS")]
ANSWERS = [
    b"",
    b"421 4.3.2 going\r\n",
    b"451 4.3.0 later\r\n",
    b"550 5.7.1 no\r\n",
    b"250-two\r\n250 lines\r\n",
    b"354 on\r\n",
]
VERBS = [b"EHLO", b"MAIL", b"RCPT", b"DATA", b".", b"RSET"]

servers = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from(VERBS), st.sampled_from(ANSWERS), max_size=2).map(Server),
        st.just(ConnectFailure("it is down")),
    ),
    max_size=3,
)  # fmt: skip


@settings(max_examples=examples(300))
@given(
    st.lists(st.sampled_from([*SAYINGS, *WHOLE]), max_size=12).map(b"".join),
    servers,
    st.sampled_from([None, "works", "full", "broken"]),
    st.sampled_from([RULES, DeviceRules(recipients=("*@x",), max_recipients=1)]),
    st.data(),
)
def test_what_is_said_250_is_somewhere(
    said: bytes, behind: list[Server | Failure], disk: str | None, rules: DeviceRules, data: st.DataObject
) -> None:
    shelf = None if disk is None else Shelf(can_keep=disk != "broken", holds=40 if disk == "full" else 10**9)
    house = House(*behind, shelf=shelf, rules=rules)
    told, wish = house.run(data.draw(pieces(said)))
    assert wish is Wish.LEAVE
    lines = told.split(b"\r\n")
    assert lines.pop() == b""
    assert all(re.fullmatch(rb"[2-5][0-9]{2}[ -][ -~]*", line) for line in lines)
    there = sum(len(server.mails) for server in house.servers) + (len(shelf.kept) if shelf is not None else 0)
    assert verdicts(told) <= there
    heard = b"".join(server.heard for server in house.servers)
    kept = [envelope.recipients for _, envelope in shelf.kept] if shelf is not None else []
    if rules.recipients:
        assert b"eve@" not in heard.lower()
        assert not [one for one in kept if any("eve" in recipient for recipient in one)]
    if shelf is not None:
        assert all(octets.endswith(b".\r\n") for octets, _ in shelf.kept)
        assert len(shelf.kept) + sum(paper.is_dropped for paper in shelf.begun) == len(shelf.begun) or disk == "broken"


def verdicts(told: bytes) -> int:
    """How many mails were said to be taken: the 250 that follows a 354."""
    answers = [line[:3] for line in told.splitlines() if line[3:4] != b"-"]
    return sum(one == b"354" and two == b"250" for one, two in pairwise(answers))
