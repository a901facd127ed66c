"""POP3 (RFC 1939, extensions RFC 2449, RFC 5034 and RFC 6856, response codes RFC 2449 and RFC 3206).

commands.py   what a client says, one line
answers.py    what a server says: ends, capabilities, words to soften
ask.py        one question and its answer
queue.py      which answer belongs to which question; octets on their way to the client
mailbox.py    what a session knows of the mailbox
habits.py     what a service's clients did last time
ahead.py      guesses: what to ask before the client does
outgoing.py   what is sent to the server, and when
hearing.py    the server's ear: what answers teach
sign_in.py    how a client logs in
relay.py      the client's ear, and the whole
"""

from __future__ import annotations

from popover.protocols.dialect import Greeting, greeting_line, sentence, stranger
from popover.protocols.pop3.answers import CAPA_LIMIT, END
from popover.protocols.pop3.habits import Habits
from popover.protocols.pop3.relay import Relay
from popover.talk import Broken, End, More, Talk, read_line

__all__ = ["ALPN", "Habits", "Relay", "ask_capabilities", "farewell", "open_up"]

ALPN = "pop3"


def farewell(cause: str) -> bytes:
    """`-ERR [SYS/TEMP] ...`: our own trouble, never the login's (RFC 3206 section 4)."""
    return f"-ERR [SYS/TEMP] {sentence(cause)}\r\n".encode()


def open_up(server: End) -> Talk[Greeting]:
    """Read the greeting: one line, `+OK` or `-ERR` (RFC 1939 section 4)."""
    line = yield from greeting_line(server)
    if line.startswith(b"+OK"):
        return Greeting(line, welcome=True)
    if line.startswith(b"-ERR"):
        words = sentence(line[4:].decode("latin-1"))
        return Greeting(f"-ERR {words}\r\n".encode(), welcome=False)
    raise stranger(server, line)


def ask_capabilities(server: End) -> Talk[bytes]:
    """Ask CAPA of a server that waits for its client; give the whole answer, empty for none we understand."""
    server.outbox += b"CAPA\r\n"
    try:
        answer = yield from read_line(server, CAPA_LIMIT)
    except Broken:
        return b""
    if not answer.startswith(b"+OK"):
        return answer if answer.startswith(b"-ERR") else b""
    while (end := (answer[-2:] + server.inbox).find(END)) < 0:
        if server.ended or len(server.inbox) > CAPA_LIMIT:
            return b""
        yield More(server)
    cut = end + len(END) - 2
    answer += server.inbox[:cut]
    del server.inbox[:cut]
    return answer
