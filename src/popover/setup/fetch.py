"""Gets a document over HTTPS, by the gateway's own way to a server, and verified as a mail server is."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import NamedTuple
from urllib.parse import urlsplit

from popover.config import Server, Target, Trust
from popover.config.places import parse_host
from popover.errors import ConfigError, Failure
from popover.outside.converse import converse
from popover.outside.dial import Dialler
from popover.setup.autoconfig import READ_LIMIT
from popover.setup.web import Answer, get
from popover.talk import Broken

PATIENCE = 10.0
"""Seconds for one document, redirects included. A web server answers within one; the person waits."""

REDIRECTS_LIMIT = 3

_PORT = 443


class Document(NamedTuple):
    """What came, or why nothing did, as the end of a sentence about the place."""

    octets: bytes = b""
    why: str = ""


async def fetch(dialler: Dialler, trust: Trust, host: str, path: str) -> Document:
    """Get https://HOST/PATH, by way of other places if it says so, all of them https and verified. Never raises."""
    try:
        async with asyncio.timeout(PATIENCE):
            for _ in range(REDIRECTS_LIMIT + 1):
                answer = await _ask(dialler, trust, host, path)
                if not answer.location:
                    return Document(answer.body) if answer.status == 200 else Document(why=f"answers {answer.status}")  # noqa: PLR2004
                there = _place(answer.location, host)
                if there is None:
                    return Document(why="leads to a place that is not https, which is not gone to")
                host, path = there
            return Document(why="leads from one place to the next")
    except TimeoutError:
        return Document(why=f"has not answered within {PATIENCE:g} seconds")
    except Failure as failure:
        return Document(why=f"cannot be had: {failure.cause}")
    except Broken as broken:
        return Document(why=broken.what)


async def _ask(dialler: Dialler, trust: Trust, host: str, path: str) -> Answer:
    """One question. Raises Failure, Broken."""
    target = Target(Server("imap", host, _PORT), trust, connect_timeout=PATIENCE)  # of no dialect, but it needs one
    dialler.verifiers.ask_no_more(target)  # by ALPN for a mail dialect
    dialled = await dialler.dial(target)
    with closing(dialled.stream):
        end = dialled.stream.end
        return await converse(get(end, host, path, READ_LIMIT), {end: dialled.stream})


def _place(location: str, host: str) -> tuple[str, str] | None:
    """Host and path of where a redirect leads; None where that is no place to go to."""
    try:
        url = urlsplit(location)
        named = parse_host(url.hostname) if url.hostname else host
        is_right = url.scheme == "https" or (not url.scheme and not url.netloc)
        if not is_right or url.username or (url.port or _PORT) != _PORT:
            return None
    except (ValueError, ConfigError):
        return None
    path = f"{url.path}?{url.query}" if url.query else url.path
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        return None
    return named, path
