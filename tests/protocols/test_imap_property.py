"""Through the ears both sides hear what they would without them, but for the lists of capabilities; and at any time
it is known whether the client is owed an answer.

A play is a list of turns: what the client says, and what the server says to that. A server speaks when it has heard
all of a turn. The octets come in any pieces.
"""

import re
from dataclasses import dataclass

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from depth import examples
from hearing import pieces
from imap_talk import Talk

FULL = b" IMAP4rev1 STARTTLS sasl-ir LOGIN-REFERRALS IDLE COMPRESS=DEFLATE AUTH=PLAIN auth=gssapi AUTH=X-PLUS X-y"
SHOWN = b" IMAP4rev1 sasl-ir AUTH=PLAIN X-y"  # with IDLE hidden


@dataclass(frozen=True)
class Turn:
    """`owes`: whether the server owes an answer once `said` is said."""

    said: bytes
    answer: bytes
    owes: bool = True


Play = list[Turn]

# What must not be taken for anything else where it stands: in a literal, in a quoted string, in a status line's words.
tempting = st.sampled_from([
    b"* CAPABILITY" + FULL + b"\r\n", b"a1 OK [CAPABILITY" + FULL + b"] in\r\n", b"a1 OK done\r\n", b"+ go\r\n",
    b"{9}\r\n", b"* BYE\r\n", b"\r\n", b"\n", b"\r", b"}", b"\0", b"x" * 300, b"a2 BAD\r\n", b")\r\n",
    bytes(range(256)),
])  # fmt: skip
contents = st.lists(tempting | st.binary(max_size=40), max_size=4).map(b"".join)
line_ends = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"])
words = st.sampled_from([b"done", b"{5}", b"see {12} [CAPABILITY IMAP4rev1 IDLE]", b"* CAPABILITY IDLE", b"\xc3\xbc"])


def literal(content: bytes, end: bytes = b"\r\n") -> bytes:
    return b"{%d}%s%s" % (len(content), end, content)


listed = st.sampled_from([
    (b"* CAPABILITY" + FULL + b"\r\n", b"* CAPABILITY" + SHOWN + b"\r\n"),
    (b"* OK [CAPABILITY" + FULL + b"] {7}\r\n", b"* OK [CAPABILITY" + SHOWN + b"] {7}\r\n"),
    (b"* ok [capability" + FULL + b"]\n", b"* ok [capability" + SHOWN + b"]\n"),
])  # fmt: skip
same = st.one_of(
    st.sampled_from([
        b"* 3 EXISTS\r\n", b"* FLAGS (\\Seen)\r\n", b"* OK [UIDNEXT 4] x {3}\r\n", b"* NO watch\r\n", b"* OK\r\n",
        b'* LIST () "/" "a {3}"\r\n', b"* NAMESPACE NIL NIL NIL\r\n", b"* BAD [X]\r\n", b"*\r\n", b"* \r\n", b"* C\r\n",
        b"odd\r\n", b"\r\n", b"* CAPABILITIES\r\n", b"* 1 FETCH (X {99999999999999999999}\r\n",
        b"* 1 FETCH (X {9223372036854775808}\r\n",
    ]),
    st.builds(lambda one, two, end: b"* 1 FETCH (BODY[1] %s BODY[2] ~%s)%s" % (literal(one, end), literal(two), end),
              contents, contents, line_ends),
    st.builds(lambda one: b"* LIST () NIL %s\r\n" % literal(one), contents),
)  # fmt: skip
untagged = st.lists(same.map(lambda line: (line, line)) | listed, max_size=4).map(
    lambda lines: (b"".join(line for line, _ in lines), b"".join(shown for _, shown in lines))
)
tags = st.sampled_from([b"a1", b"a2", b"A", b"tag.with:odd/chars~", b"7"])


@st.composite
def closings(draw: st.DrawFn, tag: bytes) -> tuple[bytes, bytes]:
    """A tagged answer, and what the client gets for it."""
    status = draw(st.sampled_from([b"OK", b"NO", b"BAD", b"ok"]))
    if draw(st.integers(0, 3)) == 0:
        end = b"] in" + draw(line_ends)
        return tag + b" " + status + b" [CAPABILITY" + FULL + end, tag + b" " + status + b" [CAPABILITY" + SHOWN + end
    line = tag + b" " + status + b" " + draw(words) + draw(line_ends)
    return line, line


