"""A tap in the line to a server: what the gateway sends can be held back for a while."""

import threading
import time

from fakes.wire import PATIENCE, Wire
from parts.net import LOOPBACK, wait_until


class Tap:
    """A script for a plain FakeServer, which passes all on to the server on `port` and back. `delay`: seconds that each
    piece of what the gateway sends takes.
    """

    def __init__(self, port: int, delay: float = 0.0) -> None:
        self._port = port
        self._delay = delay
        self._flows = threading.Event()
        self._flows.set()
        self._came = 0

    def __call__(self, wire: Wire) -> None:
        """Serve one connection."""
        with Wire.to((LOOPBACK, self._port)) as other:
            threading.Thread(target=_pour, args=(other, wire), daemon=True).start()
            while data := wire.arrival():
                self._came += len(data)
                self._flows.wait(PATIENCE)
                time.sleep(self._delay)
                other.send(data)

    def hold(self) -> None:
        """From now on let nothing through that comes from the gateway."""
        self._flows.clear()
        self._came = 0

    def wait_for_bytes(self) -> None:
        """Wait until the gateway has sent something since `hold`."""
        wait_until(lambda: self._came, "the gateway sends something", PATIENCE)

    def flow(self) -> None:
        """Let through what was held back, and all that follows."""
        self._flows.set()


def _pour(source: Wire, target: Wire) -> None:
    try:
        while data := source.arrival():
            target.send(data)
    except OSError:
        pass  # the end of the test closes both
