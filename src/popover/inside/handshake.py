"""TLS with one client, from its first octet of it to the last of the handshake."""

from __future__ import annotations

from popover.errors import HandshakeFailure
from popover.inside.hello import Hello, NoTLSError, read_hello
from popover.inside.identity import Identity
from popover.inside.reasons import explain, no_tls, wrong_alpn
from popover.wire.engine import Engine, TLSError
from popover.wire.stream import Stream

_REFUSED = bytes((21, 3, 1, 0, 2, 2, 120))
"""A record with the alert no_application_protocol, fatal (RFC 7301 section 3.2)."""


class Left(HandshakeFailure):
    """The client went away before it had said anything: nothing has failed."""

    end = "client closed"


async def first_words(client: Stream, alpn: str, *, behind_starttls: bool) -> Hello:
    """Read a client's hello, which stays in its inbox. Raises Misdialled for what is no TLS (it can be told so), else
    HandshakeFailure.
    """
    inbox = client.end.inbox
    while True:
        try:
            hello = read_hello(bytes(inbox))
        except NoTLSError:
            raise no_tls(bytes(inbox), behind_starttls=behind_starttls) from None
        if hello is not None:
            break
        if client.end.ended:
            if inbox:
                raise HandshakeFailure("the client went away in the middle of its first words of TLS", "")
            raise Left("the client went away before it had said anything")
        await client.more()
    if hello.alpn and alpn.encode() not in hello.alpn:
        client.write(_REFUSED)
        raise wrong_alpn(hello, alpn)
    return hello


async def shake_hands(client: Stream, identity: Identity, hello: Hello, alpn: str) -> Engine:
    """Go through the handshake that has begun with `hello`. Raises HandshakeFailure."""
    engine = identity.keys.engine(alpn, hello.old_size)
    try:
        await client.secure(engine)
    except OSError as fault:
        tls = fault if isinstance(fault, TLSError) else TLSError("", str(fault), is_cut=True)
        raise explain(tls, hello, identity.how_to_trust, legacy=identity.inside.legacy) from None
    return engine
