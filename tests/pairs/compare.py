"""What may differ between a session through the tunnel and one through popover, and what may not.

Documented rewrites: the words of +OK to USER, DELE and QUIT; STLS and unusable mechanisms in CAPA; the word "error"
in a +OK line; a refused name, which PASS tells; a refused DELE, which QUIT tells; bare AUTH where it would end all.
And what docs/speed.md has under "What is still worse", as narrowly.
"""

import re
from typing import NamedTuple

from pairs.features import has
from pairs.servers.base import Pop3, State
from pairs.servers.ends import Ends
from pairs.talk import DRIPS, LONGER, Record, Turn

SECOND = 1.0  # the first rule's

# What the servers here say to USER, DELE and QUIT, and popover in words of its own; without case and blanks, which some
# servers write otherwise.
REWORDED = frozenset((b"+okandthepassword?", b"+okmarked", b"+okbye"))

# What `late-line-behind-login` says, and popover may throw away (docs/speed.md, "What is still worse").
LATE = b"+OK you have mail\r"

# Servers that end may do so at these, when popover asks them ahead of the client (likewise).
AHEAD = frozenset((b"STAT", b"LIST", b"UIDL", b"RETR", b"TOP"))

# What `drips-for-ever` says until its client has gone.
DRIP = b"9"

# Turns by which a session may fail sooner: what is asked ahead of a client that has shown little.
SOONER = 8

NOT_REMOVED = b"-ERR some deleted messages not removed"

_UNUSABLE = re.compile(rb"(?i)EXTERNAL|GSSAPI|NTLM|KERBEROS_V4|GSS-SPNEGO|.*-PLUS")


class Played(NamedTuple):
    """A session, and what it did to its server."""

    record: Record
    state: State


class Difference(NamedTuple):
    """`timing`: it may be the machine's doing, and is looked at once more."""

    words: str
    timing: bool = False


def differences(direct: Played, through: Played, server: type[Pop3], features: str) -> list[Difference]:
    """All that popover did otherwise, in words."""
    found = _turns(direct.record, through.record, features)
    if found and _same_stream(direct.record, through.record, features):
        found = []
    is_spared = server.better or _spared(direct.record) or direct.record.end == "gave up"  # with less patience
    if found and is_spared and _is_better(direct.record, through.record):
        return []
    if found and is_spared and _goes_further(direct.record, through.record, features):
        return []
    if found and _hears_it_later(direct, through, features):
        return []
    if found and server.ends and _fails_sooner(direct, through, features):
        return []
    if found and issubclass(server, Ends) and _fails_ahead(direct, through, server, features):
        return []
    found += _end(direct.record, through.record, features)
    if not found:
        found += _states(direct, through, features)
        found += _times(direct.record, through.record)
    return found


def _is_better(direct: Record, through: Record) -> bool:
    """Whether the tunnel lost a session that popover brought to its end."""
    return (
        direct.end in ("closed", "reset", "gave up")
        and through.end in ("done", "left", "closed")
        and all(t.whole for t in through.turns)
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
        and all(same(*turns, features) for turns in zip(ours, theirs[:-1], strict=False))
        and ours[len(theirs) - 1].got.startswith(theirs[-1].got)
        and direct.state.removed == through.state.removed
        and not through.state.open
    )


def _goes_further(direct: Record, through: Record, features: str) -> bool:
    """Whether all is the same up to where the tunnel lost the session, and popover had an answer there: of what comes
    then there is nothing to compare.
    """
    last = len(direct.turns) - 1
    return (
        direct.end in ("closed", "reset", "gave up")
        and len(through.turns) > last
        and through.turns[last].whole
        and _begins_alike(direct, through, last, features)
    )


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
        and _begins_alike(ours, theirs, last, features)
        and theirs.end in ("closed", "reset", "left")
        and not any(turn.whole for turn in later)
        and direct.state.removed == through.state.removed
        and not through.state.open
    )


def _is_early(turn: Turn) -> bool:
    return _verb(turn.said) in (b"USER", b"DELE") and turn.got[:3] == b"+OK"


def _begins_alike(direct: Record, through: Record, turns: int, features: str) -> bool:
    """Whether that many turns are the same, refusals that are told later included."""
    refused = _Refused()
    pairs = zip(direct.turns[:turns], through.turns, strict=False)
    return all(refused.explains(*pair) or same(*pair, features) for pair in pairs)


