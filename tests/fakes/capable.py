"""A POP3 server that tells its capabilities (RFC 2449) and knows one user, for `popover check`."""

from fakes.mail import GREETINGS
from fakes.wire import Talker

CAPABILITIES = b"+OK\r\nTOP\r\nUIDL\r\nUSER\r\n.\r\n"


def capable(wire: Talker) -> None:
    """Serve POP3 until QUIT, with an empty mailbox."""
    wire.send(GREETINGS["pop3"])
    while line := wire.line():
        verb = line.split()[0].upper()
        wire.send({b"CAPA": CAPABILITIES, b"STAT": b"+OK 0 0\r\n"}.get(verb, b"+OK\r\n"))
        if verb == b"QUIT":
            return
