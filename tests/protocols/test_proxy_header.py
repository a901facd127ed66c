"""The PROXY header: read as it comes, cut anywhere, and not one octet too many; written as it is read."""

import ipaddress
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from popover.config import ProxyVersion
from popover.protocols.proxy_header import (
    BINARY_LIMIT,
    SIGNATURE,
    TEXT_LIMIT,
    Carried,
    Reader,
    WrongHeaderError,
    preface,
    write,
)

PORTS = st.integers(0, 65535)
VERSIONS: st.SearchStrategy[ProxyVersion] = st.sampled_from(["v1", "v2"])

FOUR = Carried(("192.0.2.1", 56324), ("198.51.100.2", 110))
SIX = Carried(("2001:db8::1", 56324), ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 65535))


def is_plain(address: ipaddress.IPv6Address) -> bool:
    return address.ipv4_mapped is None


PLACES = [
    st.tuples(addresses.map(str), PORTS)
    for addresses in (st.ip_addresses(v=4), st.ip_addresses(v=6).filter(is_plain))  # type: ignore[arg-type]
]
CARRIED = st.one_of(*(st.builds(Carried, places, places) for places in PLACES))


def binary(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


def read(data: bytes, cuts: tuple[int, ...] = ()) -> tuple[Reader, bytes]:
    """Show the octets in pieces, as a kernel's queue would: what is not taken is shown again. What is left."""
    reader, queue = Reader(), b""
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)})
    for start, end in zip([0, *ends], ends, strict=False):
        queue += data[start:end]
        if reader.is_whole or not queue:
            continue
        taken = reader.take(queue)
        assert taken == len(queue) or reader.is_whole
        queue = queue[taken:]
    return reader, queue


@given(VERSIONS, st.none() | CARRIED, st.binary(max_size=64), st.lists(st.integers(0, 200), max_size=12))
@example("v1", FOUR, b"\r\n", [])
@example("v2", SIX, SIGNATURE, [])
def test_what_is_written_is_read_and_what_follows_is_left(
    version: ProxyVersion, carried: Carried | None, rest: bytes, cuts: list[int]
) -> None:
    reader, left = read(write(version, carried) + rest, tuple(cuts))
    assert reader.is_whole
    assert reader.carried == carried
    assert left == rest


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("carried", [None, FOUR, SIX])
def test_header_may_be_cut_at_every_place(version: ProxyVersion, carried: Carried | None) -> None:
    header = write(version, carried)
    for cut in range(1, len(header)):
        reader = Reader()
        assert reader.take(header[:cut]) == cut
        assert not reader.is_whole
        assert reader.take(header[cut:] + b"USER alice\r\n") == len(header) - cut
        assert reader.carried == carried
    reader = Reader()
    assert [reader.take(header[at : at + 1]) for at in range(len(header))] == [1] * len(header)
    assert reader.is_whole


def test_headers_are_those_of_the_standard() -> None:
    """By its sections 2.1 and 2.2."""
    assert write("v1", FOUR) == b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 110\r\n"
    assert write("v1", None) == b"PROXY UNKNOWN\r\n"
    assert write("v2", FOUR) == (
        b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x11\x00\x0c"
        b"\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x00\x6e"
    )
    assert write("v2", None) == b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x20\x00\x00\x00"
    assert preface(None, FOUR) == b""
    assert preface("v1", FOUR) == write("v1", FOUR)


def test_addresses_of_two_kinds_are_said_by_nobody() -> None:
    """There is no family for them: then the server sees the gateway."""
    mixed = Carried(FOUR.source, SIX.destination)
    assert write("v1", mixed) == write("v1", None)
    assert write("v2", mixed) == write("v2", None)