def _fails_ahead(direct: Played, through: Played, server: type[Ends], features: str) -> bool:
    """Whether a server ended the session at what its client has not asked up to there, and popover has: one that would
    have gone on ends, and what it has deleted is there again.
    """
    ours, theirs = direct.record.turns, through.record.turns
    last = len(theirs) - 1
    verb, at = _verb(server.at), server.at
    return (
        verb in AHEAD
        and (has(features, "read_ahead") or has(features, "ask_ahead"))
        and not any(b" ".join(turn.said.split()[:2]).upper() == at or _verb(turn.said) == at for turn in theirs)
        and last < len(ours)
        and through.record.end in ("closed", "reset")
        and not theirs[-1].whole
        and _begins_alike(direct.record, through.record, last, features)
        and through.state.removed <= direct.state.removed
        and not through.state.open
    )


def _spared(direct: Record) -> bool:
    """Whether the client asked what popover answers in the server's place: STLS, and AUTH without a mechanism."""
    return any(turn.said.upper().split() in ([b"STLS"], [b"AUTH"]) for turn in direct.turns)


def _turns(direct: Record, through: Record, features: str) -> list[Difference]:
    refused = _Refused()
    for number, (ours, theirs) in enumerate(zip(direct.turns, through.turns, strict=False)):
        if ours.said != theirs.said:
            return [Difference(f"turn {number}: says {theirs.said!r} in place of {ours.said!r}")]
        if _quits_early(direct, theirs, features) or refused.explains(ours, theirs):
            continue
        if not same(ours, theirs, features):
            return [
                Difference(f"turn {number}, {_short(ours.said)}: {_short(theirs.got)} in place of {_short(ours.got)}")
            ]
    if len(direct.turns) != len(through.turns) - refused.told:
        return [Difference(f"{len(through.turns)} turns in place of {len(direct.turns)}; end {through.end}")]
    if direct.end in ("done", "closed") and direct.rest != through.rest:
        return [Difference(f"at last {_short(through.rest)} in place of {_short(direct.rest)}")]
    return []


def _same_stream(direct: Record, through: Record, features: str) -> bool:
    """Whether all octets are the same, wherever the client saw the ends of answers, but for words of popover's own (to
    USER, DELE, QUIT and STLS, and "fault" for "error").

    A client that takes a dot inside a mail for its end reads all later answers in the wrong place, through the
    tunnel as well.
    """
    ours, theirs = _lines(direct), _lines(through)
    pairs = zip(ours, theirs, strict=False)
    return len(ours) == len(theirs) and all(_same_line(*pair, features) for pair in pairs)


def _same_line(ours: bytes, theirs: bytes, features: str) -> bool:
    if ours == theirs or (b"".join(ours.split()).lower() in REWORDED and theirs[:3] == b"+OK"):
        return True
    if theirs.startswith(b"-ERR no TLS on this port"):
        return ours[:4] == b"-ERR"
    return has(features, "soften") and _softened(ours) == theirs


def _lines(record: Record) -> list[bytes]:
    lines = (b"".join(turn.got for turn in record.turns) + record.rest).split(b"\n")
    return [line for line in lines if line != LATE]


def _end(direct: Record, through: Record, features: str) -> list[Difference]:
    if direct.end == through.end or _quits_early(direct, through.turns[-1], features):
        return []
    return [Difference(f"end: {through.end} in place of {direct.end}")]


def _states(played: Played, other: Played, features: str) -> list[Difference]:
    direct, through = played.state, other.state
    if _refused(played):
        direct, through = _without(b"PASS", direct), _without(b"PASS", through)
    if through.left and not direct.left and _quits_early(played.record, other.record.turns[-1], features):
        # The server had gone when the QUIT that was answered early was to be sent; there was nothing to commit.
        direct, through = _without(b"QUIT", direct), _without(b"QUIT", through)
    found = []
    if direct.removed != through.removed:
        found.append(f"removed {sorted(through.removed)} in place of {sorted(direct.removed)}")
    if direct.said != through.said:
        found.append(f"the server heard {list(through.said)} in place of {list(direct.said)}")
    if through.open and not direct.open:
        found.append("the login's connection to the server stays open")
    return [Difference(words) for words in found]


def _refused(direct: Played) -> bool:
    """Whether a name was refused: popover keeps the PASS that follows, and may, to itself."""
    return any(_verb(turn.said) == b"USER" and turn.got[:4] == b"-ERR" for turn in direct.record.turns)


