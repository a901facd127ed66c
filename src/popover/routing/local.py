"""Who checks a password here before the server does (`authenticate`): a file of htpasswd's, or PAM. Perdition's -a.

What comes of it is as with tables: right, wrong, or nobody can say. Both libraries block and are slow on purpose, so
each has a few threads; a password that was right is known again for a while by a keyed digest, and costs nothing then.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from popover.config.desk import LocalCheck
from popover.config.words import quote
from popover.errors import ConfigError
from popover.routing.threads import Threads

KNOWN_LIMIT = 10_000
"""Right logins that are known again: some 2 MB."""

KNOWN_FOR = 300.0
"""Seconds: a mail program looks every few minutes; Dovecot's auth_cache_ttl is an hour. A reload forgets all of
them."""

FILE_LIMIT = 64 * 1024 * 1024
"""Octets of a file of htpasswd's: half a million users."""

_SCHEMES = ("bcrypt", "sha256_crypt", "sha512_crypt", "apr_md5_crypt", "ldap_sha1")
"""What htpasswd writes (-B, -2, -5, -m, -s). Not crypt(3) (-d), which looks at eight characters, and no plain text
(-p)."""


class CheckFailed(Exception):  # noqa: N818 - nobody can say; it is no login's fault
    """Why, for the log."""


class Judge(Protocol):
    """One way to check a password, in a thread."""

    def is_right(self, user: str, password: bytes) -> bool:
        """Whether it is. A user that there is not takes as long as a wrong password. Raises CheckFailed."""


class LocalPasswords:
    """A service's. `clock`: monotonic seconds."""

    def __init__(self, check: LocalCheck, clock: Callable[[], float]) -> None:
        """Read what there is to be read. Raises ConfigError."""
        self._judge = judge_of(check)
        self._clock = clock
        self._salt = os.urandom(32)
        self._known: dict[bytes, float] = {}
        self._threads = Threads("local")

    async def is_right(self, user: str, password: bytes) -> bool:
        """Check it. Raises CheckFailed."""
        login = user.encode(errors="surrogateescape") + b"\0" + password
        digest = hmac.new(self._salt, login, hashlib.sha256).digest()
        if self._known.get(digest, float("-inf")) > self._clock():
            return True
        self._known.pop(digest, None)
        is_right = await self._threads.call(lambda: self._judge.is_right(user, password))
        if is_right:
            self._known[digest] = self._clock() + KNOWN_FOR
            if len(self._known) > KNOWN_LIMIT:
                del self._known[next(iter(self._known))]
        return is_right

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.close()


def judge_of(check: LocalCheck) -> Judge:
    """Make it. Raises ConfigError, also for a library that is not here."""
    try:
        return Htpasswd(Path(check.where)) if check.kind == "htpasswd" else PAM(check.where)
    except ImportError as lacking:
        raise ConfigError(
            f"authenticate: {check.kind} needs the library {lacking.name}, which is not here: "
            f'pip install "popover[{check.kind}]"'
        ) from None


class Htpasswd:
    """A file as Apache's htpasswd writes it."""

    def __init__(self, file: Path) -> None:
        from passlib.context import CryptContext  # noqa: PLC0415 - an extra

        self._context = CryptContext(_SCHEMES)
        self._hashes: dict[str, str] = {}
        mistakes = []
        for number, line in enumerate(_read(file).splitlines(), 1):
            user, colon, digest = line.strip().partition(":")
            if not line.strip() or line.startswith("#"):
                continue
            if not colon or not user or self._context.identify(digest) is None:
                mistakes.append(f"authenticate: {file}: line {number}: {_unknown(user, digest)}")
            self._hashes.setdefault(user, digest)
        if mistakes:
            raise ConfigError(mistakes)

    def is_right(self, user: str, password: bytes) -> bool:
        """Compare."""
        digest = self._hashes.get(user)
        try:
            if digest is None:
                self._context.dummy_verify()
                return False
            return bool(self._context.verify(password, digest))
        except ValueError:  # a NUL, or more than bcrypt's 72 octets: nobody's password
            return False


class PAM:
    """The machine's own way, by the service of this name (/etc/pam.d)."""

    def __init__(self, service: str) -> None:
        import pam  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

        self._pam = pam
        self._service = service

    def is_right(self, user: str, password: bytes) -> bool:
        """Ask. python-pam's object holds one conversation, so each has its own."""
        talk = self._pam.PamAuthenticator()
        if talk.authenticate(user, password, service=self._service):
            return True
        if talk.code in _WRONG:
            return False
        raise CheckFailed(f"PAM service {quote(self._service)}: {talk.reason} ({talk.code})")


_WRONG = frozenset({6, 7, 10, 11, 12, 13})
"""Linux-PAM's _pam_types.h: PERM_DENIED, AUTH_ERR, USER_UNKNOWN, MAXTRIES, NEW_AUTHTOK_REQD, ACCT_EXPIRED."""


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            octets = stream.read(FILE_LIMIT + 1)
    except OSError as fault:
        raise ConfigError(f"authenticate: {file}: cannot be read: {fault.strerror}") from None
    if len(octets) > FILE_LIMIT:
        raise ConfigError(f"authenticate: {file}: more than {FILE_LIMIT} bytes: this is no file of htpasswd's")
    return octets.decode(errors="surrogateescape")


def _unknown(user: str, digest: str) -> str:
    """What is wrong with a line, without what it holds: somebody may have written a password into it."""
    if not user or not digest:
        return "is no user and hash with a colon between them"
    return f"user {quote(user)}: is no hash of htpasswd -B, -2, -5, -m or -s (plain text and crypt(3) are not taken)"
