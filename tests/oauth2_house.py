"""A house whose mail programs know a password of the house, while its servers take a provider's tokens only.

with opened(directory, provider, dovecot, authority) as house:
    fetch(house.account("pop3", "device"))

At its end, whatever was said or written down is looked through for passwords, secrets, tokens and codes.
"""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypeVar

from keeping import tells
from parts.account import Account
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.oidc import OidcProvider
from parts.places import short_directory
from parts.popover import COMMAND, Popover, run_popover
from parts.postfix import Postfix
from parts.provider import SECRET, Provider

LOCAL = "canary-local"
DIALECTS = ("pop3", "imap", "smtp")
CANARIES = (LOCAL, SECRET, "canary-")  # each access token begins with the last
P = TypeVar("P", Provider, OidcProvider)


class AnyHouse(Generic[P]):
    """A popover with accounts in its file, whose people sign in by the command."""

    def __init__(self, directory: Path, provider: P, dovecot: Dovecot, postfix: Postfix) -> None:
        self.directory, self.dovecot, self.postfix = directory, dovecot, postfix
        self.provider: P = provider
        self.users = {
            name: self._user() for name in ("device", "browser", "paste", "secret", "nobody", "gone", "short", "itself")
        }
        for name, content in (("password", LOCAL), ("client-secret", SECRET)):
            (directory / name).touch(mode=0o600)
            (directory / name).write_text(f"{content}\n")
        services = "".join(
            f'[[service]]\naccounts = true\ndialect = "{dialect}"\nlisten = "127.0.0.1:0"\ntrace = true\n'
            "max_sessions_per_client = 0\n"
            for dialect in DIALECTS
        ) + (
            '[[service]]\nname = "scanner"\naccounts = ["device"]\ndialect = "smtp"\ndevice = true\n'
            'allow = "127.0.0.1"\nlisten = "127.0.0.1:0"\ntrace = true\nsender = "scans@example.test"\n'
        )
        (directory / "popover.toml").write_text(services + "".join(map(self._account, self.users)))
        self.env = {"STATE_DIRECTORY": str(directory / "state")}
        self.told: list[str] = []
        self.gateways: list[Popover] = []
        self.popover = self.another()

    def another(self) -> Popover:
        """One more gateway of the same file, with the same tokens."""
        self.gateways.append(Popover("-c", self.directory / "popover.toml", env=self.env))
        return self.gateways[-1]

    def _user(self) -> str:
        """One whom the provider and Dovecot know by the same name."""
        user = self.provider.new_user()
        self.dovecot.wipe(user)
        return user

    def _account(self, name: str) -> str:
        provider, dovecot = self.provider, self.dovecot
        servers = (
            f'pop3 = "pop3s://localhost:{dovecot.pop3s_port}", imap = "imaps://localhost:{dovecot.imaps_port}", '
            f'smtp = "smtps://localhost:{self.postfix.port}"'
        )
        client = {"browser": "code", "paste": "code", "secret": "secret", "itself": "itself"}.get(name, "device")
        return (
            f'[[account]]\nname = "{name}"\npassword_file = "password"\nservers = {{ {servers} }}\n'
            f'login = "{self.users[name]}"\nca_file = "{provider.ca_file}"\n'
            f"[account.oauth2]\n{provider.oauth2(client)}"
        )

    def account(self, dialect: str, name: str, password: str = LOCAL, popover: Popover | None = None) -> Account:
        """What a mail program is told; of another gateway than the first, if one is given."""
        return Account((popover or self.popover).addresses[DIALECTS.index(dialect)], name, password)

    def tokens(self, name: str) -> Path:
        """The file in which this account's are kept."""
        return self.directory / "state" / "tokens" / f"{name}.json"

    def kept(self, name: str) -> dict[str, Any]:
        """What stands in it."""
        found: dict[str, Any] = json.loads(self.tokens(name).read_text())
        return found

    def change(self, name: str, **kept: Any) -> None:
        """Let something else stand there."""
        draft = self.tokens(name).with_name("draft")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self.kept(name) | kept))
        draft.replace(self.tokens(name))

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`popover account WORDS`."""
        ended = run_popover("account", *words, "-c", self.directory / "popover.toml", env=os.environ | self.env)
        self.told += [ended.stdout, ended.stderr]
        return ended

    def sign_in(self, name: str, *words: str, answer: Callable[[str], str | None]) -> str:
        """`popover account login`; `answer` gets each line that it says, and gives what is typed to it."""
        command = [*COMMAND, "account", "login", name, *words, "-c", str(self.directory / "popover.toml")]
        with subprocess.Popen(
            command,
            env=os.environ | self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                seen = Path(f"/proc/{process.pid}/cmdline").read_text()
                assert not any(canary in seen for canary in CANARIES)
                if typed := answer(line.strip()):
                    process.stdin.write(f"{typed}\n")
                    process.stdin.flush()
        said = "".join(lines)
        assert process.returncode == 0, said
        self.told.append(said)
        return said

    def by_device(self, name: str) -> str:
        """Sign in by a code that is entered elsewhere; what the command says."""
        page: list[str] = []

        def answer(line: str) -> None:
            if page and line:
                self.provider.enter_code(line, self.users[name])
                page.clear()
            elif line == self.provider.device_page:
                page.append(line)

        return self.sign_in(name, answer=answer)

    def by_browser(self, name: str) -> str:
        """Sign in by a browser of this machine."""

        def answer(line: str) -> None:
            if line.startswith("https://"):
                threading.Thread(target=self.provider.say_yes, args=(line, self.users[name])).start()

        return self.sign_in(name, "--browser", answer=answer)

    def by_paste(self, name: str) -> str:
        """Sign in by a browser of another machine."""

        def answer(line: str) -> str | None:
            return self.provider.say_yes(line, self.users[name]) if line.startswith("https://") else None

        return self.sign_in(name, "--paste", answer=answer)

    def look_for_secrets(self) -> None:
        """AssertionError if one shows, in clear or in base64: in a log, a trace, what a command has said, or what `ps`
        shows.
        """
        told = "\n".join(
            [*self.told, *(line for one in self.gateways for line in (*one.log_lines(), *one.out_lines()))]
        )
        assert told
        given: set[str] = self.provider.given_secrets()
        assert given
        assert not [secret for secret in (*CANARIES, *given) if tells(told.encode(), secret.encode())]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:
            for one in self.gateways:
                stack.push(one)
                if not one.is_over:
                    self.told.append(Path(f"/proc/{one.pid}/cmdline").read_text())
        if error is None:
            self.look_for_secrets()


House: TypeAlias = AnyHouse[Provider]


@contextmanager
def opened(directory: Path, provider: P, dovecot: Dovecot, authority: Authority) -> Iterator[AnyHouse[P]]:
    """A house with a Postfix of its own, where "device" has signed in."""
    provider.mood()
    with (
        short_directory("postfix") as place,
        Postfix(place, authority, dovecot) as postfix,
        AnyHouse(directory, provider, dovecot, postfix) as house,
    ):
        house.by_device("device")
        yield house