def _without(verb: bytes, state: State) -> State:
    said = (tuple(line for line in visit if _verb(line) != verb) for visit in state.said)
    return state._replace(said=tuple(visit for visit in said if visit))


def _quits_early(direct: Record, theirs: Turn, features: str) -> bool:
    """Whether this is popover's own +OK to a QUIT that has nothing to commit."""
    if _verb(theirs.said) != b"QUIT" or not has(features, "quit_at_once") or theirs.got[:3] != b"+OK":
        return False
    deletions = 0
    for turn in direct.turns:
        verb = _verb(turn.said)
        deletions = 0 if verb == b"RSET" or not verb else deletions + (verb == b"DELE" and turn.got[:3] == b"+OK")
    return not deletions


def _times(direct: Record, through: Record) -> list[Difference]:
    sessions = sum(not turn.said for turn in direct.turns)
    slack = sessions * SECOND + direct.seconds / 4 + 4 * max(direct.lag, through.lag)
    found = []
    if direct.end == through.end == "gave up":
        slack += DRIPS * LONGER
    if through.seconds > direct.seconds + slack:
        found.append(f"{through.seconds:.2f} s in place of {direct.seconds:.2f}")
    elif through.silence > direct.silence + slack:
        found.append(f"silence of {through.silence:.2f} s in place of {direct.silence:.2f}")
    return [Difference(words, timing=True) for words in found]


class _Refused:
    """Names and deletions that the server refused, and that popover tells later."""

    def __init__(self) -> None:
        self._name: bytes | None = None
        self._deletions = 0
        self.told = False  # a refused name, by PASS: a client whose connection ended at the name lives one turn longer

    def explains(self, ours: Turn, theirs: Turn) -> bool:
        verb = _verb(ours.said)
        if verb == b"RSET":
            self._deletions = 0
        if verb == b"USER" and ours.got[:4] == b"-ERR" and theirs.got[:3] == b"+OK":
            self._name = ours.got
            return True
        if verb == b"PASS" and self._name is not None:
            told, self._name = self._name, None
            self.told = theirs.got == told and not ours.got
            return theirs.got == told
        if verb == b"DELE" and ours.got[:4] == b"-ERR" and theirs.got[:3] == b"+OK":
            self._deletions += 1
            return True
        return verb == b"QUIT" and bool(self._deletions) and theirs.got.startswith(NOT_REMOVED)


def same(ours: Turn, theirs: Turn, features: str) -> bool:
    """Whether an answer through popover is the server's, but for documented rewrites."""
    verb, direct, through = _verb(ours.said), ours.got, theirs.got
    is_refusal = not ours.said and direct[:4] == b"-ERR"  # by the greeting: told in a line of ours
    if direct == through or (is_refusal and direct.rstrip() + b"\r\n" == through):
        return True
    if not ours.whole and not theirs.whole and DRIP in (direct[-1:], through[-1:]):
        return direct.rstrip(DRIP) == through.rstrip(DRIP)  # so many as there was time for
    if has(features, "soften"):
        direct = _softened(direct)
    if verb in (b"USER", b"DELE", b"QUIT") and direct[:3].upper() == through[:3] == b"+OK" and theirs.whole:
        return through.count(b"\n") == 1 and b"error" not in through.lower()
    if verb == b"CAPA":
        return _capabilities(direct) == _capabilities(through)
    if verb == b"STLS":
        return direct[:3].upper() != b"+OK" and through[:4] == b"-ERR"
    return direct == through


def _capabilities(answer: bytes) -> list[bytes]:
    """An answer to CAPA without STLS and the mechanisms that cannot work; blanks between mechanisms do not count."""
    kept = []
    for line in answer.splitlines(keepends=True):
        words = line.split()
        name = words[0].upper() if words else b""
        if name == b"SASL":
            good = [word for word in words[1:] if not _UNUSABLE.fullmatch(word)]
            if good:
                kept.append(b" ".join([words[0], *good]))
        elif name != b"STLS":
            kept.append(line)
    return kept


def _softened(answer: bytes) -> bytes:
    status, end, rest = answer.partition(b"\n")
    if not status.startswith(b"+OK"):
        return answer
    return re.sub(rb"(?i)error(?![^<]*>)", b"fault", status) + end + rest


def _verb(said: bytes) -> bytes:
    return (said.split() or [b""])[0].upper()


def _short(octets: bytes) -> str:
    return repr(octets) if len(octets) < 120 else f"{octets[:70]!r}...{octets[-40:]!r} ({len(octets)} octets)"
