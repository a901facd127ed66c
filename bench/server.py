"""The mail server outside: POP3 over TLS 1.3, as fast as Python can, with tickets for resumption.

It answers as Dovecot does but has only one mail, a large one; the login always succeeds.
"""

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from bench.loop import READABLE, Loop, Work, patiently

_GREETING = b"+OK Dovecot ready.\r\n"
_ANSWERS = {
    b"CAPA": b"+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nUSER\r\nSASL PLAIN\r\n.\r\n",
    b"USER ": b"+OK\r\n",
    b"PASS ": b"+OK Logged in.\r\n",
    b"NOOP": b"+OK\r\n",
    b"UIDL": b"+OK\r\n1 000000015d9fb9b7\r\n.\r\n",
    b"UIDL 1": b"+OK 1 000000015d9fb9b7\r\n",
    b"QUIT": b"+OK Logging out.\r\n",
}
_UNKNOWN = b"-ERR Unknown command.\r\n"

# One line of base64 in a mail, 76 characters and CRLF (RFC 2045 section 6.8).
_LINE = b"TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQsIGNvbnNlY3RldHVyIGFkaXBpc2NpbmcgZWxpdC4" + b"\r\n"

# Bytes given to OpenSSL at once; it makes records of 16 KiB of them.
_PIECE = 256 * 1024


@dataclass
class Tally:
    """What the server saw since it was last asked."""

    sessions: int = 0
    resumed: int = 0
    # "TLSv1.3 TLS_AES_256_GCM_SHA384" and the like.
    ciphers: set[str] = field(default_factory=set)


class Server:
    """Listens on a port of its own choice, on 127.0.0.1 and on ::1, both of which are `localhost`."""

    greeting = _GREETING

    def __init__(self, certificate: Path, mail_bytes: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(certificate)
        lines = _LINE * (mail_bytes // len(_LINE))
        self._mail = memoryview(b"+OK %d octets\r\n" % len(lines) + lines + b".\r\n")
        size = len(lines)
        self._answers = {
            **_ANSWERS,
            b"STAT": b"+OK 1 %d\r\n" % size,
            b"LIST": b"+OK 1 messages:\r\n1 %d\r\n.\r\n" % size,
            b"LIST 1": b"+OK 1 %d\r\n" % size,
        }
        self._tally = Tally()
        self._loop = Loop()
        self._port = self._listen()
        threading.Thread(target=self._run, daemon=True).start()

    def port(self) -> int:
        """Where it listens."""
        return self._port

    def mail_bytes(self) -> int:
        """The size of the answer to RETR, from `+OK` to the dot."""
        return len(self._mail)

    def tally(self) -> Tally:
        """What it saw since the last call."""
        seen, self._tally = self._tally, Tally()
        return replace(seen)

    def _listen(self) -> int:
        first = socket.create_server(("127.0.0.1", 0), backlog=4096)
        port: int = first.getsockname()[1]
        listeners = [first]
        # Not every machine has IPv6; where it has, who looks up `localhost` may try this first.
        with contextlib.suppress(OSError):
            listeners.append(socket.create_server(("::1", port), family=socket.AF_INET6, backlog=4096))
        for listener in listeners:
            listener.settimeout(0)
            self._loop.start(listener, self._accept(listener))
        return port

    def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                self._loop.turn()

    def _accept(self, listener: socket.socket) -> Work[None]:
        while True:
            plain, _ = yield from patiently(listener.accept)
            plain.settimeout(0)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):  # gone between SYN and accept
                sock = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
                self._loop.start(sock, self._session(sock))

    def _session(self, sock: ssl.SSLSocket) -> Work[None]:
        try:
            yield from patiently(sock.do_handshake)
            self._count(sock)
            yield from _send(sock, memoryview(self.greeting))
            yield from self._converse(sock)
            yield from _part(sock)
        except OSError:
            pass  # a client that went away: peers end their sessions in many ways
        finally:
            sock.close()

    def _converse(self, sock: ssl.SSLSocket) -> Work[None]:
        buffer = b""
        while received := (yield from patiently(partial(sock.recv, 4096))):
            *lines, buffer = (buffer + received).split(b"\n")
            answers = b""  # of what was asked in one piece, as Dovecot sends them
            for command in (line.strip().upper() for line in lines):
                if command.startswith(b"RETR"):
                    yield from _send(sock, memoryview(answers))
                    yield from _send(sock, self._mail)
                    answers = b""
                else:
                    answers += self._answers.get(command) or self._answers.get(command[:5], _UNKNOWN)
            yield from _send(sock, memoryview(answers))
            if lines and lines[-1].strip().upper() == b"QUIT":
                return

    def _count(self, sock: ssl.SSLSocket) -> None:
        self._tally.sessions += 1
        self._tally.resumed += bool(sock.session_reused)
        if cipher := sock.cipher():
            self._tally.ciphers.add(f"{sock.version()} {cipher[0]}")


def _send(sock: ssl.SSLSocket, data: memoryview) -> Work[None]:
    while data:
        sent = yield from patiently(partial(sock.send, data[:_PIECE]))
        data = data[sent:]


def _part(sock: ssl.SSLSocket) -> Work[None]:
    """Say close_notify and FIN, and wait for the other side's: what it still sends draws no reset."""
    with contextlib.suppress(ssl.SSLWantReadError):
        sock.unwrap()
    sock.shutdown(socket.SHUT_WR)
    # What comes now is its own close_notify, read past TLS, which may have said its last word.
    while True:
        try:
            if not socket.socket.recv(sock, 4096):
                return
        except BlockingIOError:
            yield READABLE
