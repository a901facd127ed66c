"""What may differ between a session through the tunnel and one through popover, and what may not."""

from dataclasses import replace
from itertools import zip_longest
from operator import eq
from typing import NamedTuple

from pairs.excuses import Played, goes_further, is_excused, is_spared, refused
from pairs.goodbyes import goes_early, quits_early, rests_alike, without_ours
from pairs.inventions import inventions
from pairs.returning import finds_all_again, pays_in_the_first
from pairs.rewrites import UNASKED, Refused, same, same_stream, verb_of
from pairs.servers.base import Pop3, State
from pairs.servers.drips import DripsForEver, SlowCapa
from pairs.stale import refreshed
from pairs.talk import Record

SECOND = 1.0  # the first rule's


class Difference(NamedTuple):
    """`timing`: it may be the machine's doing, and is looked at once more."""

    words: str
    timing: bool = False


def differences(direct: Played, through: Played, server: type[Pop3], features: str) -> list[Difference]:
    """All that popover did otherwise, in words."""
    if found := [Difference(words) for words in inventions(direct, through, server)]:
        return found
    through = through._replace(record=refreshed(direct.record, through.record, server, features))
    through = through._replace(record=without_ours(direct.record, through.record, server, features))
    steps = _in_step(direct.record)
    if server.alone and steps < len(direct.record.turns):  # which commands meet in one piece then is chance, on any way
        ours, theirs = (replace(one.record, turns=one.record.turns[:steps], rests=[]) for one in (direct, through))
        found = _turns(ours, theirs, features)
        return [] if found and is_excused(direct, through, server, features) else found
    found = _turns(direct.record, through.record, features)
    if found and _is_misled(direct.record, through.record, features):
        return []
    if found and same_stream(direct.record, through.record, features):
        found = []
    excuses = (is_excused, finds_all_again, pays_in_the_first)
    if found and any(is_so(direct, through, server, features) for is_so in excuses):
        return []
    found += _end(direct, through, server, features)
    if not found:
        found += _states(direct, through, server, features)
        found += (
            []
            if _is_kept_awake(direct.record, through.record, server)
            else _times(direct.record, through.record, server)
        )
    return found


def _in_step(record: Record) -> int:
    """So many turns, from the first on, in which the client said nothing too soon: it had not taken for an answer what
    was none, and there was no more than the answer when it went on.
    """
    for number, turn in enumerate(record.turns):
        if turn.got[:1] not in (b"", b"+", b"-") or any(line + b"\n" in turn.got for line in UNASKED):
            return number
        if turn.leaves:
            return number + 1
    return len(record.turns)


def _is_misled(direct: Record, through: Record, features: str) -> bool:
    """Whether one of the two took for an answer what nobody had asked for, and all was the same up to there: it is one
    answer behind from then on, and what it does is another matter (docs/speed.md, "What is still worse").
    """
    turns = list(zip(direct.turns, through.turns, strict=False))
    for number, pair in enumerate(turns):
        if any(line + b"\n" in turn.got for turn in pair for line in UNASKED):
            ours, theirs = (replace(one, turns=one.turns[:number], rests=[]) for one in (direct, through))
            return not _turns(ours, theirs, features)
    return False


def _turns(direct: Record, through: Record, features: str) -> list[Difference]:
    refused = Refused()
    for number, (ours, theirs) in enumerate(zip(direct.turns, through.turns, strict=False)):
        if ours.said != theirs.said:
            return [Difference(f"turn {number}: says {theirs.said!r} in place of {ours.said!r}")]
        if quits_early(direct, theirs, features, number) or refused.explains(ours, theirs):
            continue
        if not same(ours, theirs, features):
            return [
                Difference(f"turn {number}, {_short(ours.said)}: {_short(theirs.got)} in place of {_short(ours.got)}")
            ]
    if len(direct.turns) != len(through.turns) - refused.told:
        return [Difference(f"{len(through.turns)} turns in place of {len(direct.turns)}; end {through.end}")]
    if direct.end in ("done", "closed") and not rests_alike(direct, through, features):
        return [Difference(f"at last {_short(through.rest)} in place of {_short(direct.rest)}")]
    return []


def _end(played: Played, other: Played, server: type[Pop3], features: str) -> list[Difference]:
    direct, through = played.record, other.record
    if _is_kept_awake(direct, through, server):
        return []
    if direct.end == through.end or quits_early(direct, through.turns[-1], features):
        return []
    # The server never heard the PASS at which it ends, or the STLS that popover answered.
    if (refused(played) or is_spared(direct.turns[-1])) and goes_further(played, through, features):
        return []
    return [Difference(f"end: {through.end} in place of {direct.end}")]


