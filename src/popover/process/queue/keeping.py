"""What a device's session asks of the queue: somewhere to write, and a promise."""

from __future__ import annotations

import asyncio

from popover.log import Log
from popover.process.queue.rounds import Rounds
from popover.process.queue.sheet import Sheet
from popover.process.queue.store import Store
from popover.protocols.device import Draft, Envelope


class Keeping:
    """See `device.Keeper`."""

    def __init__(self, store: Store, log: Log, rounds: Rounds) -> None:
        self._store = store
        self._log = log
        self._rounds = rounds

    def begin(self) -> Draft:
        """See `device.Keeper`."""
        try:
            return self._store.begin(self._complain)
        except OSError as fault:
            self._complain(fault)
            raise

    async def keep(self, draft: Draft, envelope: Envelope) -> bool:
        """See `device.Keeper`. Off the event loop: a disk takes its time."""
        assert isinstance(draft, Sheet)  # noqa: S101 - the talk hands back what `begin` gave
        try:
            kept = await asyncio.to_thread(self._store.keep, draft, envelope)
        except OSError as fault:
            self._complain(fault)
            return False
        self._log.event(
            "notice",
            "kept",
            f"a mail of {envelope.account} is kept, to be sent later",
            service=envelope.service,
            mail=kept.name,
            user=envelope.account,
            recipients=len(envelope.recipients),
            doubtful=envelope.is_doubtful,
        )
        self._rounds.ring()
        return True

    def reached(self, account: str) -> None:
        """See `device.Keeper`."""
        self._rounds.wake(account)

    def _complain(self, fault: OSError) -> None:
        self._log.event(
            "warning",
            "queue",
            f"a mail cannot be kept: {self._store.folder}: {fault.strerror}; "
            "give popover a StateDirectory= with room, or set STATE_DIRECTORY",
        )
