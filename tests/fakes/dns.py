"""A name server for a world, which answers, fails, or keeps silent, name by name (RFC 1035)."""

import ipaddress
import socket
import struct
import threading
from types import TracebackType
from typing import Literal, Self

from fakes.wire import PATIENCE
from fakes.world import World

Answer = list[str] | Literal["nxdomain", "servfail", "silence"]

_A, _AAAA, _IN = 1, 28, 1
_RESPONSE = 0x8180  # a response, recursion desired and available
_SERVFAIL, _NXDOMAIN = 2, 3


class FakeDNS:
    """Answers on 127.0.0.1:53 of the world from `zone`, which may be changed at any time.

    A name that is not in it does not exist. `asked` has the names that were asked for.
    """

    def __init__(self, world: World, zone: dict[str, Answer]) -> None:
        self.zone = zone
        self.asked: list[str] = []
        self._sock = world.new_socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            query, client = self._sock.recvfrom(4096)
            if not client:  # shut down
                return
            name, end = _name(query)
            self.asked.append(name)
            answer = self.zone.get(name, "nxdomain")
            if answer != "silence":
                self._sock.sendto(_response(query, end, answer), client)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it tells that an UDP socket has no peer, and wakes the thread all the same
        self._thread.join(PATIENCE)
        self._sock.close()


def _name(query: bytes) -> tuple[str, int]:
    """The name asked for, and where the question ends."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    return ".".join(labels).lower(), at + 5


def _response(query: bytes, end: int, answer: Answer) -> bytes:
    (kind,) = struct.unpack_from("!H", query, end - 4)
    codes = {"servfail": _SERVFAIL, "nxdomain": _NXDOMAIN}
    code = codes[answer] if isinstance(answer, str) else 0
    found = [ipaddress.ip_address(text) for text in answer] if isinstance(answer, list) else []
    records = [one.packed for one in found if {4: _A, 6: _AAAA}[one.version] == kind]
    head = query[:2] + struct.pack("!5H", _RESPONSE | code, 1, len(records), 0, 0)
    # Each record: a pointer to the name in the question, type, class, seconds to live, length, address.
    return (
        head
        + query[12:end]
        + b"".join(struct.pack("!HHHIH", 0xC00C, kind, _IN, 0, len(packed)) + packed for packed in records)
    )
