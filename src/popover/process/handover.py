"""Another popover takes our place without a client noticing: after an update, SIGUSR2.

It is started as we were, by the same command line, and gets our listening sockets; so no connection is refused in
between. Once it accepts it says so, and we only finish our sessions. nginx does the same by the same signal. If it does
not come up, we go on as if nothing had happened, and what it has said stands in the log.

    POPOVER_HANDOVER = {"ready": 7, "sockets": {"127.0.0.1:1110": [8], "pop3": [9]}}     descriptors, by what they are
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, MutableMapping

from popover.errors import StartError

VARIABLE = "POPOVER_HANDOVER"

PATIENCE = 30.0
"""Seconds that a successor gets to open its services: reading a thousand of them takes one, on a router ten."""

_DONE = b"1"

Sockets = dict[str, list[socket.socket]]


class Predecessor:
    """Who has started us to take its place, if anybody did. `sockets`: what it gave, by its name for each."""

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        """Take them. The variable is for us alone, and is removed. Raises StartError for promises not kept."""
        self.sockets: Sockets = {}
        self._ready: int | None = None
        if given := environ.pop(VARIABLE, ""):
            try:
                promised = json.loads(given)
                self.sockets = {name: [_taken(fd) for fd in fds] for name, fds in promised["sockets"].items()}
                self._ready = int(promised["ready"])
                os.set_inheritable(self._ready, False)
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                raise StartError(f"{VARIABLE} names what is not there; it is popover's own, do not set it") from None

    def ready(self) -> None:
        """Tell it that we accept."""
        if self._ready is not None:
            with contextlib.suppress(OSError):  # it has gone: then nobody waits for us
                os.write(self._ready, _DONE)
            os.close(self._ready)
            self._ready = None


def _taken(descriptor: int) -> socket.socket:
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)


async def hand_over(sockets: Mapping[str, list[socket.socket]], environ: Mapping[str, str]) -> int:
    """Start a successor, and wait until it accepts. Gives its process number. Raises StartError if it does not come up.

    `environ`: what it gets besides ours.
    """
    try:
        listening, told = os.pipe()
    except OSError as fault:
        raise StartError(f"there is no pipe to hear of it: {fault.strerror}") from None
    promise = {"ready": told, "sockets": {name: [one.fileno() for one in some] for name, some in sockets.items()}}
    descriptors = [told, *(one.fileno() for some in sockets.values() for one in some)]
    try:
        child = subprocess.Popen(  # noqa: S603, ASYNC220 - by our own command line; it takes some milliseconds
            [sys.executable, *sys.orig_argv[1:]],
            pass_fds=descriptors,
            env={**os.environ, **environ, VARIABLE: json.dumps(promise)},
        )
    except OSError as fault:
        os.close(listening)
        raise StartError(f"{sys.executable} cannot be started: {fault.strerror}") from None
    finally:
        os.close(told)
    try:
        word = await _hear(listening)
    except TimeoutError:
        word = b""
    except BaseException:  # we are told to end, and it must not go on where nobody wants a popover any more
        child.kill()
        raise
    if word == _DONE:
        child.returncode = 0  # it is nobody's business here when it ends: it outlives us
        return child.pid
    child.kill()
    code = await asyncio.to_thread(child.wait)
    raise StartError(
        f"it has ended with code {code}" if code > 0 else f"it did not come up within {PATIENCE:g} seconds"
    )


async def _hear(descriptor: int) -> bytes:
    """Wait for the successor's word, or its end. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[bytes] = loop.create_future()

    def read() -> None:
        loop.remove_reader(descriptor)
        if not heard.done():
            heard.set_result(os.read(descriptor, len(_DONE)))

    loop.add_reader(descriptor, read)
    try:
        async with asyncio.timeout(PATIENCE):
            return await heard
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
