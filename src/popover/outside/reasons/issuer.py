"""Nobody that this machine knows vouches for a certificate. Many things look like that: told apart by what was seen."""

from __future__ import annotations

from popover.config import Server, pin_text
from popover.outside.certificate import Certificate
from popover.outside.chain import Link, Seen, Way
from popover.outside.reasons.interception import interceptor
from popover.outside.reasons.shown import Words, day, name, now
from popover.protocols import printable

_CA_FILE = "name its certificate with ca_file (--ca-file)"


def self_signed(server: Server, way: Way) -> Words:
    """Nobody vouches for it but itself."""
    pin = pin_text(way[0].certificate.pin) if way else ""
    subject = f" ({name(way[0].certificate.subject)})" if way and way[0].certificate.subject else ""
    compare = f"; compare its public key with that on the server first: {pin}" if pin else ""
    return f"the certificate of {server.host}{subject} is self-signed: nobody vouches for it", (
        f"if it is your own server: {_save(server)} saves its certificate, and with --ca-file {_file(server)} "
        f"(ca_file) that one, and no other, is trusted from then on{compare}"
    )


def unknown_issuer(server: Server, seen: Seen) -> Words:
    """Somebody vouches for it whom this machine does not know."""
    of, way = f"the certificate of {server.host}", seen.way
    if seen.knows_nobody:
        return f"{of} cannot be judged: this machine knows no authority at all", (
            "its trust store is empty: install the package ca-certificates"
        )
    if not way:
        return f"{of} is signed by an authority which this machine does not know", (
            f"if it is your own: {_CA_FILE}; else update the package ca-certificates, or the server leaves out an "
            "intermediate certificate: tell its operator"
        )
    of = f"{of} is signed by {_signers(way)}"
    if product := interceptor([link.certificate for link in way]):
        return f"{of}: that is {product}, which opens what is encrypted on its way", (
            f"let it make an exception for {server.host}; if your network will have it so, get its root certificate "
            "from who runs it, and name that with ca_file (--ca-file)"
        )
    if (old := _ran_out(way[1:])) is not None:
        return f"{of}, and {name(old.subject)} ran out on {day(old.not_after)} (expired)", (
            "the server's operator must send a chain that leads to a current authority"
        )
    if _is_incomplete(seen):
        return f"{of}, whose certificate the server leaves out", _incomplete(way[0].certificate)
    return f"{of}, which this machine does not know", _unknown(server, seen)


def _is_incomplete(seen: Seen) -> bool:
    """Whether the server sends its own certificate alone, and that says that another stands above it: public
    authorities write into each where the next one can be had (RFC 5280 section 4.2.2.1).
    """
    own = seen.way[0].certificate
    return seen.is_all and len(seen.way) == 1 and not own.self_signed and bool(own.issuer_urls)


def _incomplete(own: Certificate) -> str:
    place = printable(own.issuer_urls[0].encode("latin-1", "replace"), 100)
    return (
        f"the server's operator must have it send this intermediate certificate, too (it is at {place}); until then "
        "that will do as ca_file (--ca-file), if you have it from the authority itself"
    )


def _unknown(server: Server, seen: Seen) -> str:
    """Say what to do about an authority that is unknown for no other reason."""
    own, top = seen.way[0].certificate, seen.way[-1].certificate
    if top.self_signed:  # so it sent them all
        return (
            f"if that authority is your own: {_save(server)} saves its certificate, and with --ca-file {_file(server)} "
            "(ca_file) whatever it vouches for is trusted; if it is a public one, update the package ca-certificates"
        )
    by = name(top.issuer)
    if own is not top:
        return (
            f"if {by} is a public authority, update the package ca-certificates, or the server leaves out an "
            f"intermediate certificate: tell its operator; if it is your own: {_CA_FILE}"
        )
    if not seen.is_all:
        return (
            f"the server may leave out the intermediate certificate of {by}: tell its operator; "
            f"if {by} is your own authority: {_CA_FILE}"
        )
    return (
        f"the server sends no certificate of {by}: if that is an intermediate certificate of a public authority, its "
        f"operator must send it, too; if it is your own authority: {_CA_FILE}"
    )


def _signers(way: Way) -> str:
    """Write who has signed it, and who is the last that was seen to vouch."""
    own, top = way[0].certificate, way[-1].certificate
    if own.issuer_der == top.issuer_der:
        return name(own.issuer)
    between = len(way) - 1 - top.self_signed
    return f"{name(own.issuer)}, and that {'in the end ' if between > 1 else ''}by {name(top.issuer)}"


def _ran_out(above: list[Link] | Way) -> Certificate | None:
    moment = now()
    return next((link.certificate for link in above if link.certificate.not_after < moment), None)


def _file(server: Server) -> str:
    return f"{server.host}.pem"


def _save(server: Server) -> str:
    return f"`popover check --save-certificate {_file(server)} {server}`"
