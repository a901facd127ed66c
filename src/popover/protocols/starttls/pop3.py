"""POP3: STLS (RFC 2595 section 4)."""

from __future__ import annotations

from popover.protocols.dialect import Greeting, sentence
from popover.protocols.starttls.inside import Answer
from popover.protocols.starttls.plaintext import Plaintext
from popover.talk import End, Talk


def start_tls(server: End) -> Talk[None]:
    """Greeting, STLS, `+OK`. Capabilities are not looked at: who took STLS out of them could put it in as well."""
    plain = Plaintext(server, "pop3")
    line = yield from plain.line()
    if not _is_positive(line):
        raise plain.stranger(line)
    plain.ask(b"STLS")
    line = yield from plain.line()
    if not _is_positive(line):
        raise plain.refused(line)
    plain.agreed()


def greet_anew(server: End) -> Talk[Greeting]:
    """Ask CAPA, which a server with STLS has (RFC 2595 section 4), and greet in its place. Without a stamp for APOP:
    the server's was said in plain text (RFC 1939 section 7).
    """
    answer = Answer(server)
    server.outbox += b"CAPA\r\n"
    line = yield from answer.line()
    if line.startswith(b"+OK"):
        while line.rstrip(b"\r\n") != b".":
            line = yield from answer.line()
    elif not line.startswith(b"-ERR"):
        raise answer.stranger(line)
    return Greeting(f"+OK {sentence(f'{server.name} is ready')}\r\n".encode(), welcome=True)


def _is_positive(line: bytes) -> bool:
    return line.startswith(b"+OK") and line[3:4] in b" \r\n"