@given(st.binary(max_size=BINARY_LIMIT - 28), st.lists(st.integers(0, 5000), max_size=6))
def test_more_behind_the_addresses_is_passed_over(more: bytes, cuts: list[int]) -> None:
    body = write("v2", FOUR)[16:] + more
    reader, left = read(binary(0x21, 0x11, body) + b"USER", tuple(cuts))
    assert (reader.carried, left) == (FOUR, b"USER")


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff:f...f:ffff whatever 65535 65535\r\n",
        binary(0x20, 0x11, write("v2", FOUR)[16:]),  # LOCAL, whatever addresses it names
        binary(0x20, 0x00, b"more"),
        binary(0x21, 0x00, b""),  # UNSPEC
        binary(0x21, 0x31, bytes(216)),  # Unix sockets
        binary(0x21, 0x12, bytes(12)),  # UDP
    ],
)
def test_balancer_may_speak_for_itself(header: bytes) -> None:
    reader, left = read(header + b"x")
    assert reader.is_whole
    assert reader.carried is None
    assert left == b"x"


def test_ipv4_in_disguise_is_ipv4() -> None:
    """Else a client in `deny` would get in by the other way to write its address."""
    mapped = ipaddress.ip_address("::ffff:192.0.2.1").packed
    body = mapped + ipaddress.ip_address("::ffff:192.0.2.2").packed + struct.pack("!HH", 1, 2)
    for header in (binary(0x21, 0x21, body), b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c000:202 1 2\r\n"):
        assert read(header)[0].carried == Carried(("192.0.2.1", 1), ("192.0.2.2", 2))


@pytest.mark.parametrize(
    "header",
    [
        b"USER alice\r\n",
        b"\x16\x03\x01",
        b"P\r\n",
        b"PROXY\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 110\n",
        b"PROXY TCP4\r 192.0.2.1 198.51.100.2 56324 110\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 110 1\r\n",
        b"PROXY TCP4  192.0.2.1 198.51.100.2 56324 110\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 65536\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 0110\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 -1 110\r\n",
        b"PROXY TCP4 192.0.2.01 198.51.100.2 1 110\r\n",
        b"PROXY TCP4 192.0.2.256 198.51.100.2 1 110\r\n",
        b"PROXY TCP4 2001:db8::1 198.51.100.2 1 110\r\n",
        b"PROXY TCP6 192.0.2.1 198.51.100.2 1 110\r\n",
        b"PROXY TCP6 fe80::1%eth0 fe80::2 1 110\r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.2 1 110\r\n",
        b"PROXY TCP4 \xd9\xa1.0.2.1 198.51.100.2 1 110\r\n",
        b"PROXY UNKNOWN " + b"x" * TEXT_LIMIT,
        binary(0x11, 0x11, bytes(12)),  # version 1 in binary
        binary(0x22, 0x11, bytes(12)),  # a command that nobody knows
        binary(0x21, 0x11, bytes(11)),
        binary(0x21, 0x21, bytes(35)),
        binary(0x21, 0x11, bytes(BINARY_LIMIT - 15)),
        SIGNATURE[:-1] + b"\r",
    ],
)
def test_what_is_no_header_is_refused_whatever_its_cuts(header: bytes) -> None:
    with pytest.raises(WrongHeaderError):
        read(header)
    with pytest.raises(WrongHeaderError):
        read(header, tuple(range(len(header))))


def test_line_of_just_the_limit_is_read_and_no_more_is_waited_for() -> None:
    line = b"PROXY UNKNOWN " + b"x" * (TEXT_LIMIT - 16) + b"\r\n"
    assert len(line) == TEXT_LIMIT == 107
    assert read(line)[0].is_whole
    with pytest.raises(WrongHeaderError):
        read(line[:-2] + b"xx")


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]))
def test_whatever_comes_is_a_header_or_is_refused_or_is_waited_for(data: bytes, start: bytes) -> None:
    reader = Reader()
    try:
        taken = reader.take(start + data)
    except WrongHeaderError:
        return
    assert taken <= BINARY_LIMIT
    assert reader.is_whole or taken == len(start + data)
