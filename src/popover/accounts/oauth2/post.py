"""One form to a provider, and its answer: verified TLS, no proxy, no redirect followed, bounded in time and in octets.

It blocks: it is for a thread. That is what http.client wants, and what a lock between processes wants, too.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from popover import __version__
from popover.accounts.oauth2.answers import Answer
from popover.accounts.oauth2.forms import Form
from popover.accounts.oauth2.reach import Fuse, cut, reached
from popover.errors import ProviderFailure
from popover.wire.verified import verified_context

DEADLINE = 20.0
"""Seconds for all of it. A mail client waits meanwhile: most give up after 60."""

BODY_LIMIT = 64 * 1024
"""Octets of an answer: two tokens of 8 KiB and what is said about them; descriptions of providers have 1 to 10 KiB."""


class Post:
    """Sends, and keeps the trust stores that it has read: the system's takes 20 ms. For all threads."""

    def __init__(self) -> None:
        self._contexts: dict[Path | None, ssl.SSLContext] = {}
        self._fuses: set[Fuse] = set()  # of what is under way
        self.is_stopped = False

    def send(self, form: Form, ca_file: Path | None) -> Answer:
        """Send a form. `ca_file`: who vouches for the provider. Raises ProviderFailure."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if form.authorization is not None:
            headers["Authorization"] = form.authorization
        return self._exchange("POST", form.url, form.body(), headers, ca_file)

    def fetch(self, url: str, ca_file: Path | None) -> Answer:
        """Get a page that holds no secret, by an address that holds none. Raises ProviderFailure."""
        return self._exchange("GET", url, None, {}, ca_file)

    def forget(self) -> None:
        """Read the trust stores anew."""
        self._contexts = {}

    def stop(self, patience: float) -> None:
        """Ask nobody any more. What has been asked already has so many seconds to be answered: a refresh token may be
        on its way. What has not is let go of at once.
        """
        self.is_stopped = True
        for fuse in list(self._fuses):
            fuse.hasten(patience)

    def _exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], ca_file: Path | None
    ) -> Answer:
        context = self._context(ca_file)
        fuse = Fuse(DEADLINE)
        self._fuses.add(fuse)
        try:
            if self.is_stopped:  # looked at once it stands in the list: `stop` has seen it, or we see that
                raise ProviderFailure("the gateway is being stopped, please try again")
            with fuse:
                return _exchanged(method, url, body, headers, context, fuse)
        finally:
            self._fuses.discard(fuse)

    def _context(self, ca_file: Path | None) -> ssl.SSLContext:
        found = self._contexts.get(ca_file)
        if found is None:
            try:
                found = self._contexts[ca_file] = verified_context(ca_file, is_framed=True)
            except OSError as fault:
                raise ProviderFailure(
                    "the certificates that vouch for the provider cannot be read", f"ca_file: {ca_file}: {fault}"
                ) from None
        return found


def _exchanged(
    method: str, url: str, body: bytes | None, headers: dict[str, str], context: ssl.SSLContext, fuse: Fuse
) -> Answer:
    said = {"Accept": "application/json", "User-Agent": f"popover/{__version__}", "Connection": "close", **headers}
    host = ""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = http.client.HTTPSConnection(host, parts.port, context=context)
        with contextlib.closing(connection):
            connection.sock = _connected(host, connection.port, context, fuse)
            fuse.asks()
            connection.request(method, path, body, said)
            with connection.getresponse() as response:
                octets = response.read(BODY_LIMIT + 1)
                after = response.getheader("Retry-After")
                if response.length and len(octets) <= BODY_LIMIT:
                    raise http.client.IncompleteRead(b"")  # it was cut; `read` with a limit does not say so
    except (OSError, ValueError, http.client.HTTPException) as fault:
        raise _failure(TimeoutError() if fuse.is_blown else fault, host) from None
    if fuse.is_blown:  # what was cut may look like an end
        raise _failure(TimeoutError(), host)
    if len(octets) > BODY_LIMIT:
        raise ProviderFailure(f"{host} answers with more than a token and what goes with it")
    return Answer(response.status, octets, _seconds(after))


def _connected(host: str, port: int, context: ssl.SSLContext, fuse: Fuse) -> ssl.SSLSocket:
    """Connect, and come to TLS: guarded from the first look-up on, where http.client cannot be cut."""
    plain = reached(host, port, fuse)
    try:
        sealed = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    except BaseException:
        plain.close()
        raise
    try:
        fuse.guard(lambda: cut(sealed))
        sealed.settimeout(DEADLINE)
        sealed.do_handshake()
    except BaseException:
        sealed.close()
        raise
    return sealed


def _failure(fault: Exception, host: str) -> ProviderFailure:
    match fault:
        case ssl.SSLCertVerificationError():
            return ProviderFailure(
                f"the certificate of {host} cannot be trusted, so it is asked for no token",
                f"{fault.verify_message}; is this machine's clock right? is something in between that reads along?",
            )
        case ssl.SSLError():
            return ProviderFailure(f"there is no TLS with {host}, so it is asked for no token", f"{fault.reason}")
        case TimeoutError():
            return ProviderFailure(f"{host} does not answer in time")
        case socket.gaierror():
            return ProviderFailure(f"the name {host} gives no address", f"{fault.strerror}: is the name server up?")
        case OSError():
            return ProviderFailure(f"{host} cannot be reached", fault.strerror or type(fault).__name__)
    return ProviderFailure(f"{host} answers in no way that a provider does", type(fault).__name__)


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After (RFC 9110 section 10.2.3) that is a number; a date is as good as none."""
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 6 else None  # noqa: PLR2004 - a day has 86400
