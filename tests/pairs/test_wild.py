"""IMAP, SMTP and ManageSieve by chance, with seeds that are always the same: nothing differs that is not documented.

For more of it, with other seeds, there is `make test-deep`; `python -m pairs.wild.duel --seed N` plays one alone.
"""

import asyncio

import pytest

from depth import examples
from pairs.wild.case import case
from pairs.wild.duel import ROUND, STILL_DIFFERENT, duel
from parts.certificates import Authority


@pytest.mark.timeout(600)  # a round is one test
@pytest.mark.parametrize("turn", range(examples(1)))
def test_imap_smtp_and_managesieve_by_chance_are_as_through_a_tunnel(turn: int, authority: Authority) -> None:
    seeds = [seed for seed in range(turn * ROUND, (turn + 1) * ROUND) if seed not in STILL_DIFFERENT]
    tally = asyncio.run(duel([case(seed) for seed in seeds], authority))
    assert tally.sessions == len(seeds)
    assert tally.found == {}
    assert tally.unsteady <= ROUND // 10  # what differs from itself is not compared
