"""Servers, clients and cuts by chance, with seeds that are always the same: nothing differs that is not documented.

For an hour of it, with other seeds, there is `make test-deep`; `python -m pairs.fuzz --seed N` plays one alone.
"""

import asyncio
from dataclasses import replace

import pytest

from depth import examples
from pairs import chance
from pairs.fuzz import ROUND, duel
from parts.certificates import Authority

ROUNDS = 2


@pytest.mark.timeout(600)  # a round is one test
@pytest.mark.parametrize("turn", range(examples(ROUNDS)))
def test_by_chance_it_is_as_through_a_tunnel(turn: int, authority: Authority) -> None:
    cases = [chance.case(seed) for seed in range(turn * ROUND, (turn + 1) * ROUND)]
    tally = asyncio.run(duel(cases, authority))
    assert tally.sessions > ROUND
    found = {case.seed: [item.words for item in items] for case, items in tally.found.items()}
    assert found == {}


def test_a_seed_is_a_case() -> None:
    assert chance.case(7) == chance.case(7) != chance.case(8)


@pytest.mark.parametrize("manners", [("expire", "gmail-without-expire"), ("gmail-without-expire", "expire")])
def test_a_server_that_deletes_what_is_read_says_so(manners: tuple[str, ...]) -> None:
    kind = chance.kind(replace(chance.case(0), manners=manners, end=None))
    assert "EXPIRE 0" in kind.capa
