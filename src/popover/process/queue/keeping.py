"""What a device's session asks of the queue: somewhere to write, and a promise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from popover.log import Log
from popover.process.queue.store import Sheet, Store
from popover.protocols.device import Draft, Envelope


class Keeping:
    """See `session.errand.Keeper`. `on_kept`: called when there is one mail more."""

    def __init__(self, store: Store, log: Log, on_kept: Callable[[], None]) -> None:
        self._store = store
        self._log = log
        self._on_kept = on_kept

    def begin(self) -> Draft:
        """See `device.Drafts`."""
        try:
            return self._store.begin()
        except OSError as fault:
            self._complain(fault)
            raise

    async def keep(self, draft: Draft, envelope: Envelope) -> bool:
        """Keep it for good, off the event loop: a disk takes its time. Whether it may be promised."""
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
        self._on_kept()
        return True

    def _complain(self, fault: OSError) -> None:
        self._log.event(
            "warning",
            "queue",
            f"a mail can not be kept: {self._store.folder}: {fault.strerror}; give popover a StateDirectory= with room",
        )
