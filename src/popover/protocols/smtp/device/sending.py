"""A mail that was kept, to a server that is signed in: one attempt.

Each recipient has its own fate: taken, later (4xx, a loss), refused (5xx). Behind the mail's end all that were taken
share the verdict. If the connection is lost between that end and the verdict, the mail may be there: it is sent again
all the same, for a mail twice is better than none (RFC 5321 section 4.5.3.2.6, RFC 1047), and its Message-ID tells
whoever looks that it is the same one.
"""

from __future__ import annotations

from collections.abc import Iterator

from popover.protocols.device import Delivery, Envelope, Errand, Flush
from popover.protocols.smtp.device.address import Path
from popover.protocols.smtp.device.line import Line, Reply
from popover.talk import End


def send(server: End, envelope: Envelope, octets: Iterator[bytes]) -> Errand[Delivery]:
    """Send it; `octets`: the mail as DATA has it, its end included, in pieces."""
    line = Line(server)
    reply = yield from line.say_hello()
    if not line.is_lost:
        reply = yield from line.ask(_said(line, b"MAIL FROM:<", envelope.sender, envelope.parameters))
    if reply.kind != b"2":
        return _all(envelope.recipients, reply)
    taken, later, refused = [], [], {}
    for recipient in envelope.recipients:
        reply = yield from line.ask(_said(line, b"RCPT TO:<", recipient))
        if reply.kind == b"2":
            taken.append(recipient)
        elif reply.kind == b"5":
            refused[recipient] = reply.text
        else:
            later.append(recipient)
    if not taken:
        return Delivery((), tuple(later), refused, reply.text)
    reply = yield from line.ask(b"DATA")
    if reply.kind == b"3":
        reply, is_doubtful = yield from _mail(line, octets)
        if reply.kind == b"2":
            line.end.outbox += b"QUIT\r\n"
            return Delivery(tuple(taken), tuple(later), refused, reply.text)
    else:
        is_doubtful = False
    rest = _all(tuple(taken), reply)
    return Delivery((), (*later, *rest.later), refused | dict(rest.refused), reply.text, is_doubtful)


def _mail(line: Line, octets: Iterator[bytes]) -> Errand[tuple[Reply, bool]]:
    """Send the mail itself, and hear the verdict; whether the server may have it although it did not say so."""
    for piece in octets:
        if line.has_news:  # it has seen enough
            reply = yield from line.reply()
            line.give_up()
            return (reply if reply.kind in (b"4", b"5") else Reply(b"")), False
        line.end.outbox += piece
        yield Flush()
    reply = yield from line.reply()
    return reply, not reply.words


def _said(line: Line, words: bytes, address: str, parameters: tuple[str, ...] = ()) -> bytes:
    path = Path(_octets(address), tuple(map(_octets, parameters)))
    return b" ".join([words + path.address + b">", *path.fitting(line.extensions)])


def _all(recipients: tuple[str, ...], reply: Reply) -> Delivery:
    """The same fate for all of them."""
    if reply.kind == b"5":
        return Delivery((), (), dict.fromkeys(recipients, reply.text), reply.text)
    return Delivery((), recipients, {}, reply.text)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
