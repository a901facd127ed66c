"""Whatever both sides say, in whatever order and pieces, at whatever time: no ears break, and none grow."""

import math
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from depth import examples
from hearing import taken
from popover.config import Ahead, DialectName
from popover.protocols import DIALECTS, Ears, Terms
from popover.protocols.dialect import Memory
from popover.protocols.reception import ClientTLS
from popover.talk import End

GREETINGS: dict[DialectName, bytes] = {
    "pop3": b"+OK <1.2@mail> hi\r\n",
    "imap": b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN COMPRESS=DEFLATE] hi\r\n",
    "smtp": b"220 hi\r\n",
    "sieve": b'"IMPLEMENTATION" "mail"\r\n"SASL" "PLAIN LOGIN"\r\n"STARTTLS"\r\nOK "hi"\r\n',
}
CLIENTS: dict[DialectName, bytes] = {
    "pop3": b"""
        USER anna|PASS secret|APOP anna 0123|CAPA|STLS|AUTH|AUTH PLAIN|AGEAYg==|*|STAT|LIST|LIST 2|UIDL|UIDL 1|
        RETR 1|RETR 2|RETR 3|TOP 1 0|TOP 2 0|TOP 3 0|DELE 1|DELE 2|NOOP|RSET|LAST|HELP|XTND XMIT|QUIT|retr 4||
        DELE x
    """,
    "imap": b"""
        a CAPABILITY|b NOOP|c STARTTLS|d LOGIN anna secret|d LOGIN {4}|anna {6+}|secret|e AUTHENTICATE PLAIN|
        AGEAYg==|*|f SELECT INBOX|g FETCH 1 BODY[]|h IDLE|DONE|i APPEND x ~{9}|123456789|j COMPRESS DEFLATE|
        k LOGOUT|l UID FETCH 1:* ALL|+ x||m ID ("a" "b")|n {3}|o ENABLE X
    """,
    "smtp": b"""
        EHLO me|HELO|AUTH LOGIN|AUTH PLAIN AGEAYg==|YQ==|*|MAIL FROM:<a@x>|RCPT TO:<b@x>|DATA|.|..|text|BDAT 5|
        BDAT 3 LAST|12345|RSET|NOOP|STARTTLS|QUIT|Subject: x|VRFY a|
    """,
    "sieve": b"""
        CAPABILITY|NOOP|noop "x"|STARTTLS|AUTHENTICATE "PLAIN" "AGEAYg=="|AUTHENTICATE "LOGIN"|"YQ=="|{4+}|YQ==|"*"|
        AUTHENTICATE "PLAIN" {8+}|AGEAYg==|LISTSCRIPTS|PUTSCRIPT "a" {6+}|keep;|PUTSCRIPT "a" {4000000000+}|LOGOUT|
        UNAUTHENTICATE|GET /||HAVESPACE "a" {3}
    """,
}
SERVERS: dict[DialectName, bytes] = {
    "pop3": b"""
        +OK|+OK 3 99|+OK in|-ERR no|-ERR [IN-USE] no|+OK 2 33|1 33|2 33|3 33|.|+ |..|PIPELINING|TOP|UIDL|USER|
        SASL PLAIN NTLM|EXPIRE 0|+OK 33 octets|Subject: x||+OK bye|STLS|IMPLEMENTATION trinity|+ok|* what
    """,
    "imap": b"""
        * CAPABILITY IMAP4rev1 STARTTLS IDLE|a OK done|b OK|d OK [CAPABILITY IMAP4rev1 IDLE COMPRESS=DEFLATE] in|
        d NO no|+ go|e OK|* 1 FETCH (BODY[] {5}|12345 UID 3)|g OK|* 3 EXISTS|h OK|* BYE|k OK|j OK|f OK|c OK|+|
        * ID {3}|~{9999999999}|m OK
    """,
    "smtp": b"""
        250 ok|250-mail|250-PIPELINING|250-STARTTLS|250 AUTH PLAIN LOGIN NTLM|334 VXNlcm5hbWU6|334 |235 in|
        354 go|421 bye|221 bye|500 what|502 no|220 ready|550 no|250|2
    """,
    "sieve": b"""
        OK|OK "done"|NO "no"|NO (QUOTA) {3}|x y|BYE "bye"|"SASL" "PLAIN LOGIN X-PLUS"|"STARTTLS"|"IMPLEMENTATION" "x"|
        "Oi8="|{4+}|Oi8=|"SIEVE" "fileinto"|{4000000000}|ok|"a" ACTIVE||"
    """,
}
PIECE = 256 * 1024  # octets in which a relay hears
BOUND = 2 * 1024 * 1024
"""Octets that one talk may keep at most, all in all: what is read ahead (1 MiB), what may wait to be heard, and some
hundred commands."""


def words(of: bytes, *, least: int) -> st.SearchStrategy[bytes]:
    """Lines of these, whole or not, or anything."""
    line = st.sampled_from([line.strip() for line in of.strip().split(b"|")])
    ended = st.tuples(line, st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"", b"\r"])).map(b"".join)
    many = st.lists(ended, min_size=least, max_size=6).map(b"".join)
    much = st.tuples(ended, st.sampled_from([10, 3000, 20_000])).map(lambda two: two[0] * two[1])
    return many | many | many | st.binary(max_size=40) | much


