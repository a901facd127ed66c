"""A desk on a real socket, for real programs to log in at: it remembers who they claim to be, and lets nobody in."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from parts.net import LOOPBACK, Address
from popover.errors import Misdialled
from popover.protocols import DIALECTS
from popover.protocols.login import Login
from popover.protocols.reception import Offer, Wish
from popover.talk import End, Talk


class Counter:
    """One dialect's reception, from `with` to its end. `logins`: in the order in which they were said; `said`: all that
    clients have said.
    """

    def __init__(self, dialect: str, offer: Offer) -> None:
        self.logins: list[Login] = []
        self.said = bytearray()
        self._dialect = DIALECTS[dialect]
        self._offer = offer
        self._socket = socket.create_server((LOOPBACK, 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> Address:
        host, port = self._socket.getsockname()
        return host, port

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client, suppress(ConnectionError):
                client.settimeout(20)
                self._receive(client)

    def _receive(self, client: socket.socket) -> None:
        end = End("client")
        reception = self._dialect.reception(end, self._offer)
        reception.greet()
        while (came := self._ask(client, end, reception.ask())) is not None:
            if isinstance(came, Login):
                self.logins.append(came)
                reception.delay("nobody is let in here")
            else:
                break
        client.sendall(end.outbox)

    def _ask(self, client: socket.socket, end: End, talk: Talk[Login | Wish]) -> Login | Wish | None:
        while True:
            try:
                next(talk)
            except StopIteration as done:
                came: Login | Wish = done.value
                return came
            except Misdialled:
                return None
            client.sendall(end.outbox)
            end.outbox.clear()
            data = client.recv(4096)
            self.said += data
            end.inbox += data
            end.ended = not data

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(30)
