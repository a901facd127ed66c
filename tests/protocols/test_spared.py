"""How many round trips a client was spared is told, and never more than it was (protocols/spared.py)."""

from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import model_smtp
from depth import examples
from hearing import cut, every_cut
from imap_talk import SLOW
from imap_talk import Talk as Imap
from model_line import Timed, Way
from model_pop3 import VISITOR, Nature, service, trusting
from popover.config import Ahead
from popover.protocols import Terms
from popover.protocols.pop3 import Ears, Memory
from popover.talk import End

Script = list[list[bytes]]

CAPA = b"+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nUSER\r\n.\r\n"
MESSAGES = tuple(b"Subject: m\r\n%s\r\n" % (b"x" * size) for size in (10, 400, 3000, 1, 70))
NEAR = 1e-9  # seconds by which sums of the same numbers differ


def said(*lines: bytes) -> Script:
    """The client logs in, and says one line after the other; it waits for each answer."""
    return [[line + b"\r\n"] for line in (b"USER anna", b"PASS secret", *lines)]


def walk(verb: bytes, numbers: range, *, deleting: bool) -> list[bytes]:
    lines = b" 3" if verb == b"TOP" else b""
    return [line for n in numbers for line in (b"%s %d%s" % (verb, n, lines), *[b"DELE %d" % n] * deleting)]


ALL = range(1, len(MESSAGES) + 1)
FETCHES = said(b"STAT", b"UIDL", b"LIST", *walk(b"RETR", ALL, deleting=False), b"QUIT")
DELETES = said(b"STAT", b"LIST", *walk(b"RETR", ALL, deleting=True), b"QUIT")
LOOKS = said(b"CAPA", b"STAT", b"QUIT")
walks = st.builds(
    lambda verb, first, length, deleting: walk(verb, range(first, first + length), deleting=deleting),
    st.sampled_from([b"RETR", b"RETR", b"TOP"]), st.integers(1, 3), st.integers(2, 5), st.booleans(),
)  # fmt: skip
questions = st.sampled_from([b"STAT", b"LIST", b"UIDL", b"NOOP", b"CAPA", b"RSET", b"LAST", b"LIST 1", b"AUTH", b"HUH"])
numbered = st.builds(
    lambda verb, n: b"%s %d" % (verb, n), st.sampled_from([b"RETR", b"DELE", b"UIDL"]), st.integers(1, 6)
)
parts = st.one_of(walks, walks, st.lists(st.one_of(questions, questions, numbered), min_size=1, max_size=3))
scripts = st.builds(
    lambda found, quits: said(*[line for part in found for line in part], *[b"QUIT"] * quits),
    st.lists(parts, max_size=4), st.sampled_from([True, True, True, False]),
)  # fmt: skip
natures = st.builds(
    Nature,
    messages=st.just(MESSAGES),
    pipelining=st.sampled_from(["yes", "yes", "yes", "after", "no"]),
    hears=st.sampled_from(["all", "all", "all", "all", "first", "first after login", "not behind login"]),
    has_uidl=st.sampled_from([True, True, False]),
    lies=st.sampled_from([False, False, False, True]),
    rico=st.sampled_from([False, False, False, True]),
    refuses=st.sampled_from([frozenset(), frozenset(), frozenset({(b"DELE", 2)}), frozenset({(b"RETR", 3)})]),
)
ways = st.builds(
    Way, st.just(0.025), work=st.sampled_from([0.0, 0.0, 0.001, 0.02]),
    digest=st.sampled_from([0.0, 0.0, 0.01, 0.05, 0.06, 0.3]), each=st.sampled_from([0.0, 0.0, 1e-5]),
)  # fmt: skip
memories = st.sampled_from([trusting, trusting, Memory])


