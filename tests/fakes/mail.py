"""Small mail servers as scripts, and the pieces to build broken ones from.

They know no mailbox: in POP3, `RETR n` gives a message of n bytes; IMAP gives a command's words back in its answer;
and whatever else is said is taken as understood.
"""

import threading
from collections.abc import Callable

from fakes.wire import Talker
from parts.messages import of_size

GREETINGS = {
    "pop3": b"+OK a fake server greets you\r\n",
    "imap": b"* OK [CAPABILITY IMAP4rev1] a fake server greets you\r\n",
    "smtp": b"220 fake.example a fake server greets you\r\n",
    "sieve": b'"IMPLEMENTATION" "fake"\r\n"SASL" "PLAIN"\r\nOK "a fake server greets you"\r\n',
}


def mail(dialect: str) -> Callable[[Talker], None]:
    """A server of this dialect."""
    return {"pop3": pop3, "imap": imap, "smtp": smtp, "sieve": sieve}[dialect]


def message_of(size: int) -> bytes:
    """The answer to `RETR size`: status, body, and the dot at the end."""
    return b"+OK\r\n" + of_size(size) + b".\r\n"


def pop3(wire: Talker) -> None:
    """Serve POP3 until QUIT."""
    wire.send(GREETINGS["pop3"])
    answer_pop3(wire)


def answer_pop3(wire: Talker) -> None:
    """Serve POP3 after the greeting."""
    while line := wire.line():
        verb, _, rest = line.strip().partition(b" ")
        if verb == b"RETR":
            wire.send(message_of(int(rest)))
        elif verb == b"CAPA":
            wire.send(b"+OK\r\nUSER\r\n.\r\n")
        else:
            wire.send(b"+OK\r\n")
        if verb == b"QUIT":
            return


def imap(wire: Talker) -> None:
    """Serve IMAP until LOGOUT."""
    wire.send(GREETINGS["imap"])
    while line := wire.line():
        tag, _, rest = line.strip().partition(b" ")
        if rest.upper() == b"LOGOUT":
            wire.send(b"* BYE\r\n" + tag + b" OK\r\n")
            return
        wire.send(tag + b" OK " + rest + b"\r\n")


def smtp(wire: Talker) -> None:
    """Serve SMTP until QUIT; it has no DATA."""
    wire.send(GREETINGS["smtp"])
    while line := wire.line():
        if line.strip().upper() == b"QUIT":
            wire.send(b"221 bye\r\n")
            return
        wire.send(b"250 fine\r\n")


def sieve(wire: Talker) -> None:
    """Serve ManageSieve until LOGOUT; it keeps no script."""
    wire.send(GREETINGS["sieve"])
    while line := wire.line():
        wire.send(b'OK "fine"\r\n')
        if line.strip().upper() == b"LOGOUT":
            return


def silent(wire: Talker) -> None:
    """Say nothing, take everything, until the other side ends."""
    wire.ending()


def says(*words: bytes) -> Callable[[Talker], None]:
    """A server that says this, whatever it hears, and waits for the other side's end."""

    def script(wire: Talker) -> None:
        for word in words:
            wire.send(word)
        wire.ending()

    return script


class Heard:
    """A server that greets, and keeps all it hears until the end."""

    def __init__(self, dialect: str) -> None:
        self.words = b""
        self._greeting = GREETINGS[dialect]
        self.over = threading.Event()

    def __call__(self, wire: Talker) -> None:
        """Serve one connection."""
        wire.send(self._greeting)
        try:
            while data := wire.receive():
                self.words += data
        finally:
            self.over.set()
