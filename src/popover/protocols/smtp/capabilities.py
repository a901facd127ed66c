"""What a server's answer to EHLO comes to for one client (RFC 5321 section 4.1.1.1)."""

from __future__ import annotations

from popover.protocols.dialect import Terms
from popover.protocols.sasl import is_bound

_OLD_WORDS = (b"LOGIN", b"PLAIN")


def for_client(reply: bytes, terms: Terms, *, offers_tls: bool) -> bytes:
    """Leave out what cannot work, and add what old clients and those that look for STARTTLS want to read.

    All else stays byte for byte, but for the mark that tells the last line (`250 `) from the others (`250-`). A reply
    that is none to a good EHLO stays whole.
    """
    first, *rest = reply.split(b"\n")[:-1]
    if not first.startswith(b"250"):
        return reply
    lines = [first]
    has_old = any(_keyword(line).startswith(b"AUTH=") for line in rest)
    hidden = {word.encode() for word in terms.hide}
    for line in rest:
        lines += _kept(line, terms, hidden, has_old=has_old)
    if offers_tls and b"STARTTLS" not in hidden:
        lines.append(b"250-STARTTLS\r")
    return b"".join(_marked(line, is_last=at == len(lines) - 1) for at, line in enumerate(lines))


def offers(reply: bytes, keyword: bytes) -> bool:
    """Whether the server has listed this (upper case)."""
    return reply.startswith(b"250") and any(_keyword(line) == keyword for line in reply.split(b"\n")[1:])


def _keyword(line: bytes) -> bytes:
    words = line[4:].split(None, 1)
    return words[0].upper() if words else b""


def _kept(line: bytes, terms: Terms, hidden: set[bytes], *, has_old: bool) -> list[bytes]:
    """What is left of one line, without its LF, and what is put beside it."""
    keyword = _keyword(line)
    if keyword == b"STARTTLS" or keyword in hidden:
        return []
    if keyword == b"AUTH" or keyword.startswith(b"AUTH="):
        return _mechanisms(line, terms, hidden, has_old=has_old)
    return [line]


def _mechanisms(line: bytes, terms: Terms, hidden: set[bytes], *, has_old: bool) -> list[bytes]:
    """`AUTH PLAIN LOGIN`, and `AUTH=PLAIN LOGIN` beside it as Outlook <= 2003 and Outlook Express read it (Postfix's
    broken_sasl_auth_clients: it does not hurt others).
    """
    if terms.tls == "require" or b"AUTH" in hidden:
        return []
    is_old = line[8:9] == b"="
    words = line[9:].split() if is_old else line[4:].split()[1:]
    good = [word for word in words if _is_good(word.upper(), terms, hidden)]
    if not good:
        return []
    if len(good) < len(words):
        line = line[:9] + b" ".join(good) + (b"\r" if line.endswith(b"\r") else b"")
    found = {word.upper() for word in good}
    old = [word for word in _OLD_WORDS if word in found]
    if is_old or has_old or not old:
        return [line]
    return [line, b"250-AUTH=" + b" ".join(old) + b"\r"]


def _is_good(mechanism: bytes, terms: Terms, hidden: set[bytes]) -> bool:
    if mechanism in hidden or b"AUTH=" + mechanism in hidden:
        return False
    return not is_bound(mechanism, terms.tls)


def _marked(line: bytes, *, is_last: bool) -> bytes:
    """Put the mark behind the code right, and the LF back."""
    mark = line[3:4]
    if is_last == (mark != b"-"):
        return line + b"\n"
    return line[:3] + (b" " if is_last else b"-") + (line[3:] if mark in (b"\r", b"") else line[4:]) + b"\n"
