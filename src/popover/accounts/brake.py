"""Wrong logins are slowed, and limited by where they come from, so that nobody tries passwords here one by one.

Each address has a bucket into which a wrong login puts a drop, and which leaks. A full bucket is shut: what comes from
there gets no answer about its password, right or wrong, until there is room again. So

- it is no oracle: the password of a login that is turned away has not been looked at;
- it is told as a trouble of the gateway's that passes, never as a wrong password, for which an old program forgets its
  right one;
- a right password from another address is not touched by it, whoever tries that account meanwhile;
- nor is one from the same address, if that account has logged in from there before: the two have a bucket of their
  own. A mail program with an outdated password locks out neither the one beside it, nor its neighbour behind the same
  router.

A right login empties no bucket: whoever has one account could try out the others in between.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

FULL = 20
"""Wrong logins that a bucket holds: a person who mistypes needs five, a program with an outdated password that looks
each minute is never turned away. Dovecot has no such limit, fail2ban's is 5 in 10 minutes."""

LEAK = 30.0
"""Seconds until one of them is forgotten: 2,880 a day and address. A password of eight random letters lasts for 100,000
years."""

FREE = 3
"""Wrong logins that are answered after PAUSE; each further one takes twice as long, to LONGEST."""

PAUSE = 1.0
"""Seconds before a wrong login is answered (Dovecot: 2)."""

LONGEST = 8.0
"""Seconds; Dovecot goes to 17. Mail programs wait for 30 and more, and each holds one of max_sessions_per_client."""

PLACES = 4096
"""Buckets, and pairs of address and account that are known; what was used least recently gives way. Some 1 MB in
all."""

_SITE = 64  # bits: one customer's network (RFC 6177), and one home's


class Brake:
    """All buckets. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how much was in it, and when
        self._known: OrderedDict[str, None] = OrderedDict()

    def place(self, client: str, account: str) -> str:
        """Give the bucket of a login. `account`: the one that is meant, "" if there is none of that name."""
        return _pair(client, account) if self.is_known(client, account) else site(client)

    def is_known(self, client: str, account: str) -> bool:
        """Whether this account has logged in from there."""
        return _pair(client, account) in self._known

    def shut(self, place: str) -> float:
        """Give the seconds for which a place is shut; 0: it is open."""
        return max(0.0, (self._level(place) - (FULL - 1)) * LEAK)

    def wrong(self, place: str) -> float:
        """Count a wrong login, and give the seconds after which to answer it."""
        level = self._level(place) + 1
        self._buckets[place] = level, self._clock()
        self._buckets.move_to_end(place)
        if len(self._buckets) > PLACES:
            self._buckets.popitem(last=False)
        return min(LONGEST, PAUSE * 2 ** max(0.0, round(level) - FREE))

    def right(self, client: str, account: str) -> None:
        """Know that this account logs in from there."""
        pair = _pair(client, account)
        self._known[pair] = None
        self._known.move_to_end(pair)
        if len(self._known) > PLACES:
            self._known.popitem(last=False)

    def _level(self, place: str) -> float:
        level, since = self._buckets.get(place, (0.0, 0.0))
        return max(0.0, level - (self._clock() - since) / LEAK)


def site(client: str) -> str:
    """Who shares a bucket: one IPv4 address; of IPv6, one network, whose hosts take new addresses as they like."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client  # a Unix socket, or a pipe
    return client if address.version == 4 else str(ipaddress.ip_network((client, _SITE), strict=False))  # noqa: PLR2004


def _pair(client: str, account: str) -> str:
    return f"{client} {account}"
