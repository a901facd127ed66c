"""A question to an account's provider: who we are, what it says of itself, a form out and an answer in. It blocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from popover.accounts.oauth2 import assertion, discovery, forms
from popover.accounts.oauth2.answers import Answer
from popover.accounts.oauth2.discovery import Described
from popover.accounts.oauth2.forms import Client, Form
from popover.accounts.oauth2.post import Post
from popover.accounts.oauth2.way import Way, needs_description, way_of
from popover.config import Account, SecretSource
from popover.errors import ConfigError, ProviderFailure, SignInNeeded

ReadSecret = Callable[[SecretSource], bytes]
"""How a secret is read; raises Failure."""


class Ask:
    """Keeps what providers say of themselves. For all threads."""

    def __init__(self, read_secret: ReadSecret, clock: Callable[[], float] = time.time) -> None:
        self._read_secret = read_secret
        self._clock = clock
        self._post = Post()
        self._described: dict[str, Described] = {}

    def forget(self) -> None:
        """Read the trust stores anew, and what providers say of themselves."""
        self._post.forget()
        self._described = {}

    def stop(self, patience: float) -> None:
        """Ask nobody any more: see `Post.stop`."""
        self._post.stop(patience)

    @property
    def is_stopped(self) -> bool:
        """Whether nobody is asked any more."""
        return self._post.is_stopped

    def way(self, account: Account) -> Way:
        """Find an account's way; its provider may have to be asked for it. Raises SignInNeeded, ProviderFailure."""
        try:
            return way_of(account, self._description(account) if needs_description(account) else None)
        except ConfigError as mistake:
            raise SignInNeeded(
                f"the account {account.name} is not set up to sign in; its operator must mend that", str(mistake)
            ) from None

    def client(self, account: Account, way: Way) -> Client:
        """Say who we are; secrets are read each time anew, for they are changed. Raises Failure."""
        oauth2 = account.oauth2
        if oauth2 is None:
            return Client()
        if oauth2.key is not None and way.grant != "jwt":
            key = assertion.Key.read(self._read_secret(oauth2.key), oauth2.key_id)
            return Client(assertion=assertion.of_client(way, key, self._clock()))
        if oauth2.client_secret is None:
            return Client()
        try:
            return Client(secret=self._read_secret(oauth2.client_secret).strip().decode("ascii"))
        except UnicodeDecodeError:
            raise SignInNeeded(
                f"the account {account.name} is not set up to sign in; its operator must mend that",
                "client_secret_file: it holds more than ASCII",
            ) from None

    def own_token(self, account: Account, way: Way) -> Form:
        """Make the form of an account that signs in without a person. Raises Failure."""
        if way.grant == "client_credentials":
            return forms.client_credentials(way, self.client(account, way))
        source = account.oauth2.key if account.oauth2 else None
        if source is None or account.oauth2 is None:
            raise SignInNeeded(
                f"the account {account.name} is not set up to sign in; its operator must mend that",
                'oauth2: grant = "jwt" needs a key_file',
            )
        key = assertion.Key.read(self._read_secret(source), account.oauth2.key_id)
        return forms.jwt_bearer(way, assertion.of_account(way, key, account, self._clock()))

    def send(self, form: Form, way: Way) -> Answer:
        """Send a form. Raises ProviderFailure."""
        return self._post.send(form, way.ca_file)

    def _description(self, account: Account) -> Described:
        issuer = account.oauth2.issuer if account.oauth2 else None
        if account.oauth2 is None or issuer is None:
            raise ConfigError("oauth2: issuer is missing")
        if not issuer.startswith("https://"):
            raise ConfigError(f"oauth2: issuer: must be an https:// address; is {issuer!r}")
        found = self._described.get(issuer)
        if found is None:
            found = self._described[issuer] = self._fetched(issuer, account.oauth2.ca_file)
        return found

    def _fetched(self, issuer: str, ca_file: Path | None) -> Described:
        mistake: ConfigError | None = None
        for place in discovery.places(issuer):
            answer = self._post.fetch(place, ca_file)
            if answer.is_trouble:
                raise ProviderFailure(f"{issuer} has trouble of its own (HTTP {answer.status})")
            if answer.status == 200:  # noqa: PLR2004 - OK
                try:
                    return discovery.read(answer.body, issuer)
                except ConfigError as wrong:  # some answer with their first page to whatever is asked for
                    mistake = mistake or wrong
        raise mistake or ConfigError(
            f"oauth2: issuer: {issuer} does not describe itself: give token_url and authorize_url"
        )
