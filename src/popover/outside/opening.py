"""From a dialled connection to a server that has greeted: what sessions and spare connections have in common."""

from __future__ import annotations

import asyncio

from popover.config import Server, Target
from popover.errors import ServerFailure
from popover.outside.converse import converse
from popover.outside.dial import Dialled
from popover.outside.reasons import explain_ending
from popover.protocols import DIALECTS, Greeting
from popover.protocols.starttls import STARTTLS
from popover.talk import End, Talk


async def open_up(target: Target, dialled: Dialled) -> Greeting:
    """Read the server's greeting; what came behind it stays in the inbox. Behind STARTTLS there is none, and the
    greeting is ours. Raises ServerFailure.
    """
    stream, server = dialled.stream, target.server
    try:
        async with asyncio.timeout(target.greeting_timeout):
            greeting = await converse(_first_words(server, stream.end), {stream.end: stream})
    except TimeoutError:
        does = "did not greet within" if server.security == "tls" else "said nothing inside TLS within"
        raise ServerFailure(
            f"{server.host} {does} {target.greeting_timeout:g} seconds (timeout)",
            f"is it {server} that answers there? it may be overloaded",
        ) from None
    except ServerFailure:
        if stream.ending is not None and stream.ending.kind != "closed":
            raise explain_ending(stream.ending, server.host) from None
        raise
    dialled.verifier.keep(server.host, server.port, dialled.tls)
    return greeting


def _first_words(server: Server, end: End) -> Talk[Greeting]:
    if server.security == "starttls":
        return STARTTLS[server.dialect].greet_anew(end)
    return DIALECTS[server.dialect].open_up(end)
