"""Another real OAuth2 provider: npm's oidc-provider, certified by the OpenID Foundation, where Node.js is installed.

with OidcProvider(directory, authority) as provider:
    provider.enter_code(code, provider.new_user())

It describes itself (OpenID Connect Discovery), says in each answer who it is (RFC 9207), rotates refresh tokens, and
who uses one twice loses all that was given for it. Anybody is let in there. It comes by tests/install-provider.
"""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from parts.certificates import Authority, Certificate
from parts.net import free_port, is_listening
from parts.program import Program
from parts.provider import Browser

LIBRARY = Path(__file__).parents[2] / ".parts/oidc/node_modules/oidc-provider"
PASSWORD = "x"


class OidcProvider:
    """From `__enter__` to `__exit__`; in the manner of `provider.Provider`. Its clients: popover-device, popover-code,
    popover-itself (which has a key, `key_file`, in a secret's place), dovecot.
    """

    def __init__(self, directory: Path, authority: Authority) -> None:
        self._directory = directory
        self.ca_file = authority.ca_file
        self._certificate = authority.issue("localhost", "127.0.0.1")
        self._port = free_port()
        self.issuer = f"https://localhost:{self._port}"
        self.key_file = directory / "client.key"
        self.knows(authority.issue("client.example", rsa_bits=2048))
        self._users = iter(range(400))
        self.device_page = f"{self.issuer}/device"
        self.introspection_url = f"https://dovecot:dovecot-secret@localhost:{self._port}/token/introspection"

    def oauth2(self, client: str) -> str:
        """The lines of an account that has this client id."""
        known = client if client in ("device", "code", "itself") else "code"
        own = f'grant = "client_credentials"\nkey_file = "{self.key_file}"\nscopes = ["mail"]\n'
        return f'client_id = "popover-{known}"\nissuer = "{self.issuer}"\nca_file = "{self.ca_file}"\n' + (
            own if client == "itself" else 'scopes = ["openid", "offline_access", "mail"]\n'
        )

    def knows(self, certificate: Certificate) -> None:
        """Whose certificate this is may sign in by itself, with its key."""
        (self._directory / "client.pem").write_bytes(certificate.cert_file.read_bytes())
        self.key_file.touch(mode=0o600)
        self.key_file.write_bytes(certificate.key_file.read_bytes() + certificate.cert_file.read_bytes())

    def mood(self, *, life: int = 3600) -> None:
        """How many seconds its tokens live from now on."""
        draft = self._directory / "mood.new"
        draft.write_text(json.dumps({"life": life}))
        draft.replace(self._directory / "mood.json")

    def new_user(self) -> str:
        """Somebody; Dovecot's users have the same names."""
        return f"user{next(self._users)}"

    def asked(self) -> list[dict[str, Any]]:
        """The questions for tokens so far."""
        path = self._directory / "asked.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def refusals(self, since: int) -> list[str]:
        """What was said to those that were refused behind the first so many questions."""
        found = [str(asked["error"]) for asked in self.asked()[since:] if "error" in asked]
        return [error for error in found if error != "authorization_pending"]

    def given_secrets(self) -> set[str]:
        """All tokens, codes and verifiers that it has given or heard."""
        return set((self._directory / "secrets.txt").read_text().split())

    def enter_code(self, code: str, user: str) -> str:
        """Enter the code of a device, log in, and say yes."""
        browser = Browser(self.ca_file)
        browser.open(self.device_page)
        browser.submit(user_code=code)
        browser.submit()  # it shows the code once more
        browser.submit(login=user, password=PASSWORD)
        return browser.submit()

    def say_yes(self, address: str, user: str) -> str:
        """Open the address that popover has shown, log in and say yes: where the browser is sent back to."""
        browser = Browser(self.ca_file)
        browser.open(address)
        browser.submit(login=user, password=PASSWORD)
        browser.submit()
        return browser.sent_back_to

    def __enter__(self) -> Self:
        self.mood()
        script, certificate = Path(__file__).with_name("oidc_provider.mjs"), self._certificate
        words = ("node", script, LIBRARY, str(self._port), self._directory, certificate.cert_file, certificate.key_file)
        self._program = Program(*words, output=self._directory / "provider.txt").up(
            lambda: is_listening(self._port), "the provider listens"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.end()
        if error is not None:
            error.add_note((self._directory / "provider.txt").read_text(errors="backslashreplace"))
