"""Through the relay a client gets what it would get directly, and the server ends as it would."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from depth import examples
from model_pop3 import PIECE, VISITOR, Client, Model, Nature, World, direct, service, split, trusting
from popover.config import Service
from popover.errors import ServerFailure
from popover.protocols import pop3
from popover.protocols.pop3 import Memory, ahead, body, client_ear, mouth
from popover.talk import End

Group = list[bytes]
NOT_REMOVED = b"-ERR some deleted messages not removed\r\n"

lines = st.sampled_from([b".", b"..", b"", b"x", b".x", b"+OK", b"-ERR", b"a" * 300, "ü".encode(), b"QUIT"])
messages = st.lists(lines, max_size=4).map(lambda parts: b"Subject: m\r\n" + b"".join(part + b"\r\n" for part in parts))
mailboxes = st.lists(messages, min_size=2, max_size=6).map(tuple)
numbers = st.sampled_from([1, 1, 2, 2, 3, 4, 5, 7, 0])
mostly = st.sampled_from([True, True, True, True, True, True, True, False])
rarely = mostly.map(lambda often: not often)
refusals = st.frozensets(st.tuples(st.sampled_from([b"DELE", b"DELE", b"RETR", b"LIST", b"STAT"]), numbers), max_size=2)


hearing: st.SearchStrategy[Any] = st.sampled_from(
    ["all", "all", "all", "all", "first", "first after login", "not behind login"]
)
mixtures: st.SearchStrategy[Any] = st.sampled_from(["status", "lists", "last"])


@st.composite
def natures(draw: st.DrawFn, *, ends: bool = False) -> Nature:
    pipelining: Literal["no", "after", "yes"] = draw(st.sampled_from(["yes", "yes", "yes", "yes", "after", "no"]))
    return Nature(
        messages=draw(mailboxes),
        pipelining=pipelining,
        knows_capa=draw(mostly),
        has_uidl=draw(mostly),
        rico=draw(rarely),
        lies=draw(rarely),
        refuses=draw(refusals) if draw(st.booleans()) else frozenset(),
        hears="all" if ends else draw(hearing),
        line_end=draw(st.sampled_from([b"\r\n"] * 6 + [b"\n"])),
        odd=draw(rarely),
        expires=draw(rarely),
        next_ok_before_dot=draw(rarely),
        mixes=draw(mixtures) if draw(rarely) else "",
        ends_after=draw(st.integers(40, 1500)) if ends else None,
    )


def walk(numbers: range, verb: bytes, *, deleting: bool) -> list[bytes]:
    return [
        line
        for n in numbers
        for line in (b"%s %d%s\r\n" % (verb, n, b" 3" if verb == b"TOP" else b""), *_dele(n, deleting))
    ]


def _dele(number: int, deleting: bool) -> list[bytes]:
    return [b"DELE %d\r\n" % number] if deleting else []


COMMON = [b"STAT", b"LIST", b"UIDL", b"NOOP", b"RSET", b"STAT", b"UIDL"]
RARE = [
    b"CAPA",
    b"LAST",
    b"stat",
    b" UIDL ",
    b"AUTH",
    b"HUH",
    b"",
    b"DELE x",
    b"DELE 1 2",
    b"RETR 01",
    b"LIST 1",
    b"UIDL 2",
]
singles = st.sampled_from(COMMON * 4 + RARE).map(lambda line: [line + b"\r\n"])
numbered = st.builds(
    lambda verb, n, end: [b"%s %d%s" % (verb, n, end)],
    st.sampled_from([b"RETR", b"DELE", b"DELE"]),
    numbers,
    st.sampled_from([b"\r\n", b"\r\n", b"\n", b" \r\n"]),
)
tops = st.builds(lambda n, k: [b"TOP %d %d\r\n" % (n, k)], numbers, st.integers(0, 2))
walks = st.builds(
    lambda start, length, verb, deleting: walk(range(start, start + length), verb, deleting=deleting),
    st.integers(1, 3),
    st.integers(2, 6),
    st.sampled_from([b"RETR", b"RETR", b"TOP"]),
    deleting=st.booleans(),
)
stale = st.builds(
    lambda n, verb, again: [b"DELE %d\r\n" % n, b"%s\r\n" % verb if verb != b"RETR" else b"RETR %d\r\n" % n, *again],
    numbers,
    st.sampled_from([b"RETR", b"STAT", b"LIST", b"UIDL", b"RSET"]),
    st.sampled_from([[], [b"RSET\r\n", b"STAT\r\n"]]),
)
GOOD = [b"USER anna\r\n", b"PASS secret\r\n"]
logins = st.sampled_from(
    [
        *[GOOD] * 6,
        [b"CAPA\r\n", *GOOD, b"CAPA\r\n"],
        [b"USER anna\r\n", b"PASS wrong\r\n", *GOOD],
        [b"USER anna\r\n", b"PASS wrong\r\n"],
        [b"user anna\n", b"NOOP\n", b"pass secret\n"],
    ]
)


@st.composite
def scripts(draw: st.DrawFn) -> list[Group]:
    said: list[bytes] = list(draw(logins))
    for part in draw(st.lists(st.one_of(walks, walks, singles, stale, stale, numbered, tops), max_size=7)):
        said += part
    if draw(st.integers(0, 4)):
        said.append(b"QUIT\r\n")
    groups: list[Group] = []
    pipelines = draw(st.integers(0, 3)) == 0
    while said:
        size = draw(st.integers(1, 5)) if pipelines else 1
        groups.append(said[:size])
        said = said[size:]
    return groups


services = st.builds(
    lambda mode, size: service(read_ahead=mode, read_ahead_bytes=size),
    st.sampled_from([True, True, "always", False]),
    st.sampled_from([1 << 20, 1 << 20, 1 << 20, 400, 100]),
)

seeds = st.integers(0, 1 << 32)  # of the chance that cuts the octets and orders the events
many = settings(max_examples=examples(600), deadline=None, suppress_health_check=list(HealthCheck))


def warm_capa(nature: Nature, memory: Memory) -> bytes:
    """What a spare connection tells, once one of its kind has been used up by what it taught."""
    for _ in range(2):
        server, end = Model(replace(nature, ends_after=None)), End("server")
        server.take(1 << 20)
        talk = pop3.get_ready(end, memory)
        try:
            while True:
                next(talk)
                server.hear(bytes(end.outbox))
                end.outbox.clear()
                answer = server.take(1 << 20)
                end.inbox += answer
                end.ended = not answer
        except ServerFailure:
            return b""
        except StopIteration as done:
            if done.value is not None:
                return bytes(done.value)
    return b""


def compare(got: list[bytes], wanted: list[bytes], said: list[bytes], nature: Nature) -> None:
    """Check the answers one by one. USER, DELE and QUIT may be answered by the gateway, in words of its own.

    It may have said +OK to a DELE that the server refused to carry out, and then QUIT tells.
    """
    hidden = 0
    for number, answer in enumerate(got):
        words = said[number - 1].split() if number else []
        verb = words[0].upper() if words else b""
        if verb == b"DELE" and answer[:3] == b"+OK" and wanted[number][:3] != b"+OK":
            assert b"ERR refused" in wanted[number]
            assert (b"DELE", int(words[1])) in nature.refuses
            hidden += 1
        elif verb == b"QUIT" and hidden:
            assert answer == NOT_REMOVED
        elif verb in (b"USER", b"DELE", b"QUIT") and answer[:3] == b"+OK":
            assert wanted[number][:3] == b"+OK", (said[number - 1], wanted[number])
        else:
            assert answer == wanted[number], said[number - 1]
        if verb == b"RSET" and answer[:3] == b"+OK":
            hidden = 0


def is_as_offered(nature: Nature) -> bool:
    """Whether the server can what it says that it can."""
    ends_well = nature.line_end == b"\r\n" and not nature.mixes
    return nature.hears == "all" and not nature.next_ok_before_dot and ends_well


def bearable(nature: Nature, groups: list[Group]) -> list[Group]:
    """Directly, too, only a client that goes step by step gets on with a server that cannot what it offers."""
    return groups if is_as_offered(nature) else [[line] for group in groups for line in group]


def memory_of(nature: Nature, *sessions: list[Group], trusts: bool) -> Memory:
    """What is known from the start: whether the client says LAST, whose answer reading ahead would change; and, if it
    `trusts`, that the server can what it offers.
    """
    memory = trusting(before=nature.pipelining == "yes", after=nature.pipelining != "no") if trusts else Memory()
    if nature.rico or nature.expires or not nature.knows_capa:
        memory.manners.after = None
    says_last = any(b"LAST\r\n" in group for groups in sessions for group in groups)
    for user in ("", "anna"):
        memory.habits((VISITOR, user)).asks_last = says_last
    return memory


@pytest.fixture(params=[False, True], ids=["limits", "low-limits"], scope="module")
def limits(request: pytest.FixtureRequest) -> Iterator[None]:
    """The limits as they are, and so low that each of them is met. A piece of the stream is what it is in the model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ahead, "OVER", PIECE)
        if request.param:
            patch.setattr(mouth, "STRAIGHT", 1)
            patch.setattr(body, "TAIL", 6)
            patch.setattr(client_ear, "TURNS_LIMIT", 2)
        yield


