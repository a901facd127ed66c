"""Outlook.com, for whom our own provider and our own Dovecot stand in: under its names, in a network of its own.

with Outlook(directory, authority) as outlook:
    subprocess.run([*outlook.prefix, "popover", "account", "login", "aunt"], env=outlook.env | ...)

Its addresses and forms are Microsoft's; behind them is what parts/provider.py runs, and what is said there in other
words (scopes, addresses) is said in Microsoft's. The mail servers take tokens only.
"""

import json
import socket
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fakes.server import FakeServer
from fakes.tap import Tap
from fakes.tls import server_context
from fakes.wire import Wire
from fakes.world import World
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.dovecot_config import Introspection
from parts.net import Address
from parts.places import short_directory
from parts.postfix import Postfix
from parts.provider import Provider

SIGN_IN, MAIL, SENDING = "login.microsoftonline.com", "outlook.office365.com", "smtp-mail.outlook.com"
PAGE = "https://microsoft.com/devicelogin"
USER = "aunt"  # of the provider's and of Dovecot's
CLIENT_ID = "01234567-89ab-cdef-0123-456789abcdef"

_ADDRESSES = {SIGN_IN: "192.0.2.20", MAIL: "192.0.2.21", SENDING: "192.0.2.22"}


class Outlook:
    """From `__enter__` to `__exit__`. `env`, `prefix`: what a command needs to be in its network. `provider`: one that
    runs; else it has one of its own.
    """

    def __init__(self, directory: Path, authority: Authority, provider: Provider | None = None) -> None:
        self._directory, self._authority = directory, authority
        self._stack = ExitStack()
        self._has_own = provider is None
        self.provider = provider or Provider(directory / "provider", authority)
        self.env = {"SSL_CERT_FILE": str(authority.ca_file)}

    @property
    def prefix(self) -> tuple[str, ...]:
        """What to put before a command."""
        return self.world.prefix

    def enter_code(self, code: str) -> None:
        """What the aunt does in her browser."""
        self.provider.enter_code(code, USER)

    def connect(self, address: Address) -> Wire:
        """A mail program's connection to a popover that runs there."""
        return self.world.connect(address)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self._has_own:
                (self._directory / "provider").mkdir(parents=True)
                stack.enter_context(self.provider)
            tokens = Introspection(self.provider.introspection_url, self.provider.ca_file)
            certificate = self._authority.issue(MAIL)
            place = stack.enter_context(short_directory("outlook"))
            self.dovecot = stack.enter_context(Dovecot(place, self._authority, certificate, tokens=tokens))
            self.dovecot.add_user(USER, "")
            place = stack.enter_context(short_directory("outlook"))
            certificate = self._authority.issue(SENDING)
            postfix = stack.enter_context(Postfix(place, self._authority, self.dovecot, certificate))
            hosts = "\n".join(f"{address} {name}" for name, address in _ADDRESSES.items())
            self.world = stack.enter_context(World(self._directory / "world", hosts))
            self.world.blackhole(*(f"{address}/24" for address in _ADDRESSES.values()))
            for name, port, behind in (
                (MAIL, 995, self.dovecot.pop3s_port),
                (MAIL, 993, self.dovecot.imaps_port),
                (SENDING, 587, postfix.submission_port),
            ):
                listener = self.world.listen(_ADDRESSES[name], port)
                stack.enter_context(FakeServer(Tap(behind), listener=listener))
            context = server_context(self._authority.issue(SIGN_IN))
            stack.enter_context(_Pages(self.world.listen(_ADDRESSES[SIGN_IN], 443), context, self.provider))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


class _Pages(ThreadingHTTPServer):
    """Microsoft's addresses, by TLS; what is asked there is asked of the provider."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, context: ssl.SSLContext, provider: Provider) -> None:
        super().__init__(("", 0), _handler(provider), bind_and_activate=False)
        self.socket.close()
        self.socket = context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def handle_error(self, _request: object, _client_address: object) -> None:
        """Clients may leave."""

    def server_close(self) -> None:
        """Serve no more."""
        self.shutdown()
        super().server_close()
        self._thread.join()


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    base = "/consumers/oauth2/v2.0"
    addresses = {f"{base}/devicecode": provider.device_url, f"{base}/token": provider.token_url}
    tls = ssl.create_default_context(cafile=str(provider.ca_file))
    asked: list[str] = []  # the scopes that a code was wanted for

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fields = dict(urllib.parse.parse_qsl(body.decode()))
            if "scope" in fields:
                asked[:] = [fields["scope"]]
                fields["scope"] = "mail"
            status, answer = _asked(addresses[self.path], fields, tls)
            if "scope" in answer:
                answer["scope"] = asked[0].replace(" offline_access", "")  # Microsoft does not name it there
            if "user_code" in answer:
                answer |= {"verification_uri": PAGE, "expires_in": 900}
                answer.pop("verification_uri_complete", None)  # Microsoft has none
            octets = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_words: object) -> None:
            """Keep still."""

    return Handler


def _asked(address: str, fields: dict[str, str], tls: ssl.SSLContext) -> tuple[int, dict[str, Any]]:
    """Ask the provider: its status, and what it says."""
    request = urllib.request.Request(address, urllib.parse.urlencode(fields).encode())
    try:
        with urllib.request.urlopen(request, context=tls) as answer:
            found: dict[str, Any] = json.load(answer)
            return answer.status, found
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)
