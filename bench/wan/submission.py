"""The submission server for long lines: it takes any login and any mail, and keeps none."""

import ssl
from functools import partial

from bench.loop import Work, patiently
from bench.server import Server, _send

_EHLO = (
    b"250-mail.example.com\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n250-AUTH PLAIN LOGIN\r\n"
    b"250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n"
)
_OK = b"250 2.0.0 Ok\r\n"
_ANSWERS = {
    b"EHLO": _EHLO,
    b"AUTH": b"235 2.7.0 Authentication successful\r\n",
    b"DATA": b"354 End data with <CR><LF>.<CR><LF>\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


class Submission(Server):
    """Like the bench's server, for SMTP."""

    greeting = b"220 mail.example.com ESMTP\r\n"

    def _converse(self, sock: ssl.SSLSocket) -> Work[None]:
        buffer, in_mail = b"", False
        while received := (yield from patiently(partial(sock.recv, 65536))):
            buffer += received
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                if in_mail and line != b".\r":
                    continue
                verb = b"" if in_mail else line[:4].strip().upper()
                in_mail = verb == b"DATA"
                yield from _send(sock, memoryview(_ANSWERS.get(verb, _OK)))
                if verb == b"QUIT":
                    return