# Once held 405 octets: those of a status line cut in two count only when it is whole.
LIAR = Nature(
    messages=(*[b"Subject: m\r\n"] * 3, b"x" * 310 + b"\r\n", *[b"Subject: m\r\n"] * 2), pipelining="yes", lies=True
)
# Once got -ERR for RETR 3: read ahead, not proven, and asked again behind the DELE that the client had said after it.
REFUSER = Nature(messages=(b"Subject: m\r\n",) * 3, refuses=frozenset([(b"LIST", 3)]))
IN_ONE_PIECE = [b"RETR 2\r\n", b"DELE 2\r\n", b"RETR 3\r\n", b"DELE 3\r\n"]
# Once ended the session: a refusal in words that were not known yet was taken for a sign that an answer is missing.
ODD = Nature(messages=(b"Subject: m\r\n",) * 2, refuses=frozenset([(b"LIST", 0)]), odd=True)
# Once hung: STAT and CAPA left together to find out, CAPA got lost, and the answer to STAT was held for ever.
ONE_BY_ONE = Nature(messages=(b"Subject: m\r\n",) * 2, hears="first after login", pipelining="yes")
# Once took so long to answer the CAPA before QUIT that the one was said without waiting for the other.
LATE = Nature(messages=(b"Subject: m\r\n", b"Subject: m\r\n" + b"a" * 300 + b"\r\n"), hears="not behind login")
BACK_AND_FORTH = [b"DELE 1\r\n", b"RETR 1\r\n", b"RSET\r\n", b"STAT\r\n"] * 2
TO_AND_FRO = [[line] for line in [*GOOD, b" UIDL \r\n", *walk(range(1, 3), b"RETR", deleting=False) * 3]]


