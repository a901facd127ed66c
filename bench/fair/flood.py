"""A server that floods: thousands of TLS 1.3's KeyUpdate, each of which asks for one in return (RFC 8446, 4.6.3)."""

import contextlib
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

# The records that no library would write are the tests' own.
sys.path.append(str(Path(__file__).parents[2] / "tests"))

from fakes.records import Sealer, sealable
from fakes.tls import TLSWire
from fakes.wire import Wire

_GREETING = b"+OK ready\r\n"

# KeyUpdates in a burst, bursts, and seconds between two of them: 20,000 a second for as long as a peer is measured.
# All are sealed before the first leaves, as sealing is ten times the work of answering. 2,000 are 54 KB.
_BURST = 2_000
_BURSTS = 20
_EVERY = 0.1


class Flooder:
    """Listens on a port of its own choice. A session that says PASS is flooded, and what it answers is thrown away."""

    def __init__(self, certificate: Path, directory: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._context = sealable(context, directory)
        self._one = threading.Lock()  # the last secret in the key log must be that of the handshake just made
        self._sent = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def sent(self) -> int:
        """KeyUpdates that peers took since the last call."""
        sent, self._sent = self._sent, 0
        return sent

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), Wire(sock) as raw:  # a peer may leave whenever it likes
            wire = TLSWire(raw, self._context)
            with self._one:
                wire.handshake()
                sealer = Sealer(wire.tls, raw.send)
            sealer.send(_GREETING)
            while line := wire.line():
                if line.startswith(b"PASS"):
                    self._flood(raw, sealer)
                    return
                sealer.send(b"+OK\r\n" if line.startswith(b"USER") else b"-ERR\r\n")

    def _flood(self, raw: Wire, sealer: Sealer) -> None:
        answer = sealer.seal(b"+OK\r\n")
        bursts = [b"".join(sealer.key_update(you_too=True) for _ in range(_BURST)) for _ in range(_BURSTS)]
        threading.Thread(target=_read_on, args=(raw,), daemon=True).start()
        raw.send(answer)
        for burst in bursts:
            raw.send(burst)
            self._sent += _BURST
            time.sleep(_EVERY)


def _read_on(raw: Wire) -> None:
    with contextlib.suppress(OSError):
        while raw.arrival():
            pass
