"""What popover documents to say otherwise, answer by answer.

The words of +OK to USER, DELE and QUIT; STLS and unusable mechanisms in CAPA; the word "error" in a +OK line; a refused
name, which PASS tells; a refused DELE, which QUIT tells; bare AUTH where it would end all.
"""

import re

from pairs.features import has
from pairs.talk import Record, Turn

# What the servers here say to USER, DELE and QUIT, and popover in words of its own; without case and blanks, which some
# servers write otherwise.
REWORDED = frozenset((b"+okandthepassword?", b"+okmarked", b"+okbye"))
_OURS = re.compile(rb"\+OK(?: message \d+ deleted)?\r\n")
NO_TLS = (b"-ERR no TLS on this port", b"-ERR TLS is spoken already", b"-ERR TLS begins before the login")

# What `late-line-behind-login` and `two-greetings` say unasked, and popover may throw away (docs/speed.md, "What is
# still worse").
UNASKED = frozenset((b"+OK you have mail\r", b"+OK really\r"))

# What `drips-for-ever` says until its client has gone.
DRIP = b"9"

NOT_REMOVED = b"-ERR some deleted messages not removed"

_UNUSABLE = re.compile(rb"(?i)EXTERNAL|GSSAPI|NTLM|KERBEROS_V4|GSS-SPNEGO|.*-PLUS")


class Refused:
    """Names and deletions that the server refused, and that popover tells later."""

    def __init__(self) -> None:
        self._name: bytes | None = None
        self._deletions = 0
        self.told = False  # a refused name, by PASS: a client whose connection ended at the name lives one turn longer

    def explains(self, ours: Turn, theirs: Turn) -> bool:
        verb = verb_of(ours.said)
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
    verb, direct, through = verb_of(ours.said), ours.got, theirs.got
    is_refusal = not ours.said and direct[:4] == b"-ERR"  # by the greeting: told in a line of ours
    if direct == through or (is_refusal and direct.rstrip() + b"\r\n" == through):
        return True
    if not ours.whole and not theirs.whole and DRIP in (direct[-1:], through[-1:]):
        return direct.rstrip(DRIP) == through.rstrip(DRIP)  # so many as there was time for
    if has(features, "soften"):
        direct = _softened(direct)
    is_bare = verb in (b"USER", b"DELE", b"QUIT") and _words(direct) in (b"+ok", b"+okand")
    if (is_bare or _is_reworded(direct)) and _OURS.fullmatch(
        through
    ):  # to whatever question: its client may be one answer behind
        return True
    if verb == b"CAPA":
        return _capabilities(direct) == _capabilities(through)
    if through.startswith(NO_TLS):  # to STLS; likewise
        return direct[:3].upper() != b"+OK"
    return direct == through


def same_stream(direct: Record, through: Record, features: str) -> bool:
    """Whether all octets are the same, wherever the client saw the ends of answers, but for words of popover's own (to
    USER, DELE, QUIT and STLS, a refused DELE that QUIT tells, and "fault" for "error").

    A client that takes a dot inside a mail for its end reads all later answers in the wrong place, through the
    tunnel as well.
    """
    (ours, more), (theirs, as_many) = _lines(direct), _lines(through)
    deleted = {b"+OK message %s deleted\r" % b"".join(turn.said.split()[1:2]) for turn in through.turns}
    tells_later = not any(verb_of(turn.said) == b"RSET" for turn in through.turns)
    refused = False
    if as_many > more or len(ours) != len(theirs):
        return False
    for pair in zip(ours, theirs, strict=True):
        is_ours = pair[1] in deleted
        if _same_line(*pair, features) or (_words(pair[0]) == b"+ok" and is_ours):
            continue
        if tells_later and pair[0][:4] == b"-ERR" and is_ours:
            refused = True
        elif not (refused and _is_reworded(pair[0]) and pair[1] == NOT_REMOVED + b"\r"):
            return False
    return True


def _same_line(ours: bytes, theirs: bytes, features: str) -> bool:
    if ours == theirs or (_is_reworded(ours) and _OURS.fullmatch(theirs + b"\n")):
        return True
    if theirs.startswith(NO_TLS):
        return ours[:4] == b"-ERR"
    return has(features, "soften") and _softened(ours) == theirs


def _is_reworded(line: bytes) -> bool:
    return _words(line) in REWORDED


def _words(line: bytes) -> bytes:
    """Without case, blanks, and what some servers here add to all that they say."""
    return b"".join(line.split()).lower().removesuffix(b"withouterror").removesuffix(b"withoutfault")


def _lines(record: Record) -> tuple[list[bytes], int]:
    """All lines but those that nobody asked for, and the number of these."""
    octets = b"".join(turn.got for turn in record.turns) + record.rest
    if any(verb_of(turn.said) == b"CAPA" for turn in record.turns):
        octets = b"".join(_capabilities(octets))
    lines = octets.split(b"\n")
    kept = [line for line in lines if line not in UNASKED]
    return kept, len(lines) - len(kept)


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


def verb_of(said: bytes) -> bytes:
    return (said.split() or [b""])[0].upper()
