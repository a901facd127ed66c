"""stdin and stdout of `popover inetd`, where they are no socket: pipes of fetchmail's `--plugin`, a terminal, files."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

_PIECE = 64 * 1024  # octets copied at once between a pipe and its socket; a Linux pipe holds as many


class Pipes:
    """Both of them, as one socket. Two threads copy: not all files can be polled, and making a terminal non-blocking
    would make it so for the shell, too.
    """

    def __init__(self) -> None:
        self._theirs, self._ours = socket.socketpair()
        self._outward = threading.Thread(target=self._copy_out, daemon=True)
        self._fault: OSError | None = None

    def begin(self) -> socket.socket:
        """Begin to copy; the socket that has what stdin says, and whose octets go to stdout."""
        threading.Thread(target=self._copy_in, daemon=True).start()
        self._outward.start()
        return self._ours

    def have_taken_all(self) -> bool:
        """Wait until all is on stdout, once that socket is closed; whether it is."""
        self._outward.join()
        return self._fault is None

    def _copy_in(self) -> None:
        with contextlib.suppress(OSError):  # one of the two sides has gone; the session sees that by itself
            while piece := os.read(0, _PIECE):
                self._theirs.sendall(piece)
            self._theirs.shutdown(socket.SHUT_WR)

    def _copy_out(self) -> None:
        with contextlib.suppress(OSError):  # likewise
            while piece := self._theirs.recv(_PIECE):
                self._deliver(piece)

    def _deliver(self, piece: bytes) -> None:
        try:
            while piece:
                piece = piece[os.write(1, piece) :]
        except OSError as fault:  # nobody reads stdout any more, or the disk is full: let the session know
            self._fault = fault
            self._theirs.shutdown(socket.SHUT_RDWR)
