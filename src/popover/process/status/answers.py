"""What is answered to whom: the page, the metrics, ready and live, and HAProxy's agent."""

from __future__ import annotations

import ipaddress

from popover.process.status.metrics import CLASSIC, OPENMETRICS, classic, openmetrics
from popover.process.status.page import page
from popover.process.status.request import Answer, Paper, Request

OURS_ALONE = (".localhost", ".local", ".internal", ".home.arpa")
"""Ends of names that nobody can have in public DNS: RFC 6761 section 6.3, RFC 6762, ICANN's .internal, RFC 8375."""

MISDIRECTED = "by that name nobody is told anything; ask by the address, or by this machine's own name\n"


def answer_to(request: Request, *, is_ready: bool, own_name: str) -> Answer | Paper:
    """Answer at once, or say what has to be written for an answer. `is_ready`: clients are taken. `own_name`: this
    machine's.
    """
    if request.method == "AGENT":
        # "drain" would need a "ready" later, which also takes back what the administrator has said by hand.
        return Answer(200, b"up\n" if is_ready else b"stopped\n")
    if request.method not in ("GET", "HEAD"):
        return Answer(405, b"there is nothing here to do but to look\n")
    if request.path in _TELLING and not _is_known(request.host, own_name.lower()):
        return Answer(421, MISDIRECTED.encode())
    answer: Answer | Paper
    match request.path:
        case "/" | "":
            answer = Paper(page, "text/html")
        case "/metrics" if "application/openmetrics-text" in request.accept:
            answer = Paper(openmetrics, OPENMETRICS)
        case "/metrics":
            answer = Paper(classic, CLASSIC)
        case "/live":
            answer = Answer(200, b"alive\n")
        case "/ready":
            answer = Answer(200, b"ready\n") if is_ready else Answer(503, b"stopping\n")
        case _:
            answer = Answer(404, b"there are only /, /metrics, /ready and /live here\n")
    return answer


_TELLING = frozenset(("/", "", "/metrics"))


def _is_known(host: str, own_name: str) -> bool:
    """Whether we may be asked by this name. A page from anywhere can have its name in DNS point here, and then have the
    browser that shows it read what we say (DNS rebinding); an address or a name without a dot cannot be its own.
    """
    if "." not in host or host == own_name or host.endswith(OURS_ALONE):
        return True
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False
