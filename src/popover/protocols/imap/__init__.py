"""IMAP (RFC 9051 and RFC 3501, response codes RFC 5530).

grammar.py     what lines look like: commands, answers, literals
capability.py  the list of capabilities: where it stands, what a client sees of it
owed.py        which commands are not answered yet
underway.py    a command that is not whole, AUTHENTICATE, IDLE
login.py       who logs in; long_line.py: a line that is passed on as it comes
state.py       how a session goes
memory.py      what a service's sessions remember
answering.py   what is answered here
spare.py       what is asked on a connection that stands ready
overhear.py    what a trace may show
reception.py, said.py   at the desk, before the server is known; sign_in.py   what is said to the server then
dispatch.py    what becomes of each command
client_ear.py, server_ear.py, judging.py, hearing.py   who hears whom, and the whole
"""

from __future__ import annotations

from popover.protocols.dialect import Greeting, Terms, sentence
from popover.protocols.dialect import Memory as AnyMemory
from popover.protocols.greeting import greeting_line, stranger
from popover.protocols.imap.hearing import Ears
from popover.protocols.imap.memory import Memory
from popover.protocols.imap.reception import Reception
from popover.protocols.imap.spare import ask_capabilities
from popover.protocols.reception import Offer
from popover.talk import End, Talk

__all__ = [
    "ALPN",
    "CAN_WAIT",
    "Ears",
    "Memory",
    "ears",
    "farewell",
    "get_ready",
    "is_answer",
    "memory",
    "open_up",
    "reception",
]

ALPN = "imap"
CAN_WAIT = True
memory = Memory


def farewell(cause: str) -> bytes:
    """`* BYE [UNAVAILABLE] ...`: a greeting may be a BYE (RFC 9051 section 7.1.5, RFC 5530)."""
    return f"* BYE [UNAVAILABLE] {sentence(cause)}\r\n".encode()


def reception(client: End, offer: Offer) -> Reception:
    """Receive a client whose server is not known yet."""
    return Reception(client, offer)


def open_up(server: End) -> Talk[Greeting]:
    """Read the greeting: `* OK`, `* PREAUTH` (legitimate inside TLS) or `* BYE` (RFC 9051 section 7.1)."""
    line = yield from greeting_line(server)
    kind = line[:9].upper()
    if kind.startswith((b"* OK", b"* PREAUTH")):
        return Greeting(line, welcome=True)
    if kind.startswith(b"* BYE"):
        words = sentence(line[5:].decode("latin-1"))
        return Greeting(f"* BYE {words}\r\n".encode(), welcome=False)
    raise stranger(server, line)


def get_ready(server: End, memory: AnyMemory) -> Talk[bytes | None]:
    """Ask CAPABILITY of a server whose greeting does not tell. Gives the line with the answer, or nothing."""
    if _imap(memory).greeting_tells:
        return b""
    return (yield from ask_capabilities(server))


def is_answer(words: bytes) -> bool:
    """Whether a server's first words to a client are an answer, and not its farewell."""
    return not words.upper().startswith(b"* BYE")


def ears(client: End, server: End, terms: Terms, memory: AnyMemory) -> Ears:
    """Make the ears of one talk."""
    return Ears(client, server, terms, _imap(memory))


def _imap(memory: AnyMemory) -> Memory:
    """The wet floor hands back what `memory` made, and knows no more of it."""
    assert isinstance(memory, Memory)  # noqa: S101 - as said
    return memory
