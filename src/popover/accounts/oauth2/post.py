"""One form to a provider, and its answer: verified TLS, no proxy, no redirect followed, bounded in time and in octets.

It blocks: it is for a thread. That is what http.client wants, and what a lock between processes wants, too.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from popover import __version__
from popover.accounts.oauth2.answers import Answer
from popover.accounts.oauth2.forms import Form
from popover.errors import ProviderFailure
from popover.wire.verified import verified_context

DEADLINE = 20.0
"""Seconds for all of it. A mail client waits meanwhile: most give up after 60."""

CONNECT = 6.0  # seconds for each address of the provider, so that a dead one leaves time for another

BODY_LIMIT = 64 * 1024
"""Octets of an answer: two tokens of 8 KiB and what is said about them; descriptions of providers have 1 to 10 KiB."""


class Post:
    """Sends, and keeps the trust stores that it has read: the system's takes 20 ms. For all threads."""

    def __init__(self) -> None:
        self._contexts: dict[Path | None, ssl.SSLContext] = {}

    def send(self, form: Form, ca_file: Path | None) -> Answer:
        """Send a form. `ca_file`: who vouches for the provider. Raises ProviderFailure."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if form.authorization is not None:
            headers["Authorization"] = form.authorization
        return _exchange("POST", form.url, form.body(), headers, self._context(ca_file))

    def fetch(self, url: str, ca_file: Path | None) -> Answer:
        """Get a page that holds no secret, by an address that holds none. Raises ProviderFailure."""
        return _exchange("GET", url, None, {}, self._context(ca_file))

    def _context(self, ca_file: Path | None) -> ssl.SSLContext:
        if ca_file not in self._contexts:
            try:
                self._contexts[ca_file] = verified_context(ca_file)
            except OSError as fault:
                raise ProviderFailure(
                    "the certificates that vouch for the provider can not be read", f"ca_file: {ca_file}: {fault}"
                ) from None
        return self._contexts[ca_file]


def _exchange(method: str, url: str, body: bytes | None, headers: dict[str, str], context: ssl.SSLContext) -> Answer:
    parts = urlsplit(url)
    host = parts.hostname or ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    said = {"Accept": "application/json", "User-Agent": f"popover/{__version__}", "Connection": "close", **headers}
    try:
        connection = http.client.HTTPSConnection(host, parts.port, context=context, timeout=CONNECT)
        with contextlib.closing(connection), _Fuse(connection) as fuse:
            connection.connect()
            fuse.guard(connection.sock)
            connection.request(method, path, body, said)
            with connection.getresponse() as response:
                octets = response.read(BODY_LIMIT + 1)
                after = response.getheader("Retry-After")
                if response.length and len(octets) <= BODY_LIMIT:
                    raise http.client.IncompleteRead(b"")  # it was cut; `read` with a limit does not say so
    except (OSError, ValueError, http.client.HTTPException) as fault:
        raise _failure(fault, host) from None
    if len(octets) > BODY_LIMIT:
        raise ProviderFailure(f"{host} answers with more than a token and what goes with it")
    return Answer(response.status, octets, _seconds(after))


class _Fuse:
    """Cuts a connection when its time is up: a socket's own limit begins anew with each octet that drips in. Whatever
    is said of such an end becomes TimeoutError.
    """

    def __init__(self, connection: http.client.HTTPSConnection) -> None:
        self._connection = connection
        self._sock: socket.socket | None = None
        self._is_blown = False
        self._timer = threading.Timer(DEADLINE, self._blow)
        self._timer.daemon = True

    def guard(self, sock: socket.socket) -> None:
        """Take the socket, once there is TLS: the connection itself forgets it while the last answer is read."""
        sock.settimeout(DEADLINE)
        self._sock = sock

    def _blow(self) -> None:
        self._is_blown = True
        with contextlib.suppress(OSError, AttributeError):  # it has none yet, or no more
            (self._sock or self._connection.sock).shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._is_blown:  # what was cut may look like an end, too
            raise TimeoutError from None


def _failure(fault: Exception, host: str) -> ProviderFailure:
    match fault:
        case ssl.SSLCertVerificationError():
            return ProviderFailure(
                f"the certificate of {host} can not be trusted, so it is asked for no token",
                f"{fault.verify_message}; is this machine's clock right? is something in between that reads along?",
            )
        case ssl.SSLError():
            return ProviderFailure(f"there is no TLS with {host}, so it is asked for no token", f"{fault.reason}")
        case TimeoutError():
            return ProviderFailure(f"{host} does not answer in time")
        case socket.gaierror():
            return ProviderFailure(f"the name {host} gives no address", f"{fault.strerror}: is the name server up?")
        case OSError():
            return ProviderFailure(f"{host} can not be reached", fault.strerror or type(fault).__name__)
    return ProviderFailure(f"{host} answers in no way that a provider does", type(fault).__name__)


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After (RFC 9110 section 10.2.3) that is a number; a date is as good as none."""
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 6 else None  # noqa: PLR2004 - a day has 86400
