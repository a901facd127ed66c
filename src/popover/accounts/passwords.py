"""Whether a client has said an account's local password.

A wrong one costs the same work for every name, known or not: two digests for APOP and CRAM-MD5; for a password one
comparison, and one scrypt hash if any account is kept as such. What was right is remembered for a while, so that a mail
program which looks each minute costs a hash each quarter of an hour at most, and five connections at once cost one.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from hmac import compare_digest, digest

from popover.accounts.scrypt import MARK, NOBODY, is_hash, is_of_hash
from popover.accounts.secrets import CAUSE, read_secret
from popover.accounts.turns import Turns
from popover.config import SecretSource
from popover.errors import SecretFailure
from popover.protocols.login import Digest, Password, Proof

REMEMBERED = 15 * 60.0
"""Seconds that a right password is known without a hash. Mail programs look every 1 to 15 minutes; and whoever has got
at this memory has got at all that passes through it."""

MEMORY_LIMIT = 1000
"""Passwords remembered, 32 octets each; the oldest give way. Some 900 users who look each quarter of an hour fit."""

_NOTHING = b"\0"  # no password: secrets.py lets none hold a NUL


class Passwords:
    """Compares; in a thread where that takes its time, once for those who say the same at once. `clock`: monotonic
    seconds.

    There is a thread for those who have been in before, and one for all others: however many of these try, and whatever
    names, nobody of those waits for them. Two hashes at once, 16 MiB each, are what a router can spare, too.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._key = os.urandom(32)
        self._right: OrderedDict[bytes, float] = OrderedDict()  # keyed digest -> until when it is known
        self._turns = Turns()
        self._threads: dict[bool, ThreadPoolExecutor] = {}

    async def is_right(
        self, proof: Proof, name: str, kept: bytes | None, *, hashes: bool, is_known: bool = False
    ) -> bool:
        """Compare a proof with what is kept for a folded name: a password, or its hash; None: there is no such name.

        `hashes`: whether a wrong password costs a hash; `is_known`: whoever says it has been in before.
        """
        if isinstance(proof, Digest):
            return _is_digest_of(proof, _NOTHING if kept is None or kept.startswith(MARK) else kept)
        if kept is not None and not kept.startswith(MARK) and self._same(as_utf8(kept), as_utf8(proof.octets)):
            return True
        return await self._is_hashed(proof, name, kept, is_known=is_known) if hashes else False

    def _same(self, one: bytes, other: bytes) -> bool:
        """Compare in a time that tells nothing, not even which is longer."""
        first, second = (blake2b(octets, key=self._key, digest_size=32).digest() for octets in (one, other))
        return compare_digest(first, second)

    async def _is_hashed(self, proof: Password, name: str, kept: bytes | None, *, is_known: bool) -> bool:
        line = kept if kept is not None and kept.startswith(MARK) else NOBODY
        said = as_utf8(proof.octets)
        mark = digest(self._key, b"\0".join((name.encode("utf-8", "surrogateescape"), line, said)), "sha256")
        async with self._turns.of(f"{is_known} {mark.hex()}"):
            if self._is_remembered(mark):
                return True
            thread = self._thread(is_known=is_known)
            right = await asyncio.get_running_loop().run_in_executor(thread, is_of_hash, said, line)
        if right:
            self._remember(mark)
        return right

    def _is_remembered(self, mark: bytes) -> bool:
        return self._right.get(mark, 0.0) > self._clock()

    def _remember(self, mark: bytes) -> None:
        self._right[mark] = self._clock() + REMEMBERED
        self._right.move_to_end(mark)
        while len(self._right) > MEMORY_LIMIT or (self._right and next(iter(self._right.values())) <= self._clock()):
            self._right.popitem(last=False)

    def _thread(self, *, is_known: bool) -> ThreadPoolExecutor:
        if is_known not in self._threads:
            self._threads[is_known] = ThreadPoolExecutor(1, "password")
        return self._threads[is_known]


def read_password(source: SecretSource) -> bytes:
    """Read what is kept of a local password: itself, or its hash. Raises SecretFailure, also for what only looks like a
    hash.
    """
    kept = read_secret(source)
    if kept.startswith(MARK) and not is_hash(kept):
        raise SecretFailure(CAUSE, "a password begins with $scrypt$ and is no hash that popover makes: make it anew "
                                   "with popover account passwd --hash")  # fmt: skip
    return kept


def _is_digest_of(proof: Digest, kept: bytes) -> bool:
    """Compare with the password in both forms that a mail program may have hashed: UTF-8 and what was before."""
    forms = kept, _as_western(kept)
    found = [proof.is_of(form) for form in forms]  # both, whatever comes of the first
    return kept != _NOTHING and any(found)


def as_utf8(octets: bytes) -> bytes:
    """Give what a mail program or a file says as UTF-8. What is none is Windows' Western European, as in most programs
    from before 2000: Latin-1 with some more, such as the sign of the Euro.
    """
    for form in ("utf-8", "cp1252", "latin-1"):  # the last has a letter for each octet
        try:
            return octets.decode(form).encode()
        except UnicodeDecodeError:
            continue
    return octets


def _as_western(octets: bytes) -> bytes:
    try:
        return octets.decode().encode("cp1252")
    except UnicodeError:
        return octets