Move = tuple[str, bytes, float]


@st.composite
def moves(draw: st.DrawFn, dialect: DialectName) -> list[Move]:
    """Who does what: (C)lient or (S)erver says something, either (E)nds, or (T)ime goes by."""
    one = (
        st.tuples(st.just("C"), words(CLIENTS[dialect], least=1), st.just(0.0))
        | st.tuples(st.just("S"), words(SERVERS[dialect], least=1), st.just(0.0))
        | st.tuples(st.sampled_from("TTTTTTce"), st.just(b""), st.sampled_from([0.1, 0.9, 3.0, 700.0, math.inf]))
    )
    return draw(st.lists(one, max_size=40))


@dataclass
class Table:
    """One talk, and who sits at it."""

    ears: Ears
    client: End
    server: End
    now: float = 1000.0
    waiting: dict[str, bytearray] = field(default_factory=lambda: {"C": bytearray(), "S": bytearray()})

    def play(self, move: Move) -> None:
        """Let it happen, as far as the relay would."""
        who, said, seconds = move
        if who in self.waiting:
            self.waiting[who] += said
        elif who == "c":
            self._go_on()
            self.ears.client_ended(self.now)
        elif who == "T":
            until = self.ears.due if seconds == math.inf else self.now + seconds
            self.now = max(self.now, until) if until < math.inf else self.now
            if self.ears.due <= self.now:
                self.ears.on_time(self.now)
        self._go_on()

    def _go_on(self) -> None:
        ears = self.ears
        for _ in range(10_000):
            if self.is_over or not (self._hears("S") or self._hears("C") or ears.has_more):
                return
            if ears.has_more:
                taken(self.server, ears.client_said(b"", self.now))
            taken(self.client)
            taken(self.server)
        pytest.fail("there is always more to be heard")

    def _hears(self, who: str) -> bool:
        """Let a piece be heard, if there is one and it is wanted."""
        ears, waiting = self.ears, self.waiting[who]
        if not waiting or not (ears.wants_server if who == "S" else ears.wants_client):
            return False
        piece = bytes(waiting[:PIECE])
        del waiting[:PIECE]
        if who == "S":
            taken(self.client, ears.server_said(piece, self.now))
        else:
            taken(self.server, ears.client_said(piece, self.now))
        return True

    @property
    def is_over(self) -> bool:
        return self.ears.failure is not None or self.ears.wants_tls or (self.ears.has_left and self.ears.is_settled)


def footprint(*things: object) -> int:
    """Octets and things that these keep, each once: 64 for a thing, its length for a string of octets."""
    seen: set[int] = set()
    total, left = 0, list(things)
    while left:
        thing = left.pop()
        if id(thing) in seen or isinstance(thing, type) or callable(thing):
            continue
        seen.add(id(thing))
        total += 64
        if isinstance(thing, bytes | bytearray | str):
            total += len(thing)
        elif isinstance(thing, dict):
            left += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set | frozenset | deque):
            left += thing
        elif type(thing).__module__.startswith("popover."):
            names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
            left += [getattr(thing, name, None) for name in (*getattr(thing, "__dict__", ()), *names)]
    return total


def one_talk(dialect: DialectName, memory: Memory, tls: ClientTLS, ahead: Ahead, acts: list[Move]) -> None:
    """From a greeting to its end."""
    client, server = End("client"), End("mail.example.com")
    terms = Terms(ahead, "192.0.2.1", tls)
    table = Table(DIALECTS[dialect].ears(client, server, terms, memory), client, server)
    table.ears.start(GREETINGS[dialect], b"", table.now)
    has_server_ended = False
    for move in acts:
        if table.is_over or has_server_ended:
            break
        has_server_ended = move[0] == "e"
        if has_server_ended:
            table.ears.server_ended(table.now)
        else:
            table.play(move)
        assert footprint(table.ears, client, server) < BOUND + sum(map(len, table.waiting.values()))
    table.ears.over(table.now, server_left=has_server_ended)
    for octets in (*table.waiting.values(), client.inbox, server.inbox):  # the collector may take its time
        octets.clear()


AHEAD = st.sampled_from([Ahead(), Ahead(read_ahead="always"), Ahead(warm=0, ask_ahead=False, quit_at_once=False)])
TLS: st.SearchStrategy[ClientTLS] = st.sampled_from(["off", "offer", "require", "on"])


@pytest.mark.parametrize("dialect", GREETINGS)
def test_whatever_both_say_nothing_breaks_and_nothing_grows(dialect: DialectName) -> None:
    @settings(max_examples=examples(120), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(moves(dialect), min_size=1, max_size=3), TLS, AHEAD)
    def play(sessions: list[list[Move]], tls: ClientTLS, ahead: Ahead) -> None:
        memory = DIALECTS[dialect].memory()
        for acts in sessions:
            one_talk(dialect, memory, tls, ahead, acts)

    play()
