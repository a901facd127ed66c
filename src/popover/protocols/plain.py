"""A talk that nobody listens to: octets go through unread, and what is owed is guessed from who spoke last."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from popover.errors import Failure
from popover.talk import End, Talk

ANSWER_GAP = 5.0
"""Seconds after an answer in which another may follow, for a client that pipelined and half-closed. Failed
logins are answered after 2 to 3 s by Dovecot and Perdition; a mailbox stays locked that long at most."""

QUIET = 0.8
"""Seconds without a word after which an answer that had begun before the client's end is taken to be whole: a server
that is told the end in the middle of an answer may drop the rest. TCP's first retransmission comes after 0.2 s or more;
and with a client that waits for the server's end it is less than the first rule's second."""

_LAST_WORDS = re.compile(rb"(?:(\S+) +)?(?:QUIT|LOGOUT)\s*\Z", re.IGNORECASE)  # with IMAP's tag
_GOODBYE = re.compile(rb"(?:221|\+OK|-ERR|OK|NO|BYE)\b", re.IGNORECASE)
_TAIL = 512  # octets at the end of what a side said in which its last line is looked for: RFC 5321 section 4.5.3.1.5

IsWhole = Callable[[bytes, int, bytes], bool]
"""Whether the server has answered all: by the end of what the client said last, how many lines that was, and the last
line of the server."""


def never_sure(_said: bytes, _lines: int, _heard: bytes) -> bool:
    """Know of no answer whether it was the last."""
    return False


class Plain:
    """The ears of a talk that is passed on unread. See `dialect.Ears`."""

    user = ""
    logged_in = False
    failure: Failure | None = None
    has_left = False
    is_settled = True
    wants_client = wants_server = True
    greets_again = False
    unheard: bytes | None = None
    spared = 0
    has_more = wants_tls = is_idling = asked_last = is_at_work = False
    due = math.inf

    def __init__(self, client: End, is_whole: IsWhole = never_sure) -> None:
        self.is_owed = False
        self.awaits_login = True
        self.gap = QUIET
        self.on_wake: Callable[[], None] = lambda: None
        self._client = client
        self._is_whole = is_whole
        self._said = self._heard = b""
        self._lines = 0  # of the client since the server last spoke

    @property
    def has_spoken(self) -> bool:
        """The client has said something, and all of that goes through."""
        return bool(self._said)

    @property
    def has_quit(self) -> bool:
        """The client's last word was QUIT or LOGOUT, and the server's last line may be the answer to it."""
        said, heard = _LAST_WORDS.search(self._said), self._heard.splitlines()
        if said is None or self.is_owed or not heard:
            return False
        tag, last = said[1], heard[-1]
        return last.startswith((tag + b" ", b"* BYE")) if tag else _GOODBYE.match(last) is not None

    def start(self, greeting: bytes, ready: bytes, now: float) -> None:  # noqa: ARG002 - nothing is asked before
        """Pass the greeting on."""
        self._client.outbox += greeting

    def client_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:  # noqa: ARG002 - no clock
        """Pass on what the client says."""
        view = memoryview(data)
        if view:
            if not self.is_owed:
                self._lines, self._said = 0, b""
            self.is_owed = True
            tail = bytes(view[-_TAIL:])
            self._lines += tail.count(b"\n") if len(view) <= _TAIL else 2  # more than one is all that matters
            self._said = (self._said + tail)[-_TAIL:]
            self.awaits_login = self.awaits_login and not self._lines
        return view

    def server_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:  # noqa: ARG002 - likewise
        """Pass on what the server says."""
        view = memoryview(data)
        self.is_owed = False
        self._heard = (self._heard + bytes(view[-_TAIL:]))[-_TAIL:]
        return view

    def client_ended(self, now: float) -> None:  # noqa: ARG002 - likewise
        """See how sure it is that all was answered."""
        if self.is_owed:
            self.gap = ANSWER_GAP
        elif not self._lines:
            self.gap = 0.0  # it has asked nothing
        elif self._said.endswith(b"\n") and self._heard.endswith(b"\n"):
            is_whole = self._is_whole(self._said, self._lines, self._heard.splitlines()[-1])
            self.gap = 0.0 if is_whole else QUIET

    def server_ended(self, now: float) -> None:
        """Nothing is kept."""

    def on_time(self, now: float) -> None:
        """Nothing is ever due."""

    def over(self, now: float, *, server_left: bool) -> None:
        """Nothing is learned."""


class Nothing:
    """The memory of a dialect that learns nothing."""

    is_curious = False

    def __init__(self) -> None:
        self.on_harm: Callable[[], None] = lambda: None

    def harm(self) -> dict[str, float]:
        """There is none."""
        return {}

    def recall(self, harm: Mapping[str, float], now: float) -> None:
        """Pass it over."""


def wait_for_nobody(server: End, memory: object) -> Talk[bytes | None]:  # noqa: ARG001 - the seam's signature
    """Be of no use on a connection that waits."""
    yield from ()
    return None


def never_answers(words: bytes) -> bool:  # noqa: ARG001 - likewise
    """There is no connection that waits."""
    return False
