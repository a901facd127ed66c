"""Random clients and a server to the letter: through the ears both hear the same as without."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from hearing import pieces
from model_smtp import EHLO, Model, Talk

# After a MAIL unknown commands are no stranger's; what is answered here, and nothing else that is, is left out: QUIT
# where nothing is owed, STARTTLS, header lines behind a mail.
BEGIN = b"EHLO me\r\nMAIL FROM:<a@x>\r\n"
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


def through(cuts: list[bytes], slow: list[int], refuses: frozenset[bytes], *, bare_lf: str = "pass") -> Seen:
    """`slow`: after which pieces the server is let speak, and in pieces of how many octets."""
    server = Model(EHLO, refuses)
    talk = Talk(bare_lf=bare_lf)
    talk.say(BEGIN)
    got, answers = b"", server.hear(BEGIN)

    def let_speak(size: int) -> None:
        nonlocal got, answers
        while answers:
            words, heard = talk.answer(answers[:size])
            got, answers = got + words, answers[size:] + server.hear(heard)

    let_speak(1000)
    for number, piece in enumerate(cuts):
        words, heard = talk.say(piece)
        got, answers = got + words, answers + server.hear(heard)
        if size := slow[number % len(slow)]:
            let_speak(size)
    let_speak(1000)
    talk.ears.client_ended(0.0)
    answers += server.hear(talk.heard())
    let_speak(1000)
    assert talk.ears.failure is None
    assert len(talk.client.inbox) == 0 or talk.ears.is_owed
    return Seen(got, server.mails)


@settings(max_examples=examples(200))
@given(st.data(), SCRIPT, REFUSED, st.lists(st.sampled_from([0, 1, 7, 1000]), min_size=1, max_size=5))
def test_any_script_in_any_pieces_is_heard_and_answered_as_over_a_wire(
    data: st.DataObject, script: bytes, refused: set[bytes], slow: list[int]
) -> None:
    refuses = frozenset(refused)
    cuts = data.draw(pieces(script))
    assert through(cuts, slow, refuses) == directly(script, refuses)


@settings(max_examples=examples(200))
@given(st.data(), SCRIPT, st.lists(st.sampled_from([0, 1, 1000]), min_size=1, max_size=5))
def test_normalized_any_script_is_answered_as_one_of_whole_lines(
    data: st.DataObject, script: bytes, slow: list[int]
) -> None:
    """The mails are the same but for line ends, and for the second dot of those that stand alone."""
    found = through(data.draw(pieces(script)), slow, frozenset(), bare_lf="normalize")
    plain = directly(script, frozenset())
    assert found.got == plain.got
    assert [plainly(mail) for mail in found.mails] == [plainly(mail) for mail in plain.mails]


def plainly(mail: bytes) -> list[bytes]:
    """Its lines, whatever they end with."""
    return [b".." if line == b"." else line for line in mail.replace(b"\r\n", b"\n").split(b"\n")]
