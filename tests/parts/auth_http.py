"""A back end as nginx's mail proxy asks it, with Python's own HTTP server."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self
from urllib.parse import unquote_to_bytes

from fakes.tls import server_context
from parts.certificates import Certificate
from parts.net import LOOPBACK, free_port


class AuthHTTP:
    """Knows users and their servers; runs from `__enter__` to `__exit__`, and may be stopped and started meanwhile.

    `asked`: the headers of each request; `connections`: how many there were. `go_on`: unset, it is silent. `more`:
    headers that it also says. With a certificate it speaks HTTPS.
    """

    password = "wonderland"

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.port = free_port()
        self._certificate = certificate
        self.asked: list[dict[str, str]] = []
        self.go_on = Event()
        self.go_on.set()
        self.more: dict[str, str] = {}
        self.status = 200
        self.connections = 0
        self.answers: dict[str, dict[str, str]] = {}
        self.places: dict[str, tuple[str, ...]] = {}  # URLs, of which the one of Auth-Protocol is the answer
        self._server: ThreadingHTTPServer | None = None
        self._open: list[BaseHTTPRequestHandler] = []
        self._lock = Lock()

    @property
    def url(self) -> str:
        """Where it is asked."""
        if self._certificate is not None:
            return f"https://localhost:{self.port}/auth?from=popover"
        return f"http://{LOOPBACK}:{self.port}/auth?from=popover"

    def add(self, name: str, server: str, port: int | None = None, login: str | None = None) -> None:
        """Let this user be at a server."""
        said = {"Auth-Server": server, "Auth-Port": port, "Auth-User": login}
        self.answers[name] = {header: str(value) for header, value in said.items() if value}

    def forget(self, name: str) -> None:
        """Nobody of this name any more."""
        del self.answers[name]

    def answer(self, headers: dict[str, str]) -> dict[str, str]:
        """What is said to a request."""
        user = unquote_to_bytes(headers["Auth-User"]).decode(errors="replace")
        right = unquote_to_bytes(headers["Auth-Pass"]).decode() == self.password
        if user not in self.answers or not right:
            return {"Auth-Status": "Invalid login or password", "Auth-Wait": "3"} | self.more
        own = [one for one in self.places.get(user, ()) if one.startswith(headers["Auth-Protocol"])]
        return {"Auth-Status": "OK"} | self.answers[user] | ({"Auth-Server": own[0]} if own else {}) | self.more

    def start(self) -> None:
        """Listen."""
        back_end = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                back_end.connections += 1
                back_end._open.append(self)

            def do_GET(self) -> None:
                headers = dict(self.headers.items()) | {"path": self.path}
                with back_end._lock:
                    back_end.asked.append(headers)
                back_end.go_on.wait(30)
                self.send_response(back_end.status)
                for name, value in back_end.answer(headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client that has left is no fault."""

        self._server = Server((LOOPBACK, self.port), Handler)
        if self._certificate is not None:
            context = server_context(self._certificate)
            self._server.socket = context.wrap_socket(self._server.socket, True, do_handshake_on_connect=False)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Listen no more, and cut all that is open."""
        if self._server is None:
            return
        self.go_on.set()
        self._server.shutdown()
        self._thread.join()
        for handler in self._open:
            handler.close_connection = True
            try:
                handler.connection.shutdown(2)
            except OSError:
                pass  # it has ended before
        self._server.server_close()
        self._open.clear()
        self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