def _is_kept_awake(direct: Record, through: Record, server: type[Pop3]) -> bool:
    """Whether a server did not hang up for its client's silence, which waits for an end of its own, and gives up."""
    return server.better and (direct.end, through.end) == ("closed", "gave up")


def _states(played: Played, other: Played, server: type[Pop3], features: str) -> list[Difference]:
    direct, through = played.state, other.state
    if issubclass(server, DripsForEver) and other.record.turns[-1].said.upper().split() == [b"QUIT"]:
        # It is asked LIST before a QUIT that is answered already, and hears nothing any more (docs/speed.md).
        direct, through = _without(b"QUIT", direct), _without(b"QUIT", through)
    if refused(played):
        direct, through = _without(b"PASS", direct), _without(b"PASS", through)
    quits = (quits_early(played.record, turn, features, number) for number, turn in enumerate(other.record.turns))
    if through.left and (any(quits) or goes_early(played.record, other.record, features)):
        # The server had gone when the QUIT that was answered early was to be sent; there was nothing to commit.
        direct, through = _without(b"QUIT", direct), _without(b"QUIT", through)
    if len(through.said) == len(direct.said) + 1:
        through = _without_dead(through)
    if direct.left and not through.left and is_excused(played, other, server, features):
        # It went at a command that popover answers in its place, and so it hears the QUIT.
        direct, through = _without(b"QUIT", direct), _without(b"QUIT", through)
    if _is_overtaken(played.record, other.record) and _begins_alike_there(direct, through):
        through = through._replace(said=direct.said)
    found = []
    if direct.removed != through.removed:
        found.append(f"removed {sorted(through.removed)} in place of {sorted(direct.removed)}")
    if direct.said != through.said:
        found.append(f"the server heard {list(through.said)} in place of {list(direct.said)}")
    if through.open and not direct.open:
        found.append("the login's connection to the server stays open")
    return [Difference(words) for words in found]


def _is_overtaken(direct: Record, through: Record) -> bool:
    """Whether a client that went away sent a RST, by itself or as its kernel does for one that has not read all: it
    overtakes what was said before it.
    """
    is_behind = any(record.rest or any(turn.leaves for turn in record.turns) for record in (direct, through))
    return direct.end == through.end == "left" and (direct.was_reset or is_behind)


def _begins_alike_there(direct: State, through: State) -> bool:
    """Whether the servers heard the same, but for commands at the end of a connection that commit nothing: a PASS that
    was waiting for its USER's answer has nobody any more. A client that comes again has left more than one behind.
    """
    if len(direct.said) != len(through.said) and len((*direct.said, *through.said)) > 1:
        return False
    pairs = list(zip_longest(direct.said, through.said, fillvalue=()))
    rest = [word for ours, theirs in pairs for word in (*ours[len(theirs) :], *theirs[len(ours) :])]
    return all(all(map(eq, ours, theirs)) for ours, theirs in pairs) and b"QUIT" not in rest


def _without_dead(state: State) -> State:
    """Without a connection that had stood ready, and ended: what was said to it was said once more, to the next."""
    pairs = zip(state.said, (*state.said[1:], ()), strict=True)
    return state._replace(said=tuple(visit for visit, after in pairs if after[: len(visit)] != visit))


def _without(verb: bytes, state: State) -> State:
    said = (tuple(line for line in visit if verb_of(line) != verb) for visit in state.said)
    return state._replace(said=tuple(visit for visit in said if visit))


def _times(direct: Record, through: Record, server: type[Pop3]) -> list[Difference]:
    sessions = sum(not turn.said for turn in direct.turns)
    slack = sessions * SECOND + direct.seconds / 4 + 4 * max(direct.lag, through.lag)
    found = []
    if issubclass(server, SlowCapa):  # a first AUTH without a mechanism waits for it
        slack += sum(SlowCapa.takes for turn in direct.turns if turn.said.upper().split() == [b"AUTH"])
    if through.seconds > direct.seconds + slack:
        slowest = max(through.turns, key=lambda turn: turn.waited)
        found.append(
            f"{through.seconds:.2f} s in place of {direct.seconds:.2f}, of these {slowest.waited:.2f} s for "
            f"{_short(slowest.said)}, lag {through.lag:.2f}"
        )
    elif through.silence > direct.silence + slack:
        found.append(f"silence of {through.silence:.2f} s in place of {direct.silence:.2f}")
    return [Difference(words, timing=True) for words in found]


def _short(octets: bytes) -> str:
    return repr(octets) if len(octets) < 120 else f"{octets[:70]!r}...{octets[-40:]!r} ({len(octets)} octets)"
