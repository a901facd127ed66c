"""Random clients and a server to the letter: through the ears both hear the same as without."""

import re
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from hearing import pieces
from model_smtp import EHLO, Model, Talk
from popover.protocols.overhear import overhearer

# After a MAIL unknown commands are no stranger's; what is answered here, and nothing else that is, is left out: QUIT
# where nothing is owed, STARTTLS, header lines behind a mail.
HELLO = b"EHLO me\r\n"
BEGIN = HELLO + b"MAIL FROM:<a@x>\r\n"
BODY = st.lists(
    st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"..", b"\n.\n", b"text", b"RSET\r\n", b"\xff"]),
    max_size=8,
).map(b"".join)
COMMAND = st.sampled_from(
    [
        b"NOOP\r\n", b"noop\n", b"RSET\r\n", b"MAIL FROM:<@>\r\n", b"RCPT TO:<b@x>\r\n", b"HUH?\r\n", b"\r\n",
        b"VRFY x\r\n", b"EHLO again\r\n", b"HELO\r\n", b"AUTH LOGIN\r\n", b"YQ==\r\n", b"*\r\n", b"DATA\r\n",
        b"DATA\n", b"BDAT 0 LAST\r\n", b"BDAT x\r\n",
    ]
)  # fmt: skip
MAIL = BODY.map(lambda body: b"DATA\r\n" + body + b"\r\n.\r\n")
CHUNK = BODY.map(lambda body: b"BDAT %d\r\n" % len(body) + body)
SCRIPT = st.lists(COMMAND | MAIL | CHUNK, max_size=10).map(b"".join)
REFUSED = st.sets(st.sampled_from([b"DATA", b"BDAT", b"EHLO", b"VRFY", b"AUTH", b"RCPT"]))


@dataclass
class Seen:
    """What the client has got, and the mails that the server has."""

    got: bytes
    mails: list[bytes]


def directly(script: bytes, refuses: frozenset[bytes]) -> Seen:
    server = Model(EHLO, refuses)
    return Seen(server.hear(BEGIN) + server.hear(script), server.mails)


class Through:
    """The way through the ears. `slow`: in pieces of how many octets the server speaks after each piece of the
    client's; 0: not yet. `is_warm`: on a connection that has heard the EHLO before.
    """

    def __init__(
        self, slow: list[int], refuses: frozenset[bytes], *, bare_lf: str = "pass", is_warm: bool = False
    ) -> None:
        self.server = Model(EHLO, refuses)
        ready = HELLO.strip() + b"\n" + self.server.hear(HELLO) if is_warm else b""
        self.talk = Talk(ready=ready, bare_lf=bare_lf)
        self._got = self._answers = b""
        self._slow = slow

    def say(self, piece: bytes) -> None:
        words, heard = self.talk.say(piece)
        self._got += words
        self._answers += self.server.hear(heard)

    def let_speak(self, size: int = 1000) -> None:
        while self._answers and size:
            words, heard = self.talk.answer(self._answers[:size])
            self._got += words
            self._answers = self._answers[size:] + self.server.hear(heard)

    def play(self, cuts: list[bytes]) -> Seen:
        self.say(BEGIN)
        self.let_speak()
        for number, piece in enumerate(cuts):
            self.say(piece)
            self.let_speak(self._slow[number % len(self._slow)])
        self.let_speak()
        self.talk.ears.client_ended(0.0)
        self._answers += self.server.hear(self.talk.heard())
        self.let_speak()
        assert self.talk.ears.failure is None
        assert len(self.talk.client.inbox) == 0 or self.talk.ears.is_owed
        return Seen(self._got, self.server.mails)


SLOW = st.lists(st.sampled_from([0, 1, 7, 1000]), min_size=1, max_size=5)


@settings(max_examples=examples(200))
@given(st.data(), SCRIPT, REFUSED, SLOW, st.booleans())
def test_any_script_in_any_pieces_is_heard_and_answered_as_over_a_wire(
    data: st.DataObject, script: bytes, refused: set[bytes], slow: list[int], is_warm: bool
) -> None:
    refuses = frozenset(refused)
    cuts = data.draw(pieces(script))
    is_warm = is_warm and b"EHLO" not in refuses
    assert Through(slow, refuses, is_warm=is_warm).play(cuts) == directly(script, refuses)


@settings(max_examples=examples(200))
@given(st.data(), SCRIPT, SLOW)
def test_normalized_any_script_is_answered_as_one_of_whole_lines(
    data: st.DataObject, script: bytes, slow: list[int]
) -> None:
    """The mails are the same but for line ends, and for the second dot of those that stand alone."""
    found = Through(slow, frozenset(), bare_lf="normalize").play(data.draw(pieces(script)))
    plain = directly(script, frozenset())
    assert found.got == plain.got
    assert [plainly(mail) for mail in found.mails] == [plainly(mail) for mail in plain.mails]


def plainly(mail: bytes) -> list[bytes]:
    """Its lines, whatever they end with."""
    return [b".." if line == b"." else line for line in mail.replace(b"\r\n", b"\n").split(b"\n")]


# Anything at all

WORDS = b"""
    EHLO AUTH LOGIN PLAIN MAIL DATA BDAT QUIT STARTTLS NOOP TURN X: 220 250 334 354 235 421 502 - 9 0 LAST
""".split()
OTHERS = [b" ", b"\r", b"\n", b"\r\n", b"\r\n.\r\n", b"\0"]
WORD = st.sampled_from(WORDS + OTHERS) | st.binary(max_size=4)
REFUSED_BEFORE_TLS = re.compile(rb"(?mi)^(AUTH|MAIL|DATA|BDAT|STARTTLS)\b")
MOVES = st.lists(st.tuples(st.sampled_from("CCCSSE"), st.lists(WORD, max_size=8).map(b"".join)), max_size=30)


@settings(max_examples=examples(300))
@given(MOVES, st.sampled_from(["off", "offer", "require", "on"]), st.sampled_from(["pass", "normalize"]), st.booleans())
def test_whatever_both_say_nothing_breaks_and_nothing_grows(
    moves: list[tuple[str, bytes]], tls: str, bare_lf: str, is_warm: bool
) -> None:
    talk = Talk(tls=tls, bare_lf=bare_lf, ready=b"EHLO \n" + EHLO if is_warm else b"")
    trace = overhearer("smtp")
    said = heard = 0
    for who, words in moves:
        got = b""
        if who == "C":
            trace.client_said(words)
            got, out = talk.say(words)
        elif who == "S":
            got, out = talk.answer(words)
        else:
            talk.ears.client_ended(0.0)
            out = talk.heard()
        trace.client_got(got)
        said, heard = said + len(words) * (who == "C"), heard + len(out)
        assert heard <= said * (3 if bare_lf == "normalize" else 1)
        assert len(talk.client.inbox) <= said
        if tls == "require":
            assert REFUSED_BEFORE_TLS.search(out) is None
    talk.ears.server_ended(0.0)
    talk.ears.over(0.0, server_left=True)
