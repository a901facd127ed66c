"""The process of parts/provider.py: django-oauth-toolkit behind the standard library's server, by TLS.

    .parts/provider/bin/python django_provider.py PORT DIRECTORY CERT KEY

`DIRECTORY/mood.json` says how it is at the moment, and is read anew at each request: how long tokens live, and what
goes wrong at the address for tokens. `DIRECTORY/asked.jsonl` gets a line for each question there, `secrets.txt` one for
each token and code.
"""

import io
import json
import secrets
import socketserver
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from django.conf import settings

PORT, DIRECTORY = int(sys.argv[1]), Path(sys.argv[2])
BASE = f"https://localhost:{PORT}"
USERS = 400
SECRETS = ("access_token", "refresh_token", "device_code", "code", "code_verifier")

settings.configure(
    SECRET_KEY="test",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    LOGIN_URL="/login/",
    LOGIN_REDIRECT_URL="/",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(DIRECTORY / "provider.sqlite"),
            "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
        }
    },
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "DIRS": [str(DIRECTORY)],
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                ]
            },
        }
    ],
    OAUTH2_PROVIDER={
        "SCOPES": {"mail": "mail", "introspection": "introspection"},
        "DEFAULT_SCOPES": ["mail"],
        "ACCESS_TOKEN_GENERATOR": f"{__name__}.new_token",
        "ROTATE_REFRESH_TOKEN": True,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        "OAUTH_DEVICE_VERIFICATION_URI": f"{BASE}/o/device/",
        "PKCE_REQUIRED": True,
        "ALWAYS_RELOAD_OAUTHLIB_CORE": True,  # else the life of the first token is that of all
        "OIDC_ISS_ENDPOINT": f"{BASE}/o",
        "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
        "DEVICE_FLOW_INTERVAL": 1,
    },
)
sys.modules[Path(__file__).stem] = sys.modules[__name__]
django.setup()

from django.contrib.auth.hashers import make_password  # noqa: E402 - what django.setup has made
from django.contrib.auth.models import User  # noqa: E402 - what django.setup has made
from django.contrib.auth.views import LoginView  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider.models import get_application_model  # noqa: E402
from oauth2_provider.settings import oauth2_settings  # noqa: E402
from oauth2_provider.urls import metadata_urlpatterns  # noqa: E402

_LOGIN = "<form method=post>{% csrf_token %}<input name=username><input name=password type=password></form>"
_asked = threading.Lock()


def mood() -> dict[str, Any]:
    """How it is at the moment; see parts/provider.py."""
    found: dict[str, Any] = json.loads((DIRECTORY / "mood.json").read_text())
    return found


def new_token(_request: Any) -> str:
    """An access token, as long as is wished."""
    return ("canary-" + secrets.token_urlsafe(24)).ljust(mood()["length"], "x")


def home(_request: HttpRequest) -> HttpResponse:
    """Where a login leads."""
    return HttpResponse("in")


urlpatterns = [
    path("o/", include("oauth2_provider.urls")),
    path("", include((metadata_urlpatterns, "described"))),
    path("login/", LoginView.as_view(template_name="login.html")),
    path("", home),
]


def fill() -> None:
    """Make the users, and those who may ask in their name."""
    call_command("migrate", verbosity=0)
    if User.objects.exists():  # it was down
        return
    password = make_password("x")
    for name in ("alice", "aunt", *(f"user{number}" for number in range(USERS))):
        User.objects.create(username=name, password=password)
    model = get_application_model()

    def client(client_id: str, grant: str, secret: str = "") -> None:
        kind = "confidential" if secret else "public"
        redirects = "http://127.0.0.1/ http://localhost/ https://127.0.0.1/" if grant == "authorization-code" else ""
        extra = {"client_secret": secret} if secret else {}
        model.objects.create(
            client_id=client_id,
            client_type=kind,
            authorization_grant_type=grant,
            redirect_uris=redirects,
            name="popover",
            **extra,
        )

    client("popover-device", model.GRANT_DEVICE_CODE)
    client("01234567-89ab-cdef-0123-456789abcdef", model.GRANT_DEVICE_CODE)  # as Microsoft's look
    client("popover-code", model.GRANT_AUTHORIZATION_CODE)
    client("popover-secret", model.GRANT_AUTHORIZATION_CODE, "canary-client-secret")
    client("popover-itself", model.GRANT_CLIENT_CREDENTIALS, "canary-client-secret")
    client("dovecot", model.GRANT_CLIENT_CREDENTIALS, "dovecot-secret")


