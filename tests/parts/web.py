"""A real web server, the standard library's, over TLS: each path of each host is a page of the test's."""

import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self

from parts.certificates import Certificate


class Page(NamedTuple):
    """What is answered."""

    body: bytes = b""
    status: int = 200
    location: str = ""


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request: object, _client: object) -> None:
        """Clients that leave, or that do not trust the certificate, are what is tested."""


class Web:
    """Serves `pages` by "HOST/PATH" from `__init__` to the end of the `with` block. `asked`: all that was asked for, as
    it was said. Without a certificate it speaks plain HTTP.
    """

    def __init__(self, listener: socket.socket, pages: dict[str, Page], certificate: Certificate | None = None) -> None:
        self.pages = pages
        self.asked: list[str] = []
        self._server = _Quiet(("127.0.0.1", 0), self._handler(), bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listener
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.cert_file, certificate.key_file)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                web.asked.append(f"{self.requestline}\n{self.headers}")
                page = web.pages.get(f"{self.headers['Host']}{self.path}", Page(status=404))
                self.send_response(page.status)
                if page.location:
                    self.send_header("Location", page.location)
                self.send_header("Content-Length", str(len(page.body)))
                self.end_headers()
                self.wfile.write(page.body)

            def log_message(self, *_words: object) -> None:
                """Keep still."""

        return Handler

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
