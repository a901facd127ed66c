"""The little of HTTP that a status page takes: a request is read, an answer written, and the connection is over.

HTTP/1.0 (RFC 1945), which everything speaks that speaks any, and HTTP/0.9, in which the first line is all: so `GET /`
works by telnet. And one word that is no HTTP: HAProxy's agent check says `agent` and hears `up` or `stopped`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from popover.process.status.figures import Picture

REQUEST_LIMIT = 8 * 1024
"""Octets of a request with all its headers. nginx and Apache take lines of 8 KiB; the browsers this is for send 300."""

AGENT_WORD = b"agent"

REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    421: "Misdirected Request",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. `method` is "AGENT" for HAProxy's agent; `is_bare`: the answer has no headers (HTTP/0.9).

    `host`: the name or address by which we were asked, without a port, in lower case; empty where nobody told.
    """

    method: str
    path: str
    accept: str = ""
    host: str = ""
    is_bare: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: an HTTP status, and a body of this media type."""

    status: int
    body: bytes
    media: str = "text/plain"


Write = Callable[[Picture], Iterator[str]]
"""Writes a page about a picture, line by line."""


@dataclass(frozen=True, slots=True)
class Paper:
    """What has to be written before it can be answered, and its media type."""

    write: Write
    media: str


class WrongRequestError(Exception):
    """What came is no request that we could answer; `status`: what HTTP calls it."""

    def __init__(self, status: int) -> None:
        super().__init__(REASONS[status])
        self.status = status


def read_request(data: bytes | bytearray) -> Request | None:
    """Read a request off what has come; None: there is more to come. Raises WrongRequestError."""
    first, mark, rest = bytes(data[:REQUEST_LIMIT]).partition(b"\n")
    if not mark:
        _see_size(data)
        return None
    first = first.rstrip(b"\r")
    if first == AGENT_WORD:
        return Request("AGENT", "", is_bare=True)
    words = first.decode("latin-1").split(" ")
    if len(words) == 2 and words[0] == "GET":  # noqa: PLR2004 - a simple request, RFC 1945 section 5
        return Request("GET", _path(words[1]), is_bare=True)
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - RFC 1945 section 5.1
        raise WrongRequestError(400)
    headers = b"\n" + rest
    end = min((at for at in (headers.find(b"\n\r\n"), headers.find(b"\n\n")) if at >= 0), default=-1)
    if end < 0:
        _see_size(data)
        return None
    headers = headers[:end]
    host = ", ".join(_values(headers, b"host"))  # two of them are no name that we know
    return Request(words[0], _path(words[1]), ", ".join(_values(headers, b"accept")), _name(host))


def _see_size(data: bytes | bytearray) -> None:
    """See whether more may come."""
    if len(data) >= REQUEST_LIMIT:
        raise WrongRequestError(431)


def _path(target: str) -> str:
    """Take the path out of a target; who takes us for his proxy sends a whole URL (RFC 1945 section 5.1.2)."""
    if "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target.partition("?")[0]


def _values(headers: bytes, wanted: bytes) -> list[str]:
    """Give what each header of this name says."""
    pairs = (line.partition(b":") for line in headers.split(b"\n"))
    return [value.strip().decode("latin-1") for name, _, value in pairs if name.strip().lower() == wanted]


def _name(host: str) -> str:
    """Take the port off `name:port` or `[IPv6]:port`, and a last dot."""
    name = host.lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].removesuffix(".")


def write_answer(request: Request | None, answer: Answer) -> bytes:
    """Write an answer. `request`: what it answers; None: nothing that could be read."""
    if request is not None and request.is_bare:
        return answer.body
    lines = [
        f"HTTP/1.0 {answer.status} {REASONS[answer.status]}",
        f"Content-Type: {answer.media}",
        f"Content-Length: {len(answer.body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: default-src 'none'",
        "Connection: close",
    ]
    if answer.status == 405:  # noqa: PLR2004 - what is allowed then, RFC 1945 section 10.1
        lines.insert(1, "Allow: GET, HEAD")
    head = "\r\n".join([*lines, "", ""]).encode("ascii")
    return head if request is not None and request.method == "HEAD" else head + answer.body
