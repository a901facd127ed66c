"""ManageSieve: random clients and a server to the letter hear through the ears what they hear without; and where TLS
has to begin first, no server hears a login, whatever is said.
"""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from depth import examples
from hearing import pieces, taken
from popover.config import Ahead
from popover.protocols.dialect import Terms
from popover.protocols.reception import ClientTLS
from popover.protocols.sieve.ears import Ears
from popover.protocols.sieve.grammar import take, tokens
from popover.talk import End

GREETING = b'"IMPLEMENTATION" "model"\r\n"SASL" "PLAIN"\r\nOK "ready"\r\n'
RIGHT = b"AGFsaWNlAHdvbmRlcmxhbmQ="
WRONG = b"AGFsaWNlAHdyb25n"
COMMAND = st.sampled_from([
    b"CAPABILITY\r\n", b"noop\r\n", b'NOOP "x"\r\n', b"LISTSCRIPTS\r\n", b'PUTSCRIPT "a" {6+}\r\nkeep;\n\r\n',
    b'HAVESPACE "a" 9\r\n', b'GETSCRIPT "a"\r\n', b"CHECKSCRIPT {12+}\r\nLOGOUT\r\nOK\r\n\r\n",
])  # fmt: skip
LOGIN = st.sampled_from([
    b'AUTHENTICATE "PLAIN" "' + RIGHT + b'"\r\n', b'AUTHENTICATE "PLAIN" "' + WRONG + b'"\r\n',
    b'authenticate "PLAIN"\r\n"' + WRONG + b'"\r\n', b'AUTHENTICATE "PLAIN"\r\n{24+}\r\n' + RIGHT + b"\r\n",
    b'AUTHENTICATE "PLAIN" {24+}\r\n' + RIGHT + b"\r\n", b'AUTHENTICATE "X"\r\n',
])  # fmt: skip
SCRIPT = st.lists(COMMAND | COMMAND | LOGIN, max_size=8).map(b"".join)


class Model:
    """A server that does one thing after the other."""

    def __init__(self) -> None:
        self.heard = b""
        self._inbox = bytearray()
        self._is_asking = False
        self._scripts: dict[bytes, bytes] = {}
        self._knows = False

    def hear(self, data: bytes) -> bytes:
        self.heard += data
        self._inbox += data
        said = b""
        while (command := take(self._inbox)) is not None:
            said += self._answer(command, [*tokens(command), b"", b""])
        return said

    def _answer(self, command: bytes, words: list[bytes]) -> bytes:
        verb = words[0].upper()
        if self._is_asking or (verb == b"AUTHENTICATE" and words[2]):
            response = words[0] if self._is_asking else words[2]
            self._is_asking, self._knows = False, self._knows or response == RIGHT
            return b'OK "in"\r\n' if response == RIGHT else b"NO {4}\r\nno\r\n\r\n"
        if verb == b"AUTHENTICATE":
            self._is_asking = words[1] == b"PLAIN"
            return b'""\r\n' if self._is_asking else b'NO "no such"\r\n'
        if verb == b"CAPABILITY":
            return GREETING
        if not self._knows and verb != b"NOOP":
            return b'NO "log in first"\r\n'
        if verb == b"PUTSCRIPT":
            self._scripts[words[1]] = words[2]
        if verb == b"GETSCRIPT" and words[1] in self._scripts:
            script = self._scripts[words[1]]
            return b"{%d}\r\n%s\r\nOK\r\n" % (len(script), script)
        return b"OK (%d)\r\n" % len(command)


