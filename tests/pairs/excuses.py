"""Sessions that may differ as a whole, each as narrowly as can be: popover's went on where the tunnel's was lost, or
docs/speed.md has the reason under "What is still worse".
"""

from typing import NamedTuple

from pairs.features import has
from pairs.rewrites import NO_TLS, Refused, same, verb_of
from pairs.servers.base import Pop3, State
from pairs.servers.capabilities import Budget, CapaBeforeLoginOnly
from pairs.servers.drips import CapaInPieces, SilentCapa
from pairs.servers.ends import ClosesAtBadCommand, Ends
from pairs.servers.providers import Gmx, HMailServer
from pairs.talk import Record, Turn

# Servers that end may do so at these, when popover asks them ahead of the client.
AHEAD = frozenset((b"STAT", b"LIST", b"UIDL", b"RETR", b"TOP"))

# Servers that end a session at too many bad commands, be it one.
_COUNT = (Budget, HMailServer, ClosesAtBadCommand, Gmx)

# What those say as they do, to a client that may go before it sees the end.
_ENOUGH = b"-ERR too many"

# Turns by which a session may fail sooner: what is asked ahead of a client that has shown little.
SOONER = 8


class Played(NamedTuple):
    """A session, and what it did to its server."""

    record: Record
    state: State


def is_excused(direct: Played, through: Played, server: type[Pop3], features: str) -> bool:
    """Whether two sessions that differ may."""
    ours, theirs = direct.record, through.record
    spared = server.better or (issubclass(server, _COUNT) and any(map(is_spared, ours.turns))) or refused(direct)
    return (
        (spared and goes_further(direct, theirs, features))
        or (is_spared(ours.turns[-1]) and goes_further(direct, theirs, features))
        or _hears_it_later(direct, through, features)
        or (server.ends and _fails_sooner(direct, through, features))
        or (server.ends and _has_it_already(direct, through, features))
        or (issubclass(server, Ends) and _fails_ahead(direct, through, server, features))
        or (issubclass(server, Ends) and server.how == "reset" and _is_overtaken(ours, theirs, features))
        or (ours.end == theirs.end == "gave up" and _has_begun(ours, theirs, features))
        or (issubclass(server, (SilentCapa, CapaInPieces)) and _waits_for_capa(ours, theirs, features))
        or (issubclass(server, Budget) and pays_for_capa(ours, theirs, features))
        or (
            issubclass(server, CapaBeforeLoginOnly)
            and issubclass(server, _COUNT)
            and _ends_at_capa(direct, through, features)
        )
    )


def goes_further(direct: Played, through: Record, features: str) -> bool:
    """Whether all is the same up to where the tunnel lost the session, if need be with a refusal as a last word, and
    popover had an answer there: of what comes then there is nothing to compare.
    """
    ours = direct.record
    last = len(ours.turns) - 1
    if last and ours.turns[last - 1].got[:4] == b"-ERR" and not ours.turns[last].got:
        last -= 1
    is_lost = ours.end in ("closed", "reset") or direct.state.left or ours.turns[-1].got.startswith(_ENOUGH)
    return (
        (is_lost or (ours.end == "gave up" and not ours.turns[-1].got))
        and len(through.turns) > last
        and through.turns[last].whole
        and not _begins_tls(through.turns[last])
        and begins_alike(ours, through, last, features)
    )


def _begins_tls(turn: Turn) -> bool:
    return turn.said.upper().split() == [b"STLS"] and not turn.got.startswith(NO_TLS)


def _hears_it_later(direct: Played, through: Played, features: str) -> bool:
    """Whether the tunnel's session ended at a USER or DELE that popover answers itself: its client hears of the end at
    the next command that is the server's to answer, and of a deletion at QUIT at the latest, which is not answered.
    """
    ours, theirs = direct.record, through.record
    last = len(ours.turns) - 1
    later = [turn for turn in theirs.turns[last:] if not _is_early(turn)]
    return (
        ours.end in ("closed", "reset")
        and not ours.turns[last].whole
        and len(theirs.turns) > last
        and _is_early(theirs.turns[last])
        and begins_alike(ours, theirs, last, features)
        and theirs.end in ("closed", "reset", "left")
        and not any(turn.whole for turn in later)
        and direct.state.removed == through.state.removed
        and not through.state.open
    )


def _fails_sooner(direct: Played, through: Played, features: str) -> bool:
    """Whether a session that fails anyway failed some turns earlier: a question asked ahead was its server's end.

    What came up to there is the same, and so is what the session did to its server.
    """
    ours, theirs = direct.record.turns, through.record.turns
    return (
        (has(features, "read_ahead") or has(features, "ask_ahead"))
        and {direct.record.end, through.record.end} <= {"closed", "reset"}
        and len(ours) - SOONER <= len(theirs) <= len(ours)
        and not theirs[-1].whole
        and begins_alike(direct.record, through.record, len(theirs) - 1, features)
        and ours[len(theirs) - 1].got.startswith(theirs[-1].got)
        and direct.state.removed == through.state.removed
        and not through.state.open
    )


