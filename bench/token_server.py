"""The mail server outside that takes OAuth2 tokens, and the provider that gives them: what a login needs of each."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.certificates import HOST
from bench.server import Server

# As long as Microsoft's, 1,500 to 3,000 octets.
TOKEN = "t" * 2000

# A token is said in a line of base64 that begins with `user=` (XOAUTH2); the server knows lines by five letters.
_USER = b"DXNLC"


class TokenServer(Server):
    """AUTH XOAUTH2 in two steps; any token will do. So many mails of this size, which all are the same."""

    def __init__(self, certificate: Path, mail_bytes: int, mails: int) -> None:
        super().__init__(certificate, mail_bytes)
        size, numbers = len(self._mail), range(1, mails + 1)
        self._answers |= {
            b"AUTH ": b"+ \r\n",
            _USER: b"+OK Logged in.\r\n",
            b"CAPA": b"+OK\r\nCAPA\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nSASL XOAUTH2\r\n.\r\n",
            b"STAT": b"+OK %d %d\r\n" % (mails, mails * size),
            b"LIST": b"+OK\r\n" + b"".join(b"%d %d\r\n" % (number, size) for number in numbers) + b".\r\n",
            b"UIDL": b"+OK\r\n" + b"".join(b"%d %08x\r\n" % (number, number) for number in numbers) + b".\r\n",
        }


class _Provider(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Whoever asks gets a token for an hour (RFC 6749 section 5.1)."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        words = json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Nobody reads it."""


@contextmanager
def provider(certificate: Path) -> Iterator[str]:
    """A provider, to the end of the block; gives the address at which it is asked for tokens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Provider) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://{HOST}:{server.server_address[1]}/token"
        server.shutdown()
