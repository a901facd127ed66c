"""One attempt to sign in by a browser: what it is recognised by, and what the browser brings back.

`state` ties the answer to this attempt (RFC 6749 section 10.12), the verifier ties the code to us (RFC 7636), and `iss`
tells whose answer it is (RFC 9207). Both random words are 256 bits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from popover.accounts.oauth2.answers import Later, LoginNeeded, refused
from popover.accounts.oauth2.way import Way

ADDRESS_LIMIT = 16 * 1024
"""Octets of what a browser brings back: Microsoft's codes have some 1,500; browsers send no more than 8 to 32 KiB."""

_RANDOM = 32  # octets; RFC 7636 section 7.1 wants 256 bits for a verifier, RFC 6749 section 10.10 128 for a state


@dataclass(frozen=True, slots=True)
class Attempt:
    """`redirect`: where the browser is sent back to."""

    redirect: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)

    @property
    def challenge(self) -> str:
        """What the provider is shown of the verifier beforehand (RFC 7636 section 4.2, S256)."""
        return _base64url(hashlib.sha256(self.verifier.encode("ascii")).digest())


@dataclass(frozen=True, slots=True)
class Code:
    """What the tokens are given for."""

    value: str = field(repr=False)


class NotOurs(Exception):  # noqa: N818 - an answer to another question is no error of ours
    """What came back is not the answer to this attempt. Its text says what is wrong with it."""


def begin(redirect: str) -> Attempt:
    """Begin one."""
    return Attempt(redirect, secrets.token_urlsafe(_RANDOM), secrets.token_urlsafe(_RANDOM))


def read_back(address: str, attempt: Attempt, way: Way) -> Code | LoginNeeded | Later:
    """Read the address that a browser was sent back to, or what stands behind its `?`. Raises NotOurs."""
    if len(address) > ADDRESS_LIMIT:
        raise NotOurs("it is too long")
    text = address.strip()
    try:
        pairs = parse_qsl(urlsplit(text).query if "?" in text else text, keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise NotOurs("it is no address") from None
    found = dict(pairs)
    if len(found) != len(pairs):  # RFC 6749 section 3.1: none more than once
        raise NotOurs("something stands in it twice")
    state = found.get("state")
    if state is None:
        raise NotOurs("there is no state= in it: copy the whole address")
    if not hmac.compare_digest(state.encode("utf-8", "surrogatepass"), attempt.state.encode("ascii")):
        raise NotOurs("it belongs to another attempt to sign in (its state= is another)")
    says = found.get("iss", None if way.says_issuer else way.issuer)
    if way.issuer is not None and says != way.issuer:
        raise NotOurs("another provider has sent it (its iss= is another)")
    if "error" in found:
        return refused(found["error"], found.get("error_description", ""))
    if not found.get("code"):
        raise NotOurs("there is no code= in it: copy the whole address")
    return Code(found["code"])


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
