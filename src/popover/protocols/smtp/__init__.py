"""SMTP submission (RFC 5321, RFC 6409, enhanced codes RFC 3463).

commands.py       what a client says, one line
capabilities.py   what a server's answer to EHLO comes to for a client
prompts.py        what AUTH LOGIN asks
body.py           where a mail ends, and what becomes of its line ends; bodies.py: those of a session
queue.py          which answer is whose
state.py          how a session goes
hello.py          EHLO, HELO
leaving.py        QUIT
login.py          who logs in
starttls.py       STARTTLS, and what has to wait for it; words.py: what is said of TLS
belated.py        header lines behind a mail
memory.py         what a service's sessions remember
spare.py          what is said on a connection that waits
client_ear.py, server_ear.py, hearing.py   who hears whom, and the whole
overhear.py       what a trace may show
device/           what is said with devices that send mail
reception.py, auth.py   at the desk, before the server is known; sign_in.py   what is said to the server then
"""

from __future__ import annotations

from popover.protocols.dialect import Greeting, Terms, sentence
from popover.protocols.dialect import Memory as AnyMemory
from popover.protocols.greeting import greeting_line, stranger
from popover.protocols.reception import Offer
from popover.protocols.smtp.hearing import Ears
from popover.protocols.smtp.memory import Memory
from popover.protocols.smtp.reception import Reception
from popover.protocols.smtp.spare import say_hello
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

ALPN = None  # none is registered; a server that insists on one it made up cannot be guessed
CAN_WAIT = True
memory = Memory


def farewell(cause: str) -> bytes:
    """`421 4.3.2 ...`: come again later. Never a 5xx of our own: the client would bounce the mail."""
    return f"421 4.3.2 {sentence(cause)}\r\n".encode()


def reception(client: End, offer: Offer) -> Reception:
    """Receive a client whose server is not known yet."""
    return Reception(client, offer)


def open_up(server: End) -> Talk[Greeting]:
    """Read the greeting: `220`, of one line or more (RFC 5321 section 4.2.1); another 2xx is the client's to judge."""
    words = b""
    while True:
        line = yield from greeting_line(server, len(words))
        code, mark = line[:3], line[3:4]
        if len(code) != 3 or not code.isdigit() or mark not in b" -\r\n":  # noqa: PLR2004 - three digits
            raise stranger(server, line)
        words += line
        if mark != b"-":
            break
    if code[:1] == b"2":
        return Greeting(words, welcome=True)
    if code[:1] in b"45":
        text = sentence(line[4:].decode("latin-1"))
        return Greeting(f"{code.decode()} {text}\r\n".encode(), welcome=False)
    raise stranger(server, line)


def get_ready(server: End, memory: AnyMemory) -> Talk[bytes | None]:
    """Say what the last client said first, so that the next one has its answer at once if it says the same."""
    return (yield from say_hello(server, _smtp(memory)))


def is_answer(words: bytes) -> bool:
    """Whether a server's first words on a connection that has waited are an answer, and not its farewell: 421."""
    return words[:1] in (b"2", b"3", b"5")


def ears(client: End, server: End, terms: Terms, memory: AnyMemory) -> Ears:
    """Make the ears of one talk."""
    return Ears(client, server, terms, _smtp(memory))


def _smtp(memory: AnyMemory) -> Memory:
    """The wet floor hands back what `memory` made, and knows no more of it."""
    assert isinstance(memory, Memory)  # noqa: S101 - as said
    return memory