@settings(max_examples=examples(400), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(scripts, min_size=1, max_size=3), natures, ways, memories)
def test_no_more_is_told_than_a_client_waits_less(
    found: list[Script], nature: Nature, way: Way, remember: type[Memory]
) -> None:
    """The same talks over the same line, with everything off and with everything on: what a client waits less is as
    long as so many round trips at least, but for what the server does only for us.
    """
    memory = remember()
    for number, script in enumerate(found * 2):
        without = Timed(service(on=False), Memory(), script, nature, way)
        ahead = Timed(service(), memory, script, nature, way, CAPA if number and nature.pipelining == "yes" else b"")
        told = ahead.ears.spared * 2 * way.delay if ahead.ears.logged_in else 0.0
        event(f"told: {min(ahead.ears.spared, 10)}")
        assert without.ears.spared == 0
        only_ours = way.work * (len(ahead.server.heard) - len(without.server.heard))
        only_ours += way.each * (ahead.octets - without.octets)
        assert not told or told <= without.waited - ahead.waited + max(only_ours, 0) + NEAR


# -- POP3 ----------------------------------------------------------------------------------------

NATURE = Nature(messages=MESSAGES)
LINE = Way(0.025, digest=0.06)  # what is asked ahead is here before it is asked


def again(script: Script, way: Way = LINE, **more: Any) -> int:
    """What a client's second session is spared, that says what it said in the first."""
    memory = trusting()
    Timed(service(), memory, script, NATURE, LINE, CAPA)
    return Timed(service(), memory, script, NATURE, way, CAPA, **more).ears.spared


@pytest.mark.parametrize(
    ("script", "spared"),
    [
        (LOOKS, 4),  # USER, CAPA, STAT, QUIT: only PASS is waited for
        (FETCHES, 1 + 3 + 4 + 1),  # PASS and the first mail are waited for
        (DELETES, 1 + 2 + 4 + 5),  # and QUIT
        (said(b"STAT"), 2),
        (said(b"NOOP", b"RSET", b"NOOP"), 1),
    ],
)
def test_what_stood_here_whole_is_counted(script: Script, spared: int) -> None:
    assert again(script) == spared


@pytest.mark.parametrize("script", [LOOKS, FETCHES, DELETES])
def test_octets_that_come_in_pieces_spare_as_much(script: Script) -> None:
    whole = again(script)
    assert again(script, pieces=lambda said: [bytes([octet]) for octet in said]) == whole
    for place in range(1, 60):
        assert again(script, pieces=lambda said, place=place: cut(said, min(place, len(said)))) == whole


def test_what_is_on_its_way_is_not_counted() -> None:
    """A client that asks at once has UIDL's answer sooner than without, and waits for it."""
    script = said(b"UIDL", b"QUIT")
    assert again(script) == 3
    assert again(script, Way(0.025, work=0.001)) == 2


def test_what_is_answered_here_and_waited_for_all_the_same_is_not_counted() -> None:
    """RETR waits for DELE's answer where it is not here already: the one gives back what the other has gained."""
    lines = [line for n in (1, 3, 5) for line in (b"RETR %d" % n, b"DELE %d" % n)]
    assert again(said(*lines), Way(0.025)) == again(said(b"RSET"), Way(0.025)) + 1  # the last DELE
    assert again(said(*lines)) == again(said(b"RSET")) + 3


def test_a_client_that_says_more_at_once_is_counted_no_further() -> None:
    assert again([[b"USER anna\r\n", b"PASS secret\r\n"], [b"STAT\r\n"], [b"QUIT\r\n"]]) == 0
    assert again([*said(b"STAT"), [b"LIST\r\n", b"UIDL\r\n"], [b"QUIT\r\n"]]) == again(said(b"STAT", b"NOOP"))


def test_where_a_client_waits_behind_what_it_has_not_asked_nothing_is_told() -> None:
    """It leaves the mails that were fetched for it."""
    script = said(b"STAT", b"LIST", b"RETR 1", b"RETR 2")
    assert again([*script, [b"NOOP\r\n"]]) > 2
    assert again([*script, [b"NOOP\r\n"]], Way(0.025, digest=0.01)) == 0


@pytest.mark.parametrize(("digest", "spared"), [(45.03, 0), (44.0, 2)])
def test_where_a_client_waits_for_a_noop_that_it_has_not_said_nothing_is_told(digest: float, spared: int) -> None:
    memory, of, script = trusting(), service(keep_alive=45), said(b"STAT", b"NOOP")
    Timed(of, memory, script, NATURE, LINE, CAPA)
    assert Timed(of, memory, script, NATURE, Way(0.025, digest=digest), CAPA).ears.spared == spared


