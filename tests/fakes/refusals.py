"""Servers whose TLS cannot be begun, for the tests of sessions and of `check`."""

import ssl
import warnings

from fakes.mail import silent
from fakes.wire import Wire

# Alerts of RFC 8446, 6.2, sent before the server's own hello.
NO_APPLICATION_PROTOCOL = 120
UNRECOGNIZED_NAME = 112
INTERNAL_ERROR = 80


def alert(number: int) -> bytes:
    """A record with a fatal alert."""
    return bytes([21, 3, 3, 0, 2, 2, number])


def only(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A context that knows no other version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that they are old is the point
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
        context.minimum_version = version
    return context


def stalls_after_the_hello(wire: Wire) -> None:
    wire.receive()
    wire.send(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")  # a ServerHello's beginning
    silent(wire)
