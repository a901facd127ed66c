"""A TLS 1.2 server that renegotiates in the middle: `openssl s_server`, whose stdin the test writes."""

import re
import subprocess
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from fakes.wire import PATIENCE
from parts.certificates import Certificate
from parts.net import wait_until


class RenegotiatingServer:
    """One connection after another; `say` sends a line to the client, `renegotiate` begins a new handshake.

    s_server takes what it reads from stdin in one piece for either a command or text, by its first byte. So
    the test waits until the client has got one before it sends the next, and begins no line with a command.
    """

    def __init__(self, certificate: Certificate) -> None:
        identity = ("-cert", str(certificate.cert_file), "-key", str(certificate.key_file))
        self._process = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_2", "-crlf", "-msg", *identity],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._output = b""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        found: Callable[[], re.Match[bytes] | None] = lambda: re.search(rb"ACCEPT \S+:(\d+)", self._output)  # noqa: E731
        wait_until(found, "s_server accepts", PATIENCE)
        match = found()
        assert match
        self.port = int(match[1])

    def _read(self) -> None:
        assert self._process.stdout is not None
        while piece := self._process.stdout.read1(1 << 16):  # type: ignore[attr-defined]
            self._output += piece

    def heard(self, words: bytes) -> None:
        """Wait until the client has said this."""
        wait_until(lambda: words in self._output, f"{words!r} arrives", PATIENCE)

    def say(self, line: bytes) -> None:
        """Send a line, without its CRLF."""
        self._type(line)

    def renegotiate(self) -> None:
        """Ask the client for a new handshake in this connection."""
        self._type(b"r")

    def handshakes(self) -> int:
        """How many have been finished."""
        return len(re.findall(rb"<<< TLS 1\.2, Handshake [^\n]*Finished", self._output))

    def _type(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.kill()
        self._process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        self._process.stdin.close()
        assert self._process.stdout is not None
        self._process.stdout.close()
