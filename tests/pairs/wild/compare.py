"""What may not differ between two sessions of one case."""

import operator
import re
from itertools import pairwise
from typing import NamedTuple

from pairs.features import has
from pairs.wild import imap, smtp
from pairs.wild.case import Case, short
from pairs.wild.client import Lived
from pairs.wild.odd import Heard

LONGER = 2.0  # seconds of a client's patience through popover, so that being late is told from being lost
SECOND = 1.0  # the first rule's
STRANGERS = b"P commands\r\n"
ROOM = 64 * 1024  # octets
IN_IDLE = b" BAD in the midst of IDLE: say DONE first\r\n"
_REFUSED = re.compile(rb"^\S+ BAD\n", re.MULTILINE)  # a STARTTLS of IMAP's, as `Case.same` gives it
_LITERAL = re.compile(rb"\{\d+\}\r?\n\Z")
_MAIL_OF_QUIT = re.compile(rb"^DATA[ \t]*\r?\nQUIT\b", re.IGNORECASE | re.MULTILINE)
STRANGE = 5  # words that no client of the dialect says, before a stranger is sent away


class Played(NamedTuple):
    """A session: its client's side, its server's."""

    lived: Lived
    heard: Heard


def differences(one: Case, direct: Played, through: Played) -> list[str]:
    """All that went otherwise, in words."""
    ours, theirs = direct.lived, through.lived
    if _is_sent_away(one, ours.got, theirs.got) or _went_as_a_stranger(one, direct.heard.said, through.heard.said):
        return []
    if _asks_for_tls_in_idle(one, ours.got, theirs.got):
        return []
    found = []
    is_left = _has_left(one, ours, theirs.got)
    if one.script.ending != "close" and not is_left and not _is_same(one, ours, theirs):
        found.append(f"got {short(theirs.got)} in place of {short(ours.got)}")
    is_lost = _is_lost(ours) and _is_lost(theirs)
    if ours.end != theirs.end and not is_lost and not (is_left and theirs.end in {"closed", "left"}):
        found.append(f"end {theirs.end} in place of {ours.end}")
    if not _has_heard(one, direct.heard.said, through.heard.said, is_left=is_left):
        found.append(f"the server heard {short(through.heard.said)} in place of {short(direct.heard.said)}")
    has_longer = is_left or _waits_for_the_goodbye(one, through.heard)
    if direct.heard.is_over and not through.heard.is_over and not has_longer:
        found.append("the server's connection stays open")
    if not one.is_cut and through.heard.is_over and direct.heard.how != through.heard.how:
        found.append(f"the server was left {through.heard.how} in place of {direct.heard.how}")
    slack = SECOND + ours.seconds / 4 + (LONGER if ours.end == "gave up" else 0)
    if theirs.seconds > ours.seconds + slack:
        found.append(f"{theirs.seconds:.2f} s in place of {ours.seconds:.2f}")
    return found


def _is_sent_away(one: Case, ours: bytes, theirs: bytes) -> bool:
    """Whether the client was told that it is none (docs/architecture.md: a browser is sent away), by what it has said;
    before that, all is the same.
    """
    at = theirs.rfind(STRANGERS)
    before = one.same(theirs[: theirs.rfind(b"\n", 0, at) + 1])
    strange = sum(_strange(one, step.say) for step in one.script.steps)
    return at >= 0 and strange >= STRANGE and one.same(ours).startswith(before)


def _asks_for_tls_in_idle(one: Case, ours: bytes, theirs: bytes) -> bool:
    """Whether the client has said STARTTLS in the midst of IDLE, which popover answers (docs/speed.md), so that IDLE
    goes on where its server ends it; before that, all is the same.
    """
    at = theirs.find(IN_IDLE)
    before = one.same(theirs[: theirs.rfind(b"\n", 0, max(at, 0)) + 1])
    return at >= 0 and _asks_for_tls(one) and one.same(ours).startswith(before)


def _went_as_a_stranger(one: Case, ours: bytes, theirs: bytes) -> bool:
    """Whether it was told so and did not read it: the server has heard all before the word that was one too many."""
    before, last = _strange(one, theirs), ours[len(theirs) :].split(b"\n")[0]
    most = STRANGE - 1 if one.dialect is smtp else before  # with IMAP's literals; a mail has any number
    is_one_too_many = STRANGE - 1 <= before <= most and bool(_strange(one, last))
    return one.script.ending == "close" and is_one_too_many and ours.startswith(theirs)


