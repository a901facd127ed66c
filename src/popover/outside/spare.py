"""One connection that stands ready, and what is known of the target it is for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from popover.config import Target
from popover.outside.dial import Dialled
from popover.talk import End, Talk
from popover.wire.engine import Ending
from popover.wire.sockets import has_news, keep_alive

LIFETIME = 150.0
"""Seconds for which a spare is kept. Dovecot's login timeout is 180 s, RFC 1939 wants 600; a server that drops it
earlier teaches us its own."""

SHARE = 0.8
"""Of the age at which a server dropped a spare: how long the next one is kept."""

SHORTEST = 1.0
"""Seconds for which a spare is kept at least, whatever the server did: a handshake over 150 ms takes half of it."""

GROWTH = 3.0
"""A spare that was alive at an age shows that the next one may be kept three times as long, up to LIFETIME: a server
that was restarted once is soon forgiven. More than 2, for a spare that is opened half a lifetime before its visit, and
used, shall let it grow."""

REMEMBERED = 4
"""Intervals between visits that are remembered: several accounts are checked one after the other."""

PROBES = {socket.TCP_KEEPIDLE: 25, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 2}
"""While a spare waits: a first probe after 25 s, a second 5 s later, dead after another 5 s. So no NAT forgets it
(WireGuard's keepalive has 25 s for the same reason), and one that is dead is handed out for 35 s at most. Sessions have
120 s, see `sockets.keep_alive`; a spare costs six probes in its life."""

FIRST_WORD = 10.0
"""Seconds after which a server that has not even acknowledged what a client says on a spare is given up (tcp(7),
TCP_USER_TIMEOUT), until its first word. TCP itself goes on for 15 minutes, and most mail clients give up after 60 s.
A client that left after that long without an answer was let down, too. Dovecot delays a failed login by 2 to 15 s,
but acknowledges it at once."""


GetReady = Callable[[End], Talk[bytes | None]]
"""What a dialect asks on a connection that waits; None: it will not do for a client (`dialect.Opening.get_ready`)."""


class Opened(NamedTuple):
    """A connection to a server that has greeted. `ready`: what the dialect learned while it waited; None: it did not.
    `age`: seconds for which it stood ready; `took`: seconds from the beginning of its making to its greeting.
    """

    dialled: Dialled
    greeting: bytes
    ready: bytes | None = None
    age: float = 0.0
    took: float = 0.0


class Known:
    """One target: when clients came, and the spares that are ready. `lifetime`: seconds for which a spare is kept.
    `most`: spares at once; `credit`: those that the last visit still pays for.
    """

    def __init__(self) -> None:
        self.most = 0
        self.get_ready: GetReady | None = None
        self.spares: deque[Spare] = deque()
        self.on_their_way = 0
        self.credit = 0
        self.lifetime = LIFETIME
        self.timer: asyncio.TimerHandle | None = None
        self._last: float | None = None
        self._gaps: deque[float] = deque(maxlen=REMEMBERED)

    def visit(self, at: float) -> None:
        """A client came (loop time)."""
        if self._last is not None and at > self._last:
            self._gaps.append(at - self._last)
        self._last = max(at, self._last or at)

    def next_visit(self, now: float) -> float | None:
        """Tell when the next client is due, by the shortest interval that has not passed yet; None: no idea."""
        if self._last is None:
            return None
        return min((due for gap in self._gaps if (due := self._last + gap) > now), default=None)

    def lived(self, age: float) -> None:
        """A spare was alive at this age, in seconds."""
        self.lifetime = max(self.lifetime, min(age * GROWTH, LIFETIME))

    def died(self, age: float) -> None:
        """A spare was dead at this age, in seconds."""
        self.lifetime = max(min(self.lifetime, age * SHARE), SHORTEST)

    def cancel(self) -> None:
        """Open none later."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def drop(self) -> None:
        """Close those that wait."""
        while self.spares:
            self.spares.popleft().close()


class Spare:
    """One connection that waits. Whatever the server says or does now ends it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ended: Callable[[Spare], None],
        target: Target,
        known: Known,
        opened: Opened,
    ) -> None:
        self.target = target
        self.known = known
        self._since = _time_passed()
        self._tell = ended
        self._opened = opened
        self._lifetime = known.lifetime
        self._timer = loop.call_later(self._lifetime, self._expired)
        stream = opened.dialled.stream
        with contextlib.suppress(OSError):  # the server is gone already, and reading will tell
            for option, value in PROBES.items():
                stream.sock.setsockopt(socket.IPPROTO_TCP, option, value)
        stream.on_data, stream.on_end = self._heard, self._ended
        stream.resume()

    @property
    def _age(self) -> float:
        return _time_passed() - self._since

    def release(self) -> Opened | None:
        """Hand the connection over, if it is alive: the loop may not have told yet that it is not."""
        self._timer.cancel()
        if (age := self._age) > self._lifetime:  # the machine slept, and the loop's clock with it
            self.close()
            return None
        stream = self._opened.dialled.stream
        if has_news(stream.sock):
            self.known.died(age)
            self.close()
            return None
        stream.pause()
        _be_impatient(stream.sock)
        return self._opened._replace(age=age)

    def close(self) -> None:
        """Leave, without a QUIT: there was no session."""
        self._timer.cancel()
        self._opened.dialled.stream.leave()

    def _expired(self) -> None:
        self.known.lived(self._lifetime)
        self.close()
        self._tell(self)

    def _heard(self, _data: memoryview) -> None:
        """Most likely "-ERR, you were idle", and the end."""
        self.known.died(self._age)
        self.close()
        self._tell(self)

    def _ended(self, _ending: Ending) -> None:
        self._heard(memoryview(b""))


def _time_passed() -> float:
    """Seconds by a clock that goes on while the machine sleeps, as the server's does. The loop's stands still then."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _be_impatient(sock: socket.socket) -> None:
    """Have a session's patience with a server that is silent, but little with one that acknowledges nothing."""
    with contextlib.suppress(OSError):
        keep_alive(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(FIRST_WORD * 1000))


def be_patient(sock: socket.socket) -> None:
    """Have TCP's own patience again: it has been shown to be alive."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0)
