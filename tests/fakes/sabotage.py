"""Faults of the machine, put into popover's process from outside: as Python's `sitecustomize`, and as limits.

env = sabotage(directory, REFUSED_ACCEPTS.format(...))
stage.gateway(server, env=env)
"""

import itertools
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The first ten times that somebody wants to be accepted after the file `go` appears, the kernel has none of it.
REFUSED_ACCEPTS = """
import errno, itertools, os, socket

tries = itertools.count()
accept = socket.socket._accept

def unwilling(self):
    if os.path.exists({go!r}) and next(tries) < 10:
        raise OSError({number}, os.strerror({number}))
    return accept(self)

socket.socket._accept = unwilling
"""

# While the file `go` is there, the kernel has no socket for a new connection to a server.
REFUSED_SOCKETS = """
import errno, os, socket

class Unwilling(socket.socket):
    def __init__(self, *args, **named):
        if os.path.exists({go!r}) and named.get("fileno") is None:
            raise OSError({number}, os.strerror({number}))
        super().__init__(*args, **named)

socket.socket = Unwilling
"""

# The kernel keeps little of what the peer has not read: megabytes of that are not the program's doing, and in a full
# buffer Linux drops segments, acknowledgements and all, so that for minutes it may take nothing at all.
SMALL_BUFFERS = """
import socket

class Small(socket.socket):
    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        if self.family in (socket.AF_INET, socket.AF_INET6):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

socket.socket = Small
"""

# A bug in the middle of a session: a greeting that holds the word "bug" is too much for it.
BUGGY_GREETING = """
import popover.protocols.imap as dialect

open_up = dialect.open_up

def buggy(server):
    canary_in_a_local = "hunter2"
    greeting = yield from open_up(server)
    if b"bug" in greeting.words:
        raise {kind}(canary_in_a_local)
    return greeting

dialect.open_up = buggy
"""


def sabotage(directory: Path, program: str) -> dict[str, str]:
    """An environment in which every Python runs this program before its own."""
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(program)
    inherited = os.environ.get("PYTHONPATH")  # a checkout that is not installed is found by it
    return {"PYTHONPATH": os.pathsep.join([str(directory), *([inherited] if inherited else [])])}


@contextmanager
def descriptors(pid: int, spare: int) -> Iterator[None]:
    """Leave this process so many descriptors more than it has now, for the time of the block.

    The limit is one of numbers, not of descriptors: below it there may be numbers that are free.
    """
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
    free = (number for number in itertools.count() if number not in used)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (next(itertools.islice(free, spare, None)), before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