@many
@given(natures(), st.lists(scripts(), min_size=1, max_size=3), services, st.booleans(), seeds)
@example(
    LIAR,
    [TO_AND_FRO, [[line] for line in [*GOOD, b"RETR 1\r\n", b"RETR 2\r\n"]]],
    service(read_ahead_bytes=100),
    False,
    0,
)
@example(
    REFUSER,
    [
        [[line] for line in [*GOOD, b"RETR 1\r\n", b"RETR 2\r\n"]],
        [*([line] for line in [*GOOD, b"RETR 1\r\n", b"DELE 1\r\n"]), IN_ONE_PIECE],
    ],
    service(),
    False,
    0,
)
@example(ONE_BY_ONE, [[[line] for line in [*GOOD, b"STAT\r\n"]]] * 2, service(), True, 0)
@example(
    ODD, [[[line] for line in [*GOOD, *walk(range(1, 4), b"RETR", deleting=True), b"QUIT\r\n"]]], service(), False, 2
)
@example(
    LATE,
    [[[line] for line in [*GOOD, b"RETR 1\r\n", b"RETR 2\r\n", *BACK_AND_FORTH, b"QUIT\r\n"]]],
    service(),
    True,
    64,
)
@example(
    Nature(messages=(b"Subject: m\r\n",) * 2, pipelining="after"),
    [[[line] for line in GOOD], [[line] for line in [*GOOD, b"STAT\r\n", b"STAT\r\n", b"TOP 1 0\r\n"]]],
    service(read_ahead=True, read_ahead_bytes=1 << 20),
    True,
    1089,
)
@example(
    ONE_BY_ONE,
    [[[line] for line in [*GOOD, b"STAT\r\n"]], [[line] for line in [*GOOD, b"\r\n"]]],
    service(read_ahead=True, read_ahead_bytes=1 << 20),
    True,
    0,
)
@pytest.mark.usefixtures("limits")
def test_whole_sessions_are_as_without_a_gateway(
    nature: Nature, sessions: list[list[Group]], of: Service, warm: bool, seed: int
) -> None:
    as_offered = is_as_offered(nature)
    sessions = [bearable(nature, groups) for groups in sessions]
    # One that refuses STAT in words of its own could not have shown anything: STAT is what all proofs end with.
    can_show = not (nature.odd and (b"STAT", 0) in nature.refuses)
    memory = memory_of(nature, *sessions, trusts=as_offered and can_show and seed % 2 == 0)
    for groups in sessions:
        client, server = Client(groups), Model(nature)
        world = World(of, memory, client, server, warm_capa(nature, memory) if warm else b"")
        world.run(Random(seed))
        said = [line for group in groups for line in group]
        wanted, alone = direct(nature, groups)
        got = split(bytes(client.received), said)
        assert world.ears.failure is None
        assert len(got) == len(wanted)
        assert b"".join(got) == client.received
        compare(got, wanted, said, nature)
        # What we ask before a QUIT that is answered already is not waited for very long.
        is_given_up = server.violations == [b"QUIT\r\n"] and server.heard[-2:] == [b"CAPA\r\n", b"QUIT\r\n"]
        assert server.violations == [] or is_given_up or any(len(group) > 1 for group in groups)
        commits = [line for line in server.heard if line.split()[:1] in ([b"DELE"], [b"QUIT"])]
        wished = [line for line in said if line.split()[:1] in ([b"DELE"], [b"QUIT"])]
        # A server that hears only the first of what comes in one piece may not hear QUIT, where there is nothing to do.
        may_be_lost = not as_offered and not alone.committed
        assert commits == wished or (may_be_lost and commits == [line for line in wished if line[:4] != b"QUIT"])
        assert (server.committed or set()) == (alone.committed or set())
        assert may_be_lost or (server.committed is None) == (alone.committed is None)
        assert world.most_held <= of.ahead.read_ahead_bytes + ahead.OVER
        event("guessed" if len(server.heard) > len(said) + 1 else "asked")


