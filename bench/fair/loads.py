"""What others do meanwhile, as clients in plain POP3: each of these goes on until it is told to stop."""

import random
import socket
import time
from collections.abc import Callable
from threading import Event
from typing import NamedTuple

from bench.wan.mailboxes import Mailbox

_HOST = "127.0.0.1"

# Seconds for an answer: only for a run never to hang.
_PATIENCE = 60

# Octets read at once; a thread of Python's wakes up as seldom as it can.
_PIECE = 512 * 1024

# Commands in one segment and seconds between segments: 5,000 commands a second, which a server in Python
# answers with a fifth of a processor. Ten times as many would measure that server.
_SEGMENT = 500
_EVERY = 0.1

# Messages in the mailbox of who deletes all but one, and how many it deletes at once.
_MANY = 60_000
_DELETED_AT_ONCE = 250

# Octets of a large mail; those 50 who fetch at a fixed pace get 120 MB a second, what a gigabit line brings.
_LARGE = 1_000_000
_PACE = 50 * _LARGE / 120e6


class Caller:
    """One plain connection, logged in. `taken`: octets it got so far."""

    def __init__(self, port: int, user: str) -> None:
        self.taken = 0
        self._buffer = bytearray(_PIECE)
        self._sock = socket.create_connection((_HOST, port), _PATIENCE)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.hear(1)
        self.ask(f"USER {user}\r\n".encode())
        self.ask(b"PASS secret\r\n")

    def say(self, words: bytes) -> None:
        """Send, and wait for nothing."""
        self._sock.sendall(words)

    def ask(self, words: bytes, lines: int = 1) -> None:
        """Send, and read so many lines of answer."""
        self.say(words)
        self.hear(lines)

    def hear(self, lines: int) -> None:
        """Read so many lines."""
        while lines > 0:
            lines -= self._buffer.count(b"\n", 0, self._read())

    def take(self, octets: int) -> None:
        """Read so many octets."""
        while octets > 0:
            octets -= self._read()

    def _read(self) -> int:
        count = self._sock.recv_into(self._buffer)
        if not count:
            raise ConnectionResetError("the peer hung up on a client that only made much work")
        self.taken += count
        return count

    def close(self) -> None:
        """Leave without a word, as who is cut off does."""
        self._sock.close()


class Load(NamedTuple):
    """So many `sessions` of a kind. `way`: 1 leads to the mailboxes, 2 to the server that floods.

    `act(caller, ready, stop)` sets `ready` as soon as its work is in full swing. `slow`: that takes seconds.
    """

    title: str
    sessions: int
    user: str
    act: Callable[[Caller, Event, Event], None]
    way: int = 1
    slow: bool = False


def fetch_on(caller: Caller, ready: Event, stop: Event) -> None:
    """One large mail after the other, as fast as they come."""
    _fetch(caller, ready, stop, 0)


def fetch_at_a_pace(caller: Caller, ready: Event, stop: Event) -> None:
    """The same, a mail every `_PACE` seconds."""
    _fetch(caller, ready, stop, _PACE)


def _fetch(caller: Caller, ready: Event, stop: Event, pace: float) -> None:
    octets = len(Mailbox.named(_BULK.encode()).message())
    stop.wait(pace * random.random())  # not all of them at the same moment
    while not stop.is_set():
        due = time.monotonic() + pace
        caller.say(b"RETR 1\r\n")
        caller.take(octets)
        ready.set()
        stop.wait(max(0, due - time.monotonic()))


def walk_over_the_deleted(caller: Caller, ready: Event, stop: Event) -> None:
    """Delete all messages but the first, then ask for that one, 500 times in a segment."""
    caller.ask(b"LIST\r\n", _MANY + 2)
    for first in range(2, _MANY + 1, _DELETED_AT_ONCE):
        numbers = range(first, min(first + _DELETED_AT_ONCE, _MANY + 1))
        caller.ask(b"".join(b"DELE %d\r\n" % number for number in numbers), len(numbers))
    _again_and_again(caller, ready, stop, b"RETR 1\r\n", 3)


def pipeline(caller: Caller, ready: Event, stop: Event) -> None:
    """NOOP and DELE in turn, 500 in a segment."""
    _again_and_again(caller, ready, stop, b"NOOP\r\nDELE 1\r\n", 2, _SEGMENT // 2)


def _again_and_again(
    caller: Caller, ready: Event, stop: Event, words: bytes, lines: int, times: int = _SEGMENT
) -> None:
    while not stop.is_set():
        due = time.monotonic() + _EVERY
        caller.ask(words * times, lines * times)
        ready.set()
        stop.wait(max(0, due - time.monotonic()))


def read_nothing(caller: Caller, ready: Event, stop: Event) -> None:
    """Ask for large mails, and never take one."""
    caller.say(b"RETR 1\r\n" * 10)
    ready.set()
    stop.wait()


def be_flooded(caller: Caller, ready: Event, stop: Event) -> None:
    """Say nothing more: it is the server that does."""
    ready.set()
    while not stop.wait(_EVERY):
        caller.say(b"NOOP\r\n")


_BULK = f"20x{_LARGE}"

ALONE = Load("alone", 0, "", read_nothing)
BULK = Load("50 bulk", 50, _BULK, fetch_on)
LOADS = (
    ALONE,
    BULK,
    Load("50 bulk at 120 MB/s", 50, _BULK, fetch_at_a_pace),
    Load("RETR among deleted", 1, f"{_MANY}x77", walk_over_the_deleted, slow=True),
    Load("pipelines", 1, "2x77", pipeline),
    Load("20 read nothing", 20, _BULK, read_nothing),
    Load("KeyUpdates", 1, "flood", be_flooded, way=2, slow=True),
)
