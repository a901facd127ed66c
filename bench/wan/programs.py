"""The mail program: Python's poplib, which waits for each answer. Four things that people do with one."""

import poplib
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench.certificates import HOST

_PATIENCE = 120  # seconds for an answer, only for a run never to hang


class Errand(NamedTuple):
    """What a program does: in which mailbox, which messages it fetches, and whether it deletes them."""

    title: str
    user: str
    first: int = 1
    last: int = 0
    deletes: bool = False
    password: str = "secret"


class Line(NamedTuple):
    """Where a program connects. With `ca_file` it speaks TLS itself."""

    port: int
    ca_file: Path | None = None


class Moment(NamedTuple):
    """What happened when: seconds since the program began to connect."""

    what: str
    at: float


def run(line: Line, errand: Errand) -> list[Moment]:
    """Do it; the last moment is the end. Raises poplib.error_proto for anything that is not as it should be."""
    start = time.perf_counter()
    moments: list[Moment] = []

    def done(what: str) -> None:
        moments.append(Moment(what, time.perf_counter() - start))

    mailbox = _connect(line)
    done("greeting")
    for what, act in _steps(mailbox, errand):
        act()
        done(what)
    return moments


def _connect(line: Line) -> poplib.POP3:
    if line.ca_file is None:
        return poplib.POP3("127.0.0.1", line.port, timeout=_PATIENCE)
    context = ssl.create_default_context(cafile=str(line.ca_file))
    return poplib.POP3_SSL(HOST, line.port, timeout=_PATIENCE, context=context)


def _steps(mailbox: poplib.POP3, errand: Errand) -> list[tuple[str, Callable[[], object]]]:
    steps: list[tuple[str, Callable[[], object]]] = [
        ("USER", lambda: mailbox.user(errand.user)),
        ("PASS", lambda: mailbox.pass_(errand.password)),
        ("STAT", mailbox.stat),
        ("LIST", mailbox.list),
        ("UIDL", mailbox.uidl),
    ]
    for number in range(errand.first, errand.last + 1):
        steps.append((f"RETR {number}", lambda number=number: mailbox.retr(number)))  # type: ignore[misc]
        if errand.deletes:
            steps.append((f"DELE {number}", lambda number=number: mailbox.dele(number)))  # type: ignore[misc]
    return [*steps, ("QUIT", mailbox.quit)]
