"""The status page's own listeners. Whoever looks gets one answer, and nobody who dawdles costs the sessions anything:
connections, octets and seconds are bounded, and who comes last is served before who came first and asks nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import time as clock
from functools import partial

from popover.config import Activated, Admission, Listen, Status
from popover.errors import Refused, StartError
from popover.inside.guard import Guard, plain_address
from popover.inside.listen import name_of, open_listener, shown
from popover.log import Log
from popover.process.status.answers import answer_to
from popover.process.status.request import Answer, Paper, Request, WrongRequestError, read_request, write_answer
from popover.process.status.served import Subject
from popover.process.status.writing import Writing
from popover.wire.finish import finish
from popover.wire.stream import Stream

MOST = 16
"""Connections at once; for one more, the oldest is closed. A browser opens six for a page, and this page is one."""

REQUEST_WAIT = 10.0
"""Seconds for the whole request, however it drips. Apache gives 20 to 40 (mod_reqtimeout), over any line."""

ANSWER_WAIT = 30.0
"""Seconds in which the answer must be taken: a page of 20 services over an old modem needs ten."""

LINGER = 2.0
"""Seconds for the other side to close as well."""

ACCEPTS = 4
"""Connections accepted before sessions get their turn. The doors take 32: there are clients behind those."""

PAUSE = 1.0
"""Seconds without accepting when no descriptor is left: those that there are belong to the sessions."""


class StatusServer:
    """Serves where a configuration says. `inherited`: systemd's sockets by name."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, log: Log, subject: Subject, inherited: dict[str, list[socket.socket]]
    ) -> None:
        self._loop = loop
        self._log = log
        self._subject = subject
        self._writing = Writing(loop, subject.picture)
        self._inherited = inherited
        self._open: dict[Listen, list[socket.socket]] = {}
        self._guard = Guard(_looking(Admission()))
        self._serving: dict[asyncio.Task[None], None] = {}  # the oldest first

    @contextlib.contextmanager
    def changing(self, status: Status | None) -> Iterator[list[str]]:
        """Open what is new of `status`; give a line for each of these. With the end of the block it is in force; should
        that fail, all is as it was. An address that cannot be had is a warning: no mail waits for a page.
        """
        wanted = status.listen if status is not None else ()
        opened: dict[Listen, list[socket.socket]] = {}
        try:
            for listen in wanted:
                if listen not in self._open:
                    opened |= self._have(listen)
            yield [f"http://{shown(sock)}/ (status page)" for sockets in opened.values() for sock in sockets]
        except BaseException:
            self._shut(opened)
            raise
        self._shut({listen: self._open.pop(listen) for listen in list(self._open) if listen not in wanted})
        if status is not None:
            self._guard.becomes(_looking(status.admission))
        self._open |= opened
        for sockets in opened.values():
            for sock in sockets:
                self._watch(sock)

    def _have(self, listen: Listen) -> dict[Listen, list[socket.socket]]:
        """Open it, if it can be had. Of several processes on one socket only the first has the page."""
        try:
            return {listen: open_listener(listen, self._inherited)}
        except StartError as fault:
            self._log.event("warning", "warning", f"there is no status page at {listen}: {fault}")
            return {}

    def by_name(self) -> Iterator[tuple[str, list[socket.socket]]]:
        """Give all listening sockets with what they are called where they are handed over."""
        return ((name_of(listen), sockets) for listen, sockets in self._open.items())

    def close(self) -> None:
        """Answer nobody any more."""
        self._shut(self._open)
        self._open = {}
        for task in self._serving:
            task.cancel()

    def _shut(self, going: dict[Listen, list[socket.socket]]) -> None:
        for listen, sockets in going.items():
            for sock in sockets:
                self._loop.remove_reader(sock.fileno())
                if not isinstance(listen, Activated):  # systemd's may be wanted again after the next reload
                    sock.close()

    # -- who looks -------------------------------------------------------------------------------

    def _watch(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0 and listener in self._listeners():
            self._loop.add_reader(listener.fileno(), self._accept, listener)

    def _listeners(self) -> Iterable[socket.socket]:
        return (sock for sockets in self._open.values() for sock in sockets)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTS):
            try:
                sock, name = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(listener.fileno())
                self._loop.call_later(PAUSE, self._watch, listener)
                return
            self._begin(sock, plain_address(name[0]) if isinstance(name, tuple) and name else "127.0.0.1")

    def _begin(self, sock: socket.socket, address: str) -> None:
        if len(self._serving) >= MOST:
            oldest = next(iter(self._serving))
            oldest.cancel()
            del self._serving[oldest]
        now = self._loop.time()
        refused = self._guard.admit(address, now, clock)  # no `hours` here, so no clock is looked at
        if refused is None:
            self._guard.leave(address)  # here is counted otherwise
        elif self._guard.is_polite(now):
            self._tell(address, refused)
        stream = Stream(self._loop, sock, self._subject.scratch, address)
        task = self._loop.create_task(self._serve(stream, refused))
        self._serving[task] = None
        task.add_done_callback(partial(self._over, stream))

    def _over(self, stream: Stream, task: asyncio.Task[None]) -> None:
        self._serving.pop(task, None)
        stream.close()  # also if it was closed for another before it had begun

    def _tell(self, address: str, refused: Refused) -> None:
        remedy = refused.remedy.replace(" in the service, or --allow for each of these", " below [status]")
        remedy = remedy.partition(" (--unsafe-public)")[0]  # there are no passwords here
        text = f"{address} refused the status page: {refused.cause}; {remedy}"
        self._log.event("notice", "refused", text, client=address, cause=refused.cause, remedy=remedy)

    async def _serve(self, stream: Stream, refused: Refused | None) -> None:
        try:
            async with asyncio.timeout(REQUEST_WAIT):
                answer = await self._answer(stream, refused)
            async with asyncio.timeout(ANSWER_WAIT):
                await _send(stream, answer)
            await finish(stream, LINGER)
        except TimeoutError:
            pass  # it took too long to ask, or to hear

    async def _answer(self, stream: Stream, refused: Refused | None) -> bytes:
        request: Request | None = None
        try:
            while (request := read_request(stream.end.inbox)) is None:
                if stream.end.ended:
                    return b""
                await stream.more()
        except WrongRequestError as fault:
            return write_answer(None, Answer(fault.status, f"{fault}\n".encode()))
        if refused is not None:
            return write_answer(request, Answer(403, f"{refused.cause}\n".encode()))
        answer = answer_to(request, is_ready=self._subject.is_ready, own_name=socket.gethostname())
        if isinstance(answer, Paper):
            answer = Answer(200, await self._writing.of(answer.write), answer.media)
        return write_answer(request, answer)


async def _send(stream: Stream, answer: bytes) -> None:
    """Write, and wait until the kernel has it all. Meanwhile nothing is read."""
    stream.pause()
    stream.write(answer)
    if stream.backlog:
        gone = asyncio.Event()
        stream.on_drain = gone.set
        await gone.wait()


def _looking(admission: Admission) -> Admission:
    """Whoever may look may look as often as he likes."""
    return replace(admission, max_sessions=0, max_sessions_per_client=0)
