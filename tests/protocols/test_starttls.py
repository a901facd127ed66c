"""The plain words before STARTTLS, and the first ones inside, without a socket: cut at every place, and by chance."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.evil import ASKED, ATTACKS, EVIL, HONEST, TAG, Attack, honest_until
from popover.config import DialectName
from popover.errors import Failure, ServerFailure, TLSFailure
from popover.protocols.starttls import STARTTLS
from popover.protocols.starttls.inside import OCTETS as INSIDE
from popover.protocols.starttls.plaintext import LINES, OCTETS
from popover.talk import End, More, Talk

NAMES: tuple[DialectName, ...] = ("pop3", "imap", "smtp")
WHOLE = 1 << 20

dialects = pytest.mark.parametrize("dialect", NAMES)


class Stage:
    """A server that says `said`, one at the start and one after each command, in pieces of `size`; then it ends."""

    def __init__(self, said: Iterable[bytes], size: int = WHOLE, name: str = "mail.example.com") -> None:
        self.end = End(name)
        self.asked: list[bytes] = []
        self._said = iter(said)
        self._size = size
        self._coming = b""

    def play(self, talk: Talk[object], *, first: bool = True) -> object:
        """What the talk gives. `first`: the server speaks first."""
        if first:
            self._coming = next(self._said)
        try:
            while True:
                assert next(talk) == More(self.end)
                if self.end.outbox:
                    self._hear()
                piece, self._coming = self._coming[: self._size], self._coming[self._size :]
                self.end.inbox += piece
                self.end.ended = not piece
        except StopIteration as done:
            return done.value
        finally:
            self._hear()

    def _hear(self) -> None:
        if self.end.outbox:
            command = bytes(self.end.outbox)
            self.asked.append(command)
            self.end.outbox.clear()
            self._coming += next(self._said, b"").replace(TAG, command.split(b" ")[0])

    @property
    def questions(self) -> list[bytes]:
        """What was asked, without IMAP's tags and the line ends."""
        lines = [line.removesuffix(b"\r\n") for line in self.asked]
        return [line.partition(b" ")[2] if line.endswith(b" STARTTLS") else line for line in lines]


def begins(dialect: str, said: Iterable[bytes], size: int = WHOLE) -> Stage:
    stage = Stage(said, size)
    stage.play(STARTTLS[dialect].start_tls(stage.end))
    return stage


def fails(dialect: str, said: Iterable[bytes], size: int = WHOLE) -> Failure:
    with pytest.raises((ServerFailure, TLSFailure)) as caught:
        begins(dialect, said, size)
    return caught.value


# -- before TLS ----------------------------------------------------------------------------------------


@dialects
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, WHOLE])
def test_exact_positive_answer_starts_tls(dialect: str, size: int) -> None:
    stage = begins(dialect, HONEST[dialect], size)
    assert stage.questions == ASKED[dialect]
    assert not stage.end.inbox


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.rule}-{attack.name}")
def test_no_attack_shows_its_words_wherever_they_are_cut(attack: Attack) -> None:
    """In pieces, what was said too early may look as if it had been said in time: then TLS gets what is left."""
    for size in (1, 2, 3, 7, WHOLE):
        stage, failed = Stage(attack.said, size), None
        try:
            stage.play(STARTTLS[attack.dialect].start_tls(stage.end))
        except (ServerFailure, TLSFailure) as failure:
            failed = failure
        if failed is None:
            assert not attack.fails or (size < WHOLE and attack.rule in {"U4", "U5"})
            assert not stage.end.inbox
        else:
            assert attack.fails
            assert EVIL.decode() not in failed.cause
            assert failed.remedy
        assert stage.questions == ASKED[attack.dialect][: len(stage.questions)]


@dialects
@given(st.binary(max_size=200))
def test_by_chance_nothing_but_the_exact_answer_starts_tls(dialect: str, answer: bytes) -> None:
    *start, positive = HONEST[dialect]
    word = positive.split(b" begin")[0]
    stage = Stage([*start, answer])
    try:
        stage.play(STARTTLS[dialect].start_tls(stage.end))
    except (ServerFailure, TLSFailure):
        assert stage.questions == ASKED[dialect][: len(stage.questions)]
    else:
        tag = stage.asked[-1].split(b" ")[0]
        last = answer.splitlines()[-1].upper()
        assert last.startswith(word.replace(TAG, tag))


