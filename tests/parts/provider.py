"""A real OAuth2 provider of our own, and the person who signs in there.

with Provider(directory, authority) as provider:
    provider.mood(life=5)
    provider.approve(provider.device_page, code, "alice")

It is strict: each refresh token is good once, and whoever uses one twice loses the whole family. It comes by
tests/install-provider.
"""

import html
import http.cookiejar
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from parts.certificates import Authority
from parts.net import free_port, is_listening, wait_until
from parts.program import Program

PYTHON = Path(__file__).parents[2] / ".parts/provider/bin/python"
PASSWORD = "x"
SECRET = "canary-client-secret"  # of the clients popover-secret and popover-itself

Mood = dict[str, Any]

_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')

USUAL: Mood = {
    "life": 3600,  # seconds of an access token
    "length": 40,  # characters of one
    "grace": 0,  # seconds in which a spent refresh token gives the same answer again
    "status": 200,  # another: what all questions for tokens are answered with
    "headers": [],  # and these headers
    "hold": "",  # "before" or "after": a question for a token is held before, or behind, the work
}


class Provider:
    """From `__enter__` to `__exit__`. Its clients: popover-device, popover-code and popover-secret (by a browser),
    popover-itself (client_credentials), dovecot (asks about tokens).
    """

    def __init__(self, directory: Path, authority: Authority) -> None:
        self._directory = directory
        self.ca_file = authority.ca_file
        self.certificate = authority.issue("localhost", "127.0.0.1")
        self.port = free_port()
        self.issuer = base = f"https://localhost:{self.port}/o"
        self._users = iter(range(400))
        self.token_url = f"{base}/token/"
        self.authorize_url = f"{base}/authorize/"
        self.device_url = f"{base}/device-authorization/"
        self.device_page = f"{base}/device/"
        self.revoke_url = f"{base}/revoke_token/"
        self.introspection_url = f"https://dovecot:dovecot-secret@localhost:{self.port}/o/introspect/"

    def oauth2(self, client: str) -> str:
        """The lines of an account that has this client id; its secret, if it has one, is in the file client-secret."""
        where = f'device_url = "{self.device_url}"' if client == "device" else f'authorize_url = "{self.authorize_url}"'
        return (
            f'client_id = "popover-{client}"\n{where}\ntoken_url = "{self.token_url}"\nca_file = "{self.ca_file}"\n'
            'scopes = ["mail"]\n'
            + ('client_secret_file = "client-secret"\n' if client in ("secret", "itself") else "")
            + ('grant = "client_credentials"\n' if client == "itself" else "")
        )

    def mood(self, **changes: Any) -> None:
        """How it is from now on, in what differs from `USUAL`."""
        draft = self._directory / "mood.new"
        draft.write_text(json.dumps(USUAL | changes))
        draft.replace(self._directory / "mood.json")
        (self._directory / "held").unlink(missing_ok=True)  # of a test that did not wait for it

    def new_user(self) -> str:
        """Somebody who has no tokens yet; Dovecot's users have the same names."""
        return f"user{next(self._users)}"

    def asked(self) -> list[dict[str, Any]]:
        """The questions for tokens so far."""
        path = self._directory / "asked.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def refusals(self, since: int) -> list[str]:
        """What was said to those that were refused behind the first so many questions, but for codes that nobody has
        entered yet.
        """
        found = [str(asked["error"]) for asked in self.asked()[since:] if "error" in asked]
        return [error for error in found if error != "authorization_pending"]

    def given_secrets(self) -> set[str]:
        """All tokens, codes and verifiers that it has given or heard, those that are not good any more, too."""
        return set((self._directory / "secrets.txt").read_text().split())

    def given(self) -> int:
        """How many tokens it has given."""
        return sum(1 for asked in self.asked() if asked["status"] == 200)

    def wait_until_held(self) -> None:
        """Until a question is held, as the mood wants it."""
        wait_until((self._directory / "held").exists, "a question is held")
        (self._directory / "held").unlink()

    def down(self) -> None:
        """Let it end, for `up` to start it once more."""
        self._program.end()

    def up(self) -> None:
        """Start it, with all that it knew before."""
        words = (PYTHON, Path(__file__).with_name("django_provider.py"), str(self.port), self._directory)
        shown = (self.certificate.cert_file, self.certificate.key_file)
        # It makes its tables first, and 400 users: some five seconds of a machine that has nothing else to do.
        self._program = Program(*words, *shown, output=self._directory / "provider.txt").up(
            lambda: is_listening(self.port), "the provider listens", 90
        )

    # -- the person --------------------------------------------------------------------------------

    def enter_code(self, code: str, user: str = "alice", *, deny: bool = False) -> str:
        """Log in, enter the code of a device, and say yes or no."""
        browser = Browser(self.ca_file)
        browser.open(self.device_page)
        browser.submit(username=user, password=PASSWORD)
        browser.submit(user_code=code)
        return browser.submit(action="deny" if deny else "accept")

    def say_yes(self, address: str, user: str = "alice") -> str:
        """Open the address that popover has shown, log in and say yes: where the browser is sent back to, and goes if
        somebody is there.
        """
        browser = Browser(self.ca_file)
        browser.open(address)
        browser.submit(username=user, password=PASSWORD)
        browser.submit(allow="Authorize")
        return browser.sent_back_to

    def __enter__(self) -> Self:
        assert PYTHON.exists(), "tests/install-provider has not run"
        self.mood()
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.end()
        if error is not None:
            error.add_note((self._directory / "provider.txt").read_text(errors="backslashreplace"))


class Browser:
    """A browser of the standard library: cookies, redirects, and one form on a page."""

    def __init__(self, ca_file: Path) -> None:
        tls = ssl.create_default_context(cafile=str(ca_file))
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._back = _Back()
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls), jar, self._back)
        self._page = self.at = ""

    @property
    def sent_back_to(self) -> str:
        """The last address outside TLS, or with a code in it, that it was sent to."""
        return self._back.address

    def open(self, address: str, **fields: str) -> str:
        """Open a page, or send a form there."""
        data = urllib.parse.urlencode(fields).encode() if fields else None
        request = urllib.request.Request(address, data, headers={"Referer": self.at or address})
        try:
            with self._opener.open(request) as answer:
                self.at, self._page = answer.url, answer.read().decode()
        except (OSError, urllib.error.HTTPError):
            if not self._back.address:
                raise
        return re.sub(r"\s+", " ", re.sub(r"(?s)<style.*?</style>|<[^>]+>", " ", self._page)).strip()

    def submit(self, **fields: str) -> str:
        """Fill the page's form, hidden fields and all, and send it."""
        inputs = [dict(_ATTRIBUTE.findall(field)) for field in re.findall(r"<input[^>]*>", self._page)]
        hidden = {
            field["name"]: html.unescape(field.get("value", "")) for field in inputs if field.get("type") == "hidden"
        }
        return self.open(self.at, **{**hidden, **fields})


class _Back(urllib.request.HTTPRedirectHandler):
    """Notes where a browser is sent back to with a code."""

    def __init__(self) -> None:
        self.address = ""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if "code=" in newurl or "error=" in newurl:
            self.address = newurl
        return super().redirect_request(req, fp, code, msg, headers, newurl)