Two = tuple[Play, Play]
"""What the server says, and what the client gets for it."""


@st.composite
def commands(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """A command in one piece; its answer, and what the client gets for it."""
    tag = draw(tags)
    end = draw(line_ends)
    said = draw(
        st.sampled_from([b"NOOP", b"noop", b"CAPABILITY", b"UID FETCH 1:* (FLAGS)", b"SELECT {3+}\r\nb{}", b"ID NIL",
                         b"LOGIN anna secret", b'LOGIN "a b" {6+}\r\nsecret', b'LIST "" {0+}\r\n', b"ENABLE X",
                         b"SEARCH TEXT {2+}\r\na\n {3+}\r\nb\r\n"])
        | contents.map(lambda content: b"APPEND x {%d+}\r\n%s" % (len(content), content))
    )  # fmt: skip
    before, before_shown = draw(untagged)
    last, last_shown = draw(closings(tag))
    return tag + b" " + said + end, before + last, before_shown + last_shown


@st.composite
def pipelined(draw: st.DrawFn) -> Two:
    """Commands in one go, answered one after the other, in any order if their tags differ."""
    those = draw(st.lists(commands(), min_size=1, max_size=4))
    said = b"".join(one for one, _, _ in those)
    if len({one.split(b" ", 1)[0] for one, _, _ in those}) == len(those):
        those = draw(st.permutations(those))
    return (
        [Turn(said, b"".join(answer for _, answer, _ in those))],
        [Turn(said, b"".join(shown for _, _, shown in those))],
    )


def both(*turns: Turn) -> Two:
    return list(turns), list(turns)


@st.composite
def waiting(draw: st.DrawFn) -> Two:
    """A command that waits for the server's word in the middle."""
    tag, content, end = draw(tags), draw(contents), draw(line_ends)
    last = tag + b" " + draw(st.sampled_from([b"OK", b"NO"])) + b" " + draw(words) + end
    refused = Turn(tag + b" APPEND x {%d}" % len(content) + end, tag + b" NO " + draw(words) + end)
    idle = Turn(tag + b" IDLE" + end, b"+ idling" + end)
    auth = Turn(tag + b" AUTHENTICATE LOGIN" + end, b"+ VXNlcg==" + end)
    go = b"+ go" + end
    literals = (
        Turn(tag + b" LOGIN {4}" + end, b"+" + end),
        Turn(b"anna {6}" + end, b"* 2 EXISTS\r\n+ more" + end),
        Turn(b"secret" + end, last),
    )
    return draw(
        st.sampled_from([
            both(refused),
            both(Turn(refused.said, go), Turn(content + end, last)),
            both(Turn(refused.said, go), Turn(content + b" {2}" + end, go), Turn(b"\r\n" + end, last)),
            both(literals[0], Turn(literals[1].said, tag + b" NO no such user" + end)),
            both(*literals),
            both(auth, Turn(b"YQ==" + end, b"+" + end), Turn(b"c2VjcmV0" + end, last)),
            both(auth, Turn(b"*" + end, tag + b" BAD as you like" + end)),
            both(Turn(tag + b" AUTHENTICATE PLAIN AGFubmEAc2VjcmV0" + end, last)),
            both(Turn(auth.said, tag + b" NO not here" + end)),
            both(idle, Turn(b"", b"* 3 EXISTS\r\n", owes=False), Turn(b"DONE" + end, last)),
            both(Turn(idle.said, tag + b" BAD no idle" + end)),
            both(Turn(tag + b" UNAUTHENTICATE" + end, last)),
            both(Turn(tag + b" COMPRESS DEFLATE" + end, tag + b" NO " + content.replace(b"\n", b"") + end)),
        ])
    )  # fmt: skip


@st.composite
def unasked(draw: st.DrawFn) -> Two:
    """The server tells something by itself."""
    answer, shown = draw(untagged)
    return [Turn(b"", answer, owes=False)], [Turn(b"", shown, owes=False)]


plays = st.lists(pipelined() | waiting() | unasked(), min_size=1, max_size=6).map(
    lambda parts: ([turn for real, _ in parts for turn in real], [turn for _, shown in parts for turn in shown])
)
GREETING = b"* OK [CAPABILITY" + FULL + b"] hi\r\n"


@settings(max_examples=examples(400), deadline=None, suppress_health_check=list(HealthCheck))
@given(plays, st.data())
def test_both_sides_hear_what_they_would_without_the_ears(two: Two, data: st.DataObject) -> None:
    talk = Talk(GREETING, hide=("IDLE",))
    assert talk.greeted == b"* OK [CAPABILITY" + SHOWN + b"] hi\r\n"
    for turn, shown in zip(*two, strict=True):
        heard, got = b"", b""
        for piece in data.draw(pieces(turn.said)):
            told, passed = talk.say(piece)
            assert told == b""
            heard += passed
        assert heard == turn.said
        assert talk.ears.is_owed == (turn.owes and bool(turn.answer))
        for piece in data.draw(pieces(turn.answer)):
            assert talk.ears.is_owed == turn.owes or not piece
            told, passed = talk.answer(piece)
            assert passed == b""
            got += told
        assert got == shown.answer
        assert not talk.ears.is_owed
        assert talk.ears.failure is None
        assert talk.ears.gap == 0
    talk.ears.server_ended(talk.now)
    assert bytes(talk.client.outbox) == b""


@settings(max_examples=examples(200), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(tempting | st.binary(max_size=60), max_size=8), st.lists(tempting | st.binary(max_size=60), max_size=8))
@example([b"a LOGIN {5}\r\n", b"anna"], [b"a NO\r\n"])
@example([b"a IDLE\r\nb NOOP\r\nc {5}\r\n"], [b"a BAD\r\n"])
def test_whatever_comes_passes(said: list[bytes], answered: list[bytes]) -> None:
    """Nothing is lost or added, whoever says what; but for what goes with a session that was ended."""
    talk = Talk(b"* PREAUTH hi\r\n")
    all_heard = all_got = b""
    for word, answer in zip([*said, *[b""] * len(answered)], [*[b""] * len(said), *answered], strict=True):
        if word:
            got, heard = talk.say(word)
            all_heard, all_got = all_heard + heard, all_got + got
        if answer:
            got, heard = talk.answer(answer)
            all_heard, all_got = all_heard + heard, all_got + got
    talk.ears.client_ended(talk.now)
    talk.ears.server_ended(talk.now)
    all_heard += talk.server.outbox
    all_got += talk.client.outbox
    waits = bytes(talk.client.inbox)
    assert all_heard + waits == b"".join(said)
    hidden = (b" STARTTLS", b" LOGIN-REFERRALS", b" COMPRESS=DEFLATE", b" auth=gssapi", b" AUTH=X-PLUS")
    expected, came = b"".join(answered), all_got
    for name in hidden:
        expected, came = expected.replace(name, b""), came.replace(name, b"")
    assert came == expected


HARMLESS = re.compile(
    rb"(?:\s*\n|[ \t]*[!-~]+[ \t]+(?i:(?:CAPABILITY|NOOP|LOGOUT)[ \t]*|"
    rb"ID[ \t]*(?:[ -~\x80-\xff]*(?<!\}))?[ \t]*)\r?\n)*"
)
ways = st.sampled_from([
    b"a ", b"b", b" ", b"\t", b"LOGIN anna canary", b"login", b"AUTHENTICATE PLAIN", b"\r\n", b"\n", b"\r", b"NOOP",
    b"ID", b"IDLE", b"DONE", b"CAPABILITY", b"LOGOUT", b"{5}\r\n", b"{22+}\r\n", b"~{3+}\r\n", b"*", b"+", b"\xe4",
    b"\0", b'"x"', b"a LOGIN anna canary\r\n", b"c IDLE\r\n",
    b"d NOOP\r\n", b"e ID NIL\r\n", b"COMPRESS DEFLATE", b"x" * 3000,
])  # fmt: skip


@settings(max_examples=examples(400), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.lists(ways, max_size=8).map(b"".join), tempting | st.just(b"")), max_size=8), st.booleans()
)
def test_where_tls_is_required_a_server_hears_nothing_but_what_holds_no_login(
    said: list[tuple[bytes, bytes]], ends: bool
) -> None:
    talk = Talk(tls="require")
    all_heard = b""
    for words, answer in said:
        all_heard += talk.say(words)[1] if words else b""
        all_heard += talk.answer(answer)[1] if answer else b""
    if ends:
        talk.ears.client_ended(talk.now)
        all_heard += bytes(talk.server.outbox)
    assert HARMLESS.fullmatch(all_heard)
