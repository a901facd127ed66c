"""How a connection ends politely, on our side."""

from __future__ import annotations

import asyncio

from popover.wire.outgoing import nothing
from popover.wire.stream import Stream


async def finish(stream: Stream, grace: float) -> None:
    """Flush, tell the peer, give it `grace` seconds to take all and to close as well. The stream is closed then, also
    if nobody waits for that any longer.

    Closing with unread bytes in the kernel would send a RST, which may destroy our last words on their way; so what
    still comes is read and thrown away.
    """
    loop = asyncio.get_running_loop()
    settled: asyncio.Future[None] = loop.create_future()

    def see(*_: object) -> None:
        if stream.ending is not None and not stream.backlog:
            stop()

    def stop() -> None:
        if not settled.done():
            settled.set_result(None)

    stream.on_data, stream.on_end, stream.on_drain = nothing, see, see
    stream.end_writing()
    stream.resume()
    see()
    if not settled.done():
        timer = loop.call_later(grace, stop)
        try:
            await settled
        except BaseException:
            stream.reset()
            raise
        finally:
            timer.cancel()
    if stream.backlog:  # it must not take what it has got for the whole
        stream.reset()
    else:
        stream.close()
