"""Finds the servers for a domain. Whom to believe, in this order: the shipped table, the domain itself over verified
TLS, its DNS; and at last who its MX belongs to, by the table or by that one's own word. Only names leave the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NamedTuple

from popover.config import Trust
from popover.outside.dial import Dialler
from popover.setup import dns, table
from popover.setup.autoconfig import NotUnderstood, read
from popover.setup.fetch import fetch
from popover.setup.found import Found, Provider
from popover.setup.records import domain_of, mail_hosts, provider_of

HOSTS_LIMIT = 2
"""MX records that are followed: where there are more, they are of the same provider."""

_PATH = "/mail/config-v1.1.xml"


class Tried(NamedTuple):
    """A place that was asked, and what came of it, as the end of a sentence about it."""

    place: str
    outcome: str


@dataclass(slots=True)
class Search:
    """One. `tried`: what was asked so far; `dns_answers`: whether there is any use in asking it again."""

    dialler: Dialler
    trust: Trust = field(default_factory=Trust)
    tried: list[Tried] = field(default_factory=list)
    dns_answers: bool = True

    async def find(self, domain: str) -> Found | None:
        """Look everywhere, and stop at the first that knows; None: nobody does."""
        if provider := table.of_domain(domain):
            return Found(provider, "table", "the table that comes with popover", domain)
        self._note("the table that comes with popover", f"does not know {domain}")
        told = asyncio.create_task(self._srv(domain))
        try:
            if found := await self._autoconfig(domain, domain, well_known=True):
                return Found(found[0], "autoconfig", found[1], domain)
            return await told or await self._by_mx(domain)
        finally:
            told.cancel()

    async def _autoconfig(self, domain: str, mail: str, *, well_known: bool) -> tuple[Provider, str] | None:
        """Ask a domain's own web servers, all at once, about the addresses of `mail`; the first of them in the order of
        the draft.
        """
        places = [(f"autoconfig.{domain}", _PATH)]
        places += [(domain, f"/.well-known/autoconfig{_PATH}")] if well_known else []
        documents = await asyncio.gather(*(fetch(self.dialler, self.trust, *place) for place in places))
        found = None
        for (host, path), (octets, why) in zip(places, documents, strict=True):
            place = f"https://{host}{path}"
            try:
                provider = read(octets, mail)[0] if not why else None
            except NotUnderstood as fault:
                provider, why = None, str(fault)  # noqa: PLW2901 - told below
            self._note(place, why or "names the servers")
            found = found or ((provider, place) if provider else None)
        return found

    async def _srv(self, domain: str) -> Found | None:
        if not dns.is_there():
            self._note("DNS", dns.MISSING)
            return None
        try:
            provider = provider_of(domain, await dns.ask_srv(domain))
        except dns.Unanswered:
            self._note(f"SRV records of {domain}", "could not be asked for: DNS does not answer")
            self.dns_answers = False
            return None
        self._note(f"SRV records of {domain}", "name the servers" if provider else "are none")
        return Found(provider, "srv", f"the SRV records of {domain}", domain) if provider else None

    async def _by_mx(self, domain: str) -> Found | None:
        async for mx in self._mail_hosts(domain):
            if provider := table.of_host(mx):
                self._note(f"MX {mx}", f"belongs to {provider.name}")
                return Found(provider, "mx", f"the MX {mx}, which belongs to {provider.name}", domain)
            its_domain = domain_of(mx)
            if its_domain is None or its_domain == domain:
                self._note(f"MX {mx}", "tells no more")
            elif found := await self._autoconfig(its_domain, domain, well_known=False):
                return Found(found[0], "mx", f"the MX {mx}, and {found[1]}", domain)
        return None

    async def _mail_hosts(self, domain: str) -> AsyncIterator[str]:
        if not dns.is_there():
            return
        try:
            hosts = mail_hosts(await dns.ask_mx(domain)) if self.dns_answers else ()
        except dns.Unanswered:
            self.dns_answers = False
        if not self.dns_answers:
            self._note(f"MX records of {domain}", "could not be asked for: DNS does not answer")
            return
        if not hosts:
            self._note(f"MX records of {domain}", "are none")
        for host in hosts[:HOSTS_LIMIT]:
            yield host

    def _note(self, place: str, outcome: str) -> None:
        self.tried.append(Tried(place, outcome))
