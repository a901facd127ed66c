"""Header fields that a device's mail gets: From, Reply-To, Date, Message-ID (RFC 5322 section 3.6)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_NAMED = re.compile(rb"(?P<name>[^<>]*)<(?P<address>[^<>]*)>\s*", re.DOTALL)
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ODD = re.compile(rb'[,;:@()\\"]')  # in a name that is not in quotes: it is none, or there are several addresses
_NAME_LIMIT = 998
"""Octets, a line's most (RFC 5322 section 2.1.1). What is in quotes is looked for anew behind each quote that is not
closed: a header of 64 KiB of them held the whole gateway up for eight seconds."""

_REACHABLE = re.compile(rb"@(?:[0-9A-Za-z\x80-\xff_-]+\.)+[A-Za-z\x80-\xff][0-9A-Za-z\x80-\xff-]*")


class Stamp(NamedTuple):
    """What is added where it is missing."""

    date: bytes
    message_id: bytes


def stamp(now: Callable[[], datetime], domain: str) -> Stamp:
    """Make one for a mail of this moment. `now`: the clock on the wall, with its zone. `domain`: where names are
    unique; that of the sender, so that nothing of this house's network is told.
    """
    moment = now()
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    date = f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S %z}"
    return Stamp(date.encode(), f"<{int(moment.timestamp())}.{secrets.token_hex(8)}@{domain}>".encode())


def name_of(field: bytes) -> bytes:
    """Give a field's name, in lower case."""
    return field.partition(b":")[0].strip().lower()


def from_sender(field: bytes, sender: bytes) -> tuple[bytes, bytes]:
    """Make `sender` the address of a From field: the field, and what stood in it, if somebody could reply to that.

    The name before the address stays: it tells which of the printers it was.
    """
    head, _, value = field.partition(b":")
    end = b"\r\n" if value.endswith(b"\r\n") else b"\n"
    said = value.rstrip(b"\r\n")
    found = _NAMED.fullmatch(said)
    address = (found["address"] if found else said).strip()
    if address.lower() == sender.lower():
        return field, b""
    name = found["name"] if found and _is_name(found["name"]) else b""
    made = name.rstrip() + b" <" + sender + b">" if name.strip() else b" " + sender
    return head + b":" + made + end, said if _REACHABLE.search(address) else b""


def _is_name(text: bytes) -> bool:
    return len(text) <= _NAME_LIMIT and _ODD.search(_QUOTED.sub(b"", text)) is None
