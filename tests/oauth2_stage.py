"""What the tests with the real provider share: accounts, and people who sign in for them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from parts.provider import SECRET, Provider
from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.flows.device import by_device
from popover.accounts.oauth2.flows.sign_in import SignIn
from popover.accounts.oauth2.kept import Kept
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.tokens import Tokens
from popover.config import Account, OAuth2, SecretSource, Server, Target
from popover.log import Log

SECRET_FILE = SecretSource("file", "client-secret")


def read_secret(_source: SecretSource) -> bytes:
    """The one secret that the provider's clients have, with the line end that files have."""
    return f"{SECRET}\n".encode()


@dataclass
class Stage:
    """One test's account at the provider, and where its tokens are kept."""

    provider: Provider
    directory: Path
    user: str
    lines: list[str]
    began: int  # how many questions there were before

    @classmethod
    def of(cls, provider: Provider, directory: Path) -> "Stage":
        """One for a user of the test's own."""
        return cls(provider, directory / "state" / "tokens", provider.new_user(), [], len(provider.asked()))

    def account(self, client_id: str = "popover-device", **oauth2: Any) -> Account:
        """An account of this test's user."""
        found = OAuth2(
            client_id,
            token_url=self.provider.token_url,
            authorize_url=self.provider.authorize_url,
            device_url=self.provider.device_url if client_id == "popover-device" else None,
            scopes=("mail",),
            ca_file=self.provider.ca_file,
        )
        targets = (Target(Server("pop3", "localhost", 995)),)
        return Account(self.user, (self.user,), None, targets, self.user, oauth2=replace(found, **oauth2))

    def sign_in(self, account: Account) -> SignIn:
        """A person about to sign in."""
        return SignIn(account, self.directory, Ask(read_secret))

    def signed_in(self, account: Account | None = None) -> Account:
        """An account whose person has signed in, by a device code."""
        account = account or self.account()
        sign_in = self.sign_in(account)
        sign_in.keep(by_device(sign_in, lambda code: self.enter(code.user_code), lambda _: None))
        return account

    def enter(self, code: str, *, deny: bool = False) -> None:
        """Enter a code, as this test's user, and say yes or no."""
        self.provider.enter_code(code, self.user, deny=deny)

    def tokens(self, clock: Callable[[], float] | None = None) -> Tokens:
        """Those of one gateway."""
        log = Log(lambda line, _: self.lines.append(line.decode()), verbose=True)
        return Tokens(self.directory, read_secret, log, *(() if clock is None else (clock,)))

    def kept(self) -> Kept:
        """What is on disk."""
        found = TokenFile(self.directory, self.user).read()
        assert found is not None
        return found

    def keep(self, kept: Kept) -> None:
        """Put something else there."""
        file = TokenFile(self.directory, self.user)
        with file.locked(), file.writing() as write:
            write(kept)

    def asked(self) -> int:
        """How many questions for tokens there were, of all users."""
        return len(self.provider.asked())

    def refusals(self) -> list[str]:
        """What was said to questions of this test that were refused."""
        return self.provider.refusals(self.began)
