"""Servers, clients and cuts by chance, with seeds that are always the same: nothing differs that is not documented.

For an hour of it, with other seeds, there is `make test-deep`; `python -m pairs.fuzz --seed N` plays one alone.
"""

import asyncio

import pytest

from depth import examples
from pairs import chance
from pairs.fuzz import ROUND, duel
from parts.certificates import Authority

ROUNDS = 2

# 217: a server greets twice, so its client is one answer behind, and has popover's +OK to USER where it expects the
# server's: other words, the same +OK. 287: the tunnel's client gives up on a slow server, popover's has more patience.
# 295: a server adds a line behind the login, and its client, one answer behind, takes popover's answer to STLS for
# another's. 307: a server hangs up at the name, which PASS tells, in one piece with it.
STILL_DIFFERENT = {217, 287, 295, 307}


@pytest.mark.timeout(600)  # a round is one test
@pytest.mark.parametrize("turn", range(examples(ROUNDS)))
def test_by_chance_it_is_as_through_a_tunnel(turn: int, authority: Authority) -> None:
    cases = [chance.case(seed) for seed in range(turn * ROUND, (turn + 1) * ROUND)]
    tally = asyncio.run(duel(cases, authority))
    assert tally.sessions > ROUND
    # Once more alone, as in test_pairs: what differs for a race's sake differs once.
    suspects = [case for case in tally.found if case.seed not in STILL_DIFFERENT]
    again = asyncio.run(duel(suspects, authority))
    assert {case.seed: [item.words for item in found] for case, found in again.found.items()} == {}


def test_a_seed_is_a_case() -> None:
    assert chance.case(7) == chance.case(7) != chance.case(8)
