"""A server on loopback whose behaviour is a function of the connection, called in a thread for each.

def moody(wire: Talker) -> None:
    wire.send(b"-ERR not today\\r\\n")

with FakeServer(moody, server_context(certificate)) as server:
    connect_to(server.port)

Without a context, or with None as its context, the connection is plain TCP and the function gets the Wire.
`script` and `context` may be changed at any time, for the connections to come: so a server gets well.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from fakes.tls import TLSWire
from fakes.wire import PATIENCE, Wire
from parts.net import LOOPBACK

Script = Callable[[Any], None]


class FakeServer:
    """Listens from `__init__` to the end of the `with` block, which ends all connections.

    What a script asserts counts: the first failure is raised at the end of the block. That the other side
    left is no failure, whatever the script was doing. `listener` is for a socket in another network.
    """

    def __init__(
        self,
        script: Script,
        context: ssl.SSLContext | None = None,
        *,
        host: str = LOOPBACK,
        listener: socket.socket | None = None,
    ) -> None:
        self.script = script
        self.context = context
        self.accepted = 0
        self.wires: list[Wire] = []
        self._failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._listener = listener or socket.create_server((host, 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            wire = Wire(sock)
            self.wires.append(wire)
            thread = threading.Thread(target=self._serve, args=(wire, self.context, self.script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, wire: Wire, context: ssl.SSLContext | None, script: Script) -> None:
        try:
            with wire:
                if context is None:
                    script(wire)
                    return
                secured = TLSWire(wire, context)
                secured.handshake()
                script(secured)
                secured.close()
        except (ConnectionError, ssl.SSLError):
            pass  # the gateway left, as it may
        except OSError as failure:
            if wire.sock.fileno() >= 0:  # else the script, or the end of the block, closed it
                self._failures.append(failure)
        except BaseException as failure:  # noqa: BLE001 - raised again at the end of the block
            self._failures.append(failure)
        finally:
            self.wires.remove(wire)

    def shut(self) -> None:
        """Accept nothing more: connections are refused from now on. Those that stand go on."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(PATIENCE)
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shut()
        for wire in list(self.wires):
            wire.wake()
        for thread in self._threads:
            thread.join(PATIENCE)
        if self._failures and error is None:
            raise self._failures[0]
