"""Where and when the figures were taken, and how busy the machine was with other things."""

import os
import platform
import ssl
from datetime import UTC, datetime
from pathlib import Path

from bench.peers import Peer


def describe(peers: list[Peer]) -> list[str]:
    """One line each for the machine and for the version of each program."""
    processor = f"{len(os.sched_getaffinity(0))} cores, {_processor()}, {_memory_gb():.0f} GB of memory"
    bench = f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION} (clients and mail server)"
    versions = [f"{peer.name}: {peer.version()}" for peer in peers]
    return [f"Date: {today()}", f"Machine: {processor}", f"Kernel: {platform.release()}", bench, *versions]


def today() -> str:
    """The day that a table of this run is of."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


class Bystanders:
    """Who else used the processors, from its making on."""

    def __init__(self) -> None:
        self._busy, self._idle = _machine_seconds()
        self._own = _own_seconds()

    def share(self) -> float:
        """The share of the machine's processor time, 0 to 1, that neither this process nor its ended children took.

        Ask when all peers have ended.
        """
        busy, idle = _machine_seconds()
        busy, idle = busy - self._busy, idle - self._idle
        return max(0.0, busy - (_own_seconds() - self._own)) / max(1e-9, busy + idle)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _machine_seconds() -> tuple[float, float]:
    """Busy and idle seconds of all processors since the start of the machine; proc(5), /proc/stat."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, idle, iowait, irq, softirq, steal = (
        int(text) / os.sysconf("SC_CLK_TCK") for text in fields[:8]
    )
    return user + nice + system + irq + softirq + steal, idle + iowait


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
