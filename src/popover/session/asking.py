"""The talk at the desk with one client: driven by what comes from it, line by line, until it has said who it is."""

from __future__ import annotations

import asyncio

from popover.errors import Misdialled
from popover.inside.guard import mistaken_for
from popover.protocols.login import Login
from popover.protocols.reception import Wish
from popover.session.aloud import fails_aloud
from popover.session.case import Case
from popover.session.first_words import FIRST_WORDS
from popover.talk import Talk
from popover.wire.engine import Ending


class Asking:
    """One client's. Its answers are given where its words come in: the session is woken once, for what came of it."""

    __slots__ = ("_case", "_done", "_is_known", "_talk")

    def __init__(self, case: Case) -> None:
        self._case = case
        self._is_known = False  # it has said a line, and that was a mail client's
        self._talk: Talk[Login | Wish]
        self._done: asyncio.Future[Login | Wish]

    async def ask(self, talk: Talk[Login | Wish]) -> Login | Wish:
        """Have the client say who it is, in this talk. Raises Misdialled."""
        client = self._case.client
        self._talk, self._done = talk, self._case.loop.create_future()
        client.on_data, client.on_end = self._heard, self._ended
        client.resume()
        self._go_on()
        try:
            return await self._done
        finally:
            client.collect()

    def say(self) -> None:
        """Send what the reception has said."""
        case, outbox = self._case, self._case.client.end.outbox
        if outbox:
            case.bytes_out += len(outbox)
            case.client.write(outbox)
            outbox.clear()

    @fails_aloud
    def _heard(self, data: memoryview) -> None:
        self._case.client.end.inbox += data
        self._hear()

    @fails_aloud
    def _ended(self, _ending: Ending) -> None:
        self._case.client.end.ended = True
        self._hear()

    @fails_aloud
    def _go_on(self) -> None:
        self._hear()

    def _hear(self) -> None:
        """Let the talk go on as far as it can. What comes behind its end stays in the inbox. Raises Misdialled."""
        if self._done.done():
            return
        case, inbox = self._case, self._case.client.end.inbox
        if inbox and not self._is_known:
            if mistake := mistaken_for(bytes(inbox[:FIRST_WORDS]), case.sealing.terms):
                raise Misdialled(*mistake)
            self._is_known = b"\n" in inbox
        before = len(inbox)
        try:
            self._talk.send(None)
        except StopIteration as done:
            self._done.set_result(done.value)
        finally:
            case.bytes_in += before - len(inbox)
            self.say()

    def fail(self, bug: Exception) -> None:
        """End the talk by raising `bug` in `ask`."""
        if not self._done.done():
            self._done.set_exception(bug)
