"""The engine and a server's TLS back to back: no socket, so every cut of the bytes is tried."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.records import Sealer, sealable
from fakes.tls import server_context
from hearing import cut, pieces
from parts.certificates import Authority
from popover.config import Trust
from popover.outside.trust import Policy, Verifier
from popover.wire import openssl
from popover.wire.engine import RECORD, Ending, Engine

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
EVERY_VERSION = pytest.mark.parametrize("version", VERSIONS)
LETTER = b"From: somebody\r\n\r\n" + bytes(range(256)) + b"\r\n.\r\n"


class Server:
    """The other end: TLS in the role of the server."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inward, self.outward, server_side=True)

    def shake(self) -> None:
        """Go on with the handshake."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass

    def seal(self, data: bytes) -> bytes:
        while data:
            data = data[self.tls.write(data) :]
        return self.outward.read()

    def goodbye(self) -> bytes:
        """close_notify."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        return self.outward.read()

    def hears(self, sealed: bytes) -> tuple[bytes, bool]:
        """What it gets out of these bytes, and whether a close_notify was the end of it."""
        self.inward.write(sealed)
        heard = bytearray()
        try:
            while piece := self.tls.read(1 << 16):
                heard += piece
        except ssl.SSLWantReadError:
            return bytes(heard), False
        except ssl.SSLZeroReturnError:
            pass
        return bytes(heard), True


Connect = Callable[[str], tuple[Engine, Server]]


@pytest.fixture(scope="module")
def connect(authority: Authority) -> Connect:
    """Makes a connection of this version whose handshake is over."""
    verifier = Verifier(Policy(Trust(authority.ca_file), None))
    inside = server_context(authority.issue("localhost"))

    def make(version: str) -> tuple[Engine, Server]:
        verifier.context.minimum_version = verifier.context.maximum_version = VERSIONS[version]
        engine, server = verifier.engine("localhost", 995), Server(inside)
        while not engine.shake(server.outward.read()):
            server.inward.write(engine.answer())
            server.shake()
        server.inward.write(engine.answer())
        server.shake()
        assert engine.version == f"TLSv{version}"
        assert hear(engine, [server.outward.read()]) == (b"", None)  # what is left are TLS 1.3's tickets
        return engine, server

    return make


def hear(engine: Engine, come: list[bytes], *, eof: bool = False) -> tuple[bytes, Ending | None]:
    """What comes out when these pieces come in, one at a time, and perhaps the end of the connection."""
    heard, ending = bytearray(), None
    for piece in [*come, None] if eof else [*come, b""]:
        into = memoryview(bytearray(len(piece or b"") + 2 * RECORD))
        size, ending = engine.pull(into, piece)
        heard += into[:size]
        while ending is None and engine.waiting:  # on a slow machine
            size, ending = engine.pull(into, b"")
            heard += into[:size]
        if ending is not None:
            break
    return bytes(heard), ending


SIZES = st.lists(st.sampled_from([0, 1, 100, RECORD - 1, RECORD, RECORD + 1, 3 * RECORD]), max_size=4)
FEW_EXAMPLES = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


@EVERY_VERSION
@FEW_EXAMPLES
@given(st.data(), SIZES)
def test_what_the_server_says_comes_out_however_it_is_cut(
    connect: Connect, version: str, data: st.DataObject, sizes: list[int]
) -> None:
    engine, server = connect(version)
    said = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    sealed = b"".join(server.seal(words) for words in said)
    assert hear(engine, data.draw(pieces(sealed))) == (b"".join(said), None)


@EVERY_VERSION
@FEW_EXAMPLES
@given(SIZES)
def test_what_we_say_reaches_the_server(connect: Connect, version: str, sizes: list[int]) -> None:
    engine, server = connect(version)
    said = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    kinds: list[Callable[[bytes], bytes | bytearray | memoryview]] = [bytes, bytearray, memoryview]
    sealed = b"".join(engine.push(kinds[number % 3](words)) for number, words in enumerate(said))
    assert server.hears(sealed) == (b"".join(said), False)


@EVERY_VERSION
def test_single_bytes_are_enough(connect: Connect, version: str) -> None:
    engine, server = connect(version)
    sealed = server.seal(LETTER) + server.seal(b"x") + server.goodbye()
    assert hear(engine, [bytes([byte]) for byte in sealed]) == (LETTER + b"x", Ending("closed"))


@EVERY_VERSION
def test_goodbye_is_a_clean_end_wherever_the_bytes_are_cut(connect: Connect, version: str) -> None:
    engine, server = connect(version)
    size = len(server.seal(b"bye") + server.goodbye())
    for place in range(size + 1):
        engine, server = connect(version)
        sealed = server.seal(b"bye") + server.goodbye()
        assert hear(engine, cut(sealed, place), eof=True) == (b"bye", Ending("closed"))