def leaving(memory: Memory, name: bytes = b"anna") -> Ears:
    """A client has its answer to QUIT, and the server has not heard it."""
    ears = Ears(End("client"), End("server"), Terms(service().ahead, VISITOR), memory)
    ears.start(b"+OK\r\n", CAPA, 0.0)
    for words, answer in ((b"USER %s\r\n" % name, b""), (b"PASS secret\r\n", b"+OK\r\n+OK\r\n%s+OK 0 0\r\n" % CAPA)):
        ears.client_said(words, 0.0)
        ears.server_said(answer, 0.0)
    ears.client_said(b"QUIT\r\n", 0.0)
    assert ears.has_left
    return ears


@pytest.mark.parametrize(("name", "spared"), [(b"anna", (1, 0)), (b"bert", (2, 1))])
def test_a_quit_for_which_the_next_login_waits_spares_neither_anything(name: bytes, spared: tuple[int, int]) -> None:
    """Without us the client would have waited for it before it came again."""
    memory = trusting()
    first = leaving(memory)
    then = Ears(End("client"), End("server"), Terms(service().ahead, VISITOR), memory)
    then.start(b"+OK\r\n", CAPA, 0.0)
    for words in (b"USER %s\r\n" % name, b"PASS secret\r\n"):
        then.client_said(words, 0.0)
    first.server_said(b"+OK bye\r\n", 0.0)
    then.server_said(b"+OK\r\n+OK\r\n%s+OK 0 0\r\n" % CAPA, 0.0)
    assert (first.spared, then.spared) == spared


# -- IMAP and SMTP -------------------------------------------------------------------------------


@pytest.mark.parametrize(("ahead", "spared"), [(Ahead(), [1, 2, 2, 3]), (SLOW, [0, 0, 0, 0])])
def test_what_is_answered_here_is_counted_with_imap(ahead: Ahead, spared: list[int]) -> None:
    steps = (b"a CAPABILITY\r\n", b"b NOOP\r\n", b"c LOGIN anna secret\r\n", b"d LOGOUT\r\n")
    answers = (b"a OK\r\n", b"b OK\r\n", b"c OK in\r\n", b"* BYE\r\nd OK\r\n")
    for place in range(max(map(len, steps)) + 1):
        talk, seen = Imap(ahead=ahead), []
        for words, answer in zip(steps, answers, strict=True):
            if talk.say(*cut(words, min(place, len(words))))[1]:
                talk.answer(*cut(answer, min(place, len(answer))))
            seen.append(talk.ears.spared)
        assert seen == spared


def test_who_says_more_at_once_is_spared_nothing_with_imap() -> None:
    talk = Imap(ahead=Ahead())
    talk.say(b"a CAPABILITY\r\nb LOGIN anna secret\r\n")
    assert talk.ears.spared == 0


HELLO = b"EHLO me.example\r\n"
READY = b"EHLO me.example\n" + model_smtp.EHLO


@pytest.mark.parametrize(("ready", "quits", "spared"), [(READY, True, 2), (b"", True, 1), (READY, False, 1)])
def test_what_is_answered_here_is_counted_with_smtp(ready: bytes, quits: bool, spared: int) -> None:
    for come in every_cut(HELLO):
        talk = model_smtp.Talk(ready=ready, ahead=Ahead(quit_at_once=quits))
        if talk.say(*come)[1]:
            talk.answer(model_smtp.EHLO)
        for words, answer in ((b"MAIL FROM:<a@x>\r\n", b"250 ok\r\n"), (b"RSET\r\n", b"250 ok\r\n")):
            talk.ask(words, answer)
        assert talk.ears.spared == bool(ready)
        talk.say(b"QUIT\r\n")
        assert talk.ears.spared == spared


def test_who_says_more_at_once_is_spared_nothing_with_smtp() -> None:
    talk = model_smtp.Talk(ready=READY, ahead=Ahead())
    talk.say(HELLO + b"MAIL FROM:<a@x>\r\n")
    assert talk.ears.spared == 0
    talk.answer(b"250 ok\r\n")
    talk.say(b"NOOP\r\nQUIT\r\n")
    assert talk.ears.spared == 0
