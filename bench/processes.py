"""What Linux knows about a process and those that descend from it: processor time and memory."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Of the fields of /proc/PID/stat (proc(5)), counted from the third on: the first two are the process id
# and a name that may hold blanks.
_PARENT, _CHILDREN_USER, _CHILDREN_SYSTEM = 1, 13, 14


class Memory(NamedTuple):
    """Resident memory in KiB.

    pss: pages shared with other programs counted by their share. alone: counted whole, as PSS would be if
    nothing else ran; the clients and the server here are Python too, so popover's PSS flatters it.
    """

    pss: int
    alone: int


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):  # noqa: PTH208  hundreds of times per run
        if stat := _stat(pid):
            children.setdefault(int(stat[_PARENT]), []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, ())  # the list grows while it is walked
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Processor time of these processes, all their threads, and their children that have ended.

    Nanoseconds for the processes themselves, hundredths of a second for the ended children: whoever starts
    a process per session must be measured over many sessions.
    """
    return sum(_own_seconds(pid) + _children_seconds(pid) for pid in pids)


def memory(pids: list[int]) -> Memory:
    """Resident memory of these processes together."""
    pss = sum(_kib("Pss", Path(f"/proc/{pid}/smaps_rollup").read_text()) for pid in pids)
    private = 0
    shared: dict[str, int] = {}
    for pid in pids:
        for place, text in _mappings(pid):
            private += _kib("Private_Clean", text) + _kib("Private_Dirty", text)
            mine = _kib("Shared_Clean", text) + _kib("Shared_Dirty", text)
            # A process and its forks have the same pages at the same addresses: one of them counts.
            shared[place] = max(mine, shared.get(place, 0))
    return Memory(pss, private + sum(shared.values()))


def _own_seconds(pid: int) -> float:
    # The clock of another process, as clock_getcpuclockid(3) makes its number: the complement of the process
    # id, and CPUCLOCK_SCHED. /proc/PID/schedstat, as exact, leaves out all threads but the first.
    return time.clock_gettime((~pid << 3) | 2)


def _children_seconds(pid: int) -> float:
    stat = _stat(pid)
    if stat is None:
        raise ProcessLookupError(f"process {pid} is gone")
    return (int(stat[_CHILDREN_USER]) + int(stat[_CHILDREN_SYSTEM])) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")  # a name may hold any octets
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _mappings(pid: int) -> Iterator[tuple[str, str]]:
    """The address range of each mapping, and what /proc/PID/smaps says of it."""
    _, *parts = re.split(r"^([0-9a-f]+-[0-9a-f]+) ", Path(f"/proc/{pid}/smaps").read_text(), flags=re.MULTILINE)
    return zip(parts[::2], parts[1::2], strict=True)


def _kib(key: str, text: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+) kB$", text, re.MULTILINE)
    if not found:
        raise ValueError(f"a memory map without {key}")
    return int(found[1])
