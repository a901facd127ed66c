"""SMTP: STARTTLS (RFC 3207)."""

from __future__ import annotations

from popover.protocols.dialect import Greeting, sentence
from popover.protocols.starttls.inside import Answer
from popover.protocols.starttls.plaintext import Plaintext
from popover.talk import End, Talk

HELLO = b"EHLO [127.0.0.1]"
"""An address literal, as RFC 5321 section 4.1.4 wants it of clients without a name in DNS, and always this one: neither
this machine's name nor its address is any server's business, and Thunderbird says the same, so submission servers take
it. What the client says for itself goes to the server inside TLS."""

_CODE = 3  # digits, RFC 5321 section 4.2


def start_tls(server: End) -> Talk[None]:
    """Greeting, EHLO, STARTTLS, `220`. The answer to EHLO is not looked at (U1, U2); RFC 3207 section 4.2 wants it
    forgotten anyway.
    """
    plain = Plaintext(server, "smtp")
    line = yield from _reply(plain)
    if not _is_220(line):
        raise plain.stranger(line)
    plain.ask(HELLO)
    yield from _reply(plain)
    plain.ask(b"STARTTLS")
    line = yield from _reply(plain)
    if not _is_220(line):
        raise plain.refused(line)
    plain.agreed()


def greet_anew(server: End) -> Talk[Greeting]:
    """Say EHLO once more, and greet in the server's place. A server that refuses may take what the client says for
    itself; only one that closes (421) has said all.
    """
    answer = Answer(server)
    server.outbox += HELLO + b"\r\n"
    while (line := (yield from answer.line()))[_CODE : _CODE + 1] == b"-" and line[:_CODE].isdigit():
        pass
    if len(line) <= _CODE or not line[:_CODE].isdigit():
        raise answer.stranger(line)
    if line.startswith(b"421"):
        return Greeting(f"421 {sentence(line[_CODE + 1 :].decode('latin-1'))}\r\n".encode(), welcome=False)
    return Greeting(f"220 {sentence(f'{_domain(server.name)} ESMTP ready')}\r\n".encode(), welcome=True)


def _reply(plain: Plaintext) -> Talk[bytes]:
    """Read a reply of one line or more, which all have the same code; its last line."""
    line = yield from plain.line()
    code = line[:_CODE]
    while line[_CODE : _CODE + 1] == b"-" and code.isdigit():
        line = yield from plain.line()
        if line[:_CODE] != code:
            raise plain.refused(line)
    return line


def _is_220(line: bytes) -> bool:
    return line.startswith(b"220") and line[_CODE : _CODE + 1] in b" \r\n"


def _domain(name: str) -> str:
    """A host as RFC 5321 section 4.2 has it in a greeting: an address is written in brackets."""
    if ":" in name:
        return f"[IPv6:{name}]"
    return f"[{name}]" if name.replace(".", "").isdigit() else name
