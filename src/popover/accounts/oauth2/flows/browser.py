"""The browser is on this machine, and is sent back to a listener of ours, which takes one answer (RFC 8252, 7.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from popover.accounts.oauth2 import forms
from popover.accounts.oauth2.answers import Later, LoginNeeded, Token
from popover.accounts.oauth2.flows.sign_in import SignIn
from popover.accounts.oauth2.redirect import ADDRESS_LIMIT, Attempt, Code, NotOurs, begin, read_back
from popover.accounts.oauth2.way import Way, listens
from popover.errors import SignInNeeded

LOOPBACK = "127.0.0.1"

PATIENCE = 900.0  # seconds for a person to say yes: as long as Microsoft's device codes are good
READ_PATIENCE = 10.0  # seconds for a browser to say what it wants
AT_ONCE = 8  # connections: browsers open some ahead; whoever fills them all is no browser

_HEAD = (
    "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n"
    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
    "Connection: close\r\n\r\n"
)
_THANKS = "popover has its answer. You can close this window; the terminal says what comes of it.\n"


def by_browser(sign_in: SignIn, show: Callable[[str], None]) -> Token:
    """`show` the address to open, and wait for the browser to come back. Raises SignInNeeded, ProviderFailure."""
    attempt, found = asyncio.run(_wait(sign_in, show))
    return sign_in.redeem(attempt, found)


async def _wait(sign_in: SignIn, show: Callable[[str], None]) -> tuple[Attempt, Code | LoginNeeded | Later]:
    way = sign_in.way
    if not listens(way.redirect):
        raise SignInNeeded(
            f"{way.title} sends browsers back to {way.redirect}, where popover cannot listen", "use --paste"
        )
    listener = _Listener(way)
    attempt = await listener.open()
    try:
        show(forms.authorize_address(way, attempt, sign_in.account.login))
        async with asyncio.timeout(PATIENCE):
            return attempt, await listener.answer
    except TimeoutError:
        raise SignInNeeded(
            f"nobody came back from {way.title} within {PATIENCE / 60:.0f} minutes", "begin again"
        ) from None
    finally:
        listener.close()


class _Listener:
    """On 127.0.0.1, for one answer to one attempt; what else comes is told that it is wrong here."""

    def __init__(self, way: Way) -> None:
        self._parts = urlsplit(way.redirect)
        self._way = way
        self._open = 0
        self._taken = False
        self.answer: asyncio.Future[Code | LoginNeeded | Later] = asyncio.get_running_loop().create_future()

    async def open(self) -> Attempt:
        """Listen: at the redirect's port if it names one, else at any free one. Raises SignInNeeded."""
        try:
            self._server = await asyncio.start_server(self._serve, LOOPBACK, self._parts.port or 0, limit=ADDRESS_LIMIT)
        except OSError as fault:
            raise SignInNeeded(
                f"popover cannot listen at {LOOPBACK}:{self._parts.port or 0} for the browser: {fault.strerror}",
                "use --paste",
            ) from None
        port = self._server.sockets[0].getsockname()[1]
        host = f"{self._parts.hostname}:{port}"
        self._attempt = begin(urlunsplit((self._parts.scheme, host, self._parts.path, self._parts.query, "")))
        return self._attempt

    def close(self) -> None:
        """Listen no more. Who is still connected is not waited for: browsers open some ahead, and say nothing there."""
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        found = None
        try:
            if self._open <= AT_ONCE:
                async with asyncio.timeout(READ_PATIENCE):
                    status, text, found = self._read((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
                    head = _HEAD.format(status=status, length=len(text.encode()))
                    writer.write(f"{head}{text}".encode())
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # it was no browser, or it has left
        finally:
            self._open -= 1
            writer.close()
            if found is not None and not self.answer.done():
                self.answer.set_result(found)  # the last, for it ends all this

    def _read(self, request: str) -> tuple[str, str, Code | LoginNeeded | Later | None]:
        """Read what was asked for: the status and the text to answer with, and what was brought."""
        words = request.split("\r\n", 1)[0].split(" ")
        if len(words) != 3 or words[0] != "GET" or words[1].partition("?")[0] != (self._parts.path or "/"):  # noqa: PLR2004
            return "404 Not Found", "There is nothing here.\n", None
        if self._taken:
            return "410 Gone", "popover has its answer already.\n", None
        try:
            found = read_back(words[1], self._attempt, self._way)
        except NotOurs as wrong:
            return "400 Bad Request", f"This is not what popover waits for: {wrong}\n", None
        self._taken = True
        return "200 OK", _THANKS, found
