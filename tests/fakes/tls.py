"""A server's TLS on a Wire, with the sealed bytes in the test's hands between sealing and sending."""

import contextlib
import ssl

from fakes.wire import Talker, Wire
from parts.certificates import Certificate

# A record's head: type (23: application data), version, length (RFC 8446, 5.1).
HEAD = 5

EVERY_CIPHER = "ALL:@SECLEVEL=0"


def server_context(certificate: Certificate, ciphers: str | None = None) -> ssl.SSLContext:
    """A server's context, TLS 1.2 and 1.3; `EVERY_CIPHER` also for keys and signatures that are too weak."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers:
        context.set_ciphers(ciphers)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    return context


class TLSWire(Talker):
    """TLS in the role of the server. `clean`: the client said goodbye with a close_notify. `heard`: what has been read
    of its hello already.
    """

    def __init__(self, wire: Wire, context: ssl.SSLContext, heard: bytes = b"") -> None:
        super().__init__()
        self.wire = wire
        self.clean = False
        self._in = ssl.MemoryBIO()
        self._in.write(heard)
        self._out = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=True)

    def handshake(self) -> None:
        """Shake hands; ssl.SSLError when that fails, after our alert was sent."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                self._in.write(self._more())
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self.flush()
                raise
            else:
                return self.flush()

    def _more(self) -> bytes:
        raw = self.wire.arrival()
        if not raw:
            raise ConnectionResetError("the client left in the middle of the handshake")
        return raw

    def flush(self) -> None:
        """Send what TLS has to send."""
        if self._out.pending:
            self.wire.send(self._out.read())

    def seal(self, data: bytes) -> bytes:
        """The records that carry `data`, not sent; OpenSSL puts 16 KiB at most into each."""
        while data:
            data = data[self.tls.write(data) :]
        return self._out.read()

    def send(self, data: bytes) -> None:
        """Seal and send all of it."""
        self.wire.send(self.seal(data))

    def send_bytewise(self, data: bytes) -> None:
        """Seal each byte into a record of its own, and send them together."""
        self.wire.send(b"".join(self.seal(bytes([byte])) for byte in data))

    def arrival(self) -> bytes:
        """The next clear bytes; empty at the end, whose kind `clean` tells."""
        while True:
            try:
                data = self.tls.read(1 << 16)
            except ssl.SSLZeroReturnError:
                self.clean = True
                return b""
            except ssl.SSLEOFError:
                return b""
            except ssl.SSLWantReadError:
                self.flush()
                if raw := self.wire.arrival():
                    self._in.write(raw)
                else:
                    self._in.write_eof()
            else:
                self.clean = not data  # at the client's goodbye `read` gives nothing
                return data

    def say_goodbye(self) -> None:
        """close_notify: nothing more will come."""
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()
        self.flush()

    def alert(self) -> bytes:
        """A fatal alert, not sent: what OpenSSL answers to a record that it cannot read."""
        self._in.write(b"\x17\x03\x03\x00\x20" + bytes(32))
        with contextlib.suppress(ssl.SSLError):
            self.tls.read(1)
        return self._out.read()

    def cut(self) -> None:
        """FIN without close_notify, as anybody on the way could do it."""
        self.wire.cut()

    def reset(self) -> None:
        """RST."""
        self.wire.reset()

    def close(self) -> None:
        """Goodbye, FIN, and waiting for the client's end."""
        with contextlib.suppress(OSError):
            self.say_goodbye()
        self.wire.cut()
