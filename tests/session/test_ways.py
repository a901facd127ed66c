"""What is remembered of the servers behind one desk: each by itself, the last used, and over a reload."""

from dataclasses import replace

from popover.config import Desk, Server, Service, Target, nobody
from popover.protocols.login import Found, Unsure, Visit
from popover.session.memories import Memories
from popover.session.ways import SERVERS_LIMIT, Ways
from services import service


class Finder:
    def __init__(self, *, takes_digests: bool = False) -> None:
        self.takes_digests = takes_digests

    async def find(self, visit: Visit) -> Found:
        return Unsure(f"nobody knows {visit.service}")


FINDER = Finder()
DESK = replace(service(), target=Target(nobody("pop3")), desk=Desk("pop3", accounts=True))


def target(number: int) -> Target:
    return Target(Server("pop3", f"mail{number}.example.com", 995))


def ways_of(memories: Memories, of: Service = DESK) -> Ways:
    found = memories.of(of)
    assert isinstance(found, Ways)
    return found


def loaded(*services: Service) -> Memories:
    memories = Memories()
    memories.load(services, lambda _: FINDER)
    return memories


def test_way_to_a_server_is_the_service_as_if_it_led_there_alone() -> None:
    way = ways_of(loaded(DESK)).to(target(1))
    assert way.service == replace(DESK, target=target(1))


def test_memories_of_two_servers_are_two_and_stay() -> None:
    ways = ways_of(loaded(DESK))
    one, other = ways.to(target(1)), ways.to(target(2))
    assert one.memory is not other.memory
    assert ways.to(target(1)) is one


def test_same_server_with_other_trust_is_another() -> None:
    ways = ways_of(loaded(DESK))
    strict = replace(target(1), trust=replace(target(1).trust, min_tls="1.3"))
    assert ways.to(strict).memory is not ways.to(target(1)).memory


def test_servers_used_last_are_remembered_and_no_more() -> None:
    ways = ways_of(loaded(DESK))
    first, second = ways.to(target(0)), ways.to(target(1))
    for number in range(2, SERVERS_LIMIT + 1):
        ways.to(target(number))
        assert ways.to(target(0)) is first
    assert len(list(ways.known)) == SERVERS_LIMIT
    assert ways.to(target(1)) is not second


def test_service_that_stays_remembers_and_asks_the_new_finder() -> None:
    memories = loaded(DESK)
    ways, other = ways_of(memories), Finder(takes_digests=True)
    way = ways.to(target(1))
    assert not ways.challenge()
    memories.load([DESK], lambda _: other)
    assert ways_of(memories) is ways
    assert ways.to(target(1)) is way
    assert ways.finder is other
    assert ways.challenge() != ways.challenge()


def test_service_that_is_gone_opens_no_connections_any_more() -> None:
    memories = loaded(DESK)
    ways = ways_of(memories)
    memories.load([service()], lambda _: FINDER)
    assert not ways.is_in_force
    assert ways_of(memories) is ways  # for a client that was let in just before


def test_harm_of_servers_behind_a_desk_is_kept_over_a_restart() -> None:
    memories = loaded(DESK)
    smtp = replace(DESK, target=Target(nobody("smtp")), desk=Desk("smtp", accounts=True))
    memories.load([smtp], lambda _: FINDER)
    server = Target(Server("smtp", "mail.example.com", 465))
    memory = ways_of(memories, smtp).to(server).memory
    memory.recall({"hello twice": 1e9}, 1e9)
    assert memories.harm() == {"smtps://mail.example.com:465": {"hello twice": 1e9}}


def test_service_that_has_been_gone_for_two_reloads_still_asks_who_logs_in() -> None:
    """Its client was let in before them, and came late, by a balancer that took its time."""
    memories = loaded(DESK)
    memories.load([service()], lambda _: FINDER)
    memories.load([service()], lambda _: FINDER)
    ways = ways_of(memories)
    assert not ways.is_in_force
    assert ways.finder is FINDER