@many
@given(natures(), scripts(), scripts(), services, st.integers(0, 12), seeds)
def test_a_client_that_goes_away_deletes_nothing(
    nature: Nature, first: list[Group], groups: list[Group], of: Service, leaves: int, seed: int
) -> None:
    first, groups = bearable(nature, first), bearable(nature, groups)
    memory = memory_of(nature, first, groups, trusts=is_as_offered(nature))
    World(of, memory, Client(first), Model(nature)).run(Random(seed))
    client, server = Client(groups, leaves_after=leaves), Model(nature)
    world = World(of, memory, client, server)
    world.run(Random(seed))
    if not any(line.startswith(b"QUIT") for line in client.said):
        assert server.committed is None
        assert not any(line.startswith(b"QUIT") for line in server.heard)


@many
@given(natures(ends=True), scripts(), scripts(), services, seeds)
def test_a_server_that_goes_away_takes_no_deletion_for_done(
    nature: Nature, first: list[Group], groups: list[Group], of: Service, seed: int
) -> None:
    nature = replace(nature, next_ok_before_dot=False, line_end=b"\r\n", mixes="")
    memory = memory_of(nature, first, groups, trusts=True)
    lasting = replace(nature, ends_after=None)
    World(of, memory, Client(first), Model(lasting)).run(Random(seed))
    client, server = Client(groups), Model(nature)
    world = World(of, memory, client, server)
    world.run(Random(seed))
    wanted, alone = direct(lasting, groups)
    got = split(bytes(client.received), client.said)
    rest = bytes(client.received)[len(b"".join(got)) :]
    assert len(got) <= len(wanted)
    compare(got, wanted, client.said, nature)
    if rest:
        assert wanted[len(got)].startswith(rest)
    if client.said and len(got) == len(client.said) + 1 and client.said[-1] == b"QUIT\r\n" and got[-1][:3] == b"+OK":
        assert (server.committed or set()) <= (alone.committed or set())
        if not server.ended or server.committed is not None:
            assert (server.committed or set()) == (alone.committed or set())


@settings(max_examples=examples(150), deadline=None)
@given(scripts(), seeds)
@example([[b"USER anna\r\n"], [b"PASS secret\r\n"], [b"RETR 1\r\n"], [b"DELE 1\r\n"], [b"QUIT\r\n"]], 1)
def test_switched_off_the_server_hears_the_client_alone(groups: list[Group], seed: int) -> None:
    nature = Nature(messages=(b"one\r\n", b"two\r\n"))
    client, server = Client(groups), Model(nature)
    world = World(service(on=False), Memory(), client, server)
    world.run(Random(seed))
    wanted, _ = direct(nature, groups)
    assert client.received == b"".join(wanted)
    assert server.heard == [line for group in groups for line in group]
