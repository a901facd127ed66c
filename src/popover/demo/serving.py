"""One connection of a demo server, whatever it speaks, line by line."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol


class Lines(Protocol):
    """What answers lines."""

    @property
    def over(self) -> bool:
        """The client has said goodbye."""

    def answer(self, line: bytes) -> bytes:
        """Answer one line; empty: nothing is to be said."""


async def serve_lines(
    session: Lines, greeting: bytes, idle: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one connection to its end, `idle` seconds without a line at most; what its peer does wrong ends it, and
    nothing else.
    """
    try:
        writer.write(greeting)
        while not session.over:
            async with asyncio.timeout(idle):
                line = await reader.readline()
                if not line.endswith(b"\n"):
                    break
                writer.write(session.answer(line))
                await writer.drain()
    except (OSError, ValueError):  # gone, silent for too long, or a line without end
        pass
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
