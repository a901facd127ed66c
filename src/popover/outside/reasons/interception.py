"""Programs and devices that open what is encrypted on its way, by the names that stand in the certificates they make.

Only asked of a chain that has been refused. The names are those of the products' own documentation and of their users'
complaints; whoever runs a device may have given it another, and then it is an unknown authority as any other.
"""

from __future__ import annotations

from collections.abc import Iterable

from popover.outside.certificate import Certificate

_ANTIVIRUS, _FILTER, _FIREWALL, _DEBUGGER = "an antivirus", "a web filter", "a firewall or proxy", "a debugging proxy"

_PRODUCTS: tuple[tuple[str, str, str], ...] = (
    # in a name, in lower case; what it is called; what it is
    ("avast", "Avast", _ANTIVIRUS),
    ("avg web/mail shield", "AVG", _ANTIVIRUS),
    ("norton web/mail shield", "Norton", _ANTIVIRUS),
    ("bitdefender", "Bitdefender", _ANTIVIRUS),
    ("eset ssl filter", "ESET", _ANTIVIRUS),
    ("kaspersky", "Kaspersky", _ANTIVIRUS),
    ("dr.web", "Dr.Web", _ANTIVIRUS),
    ("mcafee web gateway", "McAfee Web Gateway", _FIREWALL),
    ("adguard", "AdGuard", _FILTER),
    ("contentwatch", "Net Nanny", _FILTER),
    ("qustodio", "Qustodio", _FILTER),
    ("cisco umbrella", "Cisco Umbrella", _FILTER),
    ("securly", "Securly", _FILTER),
    ("lightspeed", "Lightspeed", _FILTER),
    ("smoothwall", "Smoothwall", _FILTER),
    ("barracuda", "Barracuda", _FIREWALL),
    ("blue coat", "Blue Coat", _FIREWALL),
    ("check point", "Check Point", _FIREWALL),
    ("forcepoint", "Forcepoint", _FIREWALL),
    ("fortinet", "Fortinet", _FIREWALL),
    ("fortigate", "Fortinet", _FIREWALL),
    ("netskope", "Netskope", _FIREWALL),
    ("palo alto networks", "Palo Alto Networks", _FIREWALL),
    ("sonicwall", "SonicWall", _FIREWALL),
    ("sophos", "Sophos", _FIREWALL),
    ("untangle", "Untangle", _FIREWALL),
    ("watchguard", "WatchGuard", _FIREWALL),
    ("websense", "Websense", _FIREWALL),
    ("zscaler", "Zscaler", _FIREWALL),
    ("do_not_trust_fiddlerroot", "Fiddler", _DEBUGGER),
    ("mitmproxy", "mitmproxy", _DEBUGGER),
    ("portswigger", "Burp", _DEBUGGER),
)


def interceptor(way: Iterable[Certificate]) -> str:
    """Name the product that made such certificates by who signed them: "Avast (an antivirus)"; empty if none is known.

    Names are looked for in their DER, where all of their parts stand, the organisation, too.
    """
    signers = b"\n".join(one.issuer_der for one in way).decode("latin-1").lower()
    return next((f"{called} ({kind})" for words, called, kind in _PRODUCTS if words in signers), "")
