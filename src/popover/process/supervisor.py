"""What systemd and xinetd hand over, and what they want to hear (sd_listen_fds(3), sd_notify(3)).

Two small protocols of environment variables and one datagram; a library for them would be larger than they.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping

from popover.errors import StartError

_FIRST_FD = 3  # SD_LISTEN_FDS_START
_UNNAMED = "unknown"  # what systemd calls a socket without FileDescriptorName=


def inherited_sockets(environ: MutableMapping[str, str] = os.environ) -> dict[str, list[socket.socket]]:
    """Take the listening sockets of socket activation, by name. Raises StartError for promises not kept.

    The variables are for us alone and are removed. `LISTEN_PID` tells whether they are meant for this process:
    without that, a child would take them, too.
    """
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdigit():
        return {}
    found: dict[str, list[socket.socket]] = {}
    for offset in range(int(count)):
        name = names[offset] if offset < len(names) and names[offset] else _UNNAMED
        try:
            os.set_inheritable(_FIRST_FD + offset, False)
            sock = socket.socket(fileno=_FIRST_FD + offset)
        except OSError as fault:
            raise StartError(
                f"LISTEN_FDS={count} promises a socket on descriptor {_FIRST_FD + offset}, but there is none: "
                f"{fault.strerror}"
            ) from None
        found.setdefault(name, []).append(sock)
    return found


class Notifier:
    """Tells systemd how the service is; silent where nobody asked."""

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        self._path = environ.pop("NOTIFY_SOCKET", "")
        watchdog, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        meant = self._path and watchdog.isdigit() and pid in ("", str(os.getpid()))
        self.watchdog_interval = int(watchdog) / 2_000_000 if meant else 0.0
        """Seconds between two signs of life: half of what systemd waits, as sd_watchdog_enabled(3) advises."""

    @property
    def environment(self) -> dict[str, str]:
        """What a successor needs to tell systemd the same."""
        if not self._path:
            return {}
        watchdog = {"WATCHDOG_USEC": f"{self.watchdog_interval * 2_000_000:.0f}"} if self.watchdog_interval else {}
        return {"NOTIFY_SOCKET": self._path, **watchdog}

    def succeeded_by(self, pid: int) -> None:
        """Another process is the service from now on; this one is heard no more."""
        self._send(f"MAINPID={pid}")
        self._path = ""

    def ready(self) -> None:
        """All listeners accept."""
        self._send("READY=1")

    def reloading(self) -> None:
        """A new configuration is being loaded; `ready` follows in any case."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """No new client is accepted any more."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """The event loop turns."""
        self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._path:
            return
        address = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto(state.encode(), address)
        except OSError:
            pass  # systemd is being restarted, or we were moved into another root: not a reason to stop serving
