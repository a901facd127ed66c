"""How long a talk waits for whom, and what it means when that is overdue.

One timer serves all of it (alarm.py): it is not moved when bytes flow, but looks anew when it goes off, and it is only
ever moved to an earlier time.
"""

from __future__ import annotations

from operator import itemgetter

from popover.config import Patience
from popover.protocols import Ears
from popover.session.outcome import Outcome
from popover.session.peer import Peer
from popover.wire.engine import Ending
from popover.wire.stream import Secured

LINGER = 2.0
"""Seconds for a peer that was told the end to end its side as well. asyncio waits 30 s by default, and
servers that ignore close_notify exist (protocol notes, 4.4)."""

ANSWER_WAIT = 60.0
"""Seconds for an answer to a client that has half-closed; each piece that it gets starts them anew. And for a server to
hear what a client that has left had to say. ghostunnel has 60."""

MAIL_WAIT = 600.0
"""Likewise, where the server has got a whole mail: RFC 5321 section 4.5.3.2.6 gives it 10 minutes. Who loses the
connection before sends the mail again, and it arrives twice."""

GONE = 0.8
"""Seconds after a client's end, or the last octet it got since, in which it is owed an answer and gets none: most
likely it has gone, and the server is told. A wire tells it at once, and some servers then drop what they were about to
say; a client that waits for the server's end waits less than a second longer."""

RESET_WAIT = 10.0
"""Seconds for a server to hear what a client had said that has reset its connection since; a wire would have passed it
on before. A client that is alive is waited for longer, but this one may have come again already."""


class Waiting:
    """Since when one talk has waited, and for what. All times are the loop's; `spent`: seconds of the client's
    login_timeout that are used up.

    `touched`: when the client last said something, or got it. `server_spoke`: when the server last said something.
    `left_at`: when the client has had its goodbye from us; None: it has not.
    """

    __slots__ = ("_client", "_ears", "_patience", "_server", "_since", "left_at", "server_spoke", "touched")

    def __init__(self, patience: Patience, client: Peer, server: Secured, ears: Ears, now: float, spent: float) -> None:
        self.touched = self.server_spoke = now
        self.left_at: float | None = None
        self._patience = patience
        self._client = client
        self._server = server
        self._ears = ears
        self._since = now - spent

    @property
    def is_answered(self) -> bool:
        """The client has all that it is owed, and the server has heard all that it said."""
        return not self._ears.is_owed and self._ears.is_settled

    def due(self, now: float) -> tuple[float, Outcome | None]:
        """When what we wait for is overdue, and what it means then; None: time to tell the server the end."""
        due = self._due_by_silence(now)
        if self._client.ending is None and self._ears.awaits_login:
            login = self._since + self._patience.login_timeout, Outcome("login timeout", clean=True)
            return min(login, due, key=itemgetter(0))
        return due

    def _due_by_silence(self, now: float) -> tuple[float, Outcome | None]:
        """Likewise, but for the login."""
        client, server, patience = self._client, self._server, self._patience
        if self.left_at is not None and not client.backlog:
            goodbye = Outcome("server closed", clean=True)
            if self._ears.is_settled:
                return min(max(self.server_spoke, self.left_at) + LINGER, self.left_at + ANSWER_WAIT), goodbye
            return self.left_at + ANSWER_WAIT, goodbye
        if client.backlog or server.backlog:
            moved_at, end = (
                (client.moved_at, "client stalled") if client.backlog else (server.moved_at, "server stalled")
            )
            return moved_at + patience.stall_timeout, Outcome(end, clean=False)
        if client.ending is not None:
            return self._due_to_the_ended()
        if self._ears.is_idling:  # each side's TCP tells when the other is gone (sockets.keep_alive); look again later
            return now + patience.idle_timeout, None
        # Silence may begin in the middle of an answer: a reset says that it was not the whole.
        return self.touched + patience.idle_timeout, Outcome("idle timeout", clean=False)

    def _due_to_the_ended(self) -> tuple[float, Outcome | None]:
        """Likewise, for a client that has ended its side."""
        # While the client took its time, the server was not read: it has been silent for our sake.
        silent_since = max(self.touched, self._client.moved_at)
        if self.is_answered:
            if self._server.finishing:
                return silent_since + LINGER, Outcome("client closed", clean=True)
            return silent_since + self._ears.gap, None
        if self._ears.is_settled and not self._server.finishing:
            return self.touched + GONE, None  # as a wire would; an answer may still come
        wait = MAIL_WAIT if self._ears.is_at_work else ANSWER_WAIT
        if self._client.ending is not None and has_vanished(self._client.ending):
            wait = RESET_WAIT
        return self.touched + min(wait, self._patience.idle_timeout), Outcome("client closed", clean=False)


def has_vanished(ending: Ending) -> bool:
    """Whether a client that ended so is gone for good. Outlook never says close_notify, and no client is told more than
    it asked for.
    """
    return ending.kind not in {"closed", "cut"}
