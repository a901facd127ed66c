"""What this machine is called by others: the addresses that a mail program can be told."""

from __future__ import annotations

import fcntl
import ipaddress
import re
import socket
import struct
from pathlib import Path

_SIOCGIFADDR = 0x8915  # linux/sockios.h; the address is at octet 20 of struct ifreq (netdevice(7))
_LINK_LOCAL = "fe80"
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})*")  # RFC 1123 section 2.1


def own_addresses() -> list[str]:
    """Addresses of this machine that others can use, IPv4 first; neither loopback nor IPv6 link-local."""
    return [*_ipv4(), *_ipv6()]


def own_names() -> list[str]:
    """Names by which others may call this machine: its own, whole and short, and what Bonjour makes of it."""
    name = socket.gethostname().strip(".").lower()
    short = name.partition(".")[0]
    found = dict.fromkeys((name, short, f"{short}.local", "localhost"))
    return [one for one in found if _NAME.fullmatch(one)]


def reachable_at(host: str) -> list[str]:
    """Where a client finds a listener on `host`: for 0.0.0.0 and :: any address of this machine, loopback last."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return [host]
    loopback = "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - IPv4
    return [*(one for one in own_addresses() if ipaddress.ip_address(one).version == address.version), loopback]


def _ipv4() -> list[str]:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asker.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue  # an interface without IPv4
            found.append(socket.inet_ntoa(answer[20:24]))
    return [address for address in found if not address.startswith("127.")]


def _ipv6() -> list[str]:
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return []
    found = [socket.inet_ntop(socket.AF_INET6, bytes.fromhex(line.split()[0])) for line in lines]
    return [address for address in found if address != "::1" and not address.startswith(_LINK_LOCAL)]