def note_secrets(fields: dict[str, Any]) -> None:
    """Write down what nobody but the two that exchange it may see: DIRECTORY/secrets.txt, a line each."""
    found = [str(fields[name]) for name in SECRETS if len(str(fields.get(name, ""))) > 15]  # a test's "x" is none
    with _asked, (DIRECTORY / "secrets.txt").open("a") as file:
        file.writelines(f"{one}\n" for one in found)


class Moody:
    """Stands before the application: notes what is asked, and does what goes wrong."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        environ["wsgi.url_scheme"] = "https"
        now = mood()
        oauth2_settings.ACCESS_TOKEN_EXPIRE_SECONDS = now["life"]
        oauth2_settings.REFRESH_TOKEN_GRACE_PERIOD_SECONDS = now["grace"]
        if environ["PATH_INFO"] in ("/o/authorize/", "/o/device-authorization/"):
            return self._passed_on(environ, start)
        if environ["PATH_INFO"] != "/o/token/":
            return self._application(environ, start)
        environ["wsgi.input"] = io.BytesIO(self._heard(environ))
        self._wait("before")
        if now["status"] != 200:
            self._note(environ, now["status"])
            start(f"{now['status']} Trouble", [("Content-Type", "text/html"), *map(tuple, now["headers"])])
            return [b"<html>trouble</html>"]
        kept: list[Any] = []
        body = list(self._application(environ, lambda *words: kept.append(words)))
        self._note(environ, int(kept[0][0].split()[0]), body)
        note_secrets(json.loads(b"".join(body)))
        self._wait("after")
        start(*kept[0])
        return body

    def _heard(self, environ: dict[str, Any]) -> bytes:
        octets: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
        note_secrets(dict(parse_qsl(octets.decode())))
        return octets

    def _passed_on(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """A code for a device is in the answer, one for a browser in the address that it is sent back to."""

        def began(status: str, headers: list[tuple[str, str]]) -> Any:
            for name, value in headers:
                if name == "Location":
                    note_secrets(dict(parse_qsl(urlsplit(value).query)))
            return start(status, headers)

        body = list(self._application(environ, began))
        if environ["PATH_INFO"] == "/o/device-authorization/":
            note_secrets(json.loads(b"".join(body)))
        return body

    def _wait(self, when: str) -> None:
        """Hold a question, or its answer, as long as that is wished; DIRECTORY/held says that it does."""
        while mood()["hold"] == when:
            (DIRECTORY / "held").touch()
            time.sleep(0.02)

    def _note(self, environ: dict[str, Any], status: int, body: Iterable[bytes] = ()) -> None:
        line = {"query": environ["QUERY_STRING"], "method": environ["REQUEST_METHOD"], "status": status}
        if status == 400:
            line["error"] = json.loads(b"".join(body)).get("error")
        with _asked, (DIRECTORY / "asked.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")


class Threading(socketserver.ThreadingMixIn, WSGIServer):
    """A thread for each connection; TLS is begun there, so that nobody waits for another's handshake."""

    daemon_threads = True
    request_queue_size = 64
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(60)
        super().finish_request(self.context.wrap_socket(request, server_side=True), client_address)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """Clients may leave."""


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Serve for ever."""
    (DIRECTORY / "login.html").write_text(_LOGIN)
    fill()
    server = Threading(("127.0.0.1", PORT), Quiet)
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.set_app(Moody(get_wsgi_application()))
    server.serve_forever()


main()
