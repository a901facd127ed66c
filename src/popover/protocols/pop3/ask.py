"""One question to the server and what came of it: what the queues of the relay hold."""

from __future__ import annotations

from popover.protocols.pop3.commands import Command


class Ask:
    """A command on its way, or its answer.

    `kept`: octets of the answer that nobody has got yet. `is_claimed`: the client asked it and is owed the answer;
    else it is a matter between gateway and server. `is_guess`: it was asked ahead. `is_dropped`: nobody wants the
    answer any more. `needs_all`: the answer is looked at as a whole before the client gets it. `learnt`: a copy of
    the answer, while it goes by. `serial`: the order in which it is sent. `expected`: octets the answer will have.
    """

    __slots__ = (
        "command", "expected", "has_body", "is_claimed", "is_done", "is_dropped", "is_guess", "is_ok", "kept", "learnt",
        "line", "needs_all", "number", "serial", "verb",
    )  # fmt: skip

    def __init__(self, command: Command, *, claimed: bool) -> None:
        self.verb = command.verb
        self.number = command.number
        self.has_body = command.has_body
        self.line = command.line  # emptied once it is sent: it may hold a password
        # The mechanism of an AUTH is of interest, its first response is not.
        argument = command.argument.partition(b" ")[0] if command.verb == b"AUTH" else command.argument
        self.command = Command(b"", command.verb, b"" if command.verb in _SECRET else argument)
        self.kept = bytearray()
        self.learnt: bytearray | None = None
        self.is_claimed = claimed
        self.is_done = self.is_ok = self.is_dropped = self.is_guess = self.needs_all = False
        self.serial = 0
        self.expected = 0

    @classmethod
    def answered(cls, command: Command, words: bytes) -> Ask:
        """Make one that we answer ourselves."""
        ask = cls(command, claimed=True)
        ask.kept += words
        ask.is_done = ask.is_ok = True
        ask.line = b""
        return ask


_SECRET = frozenset((b"PASS", b"APOP"))