@dialects
def test_plain_words_have_an_end(dialect: str) -> None:
    """However they come, no more is kept than the limit and one piece."""
    start = HONEST[dialect][0][:3]
    assert "more than 8,192 octets" in fails(dialect, [start + b"x" * 100_000], 100).cause
    stage = Stage([start + b"x" * 100_000], 100)
    with pytest.raises(ServerFailure):
        stage.play(STARTTLS[dialect].start_tls(stage.end))
    assert len(stage.end.inbox) < OCTETS + 100


@pytest.mark.parametrize(("lines", "good"), [(LINES - 2, True), (LINES - 1, False)])
def test_ehlo_is_bounded_in_lines(lines: int, good: bool) -> None:
    """Greeting and answer to STARTTLS are two more."""
    said = HONEST["smtp"][0], b"250-x\r\n" * (lines - 1) + b"250 x\r\n", HONEST["smtp"][2]
    if good:
        begins("smtp", said)
    else:
        assert "100 lines" in fails("smtp", said).cause


def test_lines_count_together() -> None:
    said = HONEST["smtp"][0], (b"250-" + b"x" * 200 + b"\r\n") * 50 + b"250 x\r\n", HONEST["smtp"][2]
    assert "8,192 octets" in fails("smtp", said).cause


def test_imap_tag_is_another_each_time_and_can_not_be_guessed() -> None:
    tags = {begins("imap", HONEST["imap"]).asked[0].split(b" ")[0] for _ in range(20)}
    assert len(tags) == 20
    assert all(len(tag) == 16 and tag.isalnum() for tag in tags)


@dialects
def test_server_with_tls_from_the_first_octet_on_is_told_apart(dialect: str) -> None:
    failure = fails(dialect, [b"\x15\x03\x01\x00\x02\x02\x46"], 2)
    assert "speaks TLS from the first octet on" in failure.cause
    assert failure.remedy == f"write {dialect}s:// instead of {dialect}+starttls://"


@dialects
def test_alert_of_a_server_that_waited_too_long_for_tls_is_enough(dialect: str) -> None:
    """It is no line, and none follows."""
    end = End("mail.example.com")
    talk = STARTTLS[dialect].start_tls(end)
    assert next(talk) == More(end)
    end.inbox += b"\x15\x03"
    with pytest.raises(ServerFailure, match="speaks TLS from the first octet on"):
        next(talk)


@dialects
def test_server_that_closes_is_told_apart(dialect: str) -> None:
    before, after = fails(dialect, [b""]), fails(dialect, honest_until(dialect, b""))
    assert "closed the connection before its greeting" in before.cause
    assert isinstance(after, TLSFailure)
    assert "instead of beginning TLS" in after.cause


@pytest.mark.parametrize(("dialect", "other"), [("pop3", "imap"), ("imap", "smtp"), ("smtp", "pop3")])
def test_another_dialect_is_named_with_its_url(dialect: str, other: str) -> None:
    failure = fails(dialect, HONEST[other])
    assert failure.cause == f"mail.example.com speaks {other.upper()} on that port"
    assert failure.remedy.startswith(f"write {other}+starttls://, or name another port; it said ")


def test_servers_words_are_for_the_log_alone() -> None:
    failure = fails("smtp", honest_until("smtp", b"454 4.7.0 \x1b[31mTLS not available\r\n"))
    assert failure.cause == "mail.example.com does not begin TLS (STARTTLS refused)"
    assert "it said '454 4.7.0 \\\\x1b[31mTLS not available'" in failure.remedy


# -- inside TLS ----------------------------------------------------------------------------------------


def greeting(dialect: str, *said: bytes, name: str = "mail.example.com") -> tuple[bytes, bool]:
    """What the client is greeted with, whatever the cuts, and whether it is welcome."""
    found = set()
    for size in (1, 2, 3, 5, 8, 13, WHOLE):
        stage = Stage(said, size, name)
        given = stage.play(STARTTLS[dialect].greet_anew(stage.end), first=False)
        found.add((given.words, given.welcome))  # type: ignore[attr-defined]
    [one] = found
    return one


