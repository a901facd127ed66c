"""Networks, and which of them are private."""

from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

# Who is let in where `allow` is not given, and whom `allow` may name without `unsafe_public`.
PRIVATE_NETWORKS: tuple[Network, ...] = (
    IPv4Network("127.0.0.0/8"),  # loopback, RFC 1122 section 3.2.1.3
    IPv6Network("::1/128"),  # loopback, RFC 4291 section 2.5.3
    IPv4Network("10.0.0.0/8"),  # private, RFC 1918 section 3
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),  # unique local, RFC 4193 section 3.1
    IPv4Network("169.254.0.0/16"),  # link-local, RFC 3927 section 2.1
    IPv6Network("fe80::/10"),  # link-local, RFC 4291 section 2.5.6
)


def is_private(network: Network) -> bool:
    """Whether the whole network lies inside one of PRIVATE_NETWORKS."""
    return any(_inside(network, private) for private in PRIVATE_NETWORKS)


def _inside(network: Network, other: Network) -> bool:
    first, last = network.network_address, network.broadcast_address
    return network.version == other.version and first in other and last in other