class Through:
    """The way through the ears. `slow`: in pieces of how many octets the server speaks after each piece of the
    client's; 0: not yet.
    """

    def __init__(self, slow: list[int], tls: ClientTLS = "off") -> None:
        self.server = Model()
        self.client, self._outside = End("client"), End("server")
        self.ears = Ears(self.client, self._outside, Terms(Ahead(), tls=tls))
        self.ears.start(GREETING, b"", 0)
        self.got = taken(self.client)
        self._slow = slow
        self._answers = b""

    def say(self, piece: bytes) -> None:
        self._hear(self.ears.client_said(piece, 0))
        while self.ears.has_more:
            self._hear(self.ears.client_said(b"", 0))

    def _hear(self, straight: bytes | memoryview) -> None:
        self._answers += self.server.hear(taken(self._outside, straight))
        self.got += taken(self.client)

    def let_speak(self, size: int = 1000) -> None:
        while self._answers and size:
            piece, self._answers = self._answers[:size], self._answers[size:]
            self.got += taken(self.client, self.ears.server_said(piece, 0))
            self._hear(b"")

    def play(self, cuts: list[bytes]) -> None:
        for number, piece in enumerate(cuts):
            self.say(piece)
            self.let_speak(self._slow[number % len(self._slow)])
        self.let_speak()
        self.ears.client_ended(0)
        self._hear(b"")
        self.let_speak()


SLOW = st.lists(st.sampled_from([0, 0, 1, 7, 1000]), min_size=1, max_size=5)


@settings(max_examples=examples(300), deadline=None)
@given(st.data(), SCRIPT, SLOW, st.binary(max_size=3))
def test_any_script_in_any_pieces_is_heard_and_answered_as_over_a_wire(
    data: st.DataObject, script: bytes, slow: list[int], rest: bytes
) -> None:
    """A client says NOOP behind it, and perhaps the beginning of one more."""
    script += b"NOOP\r\nNOOP " + rest.replace(b"\n", b"").replace(b"{", b"")
    directly = Model()
    words = GREETING + directly.hear(script)
    through = Through(slow)
    through.play(data.draw(pieces(script)))
    assert through.ears.failure is None
    assert through.server.heard == script
    assert through.got == words
    assert through.ears.logged_in == (b'OK "in"' in words)
    assert through.ears.is_settled


HARMLESS = re.compile(rb"(?:[ \t]*(?i:CAPABILITY|NOOP|LOGOUT)(?:[ \t][ -z|~]*)?\r?\n)*")
WAYS = st.sampled_from([
    b"AUTHENTICATE", b'"AUTHENTICATE"', b" ", b"\t", b'"PLAIN"', b'"' + RIGHT + b'"', b"\r\n", b"\n", b"\r", b"NOOP",
    b"CAPABILITY", b"LOGOUT", b"noop ", b"STARTTLS", b'"', b"{5}\r\n", b"{49+}\r\n", b"{0}\r\n", b"\\", b"\0", b"\xe4",
    b'AUTHENTICATE "PLAIN" "' + RIGHT + b'"\r\n', b"x" * 3000, b"UNAUTHENTICATE", b"PUTSCRIPT",
])  # fmt: skip
TEMPTING = st.sampled_from([
    b"", b"OK\r\n", b'""\r\n', b"NO\r\n", b'"SASL" "PLAIN"\r\n', b"{70000}\r\n", b"x" * 70_000, b"OK", b'BYE "x"\r\n',
])  # fmt: skip


@settings(max_examples=examples(400), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.lists(WAYS, max_size=8).map(b"".join), TEMPTING), max_size=8), st.booleans())
def test_where_tls_is_required_a_server_hears_nothing_but_what_holds_no_login(
    said: list[tuple[bytes, bytes]], ends: bool
) -> None:
    client, server = End("client"), End("server")
    ears = Ears(client, server, Terms(Ahead(), tls="require"))
    ears.start(GREETING, b"", 0)
    heard = b""
    for words, answer in said:
        heard += taken(server, ears.client_said(words, 0))
        ears.server_said(answer, 0)
        heard += taken(server)
    if ends:
        ears.client_ended(0)
        heard += taken(server)
    assert HARMLESS.fullmatch(heard)
    assert not ears.user
    assert not ears.logged_in
