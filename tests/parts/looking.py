"""The status page of a popover, asked for as a browser, Prometheus or a balancer does."""

import contextlib
import http.client
import re
from typing import NamedTuple

from fakes.wire import PATIENCE
from parts.net import Address, wait_until
from parts.popover import Popover


class Seen(NamedTuple):
    """An answer: its status, its media type and its body."""

    status: int
    media: str
    body: str


def status_address(popover: Popover) -> Address:
    """Where it says that its page is, which it does behind the last of its doors."""
    wait_until(lambda: _addresses(popover), "the status page's address")
    return _addresses(popover)[-1]


def _addresses(popover: Popover) -> list[Address]:
    found = [re.search(r"http://([\d.]+):(\d+)/ ", line) for line in popover.out_lines()]
    return [(match[1], int(match[2])) for match in found if match]


def look(popover: Popover, path: str = "/", accept: str = "*/*") -> Seen:
    """Ask for a page."""
    return look_at(status_address(popover), path, accept)


def look_at(address: Address, path: str = "/", accept: str = "*/*") -> Seen:
    """Ask for a page there."""
    with contextlib.closing(http.client.HTTPConnection(*address, timeout=PATIENCE)) as connection:
        connection.request("GET", path, headers={"Accept": accept})
        answer = connection.getresponse()
        return Seen(answer.status, answer.headers["Content-Type"], answer.read().decode())


def numbers(popover: Popover) -> dict[str, float]:
    """The metrics, by their names; those of a service by its own, and the one service there is."""
    lines = look(popover, "/metrics", "application/openmetrics-text").body.splitlines()
    found = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name.removeprefix("popover_").partition("{")[0]: float(value) for name, _, value in found}
