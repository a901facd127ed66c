"""The XML by which a domain tells its servers (draft-ietf-mailmaint-autoconfig), and Thunderbird its table.

It comes from strangers: no document type is read, so there are no entities to multiply, and what is not understood is
left out. Only what has TLS counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from popover.config import DialectName, Security, Server
from popover.config.places import HIGHEST_PORT, parse_host
from popover.config.words import visible
from popover.errors import ConfigError
from popover.setup.found import Offer, Provider, Way

READ_LIMIT = 64 * 1024
"""Octets of a document. The largest of Thunderbird's own 163 has 12,000."""

_DEPTH_LIMIT = 20  # elements within each other; the format has 5
_TEXT_LIMIT = 200  # characters of a name or sentence that is shown

_DIALECTS: dict[str, DialectName] = {"pop3": "pop3", "imap": "imap", "smtp": "smtp"}
_SECURITIES: dict[str, Security] = {"SSL": "tls", "STARTTLS": "starttls"}
_WAYS: dict[str, Way] = {
    "password-cleartext": "password",
    "password-encrypted": "password",
    "plain": "password",  # of version 1.0
    "secure": "password",
    "OAuth2": "oauth2",
}


class NotUnderstood(Exception):  # noqa: N818 - the document's state
    """What came is no such document: `str()` says why, as the end of a sentence about it."""


def read(octets: bytes, domain: str = "") -> tuple[Provider, tuple[str, ...]]:
    """The first provider of a document, and the domains it names. `domain`: whose mail it is, for hosts that are called
    by it (`mail.%EMAILDOMAIN%`). Raises NotUnderstood.
    """
    root = _parse(octets)
    provider = root.find("emailProvider") if root.tag == "clientConfig" else None
    if provider is None:
        raise NotUnderstood("is no description of mail servers")
    offers = tuple(offer for server in provider for offer in _offer(server, domain))
    if not offers:
        raise NotUnderstood("names no server with TLS")
    domains = tuple(_domains(provider))
    name = _text(provider, "displayName") or (domains[0] if domains else "")
    enable = root.find("enable")
    told, url = ("", "") if enable is None else (_text(enable, "instruction"), enable.get("visiturl", ""))
    name = name.replace("%EMAILDOMAIN%", domain)
    return Provider(name, offers, told, visible(url[:_TEXT_LIMIT]) if url.startswith("https://") else ""), domains


def _parse(octets: bytes) -> Element:
    if len(octets) > READ_LIMIT:
        raise NotUnderstood(f"is larger than {READ_LIMIT:,} octets")
    builder, depth = TreeBuilder(), 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEPTH_LIMIT:
            raise NotUnderstood("is nested beyond all measure")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_what: object) -> NoReturn:
        raise NotUnderstood("has a document type, which none needs, and which may hold a bomb")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(octets, True)
        return builder.close()
    except (expat.ExpatError, AssertionError, ValueError, LookupError):  # LookupError: an encoding nobody knows
        raise NotUnderstood("is no XML") from None


def _offer(element: Element, domain: str) -> Iterator[Offer]:
    """One server, if it is one for us."""
    dialect = _DIALECTS.get(element.get("type", ""))
    security = _SECURITIES.get(_text(element, "socketType"))
    is_right = element.tag == ("outgoingServer" if dialect == "smtp" else "incomingServer")
    port = _text(element, "port")
    if dialect is None or security is None or not is_right or not (port.isascii() and port.isdigit()):
        return
    try:
        host = parse_host(_text(element, "hostname").replace("%EMAILDOMAIN%", domain))
    except ConfigError:
        return
    told = [(each.text or "").strip() for each in element.findall("authentication")]
    ways = tuple(dict.fromkeys(_WAYS[way] for way in told if way in _WAYS))
    if not 0 < int(port[:6]) <= HIGHEST_PORT or "." not in host or ":" in host or host.rpartition(".")[2].isdigit():
        return  # an address has no name that a certificate could be for
    if told and not ways:
        return  # by the client's address, by Kerberos: nothing that goes through a gateway
    login = _text(element, "username") or "%EMAILADDRESS%"
    yield Offer(Server(dialect, host, int(port), security), login, ways or ("password",))


def _domains(provider: Element) -> Iterator[str]:
    for element in provider.findall("domain"):
        try:
            yield parse_host((element.text or "").strip())
        except ConfigError:
            continue


def _text(element: Element, name: str) -> str:
    return visible(" ".join((element.findtext(name) or "").split())[:_TEXT_LIMIT])
