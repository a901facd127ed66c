"""What is asked on a connection that stands ready for nobody yet."""

from __future__ import annotations

from popover.protocols.pop3.answers import CAPA_LIMIT, END, STATUS_LIMIT, is_capabilities
from popover.talk import Broken, End, More, Talk, read_line


def ask_capabilities(server: End) -> Talk[bytes]:
    """Ask CAPA of a server that waits for its client; give the whole answer, empty for none we understand."""
    server.outbox += b"CAPA\r\n"
    return (yield from _answer(server))


def prove_pipelining(server: End, user: str) -> Talk[bool]:
    """Say several things with different answers in one piece: CAPA, NOOP, which nobody knows before the login, USER, at
    which some change the program behind them, and CAPA again. Whether all were answered, each in its turn.

    `user`: somebody that the server knows, for to some the name of a stranger is an attack.
    """
    server.outbox += b"CAPA\r\nNOOP\r\nUSER %s\r\nCAPA\r\n" % user.encode()
    if not is_capabilities((yield from _answer(server))):
        return False
    for _ in (b"NOOP", b"USER"):
        try:
            line = yield from read_line(server, STATUS_LIMIT)
        except Broken:
            return False
        if not line.startswith((b"+OK", b"-ERR")):
            return False
    return is_capabilities((yield from _answer(server))) and not server.inbox


def _answer(server: End) -> Talk[bytes]:
    try:
        answer = yield from read_line(server, CAPA_LIMIT)
    except Broken:
        return b""
    if not answer.startswith(b"+OK"):
        return answer if answer.startswith(b"-ERR") else b""
    if not answer.endswith(b"\r\n"):
        return b""  # nothing is done ahead of the clients of a server that ends its lines in its own way
    while (end := (answer[-2:] + server.inbox).find(END)) < 0:
        if server.ended or len(server.inbox) > CAPA_LIMIT:
            return b""
        yield More(server)
    cut = end + len(END) - 2
    answer += server.inbox[:cut]
    del server.inbox[:cut]
    return answer
