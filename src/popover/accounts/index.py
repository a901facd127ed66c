"""All accounts by their names: those of the configuration, and those that the command keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from popover.accounts.passwords import as_utf8
from popover.accounts.shelf import Shelf
from popover.config import Account, fold, quote


@dataclass(frozen=True, slots=True)
class Trouble:
    """There may be such an account, and nobody can say: `why`, for the log."""

    why: str


class Index:
    """Who is called what. `version` is another one after each change; `changed` is given all then."""

    def __init__(self, folder: Path | None, changed: Callable[[tuple[Account, ...]], None]) -> None:
        self._shelf = Shelf(folder)
        self._configured: tuple[Account, ...] = ()
        self._by_name: dict[str, Account] = {}
        self._all: tuple[Account, ...] = ()
        self._doubts: list[str] = []
        self._changed = changed
        self.version = 0

    def load(self, accounts: Iterable[Account]) -> None:
        """Take the configuration's accounts, and look at the command's anew."""
        self._configured = tuple(accounts)
        self._shelf.forget()
        self._shelf.look()
        self._build()

    def find(self, name: str) -> Account | Trouble | None:
        """Find an account by a name as a client has said it; case makes no difference."""
        self.look()
        folded = folded_of(name)
        if folded in self._by_name:
            return self._by_name[folded]
        if folded in self._shelf.broken:
            return Trouble(self._shelf.broken[folded])
        return Trouble(self._shelf.trouble) if self._shelf.trouble else None

    def accounts(self) -> tuple[Account, ...]:
        """Give all, each once."""
        self.look()
        return self._all

    def doubts(self) -> list[str]:
        """Say what of the command's accounts is not in force, a line each."""
        self.look()
        trouble = [self._shelf.trouble] if self._shelf.trouble else []
        return [*trouble, *self._shelf.broken.values(), *self._doubts]

    def look(self) -> None:
        """See what the command has changed; the others do so first, each."""
        if self._shelf.look():
            self._build()

    def _build(self) -> None:
        self.version += 1
        self._by_name = {fold(name): account for account in self._configured for name in account.names}
        self._doubts = []
        for account in self._shelf.accounts:
            if fold(account.name) in self._by_name:  # tokens are kept by that name: there can be only one
                self._doubts.append(
                    f"the command's account {quote(account.name)} is not in force: another one is called so"
                )
                continue
            taken = [name for name in account.names if fold(name) in self._by_name]
            self._by_name |= {fold(name): account for name in account.names if name not in taken}
            self._doubts += [
                f"the command's account {quote(account.name)} is not called {quote(name)}: another one has that name"
                for name in taken
            ]
        self._all = tuple({id(account): account for account in self._by_name.values()}.values())
        self._changed(self._all)


def folded_of(name: str) -> str:
    """Fold what a client said, in whichever of the forms that `as_utf8` knows."""
    if name.isascii():
        return fold(name)
    octets = name.encode("utf-8", "surrogateescape")
    return fold(as_utf8(octets).decode())
