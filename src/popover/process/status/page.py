"""The status page as HTML 3.2 without a script, a style sheet, a table or a colour: what the oldest browsers show.

The page is plain ASCII, whatever is in it: what else there is stands as a decimal character reference, which every
browser knows, and so needs no word about its encoding (RFC 1866 section 3.2.1).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from itertools import pairwise

from popover.log import escape
from popover.process.status.figures import DAY, Figures, Mails, Picture, Told

WORTH_TELLING = 0.1
"""Seconds of waiting from which the page tells that they were spared: less is what nobody notices."""

WORDS_LIMIT = 1000
"""Characters of one sentence from elsewhere. The longest of ours have some 400."""

_SPANS = ((DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def page(picture: Picture) -> Iterator[str]:
    """Write the page, line by line."""
    yield '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">'
    yield "<HTML>\n<HEAD><TITLE>popover</TITLE></HEAD>\n<BODY>\n<H1>popover</H1>"
    yield f"<P>{_head(picture)}</P>"
    if picture.mails is not None:
        yield f"<P>{_mails(picture.mails)}</P>"
    yield from _overview(picture)
    for number, one in enumerate(picture.services):
        yield from _service(number, one, picture.now)
    yield f"<HR>\n<P>popover {text(picture.version)}, {moment(picture.now)}</P>\n</BODY>\n</HTML>"


def text(words: str) -> str:
    """Write words from elsewhere so that they are shown as they are, and nothing else happens."""
    shown = escape(words if len(words) <= WORDS_LIMIT else words[: WORDS_LIMIT - 3] + "...")
    for mark in "&<>\"'+":  # & comes first; without a + nothing can be taken for UTF-7, which old browsers guess
        shown = shown.replace(mark, f"&#{ord(mark)};")
    return shown.encode("ascii", "xmlcharrefreplace").decode("ascii")


def moment(at: float) -> str:
    """Write a moment as the clock of this machine shows it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def span(seconds: float) -> str:
    """Write how long something is, in its largest whole unit."""
    for size, unit in _SPANS:
        if seconds >= size:
            return _count(int(seconds // size), unit)
    return "0 seconds"


def length(seconds: float) -> str:
    """Write how long something is at least, in its two largest whole units; less than a minute in tenths of seconds."""
    for (size, unit), (less, part) in pairwise(_SPANS):
        if seconds >= size:
            rest = int(seconds % size // less)
            return _count(int(seconds // size), unit) + (f" {_count(rest, part)}" if rest else "")
    return f"{math.floor(seconds * 10) / 10} seconds"


def _ago(at: float, now: float) -> str:
    return f"{moment(at)} ({span(now - at)} ago)"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _head(picture: Picture) -> str:
    state = "Running" if picture.ready else "Stopping, and taking no new clients; it has run"
    most = f"of at most {picture.ceiling:,}"
    return f"{state} for {span(picture.now - picture.began)}: {_count(picture.sessions, 'session')} now, {most}."


def _mails(mails: Mails) -> str:
    waiting = f"{_count(mails.waiting, 'mail')} of devices {'waits' if mails.waiting == 1 else 'wait'} for the server"
    if not mails.failed:
        return f"{waiting}."
    failed = f"{_count(mails.failed, 'mail')} {'has' if mails.failed == 1 else 'have'} FAILED"
    return f"{waiting}; <STRONG>{failed}</STRONG>: popover queue list tells why."


def _overview(picture: Picture) -> Iterator[str]:
    """Where there are many services: what is wrong shows at the top."""
    if len(picture.services) > 1:
        yield "<UL>"
        for number, one in enumerate(picture.services):
            state = {None: "no session yet", True: "well", False: "SERVER NOT REACHED"}[one.is_reachable]
            yield f'<LI><A HREF="#s{number}">{text(one.name)}</A>: {state}, {_count(one.sessions, "session")} now</LI>'
        yield "</UL>"


def _service(number: int, one: Figures, now: float) -> Iterator[str]:
    yield f'<HR>\n<H2><A NAME="s{number}">{text(one.name)}</A></H2>\n<DL>'
    for what, words in _lines(one, now):
        yield f"<DT><B>{what}</B></DT>\n<DD>{words}</DD>"
    yield "</DL>"


def _lines(one: Figures, now: float) -> Iterator[tuple[str, str]]:
    yield "Mail programs come to", ", ".join(map(text, one.listens)) or "nowhere any more"
    yield "Server", f"{text(one.server)}: {_reach(one, now)}"
    if one.certificate_end is not None:
        yield "Its certificate", _validity(one.certificate_end, now)
    last = f", the last one until {_ago(one.last_session, now)}" if one.last_session is not None else ""
    yield "Sessions", f"{one.sessions:,} now; {one.ended:,} before{last}"
    if one.warm:
        yield "Began at once", f"{_count(one.warm, 'session')}, by a connection that stood ready"
    if one.saved >= WORTH_TELLING:
        yield "Running ahead", f"has saved at least {length(one.saved)} of waiting"
    if one.wrong_logins:
        yield "Wrong logins", f"{one.wrong_logins:,}"
    if one.undecided_logins:
        yield "Logins that trouble kept out", f"{one.undecided_logins:,}"
    yield "Octets", f"{one.octets_in:,} from mail programs, {one.octets_out:,} to them"
    if one.failed:
        kinds = ", ".join(f"{text(end)}: {number:,}" for end, number in sorted(one.failed.items()))
        yield "Sessions that failed", kinds
    if one.failure is not None:
        yield "The last failure", _words(one.failure, now)
    if one.refused:
        yield "Clients not let in", f"{one.refused:,}"
    if one.refusal is not None:
        yield "The last one", _words(one.refusal, now)


def _reach(one: Figures, now: float) -> str:
    if one.is_reachable is None:
        return "no session yet"
    if one.is_reachable and one.reached is not None:
        how = f" by {text(one.tls)}" if one.tls else ""
        return f"reached{how}, {_ago(one.reached, now)}"
    before = "never reached yet" if one.reached is None else f"last reached {_ago(one.reached, now)}"
    return f"<STRONG>NOT REACHED</STRONG>, {_ago(one.unreached or now, now)}; {before}"


def _validity(end: float, now: float) -> str:
    if end < now:
        return f"<STRONG>ran out</STRONG>, {_ago(end, now)}"
    return f"{_count(int((end - now) // DAY), 'day')} left, until {moment(end)}"


def _words(told: Told, now: float) -> str:
    remedy = f"<BR>\n{text(told.remedy)}" if told.remedy else ""
    return f"{_ago(told.at, now)}:<BR>\n{text(told.cause)}{remedy}"
