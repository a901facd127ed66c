"""The keys of sealed tokens, while the gateway runs: each comes from a login with its account's local password, is kept
in memory alone, and is gone with the process. Until there is one, nothing of that account can be renewed.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.vault import Key
from popover.accounts.passwords import as_utf8
from popover.accounts.turns import Turns
from popover.errors import ProviderFailure

Result = TypeVar("Result")


class Keys:
    """All of one process. `threads`: where files are written, which may have to wait for a provider; `is_stopped`:
    whether to wait no more.

    What was tried is remembered by a keyed digest of the password and the file's salt, so that a key is made once, and
    not at each login of a burst. There is one thread for it: 200 users after a start are not to take 3 GiB at once.
    """

    def __init__(self, threads: Executor, is_stopped: Callable[[], bool]) -> None:
        self._threads = threads
        self._is_stopped = is_stopped
        self._maker = ThreadPoolExecutor(1, "vault")
        self._secret = os.urandom(32)
        self._tried: dict[str, tuple[bytes, bytes]] = {}
        self._turns = Turns()

    async def unlock(self, account: str, file: TokenFile, password: bytes | None) -> None:
        """Let an account's file have the key that a password makes; it was said at the desk, and was right. What is
        open, or in clear, is sealed by it: the password has changed, or its tokens are to be sealed from now on. What
        it does not open stays closed. None: what is open is to be in clear from now on. Raises ProviderFailure.
        """
        if password is None:
            await _run(self._threads, seal_by, file, None, self._is_stopped)
            return
        said = as_utf8(password)
        mark = hmac.digest(self._secret, said, "sha256")
        async with self._turns.of(account):
            kept = file.read()
            if kept is None or (kept.salt and self._tried.get(account) == (mark, kept.salt)):
                return
            if kept.is_closed:
                key = await _run(self._maker, Key.of, said, kept.salt)
                await _run(self._threads, open_by, file, key, self._is_stopped)
            else:
                key = await _run(self._maker, Key.of, said)
                await _run(self._threads, seal_by, file, key, self._is_stopped)
            self._tried[account] = mark, key.salt

    def close(self) -> None:
        """Make none any more."""
        self._maker.shutdown(wait=False, cancel_futures=True)


async def _run(threads: Executor, work: Callable[..., Result], *words: object) -> Result:
    """Have it done by one of these threads. Raises ProviderFailure where there are none any more."""
    try:
        done = asyncio.get_running_loop().run_in_executor(threads, work, *words)
    except RuntimeError:  # `close` was faster than this login
        raise ProviderFailure("the gateway is being stopped, please try again") from None
    return await done


def _never() -> bool:
    return False


def open_by(file: TokenFile, key: Key, is_stopped: Callable[[], bool] = _never) -> bool:
    """Let a file be opened by a key, if it is the one; whether it is. It blocks. Raises ProviderFailure."""
    with file.locked(is_stopped):
        before, file.key = file.key, key
        kept = file.read()
        if kept is None or kept.salt != key.salt or kept.is_closed:
            file.key = before
            return False
    return True


def seal_by(file: TokenFile, key: Key | None, is_stopped: Callable[[], bool] = _never) -> bool:
    """Seal anew what is in clear, or can be opened; whether there was such. None: let it be in clear. It blocks. Raises
    ProviderFailure.
    """
    with file.locked(is_stopped):
        kept = file.read()
        if kept is None or kept.is_closed:
            return False
        before, file.key = file.key, key
        try:
            with file.writing() as write:
                write(replace(kept, salt=key.salt if key else b""))
        except BaseException:
            file.key = before
            raise
    return True
