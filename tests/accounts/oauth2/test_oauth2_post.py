"""One form to a provider: verified, bounded in time and in octets, led nowhere else."""

import contextlib
import pickle
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.tls import server_context
from parts.certificates import Authority
from parts.net import free_port
from popover.accounts.oauth2 import post, reach
from popover.accounts.oauth2.answers import Answer as Reply
from popover.accounts.oauth2.forms import Form
from popover.accounts.oauth2.post import BODY_LIMIT, Post
from popover.config import Account, OAuth2, Server, Target
from popover.errors import ProviderFailure

Answer = Callable[[socket.socket, bytes], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextlib.contextmanager
def serving(authority: Authority, answer: Answer, name: str = "localhost") -> Iterator[tuple[str, list[bytes]]]:
    """A server for one question after the other; its address, and what it was asked."""
    context = server_context(authority.issue(name))
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as client:
                    asked.append(heard(client))
                    answer(client, asked[-1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"https://localhost:{listener.getsockname()[1]}/token?tenant=1", asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def heard(client: socket.socket) -> bytes:
    """A whole question."""
    octets = b""
    while True:
        if not (more := client.recv(65536)):
            raise ConnectionResetError
        octets += more
        head, _, body = octets.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        if head != octets and len(body) >= (int(length[1]) if length else 0):
            return octets


def say(octets: bytes) -> Answer:
    return lambda client, _: client.sendall(octets)


def send(url: str, ca_file: Path, **fields: str) -> Reply:
    return Post().send(Form(url, tuple(fields.items()), "Basic canary"), ca_file)


def test_a_form_is_posted_and_its_answer_is_read(authority: Authority) -> None:
    body = HEAD + b"Retry-After: 7\r\nContent-Length: 2\r\n\r\n{}"
    with serving(authority, say(body)) as (url, asked):
        found = send(url, authority.ca_file, a="b c", d="ü")
    assert (found.status, found.body, found.after) == (200, b"{}", 7)
    head, _, form = asked[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /token?tenant=1 HTTP/1.1\r\n")
    assert b"Authorization: Basic canary" in head
    assert form == b"a=b+c&d=%C3%BC"


@pytest.mark.parametrize(
    "body", [b"\r\n{}", b"Content-Length: 2\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"]
)
def test_a_provider_may_leave_without_a_goodbye_of_tls(authority: Authority, body: bytes) -> None:
    """As many web servers do; with Debian 12's Python it was no TLS where the answer does not say how long it is."""
    with serving(authority, say(HEAD + body)) as (url, _):
        assert send(url, authority.ca_file).body == b"{}"


@pytest.mark.parametrize("after", ["", "soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 9])
def test_what_is_no_number_of_seconds_is_no_pause(authority: Authority, after: str) -> None:
    with serving(authority, say(HEAD + f"Retry-After: {after}\r\nContent-Length: 0\r\n\r\n".encode())) as (url, _):
        assert send(url, authority.ca_file).after is None


def test_a_redirect_is_an_answer_and_not_followed(authority: Authority) -> None:
    """It would lead what is secret to somebody else."""
    with serving(authority, say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as (elsewhere, asked):
        body = f"HTTP/1.1 307 Over There\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n".encode()
        with serving(authority, say(body)) as (url, _):
            assert send(url, authority.ca_file, secret="canary").status == 307
        assert not asked


def test_no_proxy_is_asked(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(authority, say(HEAD + b"Content-Length: 2\r\n\r\n{}")) as (url, _):
        assert send(url, authority.ca_file).status == 200


@pytest.mark.parametrize("name", ["elsewhere.example"])
def test_a_certificate_for_somebody_else_gets_no_form(authority: Authority, name: str) -> None:
    with serving(authority, say(b""), name) as (url, asked):
        with pytest.raises(ProviderFailure, match="cannot be trusted"):
            send(url, authority.ca_file, secret="canary")
        assert not asked


def test_a_store_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    for path in (tmp_path / "ca.pem", tmp_path / "missing"):
        with pytest.raises(ProviderFailure) as caught:
            send("https://localhost:1/", path)
        assert str(path) in caught.value.remedy


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000,
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
        b"\x00" * 1000,
    ],
)
def test_whatever_answers_in_its_place_is_a_failure_that_passes(authority: Authority, octets: bytes) -> None:
    with serving(authority, say(octets)) as (url, _), pytest.raises(ProviderFailure) as caught:
        send(url, authority.ca_file)
    assert caught.value.cause
    assert "error" not in caught.value.cause


@pytest.mark.parametrize("length", [True, False])
def test_an_answer_without_end_is_not_read(authority: Authority, *, length: bool) -> None:
    def answer(client: socket.socket, _: bytes) -> None:
        client.sendall(HEAD + (b"Content-Length: 9999999999\r\n\r\n" if length else b"\r\n"))
        while True:
            client.sendall(b"x" * 65536)

    with serving(authority, answer) as (url, _), pytest.raises(ProviderFailure, match="more than a token"):
        send(url, authority.ca_file)


def test_an_answer_of_the_largest_size_is_read(authority: Authority) -> None:
    body = HEAD + f"Content-Length: {BODY_LIMIT}\r\n\r\n".encode() + b"x" * BODY_LIMIT
    with serving(authority, say(body)) as (url, _):
        assert len(send(url, authority.ca_file).body) == BODY_LIMIT


@pytest.mark.parametrize("where", ["head", "body", "silence"])
def test_an_answer_that_drips_ends_in_time(authority: Authority, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Each octet would begin a socket's own time-out anew."""
    monkeypatch.setattr(post, "DEADLINE", 0.5)
    gone = threading.Event()

    def answer(client: socket.socket, _: bytes) -> None:
        client.sendall(HEAD + (b"" if where == "head" else b"\r\n"))
        try:
            while not gone.is_set():
                time.sleep(0.05)
                if where != "silence":
                    client.sendall(b"x")
        finally:
            gone.set()

    with serving(authority, answer) as (url, _):
        with pytest.raises(ProviderFailure, match="in time"):
            send(url, authority.ca_file)
        gone.set()


def test_a_name_that_there_is_not_is_told_as_that(authority: Authority) -> None:
    with pytest.raises(ProviderFailure, match="gives no address"):
        send("https://nowhere.invalid/token", authority.ca_file)


@contextlib.contextmanager
def mute(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that comes to no TLS; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                client, _ = listener.accept()
                with client:
                    answer(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"https://localhost:{listener.getsockname()[1]}/token"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_handshake_that_drips_ends_in_time(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "DEADLINE", 0.5)
    came: list[int] = []

    def drip(client: socket.socket) -> None:
        client.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB
        while len(came) < 200:
            client.sendall(b"\x02")
            came.append(1)
            time.sleep(0.05)

    with mute(drip) as url, pytest.raises(ProviderFailure, match="in time"):
        send(url, authority.ca_file)
    assert len(came) < 200


def test_nothing_is_asked_once_its_time_is_over(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting may take all of it: a refresh token that is sent then is spent, and nobody waits for the next."""
    monkeypatch.setattr(post, "DEADLINE", 0.1)

    def late(host: str, port: int, fuse: reach.Fuse) -> socket.socket:
        sock = reach.reached(host, port, fuse)
        time.sleep(0.3)
        return sock

    with serving(authority, say(HEAD + b"Content-Length: 2\r\n\r\n{}")) as (url, asked):
        monkeypatch.setattr(post, "reached", late)
        with pytest.raises(ProviderFailure, match="in time"):
            send(url, authority.ca_file, secret="canary")
        assert not asked


def test_an_address_that_takes_no_connection_leaves_the_next_one_its_turn(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def several(*words: Any, **more: Any) -> list[Any]:
        found = look_up(*words, **more)
        return [(*found[0][:4], ("127.0.0.1", free_port())), *found]

    monkeypatch.setattr(socket, "getaddrinfo", several)
    with serving(authority, say(HEAD + b"Content-Length: 2\r\n\r\n{}")) as (url, asked):
        assert send(url, authority.ca_file).status == 200
        assert len(asked) == 1


def test_a_dead_name_server_is_waited_for_to_the_deadline_and_not_once_it_is_stopped(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, over = threading.Event(), threading.Event()

    def hang(*_words: Any, **_more: Any) -> list[Any]:
        looked.set()
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "canary")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    assert "in time" in str(stopped(Post(), Form("https://id.example/token", ()), authority.ca_file, looked, 600)[0])
    monkeypatch.setattr(post, "DEADLINE", 0.1)
    with pytest.raises(ProviderFailure, match="in time"):
        send("https://id.example/token", authority.ca_file)
    assert not over.is_set()  # both came back before it did
    over.set()


HELD = """
    import asyncio, pickle, socket, sys, threading
    from pathlib import Path
    from popover.accounts.oauth2.tokens import Tokens
    from popover.log import Log

    asked = threading.Event()

    def hang(*words, **more):
        asked.set()
        threading.Event().wait()

    socket.getaddrinfo = hang

    async def main():
        mine = Tokens(Path(sys.argv[1]), lambda source: b"", Log(lambda line, priority: None))
        login = asyncio.create_task(mine.access_token(pickle.loads(sys.stdin.buffer.read())))
        await asyncio.to_thread(asked.wait)
        await mine.close()
        await asyncio.wait([login])
        print(type(login.exception()).__name__)

    asyncio.run(main())
"""


def test_a_dead_name_server_does_not_hold_the_end_of_the_process(tmp_path: Path) -> None:
    """getaddrinfo cannot be cut, and Python waits at its end for each thread of a pool."""
    oauth2 = OAuth2("id", token_url="https://id.example/token", grant="client_credentials", scopes=("mail",))
    account = Account("a", ("a",), None, (Target(Server("pop3", "localhost", 995)),), "a", oauth2=oauth2)
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HELD), tmp_path / "tokens"],
        input=pickle.dumps(account),
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"ProviderFailure\n", b"")


def stopped(mine: Post, form: Form, ca_file: Path, until: threading.Event, patience: float) -> list[object]:
    """What became of a question that was under way when it was stopped."""
    found: list[object] = []

    def ask() -> None:
        try:
            found.append(mine.send(form, ca_file).status)
        except ProviderFailure as fault:
            found.append(fault.cause)

    thread = threading.Thread(target=ask)
    thread.start()
    assert until.wait(20)
    mine.stop(patience)
    thread.join()
    return found


def test_who_is_stopped_takes_the_answer_that_is_on_its_way_and_asks_nobody_again(authority: Authority) -> None:
    heard_it, mine = threading.Event(), Post()

    def answer(client: socket.socket, _: bytes) -> None:
        heard_it.set()
        while not mine.is_stopped:
            time.sleep(0.01)
        client.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")

    with serving(authority, answer) as (url, asked):
        form = Form(url, ())
        assert stopped(mine, form, authority.ca_file, heard_it, 20) == [200]
        with pytest.raises(ProviderFailure, match="being stopped"):
            mine.send(form, authority.ca_file)
        assert len(asked) == 1


def test_who_is_stopped_waits_for_no_provider_that_hangs(authority: Authority) -> None:
    heard_it, over = threading.Event(), threading.Event()

    def hang(_client: socket.socket, _: bytes) -> None:
        heard_it.set()
        over.wait(15)

    began = time.monotonic()
    with serving(authority, hang) as (url, _):
        assert stopped(Post(), Form(url, ()), authority.ca_file, heard_it, 0.1) == ["localhost does not answer in time"]
        over.set()
    assert time.monotonic() - began < post.DEADLINE / 2


def test_who_is_stopped_before_anything_was_asked_asks_nothing(authority: Authority) -> None:
    connected, over = threading.Event(), threading.Event()

    def hang(_client: socket.socket) -> None:
        connected.set()
        over.wait(15)

    began = time.monotonic()
    with mute(hang) as url:
        assert "in time" in str(stopped(Post(), Form(url, ()), authority.ca_file, connected, 600)[0])
        over.set()
    assert time.monotonic() - began < post.DEADLINE / 2  # cut in the handshake
