"""The small words of a configuration: hours, rates, pins, networks. Text in, values out.

Each function takes what a person wrote and returns the value, or raises ConfigError with one sentence that
can stand alone (on the command line) or behind `popover.toml: service "example": hours: `.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import time
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from popover.config.networks import Network
from popover.config.times import HourRange, Hours, Rate
from popover.errors import ConfigError

QUOTE_LIMIT = 80
"""Characters of somebody's text that a message repeats: most host names fit, so does a terminal's line."""

MIDNIGHT = time(0, 0)
DIGEST_SIZE = 32
"""Octets of a SHA-256 digest (RFC 6234)."""

DAY = 86400
"""Seconds; the longest time a rate may speak of. xinetd's `cps` is used with 10 to 60."""

_HOURS = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_RATE = re.compile(r"([0-9]{1,9})/([0-9]{1,6}(?:\.[0-9]{1,3})?)?([smh])")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_INTERFACE = re.compile(r"[A-Za-z0-9._-]{1,15}")  # Linux: IFNAMSIZ is 16 with the NUL
_CAPABILITY = re.compile(r"[!-~]{1,80}")  # a word without blanks; the longest in use has 30 letters
_HEX = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){31}")


def quote(text: str) -> str:
    """Somebody's text in quotes, on one line and short."""
    shown = text if len(text) <= QUOTE_LIMIT else text[: QUOTE_LIMIT - 3] + "..."
    return '"' + visible(shown.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def visible(text: str) -> str:
    r"""The text with all that is not printable (CR, LF, ESC, bidi marks) as `\u....`."""
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in text)


def _escape(letter: str) -> str:
    number = ord(letter)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004 - four digits hold it


def parse_hours(text: str) -> Hours:
    """`07:00-23:00`, or several ranges with a blank or comma between them; `22:00-06:00` goes over midnight.

    23:59 as an end means the end of the day: xinetd, which knows no 24:00, counts the last minute in.
    """
    ranges = text.replace(",", " ").split()
    if not ranges:
        raise ConfigError(f'{quote(text)} names no hours: write them as "07:00-23:00"')
    return Hours(tuple(map(_parse_range, ranges)))


def _parse_range(text: str) -> HourRange:
    found = _HOURS.fullmatch(text)
    if not found:
        raise ConfigError(f'{quote(text)} is no range of hours: write it as "07:00-23:00"')
    hour1, minute1, hour2, minute2 = map(int, found.groups())
    if (hour2, minute2) in {(24, 0), (23, 59)}:
        hour2 = minute2 = 0
    try:
        hours = HourRange(time(hour1, minute1), time(hour2, minute2))
    except ValueError:
        raise ConfigError(f"{quote(text)} is no range of hours: they go from 00:00 to 24:00") from None
    if hours.start == hours.end != MIDNIGHT:
        raise ConfigError(f'{quote(text)} begins when it ends: write "00:00-24:00" for the whole day')
    return hours


def parse_rate(text: str) -> Rate:
    """`50/10s`: at most 50 new sessions in 10 seconds. Units s, m, h; `3/s` is `3/1s`."""
    found = _RATE.fullmatch(text)
    if not found:
        raise ConfigError(f'{quote(text)} is no rate: write "50/10s" for 50 new sessions in 10 seconds')
    sessions = int(found[1])
    seconds = round(float(found[2] or 1) * _UNITS[found[3]], 3)
    if sessions == 0:
        raise ConfigError(f"{quote(text)} lets nobody in: a rate begins at 1 session")
    if not 0 < seconds <= DAY:
        raise ConfigError(f"{quote(text)} speaks of no time that fits: more than 0s, 24h at most")
    return Rate(sessions, seconds)


def parse_pin(text: str) -> bytes:
    """A server's public key to insist on, as the 32 octets of its SHA-256 digest.

    `sha256:` and base64 (RFC 7469 section 2.4 writes `sha256=`, curl `sha256//`), or 64 hex digits with or
    without colons, as OpenSSL prints them.
    """
    bare = re.sub(r"(?i)\Asha-?256(:|//|=)", "", text)
    if _HEX.fullmatch(bare):
        return bytes.fromhex(bare.replace(":", ""))
    try:
        digest = base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != DIGEST_SIZE:
        raise ConfigError(f'{quote(text)} is no pin: write "sha256:" and 44 base64 characters, or 64 hex digits')
    return digest


def pin_text(digest: bytes) -> str:
    """A pin as one writes it: `parse_pin(pin_text(digest)) == digest`."""
    return "sha256:" + base64.b64encode(digest).decode("ascii")


def parse_capability(text: str) -> str:
    """The name of a capability as servers list it, in upper case: `IDLE`, `AUTH=PLAIN`."""
    if not _CAPABILITY.fullmatch(text):
        raise ConfigError(f'{quote(text)} is no capability: write one name as the server lists it, such as "IDLE"')
    return text.upper()


def parse_network(text: str) -> Network:
    """`192.168.0.0/16`, `fd00::/8`, or one address (`192.168.1.5` means /32)."""
    try:
        network = ip_network(text)
    except ValueError:
        raise ConfigError(_why_no_network(text)) from None
    if "%" in text:
        raise ConfigError(f"{quote(text)} names an interface: write the network without % and what follows")
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:  # noqa: PLR2004
        inner = f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}"
        raise ConfigError(f'{quote(text)} is IPv4 in disguise: write "{inner}"')
    if "/" not in text and network.version == 4 and text.endswith(".0"):  # noqa: PLR2004
        # xinetd takes trailing zeros for "any number". Taken as one address it would let nobody in.
        raise ConfigError(f'{quote(text)} needs its size: "{text}/24" is a network, "{text}/32" one address')
    return network


def _why_no_network(text: str) -> str:
    try:
        loose = ip_network(text, strict=False)
    except ValueError:
        return f'{quote(text)} is no network: write it as "192.168.0.0/16", "fd00::/8" or one IP address'
    address = text.partition("/")[0]
    return f'{quote(text)} has bits set beyond its size: write "{loose}", or "{address}" for one address'


def parse_ip(text: str) -> IPv4Address | IPv6Address:
    """One IP address, IPv6 without brackets. Never IPv4 mapped into IPv6: that is written as IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        raise ConfigError(f"{quote(text)} is no IP address") from None
    if isinstance(address, IPv6Address) and address.scope_id and not _INTERFACE.fullmatch(address.scope_id):
        raise ConfigError(f"{quote(text)} names no interface behind its %")
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        raise ConfigError(f'{quote(text)} is IPv4 in disguise: write "{address.ipv4_mapped}"')
    return address
