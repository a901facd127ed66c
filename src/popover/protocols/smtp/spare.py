"""What is said on a connection that stands ready for nobody yet: the EHLO of the last client.

No EHLO of our own is put in place of a client's: the server hears the client's own words, which it may judge by. If the
next client says the same words, the answer is the server's answer to them, on this very connection. If it says others,
they are sent, and the server hears a second EHLO, which it must take (RFC 5321 section 4.1.4). Whether it does is found
out here first, where nobody waits.
"""

from __future__ import annotations

from popover.errors import ServerFailure
from popover.protocols.greeting import GREETING_LIMIT
from popover.protocols.smtp.memory import Memory
from popover.talk import Broken, End, Talk, read_line


def say_hello(server: End, memory: Memory) -> Talk[bytes | None]:
    """Say the last client's EHLO or HELO; give it and the answer, one behind the other (`taken_apart`).

    Nothing where there is none to say, or where the server is known not to bear a second one; None: this connection
    has heard what it does not bear, or has nothing to say, and is for nobody.
    """
    hello = memory.hello
    if not memory.may_greet:
        return b""
    reply = yield from _reply(server, hello)
    if not reply.startswith(b"250"):
        memory.hello = b""
        return None
    if memory.bears is None:
        memory.tries += 1
        again = yield from _reply(server, hello)
        if not again.startswith(b"250"):
            memory.fail()
            return None
        memory.bears, reply = True, again
    return hello + b"\n" + reply


def taken_apart(ready: bytes) -> tuple[bytes, bytes]:
    """Tell what was said, and what was answered."""
    hello, _, reply = ready.partition(b"\n")
    return hello, reply


def _reply(server: End, words: bytes) -> Talk[bytes]:
    """Say something, and read the whole reply."""
    server.outbox += words + b"\r\n"
    reply = b""
    try:
        while True:
            line = yield from read_line(server, max(GREETING_LIMIT - len(reply), 1))
            reply += line
            if line[3:4] != b"-":
                return reply
    except Broken as broken:
        raise ServerFailure(f"{server.name} does not answer EHLO: it {broken.what}") from None
