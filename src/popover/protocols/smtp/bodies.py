"""The bodies of a session's mails, as they go by."""

from __future__ import annotations

from popover.protocols.smtp.belated import Belated
from popover.protocols.smtp.body import Chunk
from popover.protocols.smtp.queue import Ask, Owed
from popover.protocols.smtp.state import State
from popover.talk import End


class Bodies:
    """Those of one session. The one that comes stands in its state."""

    def __init__(self, state: State, client: End, owed: Owed, belated: Belated) -> None:
        self._state = state
        self._client = client
        self._owed = owed
        self._belated = belated

    def hear(self, piece: memoryview) -> memoryview:
        """Hear a piece of the body that comes, or its end; give what goes to the server."""
        body = self._state.body
        assert body is not None  # noqa: S101 - that is when this is called
        fed = body.feed(piece)
        if fed.is_over:
            self._client.inbox[:0] = piece[fed.taken :]
            self.over()
        return memoryview(fed.out)

    def over(self) -> None:
        """The body that came is over: DATA's is answered now, unless the server has said all before its end."""
        state = self._state
        is_chunk, state.body = isinstance(state.body, Chunk), None
        if is_chunk:
            return
        self._belated.mail_over()
        if state.answered_early:
            state.answered_early = False
            state.turn_plain()
        else:
            self._owed.owe(Ask(b"."))
