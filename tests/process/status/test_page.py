"""The status page: HTML that every browser shows, and nothing from outside that is more than words in it."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from popover.log import escape
from popover.process.status.figures import DAY, Figures, Mails, Picture, Told
from popover.process.status.page import WORDS_LIMIT, length, page, span, text

NOW = 1_800_000_000.0

WELL = Figures(
    name="mail.example.com",
    server="pop3s://mail.example.com:995",
    listens=("127.0.0.1:1110",),
    sessions=2,
    ended=1,
    octets_in=1234,
    octets_out=5_678_901,
    last_session=NOW - 61,
    reached=NOW - 61,
    tls="TLSv1.3",
    certificate_end=NOW + 61.5 * DAY,
)


def picture(*services: Figures, **more: Any) -> Picture:
    usual = Picture("1.2.3", NOW, NOW - 3 * DAY, ready=True, sessions=2, ceiling=9968, services=services)
    return replace(usual, **more)


def written(shown: Picture) -> str:
    return "\n".join([*page(shown), ""])


class Reading(HTMLParser):
    """What a browser makes of a page: its words, and its elements, which have to be closed in their order."""

    ALONE = ("br", "hr")
    KNOWN = (
        "html",
        "head",
        "title",
        "body",
        "h1",
        "h2",
        "p",
        "hr",
        "dl",
        "dt",
        "dd",
        "b",
        "br",
        "ul",
        "li",
        "a",
        "strong",
    )

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words = ""
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.KNOWN
        names = tuple(name for name, _ in attrs)
        assert names in ((), ("href",), ("name",))
        assert all(re.fullmatch(r"#?s\d+", value or "") for _, value in attrs)
        self.elements.append((tag, names))
        if tag not in self.ALONE:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_pi = unknown_decl = handle_comment


@given(st.text(max_size=200))
@example("<SCRIPT>alert(1)</SCRIPT>")
@example("\"'&amp;&#60;]]><!--")
@example("+ADw-SCRIPT+AD4-")
@example("\r\n\x1b[2J\x00\u202e\u2028 \ud800 é 😀")
def test_words_from_elsewhere_are_shown_as_they_are(words: str) -> None:
    html = text(words)
    assert html.isascii()
    assert not re.search(r"[<>\"'+\x00-\x1f\x7f]", html)
    reading = Reading(f"<P>{html}</P>")
    assert reading.elements == [("p", ())]
    assert reading.words == escape(words)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
@example("</TITLE>", "--><B>", '" onload="x', "&lt;")
def test_page_has_the_same_elements_whatever_is_told_on_it(name: str, cause: str, remedy: str, end: str) -> None:
    def told(*words: str) -> Picture:
        one = replace(
            WELL, name=words[0], server=words[0], listens=(words[0],), tls=words[0], refused=1, failed={words[3]: 1},
            failure=Told(NOW, words[1], words[2] + "."), refusal=Told(NOW, words[1], words[2] + "."),
        )  # fmt: skip
        return picture(one, one, version=words[0])

    harmless = Reading(written(told("a", "b", "c", "d")))
    hostile = Reading(written(told(name, cause, remedy, end)))
    assert hostile.elements == harmless.elements
    assert written(told(name, cause, remedy, end)).isascii()
    assert escape(cause) in hostile.words


def test_long_words_are_cut() -> None:
    assert len(text("x" * 10_000)) == WORDS_LIMIT
    assert len(written(picture(replace(WELL, failure=Told(NOW, "\u202e" * 10_000, ""))))) < 20 * WORDS_LIMIT


def test_page_tells_how_a_service_is() -> None:
    words = " ".join(Reading(written(picture(WELL))).words.split())
    assert "Running for 3 days: 2 sessions now, of at most 9,968." in words
    assert "Mail programs come to 127.0.0.1:1110 Server pop3s://mail.example.com:995: reached by TLSv1.3, " in words
    assert "(1 minute ago)" in words
    assert "Its certificate 61 days left, until " in words
    assert "Sessions 2 now; 1 before, the last one until " in words
    assert "Octets 1,234 from mail programs, 5,678,901 to them" in words
    assert "failure" not in words
    assert "not let in" not in words


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reached": None}, "pop3s://mail.example.com:995: no session yet"),
        ({"unreached": NOW - 62}, "reached by TLSv1.3"),
        ({"unreached": NOW - 5}, "NOT REACHED, "),
        ({"unreached": NOW - 5}, "(5 seconds ago); last reached "),
        ({"unreached": NOW - 5, "reached": None}, "(5 seconds ago); never reached yet"),
        ({"certificate_end": NOW - 3601}, "ran out, "),
        ({"certificate_end": NOW + 2 * DAY - 1}, "1 day left"),
        ({"failed": {"no tls": 3, "no address": 1000}}, "no address: 1,000, no tls: 3"),
        ({"failure": Told(NOW, "it is broken", "mend it")}, "(0 seconds ago): it is broken mend it"),
        ({"refused": 1, "refusal": Told(NOW, "not you", "")}, "Clients not let in 1 The last one "),
        ({"warm": 1}, "Began at once 1 session, by a connection that stood ready"),
        ({"listens": ()}, "nowhere any more"),
    ],
)
def test_page_tells_what_is_out_of_the_ordinary(changes: dict[str, Any], told: str) -> None:
    assert told in " ".join(Reading(written(picture(replace(WELL, **changes)))).words.split())


def test_page_of_many_services_begins_with_what_is_wrong() -> None:
    lost = replace(WELL, name="other", unreached=NOW, sessions=1)
    words = " ".join(Reading(written(picture(WELL, lost, replace(WELL, reached=None), ready=False))).words.split())
    assert "Stopping, and taking no new clients" in words
    assert "mail.example.com: well, 2 sessions now other: SERVER NOT REACHED, 1 session now" in words
    assert ("a", ("href",)) not in Reading(written(picture(WELL))).elements


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-5, "0 seconds"), (0.9, "0 seconds"), (1, "1 second"), (59.9, "59 seconds"), (60, "1 minute"), (7199, "1 hour"),
     (2 * DAY, "2 days"), (5000 * DAY, "5,000 days")],
)  # fmt: skip
def test_span(seconds: float, told: str) -> None:
    assert span(seconds) == told


def test_mails_of_devices_are_told_where_some_are_kept() -> None:
    assert "of devices" not in written(picture(WELL))
    assert "1 mail of devices waits for the server." in written(picture(WELL, mails=Mails(1)))
    told = written(picture(WELL, mails=Mails(2, 1)))
    assert "2 mails of devices wait for the server; <STRONG>1 mail has FAILED</STRONG>: popover queue list" in told


def test_what_running_ahead_has_saved_is_told_once_it_is_worth_it() -> None:
    assert "ahead" not in Reading(written(picture(WELL, replace(WELL, saved=0.09)))).words
    words = " ".join(Reading(written(picture(replace(WELL, saved=200.9)))).words.split())
    assert "Running ahead has saved at least 3 minutes 20 seconds of waiting Octets" in words


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.199, "0.1 seconds"),
        (1.0, "1.0 seconds"),
        (59.99, "59.9 seconds"),
        (60.0, "1 minute"),
        (61.9, "1 minute 1 second"),
        (3599.9, "59 minutes 59 seconds"),
        (3659.0, "1 hour"),
        (2 * DAY - 1, "1 day 23 hours"),
        (1234 * DAY + 3600.0, "1,234 days 1 hour"),
    ],
)
def test_a_length_is_told_in_two_units_and_never_longer_than_it_is(seconds: float, told: str) -> None:
    assert length(seconds) == told
