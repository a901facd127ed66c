"""Names to addresses, without one slow name holding up the others.

asyncio asks getaddrinfo in a pool of a few threads that everything shares: 20 slow look-ups delay a healthy
one by 3 s (measured; protocol notes, 4.6). Here each name that is being looked up has a thread of its own and
all sessions that want it share that look-up, so there are never more threads than names in use.
"""

from __future__ import annotations

import asyncio
import encodings.idna  # noqa: F401 - getaddrinfo would load it later, when the user we became may not read it
import ipaddress
import socket
import threading
import time

from aiohappyeyeballs import AddrInfoType

LIFETIME = 30.0
"""Seconds for which an answer is used again. getaddrinfo does not tell the TTL; providers' names have 60 to
300 s, so this follows their moves, and a polling client costs one look-up, not one per connection. Failures are
not kept at all, and an address that did not answer makes the name be asked anew (`forget`)."""

KEPT_LIMIT = 1024
"""Names whose answers are kept, the last that came. Most gateways have a few; a table may lead to as many as its
users can think of (`mail.*.example.com`), and one is some KiB."""

_Answer = list[AddrInfoType]


class NoThread(socket.gaierror):
    """The machine has no thread for a look-up: nothing is known about the name, and it may be asked again."""


class Resolver:
    """Looks names up by the system's own rules (hosts file, DNS, ...)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._kept: dict[tuple[str, int], tuple[float, _Answer]] = {}
        self._asked: dict[tuple[str, int], asyncio.Future[_Answer]] = {}

    async def addresses(self, host: str, port: int) -> _Answer:
        """Give all addresses, in the order of RFC 6724. Raises socket.gaierror, or NoThread, which is one."""
        key = host, port
        if (kept := self._kept.get(key)) and kept[0] > time.monotonic():
            return kept[1]
        if literal := _literal(host, port):
            self._keep(key, float("inf"), literal)
            return literal
        if key not in self._asked:
            self._start(host, port)
            self._asked[key] = self._loop.create_future()  # only now: nobody may wait for a thread that is not there
        answer = self._asked[key]
        # Whoever is cancelled leaves alone. asyncio.shield would do that, too, but from Python 3.14 on it reports a
        # look-up that fails after its waiter has gone as an error that nobody has seen.
        await asyncio.wait([answer])
        return answer.result()

    def forget(self, host: str, port: int) -> None:
        """Ask anew next time: what we have did not lead to the server."""
        self._kept.pop((host, port), None)

    def _start(self, host: str, port: int) -> None:
        """Start the thread that asks. Its answer comes by way of the loop, so never before we are back there."""
        try:
            threading.Thread(target=self._ask, args=(host, port), name=f"look up {host}", daemon=True).start()
        except RuntimeError as fault:  # "can't start new thread": RLIMIT_NPROC, pids.max (systemd's TasksMax)
            raise NoThread(socket.EAI_AGAIN, str(fault)) from None

    def _ask(self, host: str, port: int) -> None:
        """Run in a thread; a daemon, since getaddrinfo can hang longer than anybody wants to wait for the exit."""
        answer: _Answer | OSError
        try:
            answer = list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as fault:
            answer = fault
        except Exception as fault:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            answer = socket.gaierror(socket.EAI_NONAME, f"{type(fault).__name__}: {fault}")
        try:
            self._loop.call_soon_threadsafe(self._answered, (host, port), answer)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more

    def _answered(self, key: tuple[str, int], answer: _Answer | OSError) -> None:
        future = self._asked.pop(key)
        if isinstance(answer, OSError):
            future.set_exception(answer)
            future.exception()  # nobody may wait any more; that is no reason to complain
        else:
            self._keep(key, time.monotonic() + LIFETIME, answer)
            future.set_result(answer)

    def _keep(self, key: tuple[str, int], until: float, answer: _Answer) -> None:
        self._kept.pop(key, None)  # what comes anew is the last
        self._kept[key] = until, answer
        if len(self._kept) > KEPT_LIMIT:
            del self._kept[next(iter(self._kept))]


def _literal(host: str, port: int) -> _Answer | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.version == 4:  # noqa: PLR2004 - IPv4
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]
    return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0))]
