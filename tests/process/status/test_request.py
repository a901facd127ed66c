"""Requests to the status page, cut anywhere and of every age; and what is answered."""

import email
import email.policy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from popover.process.status.answers import answer_to
from popover.process.status.metrics import CLASSIC, OPENMETRICS, classic, openmetrics
from popover.process.status.page import page
from popover.process.status.request import (
    REQUEST_LIMIT,
    Answer,
    Paper,
    Request,
    WrongRequestError,
    read_request,
    write_answer,
)

MOSAIC = b"GET / HTTP/1.0\nAccept: text/plain\nAccept: text/html\nUser-Agent: NCSA_Mosaic/2.0\n\n"
CURL = (
    b"GET /metrics?x=1 HTTP/1.1\r\nHost: 127.0.0.1:8110\r\n"
    b"Accept: application/openmetrics-text;version=1.0.0,*/*\r\n\r\n"
)

READ = [
    (MOSAIC, Request("GET", "/", "text/plain, text/html")),
    (CURL, Request("GET", "/metrics", "application/openmetrics-text;version=1.0.0,*/*", "127.0.0.1")),
    (b"GET / HTTP/1.1\r\nHOST:Mail.Example.NET.:8110\r\n\r\n", Request("GET", "/", host="mail.example.net")),
    (b"GET / HTTP/1.1\r\nHost: [::1]:8110\r\n\r\n", Request("GET", "/", host="::1")),
    (b"HEAD /ready HTTP/1.1\r\n\r\n", Request("HEAD", "/ready")),
    (b"GET http://127.0.0.1:8110/live HTTP/1.0\r\n\r\n", Request("GET", "/live")),
    (b"GET /\r\n", Request("GET", "/", is_bare=True)),
    (b"GET /\n", Request("GET", "/", is_bare=True)),
    (b"agent\n", Request("AGENT", "", is_bare=True)),
    (b"agent\r\n", Request("AGENT", "", is_bare=True)),
    (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", Request("POST", "/")),
]


@pytest.mark.parametrize(("data", "wanted"), READ)
def test_request_is_read_whatever_its_cuts(data: bytes, wanted: Request) -> None:
    whole = len(data.removesuffix(b"hello"))
    for cut in range(whole):
        assert read_request(data[:cut]) is None
    assert read_request(data[:whole]) == wanted
    assert read_request(bytearray(data + b"more")) == wanted


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\n", 400),
        (b"USER alice\r\n", 400),
        (b"POST /\r\n", 400),
        (b"GET / HTTP/2.0\r\n", 400),
        (b"GET  / HTTP/1.0\r\n", 400),
        (b"\r\n", 400),
        (b"x" * REQUEST_LIMIT, 431),
        (b"GET / HTTP/1.0\r\n" + b"A: b\r\n" * REQUEST_LIMIT, 431),
    ],
)
def test_what_is_no_request_is_told_so(data: bytes, status: int) -> None:
    with pytest.raises(WrongRequestError) as caught:
        read_request(data)
    assert caught.value.status == status


@given(st.binary(max_size=300), st.sampled_from([b"", b"GET ", b"GET / HTTP/1.0\r\n"]))
@example(b"\n", b"GET / HTTP/1.0")
def test_whatever_comes_is_a_request_or_is_refused_or_is_waited_for(data: bytes, start: bytes) -> None:
    try:
        request = read_request(start + data)
    except WrongRequestError as fault:
        request = None
        head = write_answer(None, Answer(fault.status, b"x"))
        assert head.startswith(b"HTTP/1.0 4")
    if request is not None:
        assert b"\n" in start + data


def ask(
    path: str, accept: str = "", method: str = "GET", *, host: str = "127.0.0.1", is_ready: bool = True
) -> Answer | Paper:
    return answer_to(Request(method, path, accept, host), is_ready=is_ready, own_name="Gateway.Example.net")


def test_answers() -> None:
    assert ask("/") == Paper(page, "text/html")
    assert ask("/metrics") == Paper(classic, CLASSIC)
    assert ask("/metrics", "text/plain, application/openmetrics-text; version=1.0.0") == Paper(openmetrics, OPENMETRICS)
    assert ask("/live") == ask("/live", is_ready=False) == Answer(200, b"alive\n")
    assert ask("/ready") == Answer(200, b"ready\n")
    assert ask("/ready", is_ready=False) == Answer(503, b"stopping\n")
    assert ask("", method="AGENT") == Answer(200, b"up\n")
    assert ask("", method="AGENT", is_ready=False) == Answer(200, b"stopped\n")
    for path, method, status in (("/etc/passwd", "GET", 404), ("/", "POST", 405), ("/live", "PUT", 405)):
        answer = ask(path, method=method)
        assert isinstance(answer, Answer)
        assert answer.status == status


@pytest.mark.parametrize("path", ["/", "", "/metrics"])
def test_page_of_somebody_elses_name_learns_nothing(path: str) -> None:
    """DNS rebinding: evil.example points here once its page is in the browser, which then takes us for its server."""
    for host in ("evil.example", "127.0.0.1.evil.example", "gateway.example.net.evil.example", "evil.local.example"):
        answer = ask(path, host=host)
        assert isinstance(answer, Answer)
        assert answer.status == 421
        assert isinstance(ask("/ready", host=host), Answer)
        assert ask("/ready", host=host) == ask("/ready")  # who balances asks by whatever name it has for us
    two = read_request(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
    assert two is not None
    assert isinstance(ask(path, host=two.host), Answer)


@pytest.mark.parametrize(
    "host",
    ["", "localhost", "popover", "192.0.2.1", "::1", "2001:db8::1", "gateway.example.net", "mac.local", "a.home.arpa"],
)
def test_who_asks_by_an_address_or_a_name_of_the_house_is_told(host: str) -> None:
    assert isinstance(ask("/", host=host), Paper)


def test_answer_is_http() -> None:
    written = write_answer(Request("GET", "/"), Answer(200, b"body\n", "text/html"))
    line, _, rest = written.partition(b"\r\n")
    assert line == b"HTTP/1.0 200 OK"
    found = email.message_from_bytes(rest, policy=email.policy.HTTP)
    assert found["Content-Type"] == "text/html"
    assert found["Content-Length"] == "5"
    assert found["Cache-Control"] == "no-store"
    assert found.get_payload() == "body\n"
    assert write_answer(Request("HEAD", "/"), Answer(200, b"body\n")) == written.replace(
        b"html", b"plain"
    ).removesuffix(b"body\n")
    assert write_answer(Request("GET", "/", is_bare=True), Answer(200, b"body\n")) == b"body\n"
    assert b"\r\nAllow: GET, HEAD\r\n" in write_answer(Request("POST", "/"), Answer(405, b""))