def _strange(one: Case, said: bytes) -> int:
    """How many lines no client of the dialect says."""
    return sum(one.dialect.is_strange(line) for line in said.splitlines())


def _has_left(one: Case, direct: Lived, theirs: bytes) -> bool:
    """Whether the client had its goodbye from popover, all else being the same (docs/speed.md); a RST may have
    overtaken some of that on the wire.
    """
    ours, theirs = one.same(direct.got), one.same(theirs)
    at = one.dialect.goodbye(theirs)
    if direct.end == "reset" and len(ours) < at:
        return theirs.startswith(ours)
    is_short = len(ours) - at < 150 or _mistakes_a_mail(one)
    return at >= 0 and one.ordered(ours[:at]) == one.ordered(theirs[:at]) and is_short


def _mistakes_a_mail(one: Case) -> bool:
    """Whether a server of SMTP's says answers that nobody asked for, and the client a mail that begins with QUIT in one
    piece with its DATA, which then seems to be refused (docs/speed.md).
    """
    says_quit = any(_MAIL_OF_QUIT.search(step.say) for step in one.script.steps)
    return one.dialect is smtp and "speaks-unasked" in one.manners and says_quit


def _has_heard(one: Case, ours: bytes, theirs: bytes, *, is_left: bool) -> bool:
    """Whether the server heard the same; of a client that went without reading a wire may lose the last words. What a
    client says behind a goodbye that popover has answered is for nobody.
    """
    goes_unread = one.script.ending == "close"
    if (is_left or goes_unread) and _is_goodbye(theirs) and ours.startswith(theirs):
        return True
    # Of a client that reads no answers: a server that leaves by itself may see it gone before, and a RST takes back
    # what the kernels had no room for.
    is_chance = bool(one.manners & {"cut", "leave"}) or len(ours) > ROOM
    if goes_unread and is_chance and ours.startswith(theirs):
        return True
    return ours == theirs or (goes_unread and theirs.startswith(ours))


def _waits_for_the_goodbye(one: Case, heard: Heard) -> bool:
    """Whether a server that says nothing to a goodbye is given longer than on a wire: popover has answered that."""
    return "mute" in one.manners and has(one.features, "quit_at_once") and _is_goodbye(heard.said)


def _is_goodbye(said: bytes) -> bool:
    """Whether a client's last word was its goodbye."""
    return said.rstrip().upper().endswith((b"QUIT", b"LOGOUT"))


def _is_same(one: Case, ours: Lived, theirs: Lived) -> bool:
    direct, through = one.same(ours.got), one.same(theirs.got)
    if _is_lost(ours) and _is_lost(theirs):  # what is on its way may be lost
        return direct.startswith(through) or through.startswith(direct)
    if one.ordered(direct) == one.ordered(through):
        return True
    # A server that leaves by itself does not come to a STARTTLS that popover has refused in its place.
    pair = (_REFUSED.sub(b"", one.ordered(got)) for got in (direct, through))
    has_left = _asks_for_tls(one) and ours.end in {"closed", "reset"}
    return (has_left or _takes_what_it_refused(one)) and len(through) > len(direct) and operator.eq(*pair)


def _takes_what_it_refused(one: Case) -> bool:
    """Whether a server of IMAP's says NO to a literal, and takes it all the same from a client that says it all the
    same: a STARTTLS in it is popover's to refuse (docs/speed.md).
    """
    pairs = pairwise(step.say for step in one.script.steps)
    is_said = any(_LITERAL.search(ours) and b"STARTTLS" in theirs.upper() for ours, theirs in pairs)
    return one.dialect is imap and one.manners >= {"early", "no-plus"} and is_said


def _asks_for_tls(one: Case) -> bool:
    return any(b"STARTTLS" in step.say.upper() for step in one.script.steps)


def _is_lost(lived: Lived) -> bool:
    """Whether the connection was reset; it looks closed, or is left unread, to who could not say all."""
    return lived.end == "reset" or (lived.end in {"closed", "left"} and lived.is_unheard)
