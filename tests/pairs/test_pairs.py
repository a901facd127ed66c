"""Each odd server with odd clients, through the tunnel and through popover: nothing differs that is not documented.

All plays of a portion take place at once, when its first test asks for them: most of their time they wait. The
everyday suite plays a part of all pairs, always the same; with POPOVER_DEPTH above 1 (`make test-deep`) it is all.
"""

import asyncio
import functools
import zlib

import pytest

from depth import DEPTH
from pairs.clients import CLIENTS
from pairs.features import FEATURES
from pairs.play import Pair, meet, play
from pairs.servers import SERVERS
from parts.certificates import Authority

PORTION = 17  # servers that play together

# A server meets one in so many clients, with everything on; one in so many of these also with everything off, and
# with each feature alone. In the deep suite all meet all.
MEETS = 8
MEETS_OFF = 3
MEETS_ALONE = 12


def chosen(server: str, client: str, features: str) -> bool:
    """Whether the everyday suite plays this pair; `plain` meets everybody."""
    if DEPTH > 1 or (server == "plain" and features in ("on", "off")):
        return True
    turn, rest = divmod(zlib.crc32(f"{server} {client}".encode()), MEETS)
    if rest or features == "on":
        return not rest
    if features == "off":
        return turn % MEETS_OFF == 0
    return turn % MEETS_ALONE == list(FEATURES).index(features)


# AUTH without a mechanism is answered from CAPA, for GMX hangs up at it; this one never says anything to CAPA, which is
# asked of a server before the first such AUTH, and once.
ANSWERED_BY_CAPA = {("silent-capa", "outlook")}
# They end at the third message, which this client does not fetch and popover does, ahead of it, in its second session:
# its deletions wait for the next one, and four sessions go step by step.
ENDS_AT_THREE = {
    (f"{how}-three", "small-letters")
    for how in ("closes-before", "closes-inside", "cuts-inside", "resets-inside", "closes-after")
}
# It has let go a connection that stood ready, without a word, and these say a DELE or a QUIT in the same piece as their
# login: nobody knows what of it was done.
SAYS_ALL_TO_NOBODY = {("lets-go-in-silence", client) for client in ("says-all-at-once", "half-closes")}
EXCEPT = ANSWERED_BY_CAPA | ENDS_AT_THREE | SAYS_ALL_TO_NOBODY
NAMES = sorted(SERVERS)
PORTIONS = {server: number // PORTION for number, server in enumerate(NAMES)}
MEETINGS = [(s, c) for s in NAMES for c in CLIENTS if meet(s, c) and (s, c) not in EXCEPT]
POSSIBLE = [Pair(s, c, f) for s, c in MEETINGS for f in FEATURES]
FIRST = {pair.server: pair for pair in reversed(POSSIBLE)}  # so that chance leaves no server out
PAIRS = [pair for pair in POSSIBLE if chosen(*pair) or pair == FIRST[pair.server]]


@functools.cache
def found(portion: int, authority: Authority) -> dict[Pair, list[str]]:
    """What was different, by pair, for all pairs of a portion."""
    pairs = [pair for pair in PAIRS if PORTIONS[pair.server] == portion]
    plays = asyncio.run(play(pairs, authority))
    return {pair: [item.words for item in items] for pair, items in plays.found.items()}


def _params() -> list[object]:
    groups = {portion: pytest.mark.xdist_group(f"pairs-{portion}") for portion in PORTIONS.values()}
    return [pytest.param(pair, id=str(pair), marks=groups[PORTIONS[pair.server]]) for pair in PAIRS]


@pytest.mark.timeout(600)  # the first of a portion waits for all its plays
@pytest.mark.parametrize("pair", _params())
def test_through_popover_it_is_as_through_a_tunnel(pair: Pair, authority: Authority) -> None:
    if found(PORTIONS[pair.server], authority)[pair]:
        # Thousands play at once, and a race of the tunnel's own shows now and then: what counts is what differs
        # alone, too. `python -m pairs` shows every difference, `make test-deep` plays until it finds one.
        alone = asyncio.run(play([pair], authority)).found[pair]
        assert [item.words for item in alone] == []


def test_every_client_and_every_server_is_in_the_everyday_suite() -> None:
    for names, place in ((NAMES, 0), (CLIENTS, 1), (FEATURES, 2)):
        assert {pair[place] for pair in PAIRS} == set(names)
