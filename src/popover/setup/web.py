"""One answer of a web server (RFC 9112), as much of it as is needed, and no more than is bounded."""

from __future__ import annotations

import re
from typing import NamedTuple

from popover.talk import Broken, End, More, Talk, read_line, take_line

LINE_LIMIT = 8 * 1024
"""Octets of a line of the head: nginx and Apache take as many."""

HEAD_LIMIT = 100
"""Lines of it: as many as http.client takes."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: |\r?\n|\Z)")
_REDIRECTS = {301, 302, 303, 307, 308}


class Answer(NamedTuple):
    """`location`: where else it is, for a redirect; else empty."""

    status: int
    location: str
    body: bytes


def get(end: End, host: str, path: str, limit: int) -> Talk[Answer]:
    """Ask for a path. Raises Broken: no web server speaks there, or it says more than `limit` octets."""
    end.outbox += (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: popover\r\nAccept: text/xml, application/xml\r\n"
        "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    ).encode("ascii")
    status = yield from _status(end)
    head = yield from _head(end)
    if status in _REDIRECTS:
        return Answer(status, head.get("location", ""), b"")
    if status != 200:  # noqa: PLR2004 - OK; what others tell is for people
        return Answer(status, "", b"")
    if head.get("content-encoding", "identity").lower() != "identity":
        raise Broken("sent something packed, which was not asked for")
    if head.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, "", (yield from _chunks(end, limit)))
    return Answer(status, "", (yield from _body(end, head.get("content-length"), limit)))


def _status(end: End) -> Talk[int]:
    """The status, behind any that say to wait (100, 103)."""
    while True:
        line = yield from read_line(end, LINE_LIMIT)
        found = _STATUS.match(line)
        if not found:
            raise Broken("does not answer as a web server does")
        if not found[1].startswith(b"1"):
            return int(found[1])
        yield from _head(end)


def _head(end: End) -> Talk[dict[str, str]]:
    head: dict[str, str] = {}
    for _ in range(HEAD_LIMIT):
        line = (yield from read_line(end, LINE_LIMIT)).decode("latin-1").rstrip("\r\n")
        if not line:
            return head
        name, _, value = line.partition(":")
        head[name.strip().lower()] = value.strip()
    raise Broken(f"sent more than {HEAD_LIMIT} lines before its answer")


def _body(end: End, length: str | None, limit: int) -> Talk[bytes]:
    """What has a length, or goes on to the end of the connection."""
    wanted = int(length[:9]) if length is not None and length.isascii() and length.isdigit() else None
    if wanted is not None and wanted > limit:
        raise _too_much(limit)
    while not end.ended and (wanted is None or len(end.inbox) < wanted):
        if len(end.inbox) > limit:
            raise _too_much(limit)
        yield More(end)
    if wanted is not None and len(end.inbox) < wanted:
        raise Broken("closed the connection in the middle of its answer")
    if len(end.inbox) > limit and wanted is None:
        raise _too_much(limit)
    return bytes(end.inbox[:wanted])


def _chunks(end: End, limit: int) -> Talk[bytes]:
    """RFC 9112 section 7.1; what follows the last chunk is of no interest."""
    body = bytearray()
    while True:
        line = yield from read_line(end, LINE_LIMIT)
        size = line.partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
            raise Broken("does not answer as a web server does")
        length = int(size, 16)
        if not length:
            return bytes(body)
        if len(body) + length > limit:
            raise _too_much(limit)
        while len(end.inbox) < length + 1 or not end.inbox.find(b"\n", length, length + 2) >= 0:
            if end.ended or len(end.inbox) >= length + 2:
                raise Broken("closed the connection in the middle of its answer")
            yield More(end)
        body += end.inbox[:length]
        del end.inbox[:length]
        take_line(end.inbox)


def _too_much(limit: int) -> Broken:
    return Broken(f"sent more than {limit:,} octets")
