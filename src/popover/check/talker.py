"""A conversation line by line over a session's own stream, for the questions that only a check asks."""

from __future__ import annotations

import asyncio

from popover.config import Service
from popover.errors import ServerFailure
from popover.outside.converse import converse
from popover.outside.dial import Dialled
from popover.outside.opening import open_up
from popover.outside.reasons import explain_ending
from popover.protocols import Greeting, printable
from popover.talk import Broken, read_line
from popover.wire.stream import Stream

LINE_LIMIT = 64 * 1024
"""Octets of one answer line; IMAP's capability lists are the longest, a few KiB."""

LINES_LIMIT = 1000
"""Lines of one answer. Capabilities are some dozens."""

ANSWER_TIMEOUT = 30.0
"""Seconds for one answer. A wrong password is answered after 2 to 10 s by servers that slow down guessing."""


class Talker:
    """Asks a server, or a gateway, and reads its answers. `name`: whom to blame when it does not answer."""

    def __init__(self, stream: Stream, name: str) -> None:
        self.stream = stream
        self._name = name

    def say(self, line: bytes) -> None:
        """Send one line, without waiting for the answer."""
        self.stream.write(line + b"\r\n")

    async def line(self) -> str:
        """Read one line, without its end. Raises Failure when none comes."""
        end = self.stream.end
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return (await converse(read_line(end, LINE_LIMIT), {end: self.stream})).decode("latin-1").rstrip("\r\n")
        except TimeoutError:
            raise ServerFailure(
                f"{self._name} did not answer within {ANSWER_TIMEOUT:g} seconds", "try again later"
            ) from None
        except Broken as broken:
            if self.stream.ending is not None and self.stream.ending.kind != "closed":
                raise explain_ending(self.stream.ending, self._name) from None
            raise ServerFailure(
                f"{self._name} {broken.what} instead of answering", "it may be overloaded; try again later"
            ) from None

    async def ask(self, line: bytes) -> str:
        """Send one line and read the first line of the answer."""
        self.say(line)
        return await self.line()

    async def lines_until(self, last: str) -> list[str]:
        """Read lines up to the one that is `last`, which is left out."""
        lines: list[str] = []
        while (line := await self.line()) != last:
            lines.append(line)
            if len(lines) > LINES_LIMIT:
                raise ServerFailure(f"{self._name} does not come to the end of its answer", "another kind of server?")
        return lines


async def greet(service: Service, dialled: Dialled) -> Greeting:
    """Read the greeting just as a session does. Raises Failure, for a refusal, too."""
    greeting = await open_up(service.target, dialled)
    if not greeting.welcome:
        raise ServerFailure(
            f"{service.server.host} refused: {printable(greeting.words, 400)}",
            "this is the server's own word; it may be overloaded, or not serve this address",
        )
    return greeting