def _has_it_already(direct: Played, through: Played, features: str) -> bool:
    """Whether the tunnel's session ended at a question that popover had asked ahead of its client: that is answered,
    and the next one tells of the end.
    """
    ours, theirs = direct.record, through.record
    last = len(ours.turns) - 1
    return (
        {ours.end, theirs.end} <= {"closed", "reset"}
        and not ours.turns[last].got
        and begins_alike(ours, theirs, last, features)
        and all(turn.whole == (turn is not theirs.turns[-1]) for turn in theirs.turns[last:])
        and all(verb_of(turn.said) in AHEAD | {b"CAPA"} for turn in theirs.turns[last:-1])
        and direct.state.removed == through.state.removed
        and not through.state.open
    )


def _fails_ahead(direct: Played, through: Played, server: type[Ends], features: str) -> bool:
    """Whether a server ended the session at what its client has not asked up to there, and popover has: one that would
    have gone on ends, and what it has deleted is there again.
    """
    ours, theirs = direct.record.turns, through.record.turns
    last = len(theirs) - 1
    verb, at = verb_of(server.at), server.at
    return (
        verb in AHEAD
        and (has(features, "read_ahead") or has(features, "ask_ahead"))
        and not any(b" ".join(turn.said.split()[:2]).upper() == at or verb_of(turn.said) == at for turn in theirs)
        and last < len(ours)
        and through.record.end in ("closed", "reset")
        and not theirs[-1].whole
        and begins_alike(direct.record, through.record, last, features)
        and through.state.removed <= direct.state.removed
        and not through.state.open
    )


def _is_overtaken(direct: Record, through: Record, features: str) -> bool:
    """Whether a RST of the server's overtook the last octets before it."""
    return (
        len(direct.turns) == len(through.turns)
        and begins_alike(direct, through, len(direct.turns), features)
        and direct.rest.startswith(through.rest)
        and direct.end == through.end
    )


def _has_begun(direct: Record, through: Record, features: str) -> bool:
    """Whether both gave up inside the same answer, which came in drips: so many as there was time for."""
    ours, theirs = direct.turns[-1].got, through.turns[-1].got
    return (
        len(direct.turns) == len(through.turns)
        and begins_alike(direct, through, len(direct.turns) - 1, features)
        and len(ours) <= 2 * len(theirs)
        and (ours.startswith(theirs) or theirs.startswith(ours))
    )


def _waits_for_capa(direct: Record, through: Record, features: str) -> bool:
    """Whether a first bare AUTH waits in vain, for CAPA is asked before it, and the server says nothing any more, or
    hundreds of lines one by one.
    """
    last = len(through.turns) - 1
    return (
        through.turns[last].said.upper().split() == [b"AUTH"]
        and through.end == "gave up"
        and not through.turns[last].got
        and len(direct.turns) > last
        and begins_alike(direct, through, last, features)
    )


def pays_for_capa(direct: Record, through: Record, features: str) -> bool:
    """Whether a server that counts bad commands had enough of them one turn earlier, at a bare AUTH or behind it: its
    first one waits for CAPA, which was one of them. In the next session that is known.
    """
    last = len(through.turns) - 1
    at = last if through.turns[last].got else last - 1
    return (
        any(turn.said.upper().split() == [b"AUTH"] for turn in through.turns[: at + 1])
        and (through.end == "closed" or (through.end == direct.end == "left" and at == last))
        and through.turns[at].got[:4] == b"-ERR"
        and len(direct.turns) > at
        and begins_alike(direct, through, at, features)
    )


def _ends_at_capa(direct: Played, through: Played, features: str) -> bool:
    """Whether a server ended the session at a CAPA behind the login, which is no command there and was one before:
    popover asks it so of a client that always deletes, for at its QUIT there is no time, and then knows better.
    """
    last = len(through.record.turns) - 1
    login = [turn for turn in through.record.turns[:last] if verb_of(turn.said) == b"PASS" and turn.got[:3] == b"+OK"]
    return (
        has(features, "ask_ahead")
        and bool(login)
        and through.record.end == "closed"
        and not through.record.turns[last].got
        and len(direct.record.turns) > last
        and begins_alike(direct.record, through.record, last, features)
        and through.state.removed <= direct.state.removed
        and not through.state.open
    )


def begins_alike(direct: Record, through: Record, turns: int, features: str) -> bool:
    """Whether that many turns are the same, refusals that are told later included."""
    refused = Refused()
    pairs = zip(direct.turns[:turns], through.turns, strict=False)
    return all(refused.explains(*pair) or same(*pair, features) for pair in pairs)


def _is_early(turn: Turn) -> bool:
    return verb_of(turn.said) in (b"USER", b"DELE") and turn.got[:3] == b"+OK"


def is_spared(turn: Turn) -> bool:
    """Whether the client asks what popover answers in the server's place: STLS, and AUTH without a mechanism."""
    return turn.said.upper().split() in ([b"STLS"], [b"AUTH"])


def refused(direct: Played) -> bool:
    """Whether a name was refused: popover keeps the PASS that follows, and may, to itself."""
    return any(verb_of(turn.said) == b"USER" and turn.got[:4] == b"-ERR" for turn in direct.record.turns)
