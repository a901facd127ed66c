"""Servers whose answers never end, and servers that say more than they are asked: it goes as over a wire."""

import math
import re
from collections.abc import Iterator
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_pop3_property import GOOD, Group, mailboxes, scripts, seeds, services

from depth import examples
from model_pop3 import VISITOR, Client, Model, Nature, World, direct, split
from popover.config import Service
from popover.protocols.pop3 import Memory

many = settings(max_examples=examples(300), deadline=None, suppress_health_check=list(HealthCheck))

# What popover says in words of its own, and the server in its.
OURS = re.compile(rb"\+OK(?: send PASS| gone| bye| message \d+ deleted)?\r\n")

SOME = 5  # times that something is due

without_end = st.frozensets(
    st.tuples(st.sampled_from([b"RETR", b"RETR", b"TOP"]), st.integers(1, 4))
    | st.sampled_from([(b"LIST", 0), (b"UIDL", 0)]),
    min_size=1,
    max_size=2,
)


def step_by_step(groups: list[Group]) -> list[Group]:
    return [[line] for group in groups for line in group]


def remembers(sessions: list[list[Group]]) -> Memory:
    """What is known from the start: whether the client says LAST, whose answer reading ahead would change."""
    memory = Memory()
    for user in ("", "anna"):
        habits = memory.habits((VISITOR, user))
        habits.asks_last = any([b"LAST\r\n"] in groups for groups in sessions)
    return memory


def plain(octets: bytes) -> bytes:
    """What is said in the words of either."""
    return OURS.sub(b"+OK\r\n", octets)


def played(
    nature: Nature, sessions: list[list[Group]], of: Service, seed: int
) -> Iterator[tuple[Client, Model, World]]:
    """Play one session after the other, each said step by step, with one memory."""
    stepwise = [step_by_step(groups) for groups in sessions]
    memory = remembers(stepwise)
    for groups in stepwise:
        client, server = Client(groups), Model(nature)
        world = World(of, memory, client, server)
        world.run(Random(seed))
        yield client, server, world


@many
@given(mailboxes, without_end, st.lists(scripts(), min_size=1, max_size=3), services, seeds)
def test_who_waits_in_vain_has_got_all_that_there_is(
    messages: tuple[bytes, ...],
    never_ends: frozenset[tuple[bytes, int]],
    sessions: list[list[Group]],
    of: Service,
    seed: int,
) -> None:
    """Nothing more, nothing less, and nothing is deleted: as if there were no gateway."""
    nature = Nature(messages, never_ends=never_ends)
    for client, server, world in played(nature, sessions, of, seed):
        wanted, alone = direct(nature, [[line] for line in client.said])
        assert plain(bytes(client.received)) == plain(b"".join(wanted))
        answered = len(split(bytes(client.received), client.said)) == len(client.said) + 1
        if answered:
            assert (server.committed or set()) == (alone.committed or set())
        else:
            world.ears.client_ended(world.now)
            world.settle()
            assert server.committed is None


@many
@given(
    mailboxes,
    st.sampled_from([b"\r\n", b"+OK by the way\r\n", b"-ERR by the way\r\n", b"by the way\r\n"]),
    st.lists(scripts(), min_size=1, max_size=3),
    services,
    seeds,
)
def test_what_a_server_says_more_is_the_clients_in_its_place(
    messages: tuple[bytes, ...], adds: bytes, sessions: list[list[Group]], of: Service, seed: int
) -> None:
    """Its client takes it for the answer to what it says next, and so it does over a wire. Who says QUIT before it has
    come may have his goodbye already: that is the answer to what he said.
    """
    nature = Nature(messages, adds=adds)
    for client, server, world in played(nature, sessions, of, seed):
        for _ in range(SOME):  # a client that has lost count may be done, and gets the rest in a moment
            if world.ears.is_owed and world.ears.due < math.inf:
                world.pass_time(world.ears.due)
                world.settle()
        wanted, alone = direct(nature, [[line] for line in client.said])
        answers = [b"".join(wanted)]
        if client.said[-1].strip().upper() == b"QUIT":
            answers.append(b"".join(wanted[:-1]).removesuffix(adds) + wanted[-1])
        assert plain(bytes(client.received)) in [plain(one) for one in answers]
        assert (server.committed or set()) == (alone.committed or set())


def test_there_are_such_answers() -> None:
    """The model has them in the places that the tests above rely on."""
    lines = [*GOOD, b"RETR 1\r\n", b"LIST\r\n"]
    nature = Nature((b"one\r\n",), never_ends=frozenset([(b"LIST", 0)]), adds=b"more\r\n")
    wanted, _ = direct(nature, [[line] for line in lines])
    assert wanted[3].endswith(b".\r\nmore\r\n")
    assert wanted[4] == b"+OK here\r\n1 5\r\n"
