"""STLS, which is a matter between the client and us, and what has to wait for it (RFC 2595 section 4)."""

from __future__ import annotations

from popover.protocols.pop3.answers import for_client
from popover.protocols.pop3.ask import Ask
from popover.protocols.pop3.commands import Command
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import Way

NO_STLS = {"off": b"-ERR no TLS on this port, go on without", "on": b"-ERR TLS is spoken already"}
WANTS_STLS = b"-ERR [SYS/PERM] this service wants STLS first"

_LOGINS = frozenset((b"PASS", b"APOP", b"AUTH"))


class Stls:
    """That of one session."""

    def __init__(self, state: State, owed: Owed, way: Way) -> None:
        self._state = state
        self._owed = owed
        self._way = way

    def say(self, command: Command) -> None:
        """TLS is started with us, not with the server, before a login and once (RFC 2595 section 4). A client that
        tries it unasked where there is none (fetchmail, mutt) goes on without. Behind what is not answered after the
        login it is the server's to refuse: an answer of ours would wait for ever behind one whose end nobody can see.
        """
        state = self._state
        if state.logged_in and self._owed.turns:
            self._way.pass_on(command)
            return
        is_late = state.logged_in or any(one.verb in _LOGINS for one in self._owed.turns)
        words = NO_STLS.get(state.tls, b"-ERR TLS begins before the login" if is_late else b"")
        state.begins_tls = not words
        self._owed.owe(Ask.answered(command, (words or b"+OK begin TLS") + b"\r\n"))

    def refuse(self, command: Command) -> None:
        """TLS has to begin first. The words say that nothing is wrong with name or password (RFC 3206 section 4), and
        the server hears nothing.
        """
        self._owed.owe(Ask.answered(command, WANTS_STLS + b"\r\n"))

    def tell_capabilities(self, command: Command) -> None:
        """What there is before TLS: TLS. All else is asked anew behind it (RFC 2595 section 4)."""
        words = for_client(b"+OK\r\nRESP-CODES\r\n.\r\n", self._state.tls, self._state.hide)
        self._owed.owe(Ask.answered(command, words))
