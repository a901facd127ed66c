"""The doors: listening addresses, opened and closed by configuration, and clients taken off them."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from popover.config import Address, Config, Listen, Service, clash
from popover.errors import StartError
from popover.inside.guard import Guard, plain_address
from popover.inside.listen import BACKLOG, PortInUseError, name_of, open_listener, shown
from popover.protocols import DIALECTS

ACCEPTS = 32
"""Clients accepted before others get their turn: a burst must not hold up running sessions."""

PAUSE = 0.5
"""Seconds without accepting when not even the spare descriptor helped. asyncio waits 1 s."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_Key = Listen | tuple[str, Listen]


@dataclass(slots=True)
class Door:
    """One listening address: its sockets, and the service they lead to at present."""

    listen: Listen
    service: Service
    guard: Guard
    sockets: list[socket.socket]
    silent: int = field(default=0)  # clients refused without a word since the last line about it


class Doors:
    """All doors of a gateway. `welcome` gets each client; `complain` hears that descriptors have run out."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        inherited: dict[str, list[socket.socket]],
        welcome: Callable[[Door, socket.socket, str], None],
        complain: Callable[[OSError], None],
    ) -> None:
        self._loop = loop
        self._inherited = inherited
        self._welcome = welcome
        self._complain = complain
        self._doors: dict[_Key, Door] = {}
        self._spare: int | None = _spare()

    def __iter__(self) -> Iterator[Door]:
        return iter(self._doors.values())

    def sockets(self) -> list[socket.socket]:
        """Give all listening sockets."""
        return [sock for door in self for sock in door.sockets]

    def by_name(self) -> Iterator[tuple[str, list[socket.socket]]]:
        """Give all listening sockets with what they are called where they are handed over."""
        return ((name_of(door.listen), door.sockets) for door in self)

    def load(self, config: Config) -> list[str]:
        """Open and close doors until they are those of `config`; give a line for each address that is new.

        Raises StartError and leaves all as it was, or says what could not be. A door that stays is not touched but
        for its service.
        """
        wanted = {_key(service, listen): (service, listen) for service in config.services for listen in service.listen}
        going = {key: door for key, door in self._doors.items() if key not in wanted}
        opened = self._open({key: listen for key, (_, listen) in wanted.items() if key not in self._doors}, going)
        guards = {door.service.name: door.guard for door in self}
        for key in going:
            self._close(self._doors.pop(key).sockets)
        for key, (service, listen) in wanted.items():
            guard = guards.setdefault(service.name, Guard(service.admission))
            guard.becomes(service.admission)
            if key in opened:
                self._doors[key] = Door(listen, service, guard, opened[key])
                self._watch(self._doors[key])
            else:
                self._doors[key].service, self._doors[key].guard = service, guard
        return [f"{shown(sock)} -> {wanted[key][0].leads_to}" for key, sockets in opened.items() for sock in sockets]

    def close(self) -> None:
        """Close all doors, for good."""
        for door in self:
            self._close(door.sockets)
        self._doors.clear()
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def _open(self, new: dict[_Key, Listen], going: dict[_Key, Door]) -> dict[_Key, list[socket.socket]]:
        """Open what is new, or raise StartError with nothing changed.

        Doors that go and are in the way ("127.0.0.1:110" that becomes "0.0.0.0:110") are asked aside, and only
        after all else has been opened: what needs them not, or cannot be had at all, costs their clients nothing.
        """
        opened: dict[_Key, list[socket.socket]] = {}
        aside: list[Door] = []
        blocked: list[_Key] = []
        try:
            for key, listen in new.items():
                try:
                    opened[key] = open_listener(listen, self._inherited)
                except PortInUseError:
                    if not any(clash(door.listen, listen) for door in going.values()):
                        raise
                    blocked.append(key)
            aside += (door for door in going.values() if any(clash(door.listen, new[key]) for key in blocked))
            self._step_aside(aside)
            for key in blocked:
                opened[key] = open_listener(new[key], self._inherited)
        except StartError as fault:
            for sockets in opened.values():
                self._close(sockets)
            raise StartError("\n".join([str(fault), *self._step_back(aside)])) from None
        return opened

    def _step_aside(self, doors: Iterable[Door]) -> None:
        """Free the ports of doors without closing them: once we are `user`, a low port could not be bound again.

        Linux takes a listener that is shut down out of the way, and resets who still waits to be accepted.
        """
        for door in doors:
            for sock in door.sockets:
                self._accept(door, sock)
                self._loop.remove_reader(sock.fileno())
                sock.shutdown(socket.SHUT_RD)

    def _step_back(self, doors: Iterable[Door]) -> list[str]:
        """Listen again: binding needs a right, listening needs none. Give a line for each door that cannot.

        Such a door is gone, so that a later reload opens it anew.
        """
        lost = []
        for door in doors:
            try:
                for sock in door.sockets:
                    sock.listen(BACKLOG)
            except OSError as fault:  # another program was quicker
                self._close(door.sockets)
                self._doors = {key: one for key, one in self._doors.items() if one is not door}
                lost.append(f"but {door.listen} cannot listen again ({fault.strerror}): restart popover")
            else:
                self._watch(door)
        return lost

    def _watch(self, door: Door) -> None:
        for sock in door.sockets:
            self._loop.add_reader(sock.fileno(), self._accept, door, sock)

    def _close(self, sockets: Iterable[socket.socket]) -> None:
        inherited = {id(sock) for kept in self._inherited.values() for sock in kept}
        for sock in sockets:
            if sock.fileno() < 0:
                continue
            self._loop.remove_reader(sock.fileno())
            if id(sock) not in inherited:  # systemd's may be wanted again after the next reload
                sock.close()

    def _accept(self, door: Door, listener: socket.socket) -> None:
        for _ in range(ACCEPTS):
            try:
                sock, name = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as fault:
                if fault.errno in _EXHAUSTED:
                    self._complain(fault)
                    self._turn_away(door, listener)
                return
            self._welcome(door, sock, plain_address(name[0]) if isinstance(name, tuple) and name else "127.0.0.1")

    def _turn_away(self, door: Door, listener: socket.socket) -> None:
        """No descriptor for a client that waits: give the spare one up for it, tell it, and take the spare back."""
        try:
            if self._spare is not None:
                os.close(self._spare)
                self._spare = None
            sock, _ = listener.accept()
            with sock:
                sock.setblocking(False)
                if door.service.inside.tls != "implicit":
                    sock.send(DIALECTS[door.service.dialect].farewell("too many connections, please try again"))
            self._spare = _spare()
        except OSError:
            self._loop.remove_reader(listener.fileno())
            self._loop.call_later(PAUSE, self._accept_again, door, listener)

    def _accept_again(self, door: Door, listener: socket.socket) -> None:
        if self._spare is None:
            try:
                self._spare = _spare()
            except OSError:
                pass  # still none; the next try comes with the next client
        if listener.fileno() >= 0 and door in self._doors.values():
            self._loop.add_reader(listener.fileno(), self._accept, door, listener)


def _spare() -> int:
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


def _key(service: Service, listen: Listen) -> _Key:
    """What tells whether a listener after a reload is the one from before. Port 0 is another port each time."""
    if isinstance(listen, Address) and listen.port == 0:
        return service.name, listen
    return listen