@EVERY_VERSION
def test_end_without_goodbye_is_a_cut_wherever_it_comes(connect: Connect, version: str) -> None:
    """At the border of two records, too: there nothing but the missing close_notify tells."""
    engine, server = connect(version)
    size = len(server.seal(b"half of ") + server.seal(b"a mail"))
    wholes = set()
    for place in range(size + 1):
        engine, server = connect(version)
        sealed = server.seal(b"half of ") + server.seal(b"a mail")
        heard, ending = hear(engine, [sealed[:place]], eof=True)
        assert ending is not None
        assert ending.kind == "cut"
        assert ending.detail
        wholes.add(heard)
    assert wholes == {b"", b"half of ", b"half of a mail"}


@EVERY_VERSION
@pytest.mark.parametrize("last", [b"", b"no TLS record"])
def test_what_was_spoken_is_known_after_a_bad_end_too(connect: Connect, version: str, last: bytes) -> None:
    """OpenSSL tells the version of no connection that was cut or has broken."""
    engine, server = connect(version)
    cipher = engine.cipher
    _, ending = hear(engine, [server.seal(b"half of "), last], eof=True)
    assert ending is not None
    assert ending.kind == ("broken" if last else "cut")
    assert engine.version == f"TLSv{version}"
    assert engine.cipher == cipher


@EVERY_VERSION
def test_octet_changed_on_the_way_is_no_clean_end(connect: Connect, version: str) -> None:
    engine, server = connect(version)
    size = len(server.seal(b"mail") + server.goodbye())
    kinds = set()
    for place in range(size):
        engine, server = connect(version)
        first, goodbye = server.seal(b"mail"), server.goodbye()
        sealed = bytearray(first + goodbye)
        sealed[place] ^= 0x10
        heard, ending = hear(engine, [bytes(sealed)], eof=True)
        assert ending is not None
        assert ending.kind in {"broken", "cut"}
        assert ending.detail
        assert heard == (b"" if place < len(first) else b"mail")
        kinds.add(ending.kind)
    assert "broken" in kinds


