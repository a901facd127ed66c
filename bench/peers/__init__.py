"""The peers, in the order of the tables: popover, then from the fastest to the slowest."""

from bench.peers.base import Peer, Place, Running
from bench.peers.haproxy import Haproxy
from bench.peers.nginx import Nginx
from bench.peers.popover import Popover
from bench.peers.recipe import Recipe
from bench.peers.socat import Socat
from bench.peers.stunnel import Stunnel

__all__ = ["OTHERS", "Peer", "Place", "Popover", "Running"]

OTHERS: tuple[Peer, ...] = (Nginx(), Haproxy(), Stunnel(), Socat(), Recipe())
