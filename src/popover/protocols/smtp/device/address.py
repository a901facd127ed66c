"""MAIL FROM and RCPT TO: an address, and what stands behind it (RFC 5321 section 4.1.2).

Tolerant, because devices are: `mail from: scans@example.com`, `RCPT TO:<Bob <bob@example.com>>`, `MAIL FROM:<@>`
(Lotus). What is said to the server is made anew of what was read here, so that nothing gets past `recipients` by being
read in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

_PATH = re.compile(rb"(?i)(?:FROM|TO)[ \t]*:[ \t]*(.*)", re.DOTALL)
_ADDRESS = re.compile(rb'(?:"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"|[^\x00-\x20\x7f<>"@]+)(?:@[^\x00-\x20\x7f<>"@]+)?')
_NONE = (b"", b"@")

_EXTENSION = {
    b"SIZE": b"SIZE", b"BODY": b"8BITMIME", b"SMTPUTF8": b"SMTPUTF8",
    b"RET": b"DSN", b"ENVID": b"DSN", b"NOTIFY": b"DSN", b"ORCPT": b"DSN",
}  # fmt: skip
"""What a parameter needs (RFC 1870, 6152, 6531, 3461)."""

_VALUES = {b"SIZE": re.compile(rb"[0-9]{1,20}"), b"BODY": re.compile(rb"(?i)7BIT|8BITMIME")}


class Path(NamedTuple):
    """`address` without brackets, empty for `<>`; `parameters` as they were said."""

    address: bytes
    parameters: tuple[bytes, ...] = ()

    def fitting(self, extensions: Container[bytes]) -> tuple[bytes, ...]:
        """Give the parameters that a server with these extensions takes. Of another sender's, AUTH= is none."""
        return tuple(word for word in self.parameters if _fits(word, extensions))

    @property
    def size(self) -> int:
        """What the device says how large the mail is; 0: it does not."""
        for word in self.parameters:
            name, _, value = word.partition(b"=")
            if name.upper() == b"SIZE" and _VALUES[b"SIZE"].fullmatch(value):
                return int(value)
        return 0


def parse_path(argument: bytes) -> Path | None:
    """Read what stands behind MAIL or RCPT; None: there is no address in it."""
    found = _PATH.match(argument)
    if found is None:
        return None
    rest = found[1]
    if b"<" in rest:
        inner, bracket, behind = rest.partition(b">")
        if not bracket:
            return None
        address = inner.rpartition(b"<")[2].strip()
        words = behind.lstrip(b">").split()
    else:
        address, *words = rest.split() or [b""]
    if address.startswith(b"@") and b":" in address:  # a source route: RFC 5321 appendix F.2
        address = address.partition(b":")[2]
    if address in _NONE:
        return Path(b"", tuple(words)) if b"<" in rest else None
    return Path(address, tuple(words)) if _ADDRESS.fullmatch(address) else None


def _fits(parameter: bytes, extensions: Container[bytes]) -> bool:
    name, _, value = parameter.partition(b"=")
    needs = _EXTENSION.get(name.upper())
    if needs is None or needs not in extensions:
        return False
    pattern = _VALUES.get(name.upper())
    return pattern is None or pattern.fullmatch(value) is not None
