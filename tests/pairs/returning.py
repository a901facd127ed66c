"""A client that comes again although its QUIT was not answered: the server had ended the session at a mail that popover
read ahead, or at STAT, LIST or UIDL (docs/speed.md, "What is still worse"). Its deletions did not happen, so its second
connection is compared with the mailbox as it was, not with the tunnel's. Or the server had had enough of bad commands,
and popover's CAPA was one of them.
"""

from dataclasses import replace
from itertools import pairwise

from pairs.excuses import AHEAD, Played, begins_alike, pays_for_capa
from pairs.features import has
from pairs.rewrites import verb_of
from pairs.servers.base import Pop3
from pairs.servers.capabilities import Budget
from pairs.servers.ends import Ends
from pairs.talk import Turn


def finds_all_again(direct: Played, through: Played, server: type[Pop3], features: str) -> bool:
    """Whether that is the only difference: the server then gives the right mails, and removes what this client deleted
    behind its second login, and nothing else.
    """
    ours, theirs = direct.record.turns, through.record.turns
    at = next((n for n, two in enumerate(pairwise(theirs)) if not two[0].whole and not two[1].said), len(theirs))
    return (
        issubclass(server, Ends)
        and (has(features, "read_ahead") or has(features, "ask_ahead"))
        and at < min(len(ours), len(theirs))
        and verb_of(theirs[at].said) == b"QUIT"
        and not theirs[at].got
        and ours[at].whole
        and not any(_is_its_end(server, turn) for turn in theirs[: at + 1])
        and begins_alike(direct.record, through.record, at, features)
        and all(two[0].said == two[1].said for two in zip(ours[at:], theirs[at:], strict=False))
        and _removed(server, theirs[at + 1 :]) == through.state.removed
        and not any(turn.leaves for turn in theirs)
        and not through.record.rest
        and not through.state.open
    )


def pays_in_the_first(direct: Played, through: Played, server: type[Pop3], features: str) -> bool:
    """Whether a CAPA of popover's ended the first connection as it may (`excuses.pays_for_capa`), and nothing of what
    comes behind the second greeting is different, nor what was removed.
    """
    ours, theirs = direct.record, through.record
    comes_again = [[n for n, turn in enumerate(record.turns) if n and not turn.said] for record in (ours, theirs)]
    if not issubclass(server, Budget) or not comes_again[0] or comes_again[0] != comes_again[1]:
        return False
    at = comes_again[0][0]
    first, sooner = (replace(record, turns=record.turns[:at], end="closed") for record in (ours, theirs))
    second, behind = (replace(record, turns=record.turns[at:]) for record in (ours, theirs))
    return (
        pays_for_capa(first, sooner, features)
        and len(second.turns) == len(behind.turns)
        and begins_alike(second, behind, len(second.turns), features)
        and ours.rests == theirs.rests
        and ours.end == theirs.end
        and direct.state.removed == through.state.removed
        and direct.state.said[1:] == through.state.said[1:]
        and not through.state.open
    )


def _is_its_end(server: type[Ends], turn: Turn) -> bool:
    """Whether the server ends at this, or at what nobody asks ahead."""
    words = turn.said.upper().split()
    return server.at in (b" ".join(words[:1]), b" ".join(words[:2])) or verb_of(server.at) not in AHEAD


def _removed(server: type[Pop3], turns: list[Turn]) -> frozenset[str] | None:
    """What one connection removes from a full mailbox; None where an answer is not that mailbox's."""
    there = full = set(range(1, len(server.mails) + 1))
    kept = full
    for turn in turns:
        verb = verb_of(turn.said)
        if not turn.whole and turn is turns[-1]:
            break
        if not turn.whole or not _is_right(server, turn, there):
            return None
        if verb == b"DELE":
            there = there - {_number(turn)}
        elif verb == b"RSET":
            there = full
        elif verb == b"QUIT" and turn.got[:3] == b"+OK":
            kept = there
    return frozenset(f"u{number:05}" for number in full - kept)


def _is_right(server: type[Pop3], turn: Turn, there: set[int]) -> bool:
    """Whether an answer fits a mailbox in which these are."""
    verb, number, is_ok = verb_of(turn.said), _number(turn), turn.got[:3] == b"+OK"
    if verb in (b"LIST", b"UIDL") and not turn.said.split()[1:]:
        return is_ok and _is_list(turn, there)
    if verb == b"TOP" and len(turn.said.split()) != len(b"TOP 1 9".split()):
        return not is_ok
    if verb not in (b"RETR", b"TOP", b"DELE", b"LIST", b"UIDL"):
        return True
    return is_ok == (number in there) and (not is_ok or _is_about(server.mails[number - 1], turn))


def _is_list(turn: Turn, there: set[int]) -> bool:
    rows = [(int(row[0]), row[1]) for line in turn.got.splitlines()[1:-1] if len(row := line.split()) > 1]
    is_named = verb_of(turn.said) == b"LIST" or all(name == b"u%05d" % number for number, name in rows)
    return is_named and [number for number, _ in rows] == sorted(there)


def _is_about(mail: bytes, turn: Turn) -> bool:
    """Whether this +OK is about the mail with the number that was asked for."""
    verb, number, body = verb_of(turn.said), _number(turn), turn.got.partition(b"\r\n")[2]
    if verb == b"TOP":
        head = b"".join(mail.partition(b"\r\n\r\n")[:2])
        return body.startswith(head) and mail.startswith(body.removesuffix(b".\r\n"))
    if verb == b"RETR":
        return body == mail + b".\r\n"
    if verb == b"UIDL":
        return turn.got.split()[1:] == [b"%d" % number, b"u%05d" % number]
    return verb == b"DELE" or turn.got.split()[1:2] == [b"%d" % number]


def _number(turn: Turn) -> int:
    word = b"".join(turn.said.split()[1:2])
    return int(word) if word.isdigit() else 0
