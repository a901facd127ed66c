"""The IMAP server for long lines: it takes any login, and every folder of it holds three messages."""

import ssl
from functools import partial

from bench.loop import Work, patiently
from bench.server import Server, _send

_CAN = b"[CAPABILITY IMAP4rev1 SASL-IR LITERAL+ IDLE ENABLE ID AUTH=PLAIN]"
_SELECTED = (
    b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
    b"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags permitted.\r\n"
    b"* 3 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1700000000] UIDs valid\r\n* OK [UIDNEXT 4] Predicted next UID\r\n"
)
_UNTAGGED = {
    b"CAPABILITY": b"* " + _CAN.strip(b"[]") + b"\r\n",
    b"SELECT": _SELECTED,
    b"LOGOUT": b"* BYE Logging out\r\n",
}


class Folders(Server):
    """Like the bench's server, for IMAP."""

    greeting = b"* OK " + _CAN + b" ready\r\n"

    def _converse(self, sock: ssl.SSLSocket) -> Work[None]:
        buffer = b""
        while received := (yield from patiently(partial(sock.recv, 65536))):
            buffer += received
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                tag, verb, *_ = [*line.split(), b"", b""]
                yield from _send(sock, memoryview(_UNTAGGED.get(verb, b"") + tag + b" OK done\r\n"))
                if verb == b"LOGOUT":
                    return
