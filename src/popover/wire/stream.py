"""The one place where a socket meets an End.

A `Stream` is one non-blocking socket on the event loop, with or without TLS. It works on the socket by itself
(`add_reader`, `recv_into`, `send`) and not through asyncio's transports: docs/engine.md tells why.

TLS is an `Engine`'s business. Nothing in here knows a dialect, and nothing decides: it reports data and ends to
whoever listens.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import NewType

from popover.talk import End
from popover.wire.collecting import Collecting
from popover.wire.engine import Ending, Engine, Octets, Sealed, TLSError
from popover.wire.handshake import Handshake
from popover.wire.outgoing import ANSWERS, MORE, Outgoing, nothing
from popover.wire.scratch import CHUNK, Scratch
from popover.wire.sockets import reset_at_close
from popover.wire.watch import Watch

__all__ = ["CHUNK", "Scratch", "Secured", "Stream"]


class Stream(Outgoing):
    """One socket, plain until `secure` has been awaited.

    Whoever listens sets `on_data` (its view is valid during the call only), `on_end` (once) and
    `on_drain` (all that was written is with the kernel). Until then what comes is collected in
    `end.inbox` (`collecting.py`), for conversations, and `more` waits for it.
    """

    __slots__ = (
        "_collecting", "_engine", "_handshake", "_has_more", "_paused", "_scratch", "_watch", "end", "ending",
        "on_data", "on_end", "spy",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, scratch: Scratch, name: str) -> None:
        sock.setblocking(False)
        super().__init__(loop, sock)
        self.end = End(name)
        self.ending: Ending | None = None
        self._collecting = Collecting(loop, self.end, self.pause)
        self.on_data: Callable[[memoryview], None] = self._collecting.hear
        self.on_end: Callable[[Ending], None] = self._collecting.hear_end
        self.spy: Callable[[bool, Octets], None] | None = None  # is it incoming, and what
        self._scratch = scratch
        self._engine: Engine | None = None
        self._paused = True
        self._has_more = False  # the last read filled the buffer
        self._watch = Watch(loop, self._fd)
        self._handshake: Handshake | None = None

    # -- TLS -------------------------------------------------------------------------------------

    async def secure(self, engine: Engine) -> Secured:
        """Shake hands; this stream, once TLS stands. Raises TLSError, or another OSError if the connection is gone;
        then the stream is plain again, for whoever reads it to its end.

        What has come before and was not taken is TLS's: if it is plain text that somebody put behind the answer to
        STARTTLS, the handshake fails on it (protocol notes, U4).
        """
        early = bytes(self.end.inbox)
        self.end.inbox.clear()
        self._engine = engine
        handshake = self._handshake = Handshake(self._loop, engine)
        self.resume()
        self._shake_hands(handshake, early)
        if self.ending is not None and not handshake.is_over:  # it ended behind its last word in plain text
            self._shake_hands(handshake, None)
        self._look()
        try:
            await handshake.end()
        except BaseException:
            self._engine = None
            self.pause()
            raise
        finally:
            self._handshake = None
        if engine.waiting:
            self._pull(engine, b"")
        return Secured(self)

    def _shake_hands(self, handshake: Handshake, sealed: Sealed) -> None:
        if answer := handshake.go_on(sealed):
            self._send(answer)

    def collect(self) -> None:
        """Listen no more: what comes from now on is collected, as in the beginning."""
        self.on_data, self.on_end, self.on_drain = self._collecting.hear, self._collecting.hear_end, nothing
        self.end.ended = self.ending is not None

    # -- reading ---------------------------------------------------------------------------------

    async def more(self) -> None:
        """Wait until `end.inbox` has grown or `end` has ended."""
        if not self.end.ended:
            self.resume()
            await self._collecting.more()

    def pause(self) -> None:
        """Read nothing more for now; the peer's TCP window fills up and stops it."""
        if not self._paused:
            self._paused = True
            self._look()

    def resume(self) -> None:
        """Read again."""
        if self._paused and self.ending is None:
            self._paused = False
            self._look()

    def _look(self) -> None:
        """See how the loop is to call us: when there is something to read; when it is our turn, for what has come
        already and was too much for one go; or not, while we are paused or the peer does not take what TLS answers it.
        """
        wanted = not self._paused and self._answers <= ANSWERS
        turn = wanted and (self._has_more or (self._engine is not None and self._engine.waiting))
        reads, watch = wanted and not turn, self._watch
        if reads != watch.reads or turn != watch.turn:  # most often it is as it was
            watch.change(self, reads=reads, turn=turn)

    def on_readable(self) -> None:
        """Read what there is."""
        if (handshake := self._handshake) is not None and handshake.is_over:
            self._look()
            return  # `secure` comes first
        try:
            size = self.sock.recv_into(self._scratch.raw)
        except (BlockingIOError, InterruptedError):
            self._has_more = False
            self._look()
            return
        except OSError as fault:
            self._lost(fault)
            return
        self._has_more = size == CHUNK
        if self._engine is not None:
            self._unseal(self._engine, self._scratch.raw[:size] if size else None)
        elif size:
            self._look()
            if self.spy is not None:
                self.spy(True, self._scratch.raw[:size])
            self.on_data(self._scratch.raw[:size])
        else:
            # Whoever takes nothing more has not just finished speaking: the error was told to our last write.
            self._ended(Ending("reset", "it takes nothing more") if self._write_dead else Ending("closed"))

    def on_turn(self) -> None:
        """Go on with what has come already."""
        if self._engine is None or not self._engine.waiting:
            self.on_readable()
        elif self._handshake is None or not self._handshake.is_over:
            self._unseal(self._engine, b"")

    def _unseal(self, engine: Engine, sealed: Sealed) -> None:
        if sealed is None:
            self.pause()
        if self._handshake is None:
            self._pull(engine, sealed)
        else:
            self._shake_hands(self._handshake, sealed)
            self._look()

    def _pull(self, engine: Engine, sealed: Sealed) -> None:
        clear = self._scratch.clear
        size, ending = engine.pull(clear, sealed)
        if engine.held and not self._write_dead:
            self._seal(engine, b"")
            if not self.backlog:
                self.on_drain()
        elif (answer := engine.answer()) and not self._write_dead and not self.finishing:
            self._answer(answer)  # an alert, or the answer to a KeyUpdate
        self._look()
        if size:
            if self.spy is not None:
                self.spy(True, clear[:size])
            self.on_data(clear[:size])
        if ending is not None:
            self._ended(ending)

    def _lost(self, fault: OSError) -> None:
        """The connection is gone, or (in the handshake) was never made."""
        if self._handshake is not None:
            self._handshake.fail(fault)
        self._ended(Ending("reset", fault.strerror or str(fault)))

    def _ended(self, ending: Ending) -> None:
        if self.ending is None:
            self.pause()
            self.ending = ending
            self.on_end(ending)

    # -- writing ---------------------------------------------------------------------------------

    @property
    def backlog(self) -> int:
        """Octets that were written and that the kernel has not taken yet."""
        return len(self._unsent) + (self._engine.held if self._engine is not None else 0)

    def write(self, data: Octets, flags: int = 0) -> None:
        """Send `data`; what the kernel does not take at once is kept, and `on_drain` tells when it is gone.

        `flags`: MORE, if `end_writing` or `leave` follows at once.
        """
        if self._write_dead or not data:
            return
        if self.spy is not None:
            self.spy(False, data)
        if self._engine is not None:
            self._seal(self._engine, data, flags)
        else:
            self._send(data, flags)

    def _seal(self, engine: Engine, data: Octets, flags: int = 0) -> None:
        """Encrypt and send. What TLS cannot take while it renegotiates waits, too."""
        waited = self.backlog
        try:
            data = engine.push(data)
        except TLSError as fault:  # TLS broke while reading, and that is being told
            self._write_failed(fault)
            return
        if engine.held and not waited:
            self.moved_at = self._loop.time()
        self._send(data, flags)

    def _emptied(self) -> None:
        super()._emptied()
        self._look()

    def _write_failed(self, fault: OSError) -> None:
        """Writing has come to its end. What the peer said before may still wait to be read: its last
        words often say why. So the end is reported by reading, unless reading has ended already.
        """
        super()._write_failed(fault)
        if self._handshake is not None:
            self._lost(fault)
        elif self.ending is not None:
            self.ending = Ending("reset", fault.strerror or str(fault))
            self._loop.call_soon(self.on_end, self.ending)
        else:
            self.resume()

    # -- ending ----------------------------------------------------------------------------------

    def end_writing(self) -> None:
        """Tell the peer that nothing more comes (close_notify, FIN), after all that was written."""
        if self.finishing or self._write_dead:
            return
        self.finishing = True
        if self._engine is not None and self._handshake is None:
            self._send(self._engine.bye(), MORE)
        if not self._unsent:
            self._shut()

    def leave(self) -> None:
        """Close politely without waiting: close_notify, as far as the kernel takes it, and FIN."""
        if self._fd < 0:
            return
        if self._engine is not None and self._handshake is None and not self.finishing and not self._unsent:
            self._send(self._engine.bye(), MORE)
        self.close()

    def close(self) -> None:
        """Give the socket back, now."""
        if self._fd >= 0:
            self.pause()
            if self._unsent:
                self._loop.remove_writer(self._fd)
                self._unsent.clear()
            self.ending = self.ending or Ending("closed")
            self._fd = -1
            self._write_dead = True
            self._collecting.let_go()
            self.sock.close()
            # The listener knows us and we know it: let go, or only the garbage collector could free the two.
            self.on_data = self.on_end = self.on_drain = nothing

    def reset(self) -> None:
        """Close with a RST: the peer must not take what it has for the whole."""
        if self._fd >= 0:
            reset_at_close(self.sock)
            self.close()


Secured = NewType("Secured", Stream)
"""A stream whose handshake is done. What carries a login to a server has this type; `Stream.secure` alone makes one."""
