"""Courier's POP3 server with TLS in front, for any user and password: each user has a Maildir of his own.

Debian lets a machine have only one POP3 server installed, and that is Dovecot here; so install-parts unpacks
Courier below /opt instead. Its login needs daemons at fixed places, so the login is answered here, with
what Courier says to it, and then the real courierpop3d takes over.
"""

import os
import selectors
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from parts.certificates import Authority
from parts.net import LOOPBACK

_ROOT = Path("/opt/courier-pop")
_CAPA = b"+OK Here's what I can do:\r\nTOP\r\nUSER\r\nLOGIN-DELAY 10\r\nPIPELINING\r\nUIDL\r\n.\r\n"
_GREETING = b"+OK Hello there.\r\n"


class Courier:
    """`port` is POP3 over TLS, for the name localhost. It ends with the `with` block of `courier`."""

    host = LOOPBACK
    password = "any"

    def __init__(self, directory: Path, context: ssl.SSLContext, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self._directory = directory
        self._context = context
        self._listener = listener
        self._users = 0
        [self._program] = _ROOT.glob("usr/lib/courier/**/courierpop3d")
        libraries = sorted({str(path.parent) for path in _ROOT.glob("usr/lib/**/libcourier*.so.*")})
        self._environment = {"LD_LIBRARY_PATH": ":".join(libraries), "PATH": os.environ["PATH"]}
        threading.Thread(target=self._accept, daemon=True).start()

    def new_user(self, messages: list[bytes]) -> str:
        """A user with these messages in his mailbox."""
        self._users += 1
        user = f"user{self._users}"
        maildir = self._maildir(user)
        for folder in ("new", "cur", "tmp"):
            (maildir / folder).mkdir(parents=True)
        for number, message in enumerate(messages):
            (maildir / "cur" / f"{1_700_000_000 + number}.M{number}.test:2,S").write_bytes(message)
        return user

    def left(self, user: str) -> list[str]:
        """The names of the messages that are there."""
        return sorted(path.name for path in (self._maildir(user) / "cur").iterdir())

    def _maildir(self, user: str) -> Path:
        return self._directory / user / "Maildir"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError), self._context.wrap_socket(sock, server_side=True) as wire:
            wire.settimeout(60)
            wire.sendall(_GREETING)
            user, inbox = "", b""
            while piece := wire.recv(4096):
                inbox += piece
                while b"\n" in inbox:
                    line, _, inbox = inbox.partition(b"\n")
                    verb, _, rest = line.strip().partition(b" ")
                    if verb.upper() == b"PASS" and user:
                        self._hand_over(wire, user, inbox)
                        return
                    user = rest.decode() if verb.upper() == b"USER" else user
                    wire.sendall(_CAPA if verb.upper() == b"CAPA" else b"+OK Password required.\r\n")
                    if verb.upper() == b"QUIT":
                        return

    def _hand_over(self, wire: ssl.SSLSocket, user: str, inbox: bytes) -> None:
        near, far = socket.socketpair()
        home = self._directory / user
        environment = self._environment | {"AUTHENTICATED": user, "AUTHADDR": user, "HOME": str(home)}
        command = [str(self._program), "Maildir"]
        quiet = subprocess.DEVNULL
        program = subprocess.Popen(
            command, stdin=far.fileno(), stdout=far.fileno(), stderr=quiet, env=environment, cwd=home
        )
        far.close()
        try:
            near.sendall(inbox)
            _carry(wire, near)
        finally:
            near.close()
            program.wait(60)


def _carry(wire: ssl.SSLSocket, near: socket.socket) -> None:
    """Both ways, in one thread: TLS is not made for two."""
    with selectors.DefaultSelector() as selector:
        selector.register(wire, selectors.EVENT_READ)
        selector.register(near, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select(60):
                if key.fileobj is near:
                    if not (piece := near.recv(1 << 16)):
                        wire.unwrap()
                        return
                    wire.sendall(piece)
                    continue
                while True:
                    if not (piece := wire.recv(1 << 16)):
                        return
                    near.sendall(piece)
                    if not wire.pending():
                        break


@contextmanager
def courier(directory: Path, authority: Authority) -> Iterator[Courier]:
    """Runs from here to the end of the block."""
    certificate = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    with socket.create_server((LOOPBACK, 0), backlog=64) as listener:
        yield Courier(directory, context, listener)
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