@pytest.mark.parametrize(
    "answer",
    [
        b"+OK\r\nUSER\r\nPIPELINING\r\n.\r\n",
        b"+OK list <1.2@mail.example.com>\n.\n",
        b"-ERR what\r\n",
        b"+OK\r\n.\r\n",
    ],
)
def test_pop3_greeting_is_ours_and_without_a_stamp(answer: bytes) -> None:
    assert greeting("pop3", answer) == (b"+OK mail.example.com is ready\r\n", True)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (b"* CAPABILITY IMAP4rev1 SASL-IR\r\n{tag} OK done\r\n", b"[CAPABILITY IMAP4rev1 SASL-IR] "),
        (b"* capability IMAP4rev1\n{tag} OK done\n", b"[CAPABILITY IMAP4rev1] "),
        (b"* OK hi\r\n* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n", b"[CAPABILITY IMAP4rev1] "),
        (b"* CAPABILITY IMAP4rev1 ]\r\n{tag} OK done\r\n", b""),
        (b"* CAPABILITY IMAP4rev1 \x1b[31m\r\n{tag} OK done\r\n", b""),
        (b"* CAPABILITY " + b"X" * 5000 + b"\r\n{tag} OK done\r\n", b""),
        (b"{tag} BAD what\r\n", b""),
        (b"{tag} NO\r\n", b""),
    ],
)
def test_imap_greeting_has_the_capabilities_from_inside_tls(answer: bytes, shown: bytes) -> None:
    assert greeting("imap", answer) == (b"* OK " + shown + b"mail.example.com is ready\r\n", True)


@pytest.mark.parametrize("answer", [b"250-mail\r\n250 SIZE 1\r\n", b"250 mail\r\n", b"501 who?\r\n", b"250\r\n"])
def test_smtp_greeting_is_ours(answer: bytes) -> None:
    assert greeting("smtp", answer) == (b"220 mail.example.com ESMTP ready\r\n", True)
    assert greeting("smtp", answer, name="192.0.2.1") == (b"220 [192.0.2.1] ESMTP ready\r\n", True)
    assert greeting("smtp", answer, name="2001:db8::1") == (b"220 [IPv6:2001:db8::1] ESMTP ready\r\n", True)


@pytest.mark.parametrize(
    ("dialect", "said", "words"),
    [
        ("imap", b"* BYE shutting down, error\r\n", b"* BYE shutting down, fault\r\n"),
        ("smtp", b"421 4.3.2 come later\r\n", b"421 4.3.2 come later\r\n"),
        ("smtp", b"421-4.3.2 come\r\n421 4.3.2 later\r\n", b"421 4.3.2 later\r\n"),
    ],
)
def test_refusal_inside_tls_is_the_servers_own_word(dialect: str, said: bytes, words: bytes) -> None:
    assert greeting(dialect, said) == (words, False)


@dialects
def test_server_that_closes_inside_tls_is_no_greeting(dialect: str) -> None:
    for said in ([], [b"2"], [b"+OK\r\nUSER\r\n"], [b"* CAPABILITY\r\n"], [b"250-x\r\n"]):
        stage = Stage(said)
        with pytest.raises(ServerFailure, match="after TLS"):
            stage.play(STARTTLS[dialect].greet_anew(stage.end), first=False)


@dialects
def test_endless_answer_inside_tls_is_no_greeting(dialect: str) -> None:
    for line in (b"x" * 100_000, b"* x\r\n", b"250-x\r\n", b"+OK\r\n"):
        stage = Stage([line * (2 * INSIDE // len(line) + 1)], 1000)
        with pytest.raises(ServerFailure, match="after TLS"):
            stage.play(STARTTLS[dialect].greet_anew(stage.end), first=False)


@dialects
@given(st.binary(max_size=300))
def test_greeting_is_one_line_whatever_is_said_inside_tls(dialect: str, said: bytes) -> None:
    stage = Stage([said])
    try:
        given = stage.play(STARTTLS[dialect].greet_anew(stage.end), first=False)
    except ServerFailure:
        return
    words = given.words.decode("ascii")  # type: ignore[attr-defined]
    assert words.endswith("\r\n")
    assert words[:-2].isprintable()
