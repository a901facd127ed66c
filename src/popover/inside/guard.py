"""Who may come in: networks, hours, limits, rates. Decides; opens and closes nothing and is given the clock."""

from __future__ import annotations

import ipaddress
from collections import Counter, deque
from collections.abc import Callable
from datetime import time

from popover.config import PRIVATE_NETWORKS, Admission, Network, is_private
from popover.errors import Refused

POLITE_REFUSALS = 10
"""Refusals a second that get a line of explanation, per service; whoever comes after just sees the connection
close. A person's client tries once or twice; Postfix's anvil and Dovecot's penalty begin at about as many."""

_IPV6_SITE = 64
"""Bits of a public IPv6 address that make one client: a provider gives each customer a /64 at least, and a host has
all of it to choose from (RFC 8981). In a private network it is the other way round: a whole house shares one /64, and
each of its machines is a client, as it is with IPv4."""

_SHOWN = 12
"""Networks that a remedy names one by one; the private ones are eight."""

_REMEMBERED = 10_000
"""Addresses whose answer from the lists is kept; a local network has fewer."""


class Guard:
    """One service's door. `admit` and `leave` count; a reload keeps the counts (`becomes`)."""

    def __init__(self, admission: Admission) -> None:
        self.inside = 0
        self._per_client: Counter[str] = Counter()
        self._alone: Counter[str] = Counter()  # sessions that go on without their clients
        self._recent: deque[float] = deque()
        self._refusals: deque[float] = deque(maxlen=POLITE_REFUSALS)
        self.becomes(admission)

    def becomes(self, admission: Admission) -> None:
        """Take over new rules; who is inside stays and is still counted."""
        self._admission = admission
        self._allow = PRIVATE_NETWORKS if admission.allow is None else admission.allow
        self._listed: dict[str, bool] = {}

    def admit(self, address: str, now: float, wall: Callable[[], time]) -> Refused | None:
        """Count a client in, or tell why not. `now`: monotonic seconds; `wall` tells the local time of day."""
        rules = self._admission
        if not self._is_listed(address):
            return Refused(f"this gateway does not serve the address {address}", self._how_to_allow(address))
        if rules.hours is not None and not rules.hours.contains(wall()):
            return Refused(f"this gateway is open at {rules.hours} only", "the service's `hours` say so")
        if rules.max_sessions and self.inside >= rules.max_sessions:
            return Refused(
                "too many connections to this gateway, please try again in a minute",
                f"max_sessions = {rules.max_sessions} is reached",
            )
        client = _client(address)
        if rules.max_sessions_per_client and self._per_client[client] >= rules.max_sessions_per_client:
            return Refused(
                "too many connections from your address, please close some",
                f"max_sessions_per_client = {rules.max_sessions_per_client} is reached",
            )
        if not self._in_rate(now):
            return Refused(
                "too many connections in a short time, please try again in a moment",
                f"max_rate = {rules.max_rate} is reached",
            )
        self.inside += 1
        self._per_client[client] += 1
        return None

    def leave(self, address: str) -> None:
        """Count a client out that `admit` let in."""
        self.inside -= 1
        client = _client(address)
        if self._alone[client]:
            self._alone[client] -= 1
            if not self._alone[client]:
                del self._alone[client]
        else:
            self._count_out(client)

    def leave_alone(self, address: str) -> None:
        """The client of a session has gone, and the session goes on without it: only the service's limit counts it."""
        client = _client(address)
        self._alone[client] += 1
        self._count_out(client)

    def _count_out(self, client: str) -> None:
        self._per_client[client] -= 1
        if not self._per_client[client]:
            del self._per_client[client]

    def is_polite(self, now: float) -> bool:
        """Whether a refused client gets a line of explanation now, or just the close of a flood."""
        flooded = len(self._refusals) == POLITE_REFUSALS and now - self._refusals[0] < 1
        if not flooded:
            self._refusals.append(now)
        return not flooded

    def _is_listed(self, address: str) -> bool:
        answer = self._listed.get(address)
        if answer is None:
            if len(self._listed) >= _REMEMBERED:
                self._listed.clear()
            answer = self._listed[address] = _best(self._allow, address) > _best(self._admission.deny, address)
        return answer

    def _how_to_allow(self, address: str) -> str:
        """Say what to write. `allow` replaces what was allowed so far, so all of that is named, too."""
        if _best(self._admission.deny, address) >= 0:
            return "deny names it: to let it in, take it out there, or narrow what stands there"
        if len(self._allow) > _SHOWN:
            how = f'add "{address}" to allow'
        else:
            names = ", ".join(f'"{network}"' for network in (*self._allow, address))
            how = f"write allow = [{names}] in the service, or --allow for each of these"
        is_loud = self._admission.unsafe_public or is_private(ipaddress.ip_network(address))
        louder = "" if is_loud else "; and unsafe_public = true (--unsafe-public): it is no private address"
        return f"to let it in, {how}{louder}"

    def _in_rate(self, now: float) -> bool:
        rate = self._admission.max_rate
        if rate is None:
            return True
        while self._recent and now - self._recent[0] >= rate.seconds:
            self._recent.popleft()
        if len(self._recent) >= rate.sessions:
            return False
        self._recent.append(now)
        return True