@EVERY_VERSION
@pytest.mark.parametrize("garbage", [b"-ERR in plain text\r\n", bytes(64), b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_garbage_after_good_records_is_broken_tls(connect: Connect, version: str, garbage: bytes) -> None:
    engine, server = connect(version)
    heard, ending = hear(engine, [server.seal(LETTER) + garbage])
    assert heard == LETTER
    assert ending is not None
    assert ending.kind == "broken"
    assert ending.detail


@EVERY_VERSION
def test_servers_alert_is_named(connect: Connect, version: str) -> None:
    engine, server = connect(version)
    server.inward.write(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(ssl.SSLError):
        server.tls.read(1)
    heard, ending = hear(engine, [server.outward.read()])
    assert heard == b""
    assert ending is not None
    assert ending.kind == "broken"
    assert "ALERT" in ending.detail


@EVERY_VERSION
def test_our_goodbye_follows_all_that_we_said(connect: Connect, version: str) -> None:
    engine, server = connect(version)
    assert server.hears(engine.push(LETTER) + engine.bye()) == (LETTER, True)


@EVERY_VERSION
def test_server_may_still_speak_after_our_goodbye(connect: Connect, version: str) -> None:
    engine, server = connect(version)
    assert server.hears(engine.bye()) == (b"", True)
    said = server.seal(LETTER)
    assert hear(engine, [said]) == (LETTER, None)


@EVERY_VERSION
def test_goodbye_can_be_said_after_any_end(connect: Connect, version: str) -> None:
    engine, server = connect(version)
    assert hear(engine, [server.goodbye()]) == (b"", Ending("closed"))
    assert server.hears(engine.bye()) == (b"", True)
    assert isinstance(engine.bye(), bytes)
    engine, server = connect(version)
    assert hear(engine, [bytes(64)])[1] is not None
    assert isinstance(engine.bye(), bytes)
    engine, server = connect(version)
    assert hear(engine, [], eof=True)[1] == Ending("cut", "the connection ended without TLS's close_notify")
    assert isinstance(engine.bye(), bytes)


PLAIN = b"421 mail.example.com lost input connection\r\n"


@EVERY_VERSION
@pytest.mark.parametrize("says_goodbye", [False, True])
def test_plain_text_behind_our_goodbye_is_a_normal_end_however_it_is_cut(
    connect: Connect, version: str, says_goodbye: bool
) -> None:
    """exim with GnuTLS: its TLS is over when it has heard ours end, and then it goes on in plain text."""
    size = len(PLAIN) + 60
    for place in range(size):
        engine, server = connect(version)
        assert server.hears(engine.bye()) == (b"", True)
        sealed = server.seal(b"250 x\r\n") + (server.goodbye() if says_goodbye else b"") + PLAIN
        assert hear(engine, cut(sealed, min(place, len(sealed))), eof=True) == (b"250 x\r\n", Ending("closed"))


@EVERY_VERSION
def test_plain_text_behind_the_servers_own_goodbye_is_a_normal_end(connect: Connect, version: str) -> None:
    engine, server = connect(version)
    assert hear(engine, [server.seal(b"bye") + server.goodbye() + PLAIN]) == (b"bye", Ending("closed"))


@EVERY_VERSION
def test_record_that_was_changed_on_the_way_is_broken_behind_our_goodbye_too(connect: Connect, version: str) -> None:
    engine, server = connect(version)
    engine.bye()
    sealed = bytearray(server.seal(b"mail") + server.seal(b"more"))
    sealed[-1] ^= 1
    heard, ending = hear(engine, [bytes(sealed)])
    assert heard == b"mail"
    assert ending is not None
    assert ending.kind == "broken"


# -- no more than one turn at a time -------------------------------------------------------------------


class Slow:
    """In the place of the module `time`: whenever it is looked at, another 3 ms have passed."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.003
        return self.now


@pytest.fixture
def flooded(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Engine, Sealer, bytes]:
    """An engine on a slow machine, the records of its server, and the last flight of that server's handshake."""
    engine = Verifier(Policy(Trust(authority.ca_file), None)).engine("localhost", 995)
    server = Server(sealable(server_context(authority.issue("localhost")), tmp_path))
    assert not engine.shake(b"")
    server.inward.write(engine.answer())
    server.shake()
    monkeypatch.setattr(openssl, "time", Slow())
    return engine, Sealer(server.tls, lambda _: None), server.outward.read()


FLOOD = 640  # of 27 octets, ten pieces
UPDATE = len("\x17\x03\x03..") + len("\x18\x00\x00\x01\x01") + 1 + 16
"""Octets of a record that changes the key, and of the answer to it."""


def test_what_floods_is_worked_through_in_turns_and_nothing_is_lost(flooded: tuple[Engine, Sealer, bytes]) -> None:
    engine, sealer, flight = flooded
    assert engine.shake(flight)
    engine.answer()
    sealed = b"".join(sealer.key_update(you_too=True) for _ in range(FLOOD)) + sealer.seal(LETTER)
    into = memoryview(bytearray(8 * RECORD))
    answered = [0]
    size, ending = engine.pull(into, sealed)
    while engine.waiting:
        answered.append(len(engine.answer()))
        assert (size, ending) == (0, None)
        size, ending = engine.pull(into, b"")
    answered.append(len(engine.answer() + engine.push(b"QUIT")))  # OpenSSL keeps the last answer for the next record
    assert len(answered) > 5
    assert max(answered) <= 128 * UPDATE  # two pieces, two looks at the clock
    assert sum(answered) == FLOOD * UPDATE + 5 + len(b"QUIT") + 1 + 16
    assert bytes(into[:size]) == LETTER


def test_flood_right_behind_the_handshake_waits_for_its_turn(flooded: tuple[Engine, Sealer, bytes]) -> None:
    engine, sealer, flight = flooded
    flood = b"".join(sealer.key_update(you_too=False) for _ in range(FLOOD))
    come = flight + flood + sealer.seal(LETTER)
    while not engine.shake(come):
        come = b""
        assert engine.waiting
    assert engine.waiting
    into, turns = memoryview(bytearray(8 * RECORD)), 0
    size = 0
    while engine.waiting:
        turns += 1
        size, ending = engine.pull(into, b"")
        assert ending is None
    assert turns > 1
    assert bytes(into[:size]) == LETTER


def test_mail_is_no_flood_however_slow_the_machine(flooded: tuple[Engine, Sealer, bytes]) -> None:
    engine, sealer, flight = flooded
    assert engine.shake(flight)
    mail = bytes(7 * RECORD)
    sealed = b"".join(sealer.seal(mail[at : at + RECORD]) for at in range(0, len(mail), RECORD))
    into = memoryview(bytearray(9 * RECORD))
    assert engine.pull(into, sealed) == (len(mail), None)
    assert not engine.waiting


@EVERY_VERSION
@FEW_EXAMPLES
@given(st.data())
def test_many_small_records_come_out_however_they_are_cut(connect: Connect, version: str, data: st.DataObject) -> None:
    """More than one piece of them, and heads of records that come in two halves."""
    engine, server = connect(version)
    said = [bytes([number % 256]) * (number % 5) for number in range(200)]
    sealed = b"".join(server.seal(words) for words in said) + server.goodbye()
    assert hear(engine, data.draw(pieces(sealed))) == (b"".join(said), Ending("closed"))
