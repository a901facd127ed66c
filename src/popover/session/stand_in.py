"""In a client's place while the gateway signs in for it: the ears and the relay take it for one.

The talk (`Reception.sign_in`) is asked what to say whenever it has been told something and the relay has come to the
end of what it had to do (`Relay.on_told`): it is not called from within.
"""

from __future__ import annotations

from collections.abc import Callable

from popover.errors import Failure
from popover.protocols.reception import SignedIn
from popover.talk import Broken, End, Talk
from popover.wire.engine import Ending
from popover.wire.outgoing import nothing


class StandIn:
    """Leads one talk of signing in. `seat`: the client's end as the ears see it; `me`: as the talk does.

    `answer`: what came of it, or None; `fault`: why there is none. `on_over`: called at either.
    """

    def __init__(self, seat: End, me: End, talk: Talk[SignedIn]) -> None:
        self.end = seat
        self.ending: Ending | None = None
        self.on_data: Callable[[memoryview], None] = nothing
        self.on_end: Callable[[Ending], None] = nothing
        self.on_drain: Callable[[], None] = nothing
        self.moved_at = 0.0
        self.backlog = 0
        self.answer: SignedIn | None = None
        self.fault: Exception | None = None
        self.on_over: Callable[[], None] = nothing
        self._me = me
        self._talk = talk
        self._has_news = self._is_going = self._is_over = False

    def write(self, data: bytes | bytearray | memoryview, flags: int = 0) -> None:  # noqa: ARG002 - a stream's
        """Be told something."""
        if data:
            self._me.inbox += data
            self._has_news = True

    def hear(self) -> bool:
        """Have the talk look at what it was told; whether it has no more to say for now."""
        if self._is_going:
            return self._is_over
        if self._has_news:
            self._go_on()
        return True

    def leave(self) -> None:
        """Say nothing any more. Who listens knows us and we know it: let go (wire/stream.py, close)."""
        self.on_data = self.on_end = self.on_drain = self.on_over = nothing
        self._talk.close()

    def _go_on(self) -> None:
        """Say what there is to say, as long as that is answered at once."""
        self._is_going = True
        try:
            while self._say():
                pass
        except StopIteration as done:
            self.answer = done.value
        except (Broken, Failure) as fault:
            self.fault = fault
        except Exception as bug:  # noqa: BLE001 - whoever waits for the answer says what it was
            self.fault = bug
        else:
            self._is_going = False
            return
        self._is_over = True
        self.on_over()

    def _say(self) -> bool:
        """Say what comes next; whether that was answered at once."""
        me = self._me
        self._has_news = False
        self._talk.send(None)
        heard, said = len(me.inbox), bytes(me.outbox)
        me.outbox.clear()
        if said:
            self.on_data(memoryview(said))
        return len(me.inbox) > heard

    def end_writing(self) -> None:
        """There is nobody to be told."""

    def pause(self) -> None:
        """The talk waits for each answer, and says little."""

    resume = pause
