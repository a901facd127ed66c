"""The PROXY header, by which a balancer tells the server behind it who the client is: read, and written.

By haproxy.org's proxy-protocol.txt (2020/03/05): version 1 is a line of text (section 2.1), version 2 is binary
(section 2.2). It stands before all else on a connection, also before TLS. Nobody can tell by looking at it whether it
is true, so whom to believe is the business of who reads it.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from typing import NamedTuple

from popover.config import ProxyVersion

TEXT_LIMIT = 107
"""Octets of a version 1 line with its CRLF: what two IPv6 addresses and "UNKNOWN" need at the most (section 2.1)."""

BINARY_LIMIT = 4096
"""Octets of a whole version 2 header. Two IPv6 addresses need 52, and what may follow (TLVs: a TLS client's name, say)
is passed over; nginx has 4,096 as well, the standard's own limit is 65,551."""

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_TEXT = b"PROXY "
_BEGINNING = 16  # octets of version 2 before its addresses: signature, version and command, family, length
_VERSION_2, _LOCAL, _PROXY = 0x20, 0, 1
_TCP4, _TCP6 = 0x11, 0x21
_ADDRESSES = {_TCP4: (4, 12), _TCP6: (16, 36)}  # octets of an address; of two with their ports
_PORT = re.compile(r"0|[1-9][0-9]{0,4}")
_HIGHEST_PORT = 65535

Place = tuple[str, int]
"""An IP address as `ipaddress` writes it, and a port."""


class Carried(NamedTuple):
    """What a header says of a connection: from where the client came to the balancer, and where it arrived there."""

    source: Place
    destination: Place


class WrongHeaderError(Exception):
    """What came is no PROXY header: `str()` says why, as the end of a sentence about who sent it."""


class Reader:
    """Takes a header off a connection, and not one octet more: what follows is the client's.

    `take` is shown what has come and not been taken yet. `is_whole`: all is there; `carried`: what it says; None: that
    the balancer speaks for itself (LOCAL, UNKNOWN: a health check, most often).
    """

    def __init__(self) -> None:
        self.is_whole = False
        self.carried: Carried | None = None
        self._taken = b""

    def take(self, seen: bytes) -> int:
        """Give how many of these octets belong to the header; do not show them again. Raises WrongHeaderError."""
        data = self._taken + seen
        if SIGNATURE.startswith(data[: len(SIGNATURE)]) or data.startswith(SIGNATURE):
            size = self._binary(data)
        elif _TEXT.startswith(data[: len(_TEXT)]) or data.startswith(_TEXT):
            size = self._text(data)
        else:
            raise WrongHeaderError("begins with something else")
        taken = size - len(self._taken)
        self._taken = data[:size]
        return taken

    def _text(self, data: bytes) -> int:
        end = data.find(b"\n", 0, TEXT_LIMIT)
        if end < 0:
            if len(data) >= TEXT_LIMIT:
                raise WrongHeaderError(f"has a line of more than {TEXT_LIMIT} octets")
            return len(data)
        self.carried = _read_text(data[: end + 1])
        self.is_whole = True
        return end + 1

    def _binary(self, data: bytes) -> int:
        if len(data) < _BEGINNING:
            return len(data)
        size = _BEGINNING + int.from_bytes(data[14:16], "big")
        if size > BINARY_LIMIT:
            raise WrongHeaderError(f"has more than {BINARY_LIMIT} octets")
        if len(data) < size:
            return len(data)
        self.carried = _read_binary(data[:size])
        self.is_whole = True
        return size


def _read_text(line: bytes) -> Carried | None:
    """`PROXY TCP4 SOURCE DESTINATION PORT PORT`, a blank between two words; of UNKNOWN the rest means nothing."""
    if not line.endswith(b"\r\n") or b"\r" in line[:-2] or not line.isascii():
        raise WrongHeaderError("is no line that ends in CRLF")
    words = line[:-2].decode("ascii").split(" ")
    match words:
        case [_, "UNKNOWN", *_]:
            return None
        case [_, "TCP4" | "TCP6" as family, source, destination, from_port, to_port]:
            version = int(family[-1])
            return Carried(
                (_address(source, version), _port(from_port)), (_address(destination, version), _port(to_port))
            )
    raise WrongHeaderError("names no TCP4, TCP6 or UNKNOWN with all that belongs to it")


def _address(text: str, version: int) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or address.version != version or "%" in text:
        raise WrongHeaderError(f"names no IPv{version} address where one belongs")
    return _plain(address)


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Write IPv4 as IPv4, also where it comes as IPv6: else no list of networks would know it."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > _HIGHEST_PORT:
        raise WrongHeaderError("names no port where one belongs")
    return int(text)


def _read_binary(data: bytes) -> Carried | None:
    """All of it; a family that we do not serve (Unix sockets, UDP) says as little as LOCAL."""
    command, family = data[12] ^ _VERSION_2, data[13]
    if command not in (_LOCAL, _PROXY):
        raise WrongHeaderError("has a version or a command that nobody knows")
    if command == _LOCAL or family not in _ADDRESSES:
        return None
    width, both = _ADDRESSES[family]
    body = data[_BEGINNING:]
    if len(body) < both:
        raise WrongHeaderError("is too short for its addresses")
    source, destination = (_plain(ipaddress.ip_address(body[at : at + width])) for at in (0, width))
    from_port, to_port = struct.unpack_from("!HH", body, 2 * width)
    return Carried((source, from_port), (destination, to_port))


def preface(version: ProxyVersion | None, carried: Carried | None) -> bytes:
    """Give what a server is to hear before all else; nothing where it wants no header."""
    return write(version, carried) if version else b""


def write(version: ProxyVersion, carried: Carried | None) -> bytes:
    """Write a header. None: the gateway speaks for itself. Likewise where the two addresses are of two kinds."""
    pair = None
    if carried is not None:
        source, destination = (ipaddress.ip_address(place[0]) for place in carried)
        pair = (source, destination) if source.version == destination.version else None
    if carried is None or pair is None:
        return b"PROXY UNKNOWN\r\n" if version == "v1" else SIGNATURE + bytes((_VERSION_2 | _LOCAL, 0, 0, 0))
    ports = carried.source[1], carried.destination[1]
    if version == "v1":
        return f"PROXY TCP{pair[0].version} {pair[0]} {pair[1]} {ports[0]} {ports[1]}\r\n".encode("ascii")
    family = _TCP6 if pair[0].version == 6 else _TCP4  # noqa: PLR2004 - of IP
    body = pair[0].packed + pair[1].packed + struct.pack("!HH", *ports)
    return SIGNATURE + struct.pack("!BBH", _VERSION_2 | _PROXY, family, len(body)) + body
