"""The pump and a server's TLS back to back: no socket, so every cut of the bytes is tried."""

import ssl
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from depth import examples
from fakes.tls import server_context
from hearing import cut, pieces
from parts.certificates import Authority
from popover.config import Trust
from popover.outside.trust import Policy, Verifier
from popover.wire.pump import RECORD, Ending, Pump

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
EVERY_VERSION = pytest.mark.parametrize("version", VERSIONS)
LETTER = b"From: somebody\r\n\r\n" + bytes(range(256)) + b"\r\n.\r\n"


class Server:
    """The other end: TLS in the role of the server."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inward, self.outward, server_side=True)

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


Connect = Callable[[str], tuple[Pump, Server]]


@pytest.fixture(scope="module")
def connect(authority: Authority) -> Connect:
    """Makes a connection of this version whose handshake is over."""
    outside = Verifier(Policy(Trust(authority.ca_file), None)).context
    inside = server_context(authority.issue("localhost"))

    def make(version: str) -> tuple[Pump, Server]:
        outside.minimum_version = outside.maximum_version = VERSIONS[version]
        pump, server = Pump(outside, "localhost", None), Server(inside)
        for tls, sends, hears in (
            (pump.tls, pump.outward, server.inward),
            (server.tls, server.outward, pump.inward),
        ) * 3:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            hears.write(sends.read())
        assert pump.tls.version() == f"TLSv{version}"
        assert hear(pump, []) == (b"", None)  # what is left are TLS 1.3's tickets
        return pump, server

    return make


def hear(pump: Pump, come: list[bytes], *, eof: bool = False) -> tuple[bytes, Ending | None]:
    """What comes out when these pieces come in, one at a time, and perhaps the end of the connection."""
    heard, ending = bytearray(), None
    for piece in [*come, None] if eof else [*come, b""]:
        if piece is None:
            pump.inward.write_eof()
        else:
            pump.inward.write(piece)
        into = memoryview(bytearray(len(piece or b"") + 2 * RECORD))
        size, ending = pump.unseal(into)
        heard += into[:size]
        if ending is not None:
            break
    return bytes(heard), ending


SIZES = st.lists(st.sampled_from([0, 1, 100, RECORD - 1, RECORD, RECORD + 1, 3 * RECORD]), max_size=4)
FEW = settings(deadline=None, max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow])


@EVERY_VERSION
@FEW
@given(st.data(), SIZES)
def test_what_the_server_says_comes_out_however_it_is_cut(
    connect: Connect, version: str, data: st.DataObject, sizes: list[int]
) -> None:
    pump, server = connect(version)
    said = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    sealed = b"".join(server.seal(words) for words in said)
    assert hear(pump, data.draw(pieces(sealed))) == (b"".join(said), None)


@EVERY_VERSION
@FEW
@given(SIZES)
def test_what_we_say_reaches_the_server(connect: Connect, version: str, sizes: list[int]) -> None:
    pump, server = connect(version)
    said = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    kinds: list[Callable[[bytes], bytes | bytearray | memoryview]] = [bytes, bytearray, memoryview]
    sealed = b"".join(pump.seal(kinds[number % 3](words)) for number, words in enumerate(said))
    assert server.hears(sealed) == (b"".join(said), False)


@EVERY_VERSION
def test_single_bytes_are_enough(connect: Connect, version: str) -> None:
    pump, server = connect(version)
    sealed = server.seal(LETTER) + server.seal(b"x") + server.goodbye()
    assert hear(pump, [bytes([byte]) for byte in sealed]) == (LETTER + b"x", Ending("closed"))


@EVERY_VERSION
def test_goodbye_is_a_clean_end_wherever_the_bytes_are_cut(connect: Connect, version: str) -> None:
    pump, server = connect(version)
    size = len(server.seal(b"bye") + server.goodbye())
    for place in range(size + 1):
        pump, server = connect(version)
        sealed = server.seal(b"bye") + server.goodbye()
        assert hear(pump, cut(sealed, place), eof=True) == (b"bye", Ending("closed"))


@EVERY_VERSION
def test_end_without_goodbye_is_a_cut_wherever_it_comes(connect: Connect, version: str) -> None:
    """At the border of two records, too: there nothing but the missing close_notify tells."""
    pump, server = connect(version)
    size = len(server.seal(b"half of ") + server.seal(b"a mail"))
    wholes = set()
    for place in range(size + 1):
        pump, server = connect(version)
        sealed = server.seal(b"half of ") + server.seal(b"a mail")
        heard, ending = hear(pump, [sealed[:place]], eof=True)
        assert ending is not None
        assert ending.kind == "cut"
        assert ending.detail
        wholes.add(heard)
    assert wholes == {b"", b"half of ", b"half of a mail"}


@EVERY_VERSION
def test_octet_changed_on_the_way_is_no_clean_end(connect: Connect, version: str) -> None:
    pump, server = connect(version)
    size = len(server.seal(b"mail") + server.goodbye())
    kinds = set()
    for place in range(size):
        pump, server = connect(version)
        first, goodbye = server.seal(b"mail"), server.goodbye()
        sealed = bytearray(first + goodbye)
        sealed[place] ^= 0x10
        heard, ending = hear(pump, [bytes(sealed)], eof=True)
        assert ending is not None
        assert ending.kind in {"broken", "cut"}
        assert ending.detail
        assert heard == (b"" if place < len(first) else b"mail")
        kinds.add(ending.kind)
    assert "broken" in kinds


@EVERY_VERSION
@pytest.mark.parametrize("garbage", [b"-ERR in plain text\r\n", bytes(64), b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_garbage_after_good_records_is_broken_tls(connect: Connect, version: str, garbage: bytes) -> None:
    pump, server = connect(version)
    heard, ending = hear(pump, [server.seal(LETTER) + garbage])
    assert heard == LETTER
    assert ending is not None
    assert ending.kind == "broken"
    assert ending.detail


@EVERY_VERSION
def test_servers_alert_is_named(connect: Connect, version: str) -> None:
    pump, server = connect(version)
    server.inward.write(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(ssl.SSLError):
        server.tls.read(1)
    heard, ending = hear(pump, [server.outward.read()])
    assert heard == b""
    assert ending is not None
    assert ending.kind == "broken"
    assert "ALERT" in ending.detail


@EVERY_VERSION
def test_our_goodbye_follows_all_that_we_said(connect: Connect, version: str) -> None:
    pump, server = connect(version)
    assert server.hears(pump.seal(LETTER) + pump.farewell()) == (LETTER, True)


@EVERY_VERSION
def test_server_may_still_speak_after_our_goodbye(connect: Connect, version: str) -> None:
    pump, server = connect(version)
    assert server.hears(pump.farewell()) == (b"", True)
    said = server.seal(LETTER)
    assert hear(pump, [said]) == (LETTER, None)


@EVERY_VERSION
def test_goodbye_can_be_said_after_any_end(connect: Connect, version: str) -> None:
    pump, server = connect(version)
    assert hear(pump, [server.goodbye()]) == (b"", Ending("closed"))
    assert server.hears(pump.farewell()) == (b"", True)
    assert isinstance(pump.farewell(), bytes)
    pump, server = connect(version)
    assert hear(pump, [bytes(64)])[1] is not None
    assert isinstance(pump.farewell(), bytes)
    pump, server = connect(version)
    assert hear(pump, [], eof=True)[1] == Ending("cut", "the connection ended without TLS's close_notify")
    assert isinstance(pump.farewell(), bytes)
