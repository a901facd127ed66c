"""What is asked on a connection that stands ready for nobody yet."""

from __future__ import annotations

from popover.errors import ServerFailure
from popover.protocols.greeting import GREETING_LIMIT
from popover.protocols.imap.capability import listed_in
from popover.talk import Broken, End, Talk, read_line

_TAG = b"popover"
_LINES = 8  # untagged lines before the answer is given up; servers say one


def ask_capabilities(server: End) -> Talk[bytes]:
    """Ask CAPABILITY; give the untagged line with the answer, behind those that are about something else and that a
    client has yet to get. Raises ServerFailure where none comes.
    """
    server.outbox += _TAG + b" CAPABILITY\r\n"
    others = told = b""
    for _ in range(_LINES):
        try:
            line = yield from read_line(server, GREETING_LIMIT)
        except Broken:
            break
        if line.startswith(_TAG + b" "):
            if told and line[len(_TAG) + 1 :][:2].upper() == b"OK":
                return others + told
            break
        if line[:5].upper() == b"* BYE":
            break
        if line[:2] == b"* " and listed_in(line):
            told = line
        else:
            others += line
    raise ServerFailure(f"{server.name} does not answer CAPABILITY")
