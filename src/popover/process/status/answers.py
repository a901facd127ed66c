"""What is answered to whom: the page, the metrics, ready and live, and HAProxy's agent."""

from __future__ import annotations

from popover.process.status.metrics import CLASSIC, OPENMETRICS, classic, openmetrics
from popover.process.status.page import page
from popover.process.status.request import Answer, Paper, Request


def answer_to(request: Request, *, is_ready: bool) -> Answer | Paper:
    """Answer at once, or say what has to be written for an answer. `is_ready`: clients are taken."""
    if request.method == "AGENT":
        # "drain" would need a "ready" later, which also takes back what the administrator has said by hand.
        return Answer(200, b"up\n" if is_ready else b"stopped\n")
    if request.method not in ("GET", "HEAD"):
        return Answer(405, b"there is nothing here to do but to look\n")
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
