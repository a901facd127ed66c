"""A long line with a clock of its own: how long a client waits for its answers, through ears, to the last microsecond.

    client --(no time)-- ears --(`Way.delay` each way)-- server, which takes `work` for each command, one by one

No time passes but here, so what is spared is a number, and no luck is in it.
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from hearing import taken
from model_pop3 import GREETING, VISITOR, Client, Model, Nature
from popover.config import Service
from popover.protocols import Terms
from popover.protocols.pop3 import Ears, Memory
from popover.talk import End


@dataclass(frozen=True)
class Way:
    """Seconds: on the way to the server and back again, each; of the server for one command; of the client between an
    answer and what it says next. `each`: seconds for one octet, of the line to the client.
    """

    delay: float
    work: float = 0.0
    digest: float = 0.0
    each: float = 0.0


class Timed:
    """One session over such a line: the client says the script's groups, each when the one before is answered.

    `waited`: how long it has waited for all its answers, in seconds; `octets`: what the server has said. What either
    says comes in `pieces`.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - a line has two ends
        self,
        of: Service,
        memory: Memory,
        script: list[list[bytes]],
        nature: Nature,
        way: Way,
        ready: bytes = b"",
        pieces: Callable[[bytes], list[bytes]] = lambda said: [said],
    ) -> None:
        self.waited, self.octets = 0.0, 0
        self.now = 1000.0
        self.server = Model(nature)
        self._way = way
        self._pieces = pieces
        self._client = Client(script)
        self._inside, self._outside = End("client"), End("server")
        self.ears = Ears(self._inside, self._outside, Terms(of.ahead, VISITOR), memory)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._free_at = self._sent_at = self._asked_at = self.now
        self._is_waiting = self._has_left = False
        self.server.take(len(GREETING))
        self.ears.start(GREETING, ready, self.now)
        self._flush()
        self._at(self.now, self._say)
        self._run()
        self.ears.over(self.now, server_left=self.server.ended and not self.ears.has_quit)

    def _run(self) -> None:
        while self._events or (self.ears.due < math.inf and not self._is_done):
            due = self._events[0][0] if self._events else math.inf
            if self.ears.due <= due and not self._is_done:
                self.now = max(self.now, self.ears.due)
                self.ears.on_time(self.now)
            else:
                self.now, _, act = heapq.heappop(self._events)
                act()
            self._flush()

    @property
    def _is_done(self) -> bool:
        """Nobody waits for anything any more."""
        return self._has_left and (self.ears.is_settled or self.server.ended)

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), act))

    def _flush(self) -> None:
        """Carry what the ears have for both."""
        while True:
            self._client.received += taken(self._inside)
            if not self.ears.has_more:
                break
            self._outside.outbox += self.ears.client_said(b"", self.now)
        if said := taken(self._outside):
            self._at(self.now + self._way.delay, lambda: self._hear(said))
        if self._is_waiting and self._client.is_answered():
            self._is_waiting = False
            self.waited += self.now - self._asked_at
            self._at(self.now + self._way.digest, self._say)

    def _say(self) -> None:
        """The client says what comes next."""
        self._client.go_on()
        said = bytes(self._client.outbox)
        self._client.outbox.clear()
        if not said:
            self._has_left = True
            return
        self._is_waiting, self._asked_at = True, self.now
        for piece in self._pieces(said):
            self._outside.outbox += self.ears.client_said(piece, self.now)

    def _hear(self, said: bytes) -> None:
        """The server has got something, and deals with it line by line, if it hears more than one."""
        lines = said.splitlines(keepends=True) if self.server.nature.bears_cuts else [said]
        for line in lines:
            self._free_at = max(self.now, self._free_at) + self._way.work
            self._at(self._free_at, lambda line=line: self._answer(line))  # type: ignore[misc]

    def _answer(self, line: bytes) -> None:
        if self.server.ended:
            return
        self.server.hear(line)
        said = self.server.take(1 << 30)
        self.octets += len(said)
        self._sent_at = max(self.now, self._sent_at) + len(said) * self._way.each
        self._at(self._sent_at + self._way.delay, lambda: self._arrive(said))

    def _arrive(self, said: bytes) -> None:
        for piece in self._pieces(said):
            self._client.received += taken(self._inside)
            straight = bytes(self.ears.server_said(piece, self.now))
            self._client.received += taken(self._inside, straight)