def _best(networks: tuple[Network, ...], address: str) -> int:
    """Length of the longest prefix that fits, -1 for none: the best match wins, as in xinetd; deny if even."""
    found = ipaddress.ip_address(address)
    return max((n.prefixlen for n in networks if found.version == n.version and found in n), default=-1)


def _client(address: str) -> str:
    if ":" not in address or _best(PRIVATE_NETWORKS, address) >= 0:
        return address
    return str(ipaddress.ip_network((address, _IPV6_SITE), strict=False))


def plain_address(address: str) -> str:
    """Write a peer's address in one way: no scope ("%eth0"), and IPv4 as IPv4 on a dual-stack socket."""
    address = address.partition("%")[0]
    if address.startswith("::ffff:") and "." in address:
        return address[7:]
    return address


_TLS_HELLO, _SSL2_HELLO, _SOCKS = b"\x16\x03", b"\x01\x03", (b"\x04\x01", b"\x05\x01", b"\x05\x02")
_NO_TLS = (
    "this port speaks no TLS or SSL: switch it off in the mail program for this server",
    "the client uses SSL, and the service has none (tls)",
)
_NOT_YET = (
    "this port begins without TLS or SSL: choose STARTTLS in the mail program for this server",
    'the client begins with TLS; the service\'s tls = "implicit" is for such clients',
)
_OUT_OF_PLACE = {
    "offer": _NOT_YET,
    "require": _NOT_YET,
    "on": ("TLS is spoken already", "the client began TLS once more, inside it"),
}
_VERBS = frozenset(b"GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PRI".split())


def mistaken_for(first: bytes, tls: str = "off") -> tuple[str, str] | None:
    """Say what a client's first octets are that are no mail protocol's (cause, remedy), or None. `tls`: what there
    is of it (protocols.dialect.ClientTLS).

    No mail client begins with these; a web browser that was sent here begins with nothing else
    (ALPACA: the first line must close the session). More octets of the first line never take a verdict back.
    """
    if first[:2] == _TLS_HELLO or (first[2:4] == _SSL2_HELLO and first[:1] >= b"\x80"):
        return _OUT_OF_PLACE.get(tls, _NO_TLS)
    if _is_web(first):
        return "this is a mail gateway, not a web server", "a web browser or scanner was here"
    if first.startswith(_SOCKS):
        return "this is a mail gateway, not a SOCKS proxy", "a SOCKS client or scanner was here"
    if first.startswith((b"PROXY TCP", b"PROXY UNKNOWN", b"\r\n\r\n\0\r\nQUIT\n")):
        return (
            "this gateway takes no PROXY header from you",
            "the balancer in front sends the PROXY protocol: name its address in proxy_from, or switch it off there",
        )
    return None


def _is_web(first: bytes) -> bool:
    """Tell a request line of HTTP, RTSP or SIP by its verb and target: the version comes only after the target, and a
    page makes that as long as it likes.

    A target is a path, `*`, a URL or host:port (RFC 9112 section 3.2). Only IMAP has lines that begin with such a
    verb, as the client's tag; a command follows, in letters (RFC 9051 section 9).
    """
    verb, _, rest = first.partition(b"\n")[0].partition(b" ")
    target = rest.lstrip(b" ").partition(b" ")[0]
    return verb in _VERBS and (target.startswith((b"/", b"*")) or b":" in target)
