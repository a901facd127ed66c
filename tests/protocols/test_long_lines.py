"""A client that has not logged in may say a line of many KiB: no line keeps all the others waiting while it is read."""

import base64
from collections.abc import Callable

import pytest

from popover.protocols.imap import grammar, said
from popover.protocols.pop3 import commands as pop3
from popover.protocols.sasl import user_of
from popover.protocols.sieve import grammar as sieve
from popover.protocols.smtp import commands as smtp

READERS: dict[str, Callable[[bytes], object]] = {
    "imap": grammar.parse,
    "imap's literal": grammar.literal_of_client,
    "imap's literal of a server": grammar.literal_of_server,
    "imap's name": grammar.name_of,
    "imap's strings": said.strings,
    "pop3": pop3.parse,
    "smtp": smtp.parse,
    "sieve": sieve.tokens,
    "sieve's literal": sieve.LITERAL.search,
    "digest": lambda line: user_of(b"DIGEST-MD5", base64.b64encode(line)),
}


@pytest.mark.timeout(30)  # what looks at each octet once, or a few times, takes a tenth of a second
@pytest.mark.parametrize("piece", [b" ", b"\t", b'"', b'"\\', b"\\", b'"a', b"{1", b"[", b"\r", b" \r", b", ", b'="'])
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_line_is_read_in_a_time_that_grows_as_it_does(read: Callable[[bytes], object], piece: bytes) -> None:
    """This one is longer than any that is heard as a whole (64 KiB)."""
    read(b"a LOGIN x" + piece * (256 * 1024 // len(piece)) + b"y\r\n")
    read(piece * (256 * 1024 // len(piece)))
