"""Asks DNS for SRV and MX records. The only room that knows dnspython: no other command needs it."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

from popover.setup.records import SERVICES, Srv

LIFETIME = 5.0
"""Seconds for one question, all its tries included. A resolver of today answers within one."""

MISSING = (
    "SRV and MX records were not asked for: that needs dnspython (pip install 'popover[setup]', or Debian's "
    "python3-dnspython)"
)


class Unanswered(Exception):  # noqa: N818 - the question's state
    """Nobody has said whether there is such a record."""


def is_there() -> bool:
    """Whether dnspython is."""
    return find_spec("dns") is not None


async def ask_srv(domain: str) -> dict[str, list[Srv]]:
    """Ask for all services at once; those that there are. Raises Unanswered."""
    answers = await asyncio.gather(*(_ask(f"{service}._tcp.{domain}", "SRV") for service in SERVICES))
    found: dict[str, list[Srv]] = {}
    for service, records in zip(SERVICES, answers, strict=True):
        for priority, weight, port, target in (text.split() for text in records):
            found.setdefault(service, []).append(Srv(int(priority), int(weight), int(port), target))
    return found


async def ask_mx(domain: str) -> list[tuple[int, str]]:
    """Ask for the MX records, each with its preference. Raises Unanswered."""
    pairs = [text.split() for text in await _ask(domain, "MX")]
    return [(int(preference), target) for preference, target in pairs]


async def _ask(name: str, kind: str) -> list[str]:
    """Records in the words of a zone file (RFC 1035 section 5); none if there are none. Raises Unanswered."""
    import dns.asyncresolver  # noqa: PLC0415 - takes 140 ms and 7 MiB, and may be missing
    import dns.exception  # noqa: PLC0415
    import dns.resolver  # noqa: PLC0415

    try:
        resolver = dns.asyncresolver.Resolver()
        answer = await resolver.resolve(f"{name}.", kind, lifetime=LIFETIME, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError, ValueError):  # nobody answers, or nonsense; no network at all
        raise Unanswered from None
    return [record.to_text() for record in answer]
