"""What got lost on the way to the server is said again, step by step and before all that waits."""

from __future__ import annotations

from popover.protocols.pop3.ask import Ask, Kind
from popover.protocols.pop3.commands import Command
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import Way


def ask_again(one: Ask, state: State, owed: Owed, way: Way) -> None:
    """Ask what the client is owed."""
    state.spared.none()
    fresh = Ask(_said(one), Kind.CLIENT)
    fresh.needs_all = one.needs_all
    one.is_claimed = False
    at = owed.turns.index(one)
    owed.turns[at] = fresh
    way.enqueue(fresh, first=True)


def tell_again(one: Ask, way: Way) -> None:
    """Say what is a matter between the server and us."""
    fresh = way.tell(_said(one), first=True)
    if one is way.user_ask:
        way.user_ask = fresh


def _said(one: Ask) -> Command:
    """A command as it was said: what was sent is not kept, for it may hold a password."""
    line = b" ".join(word for word in one.command.key if word) + b"\r\n"
    return Command(line, one.verb, one.command.argument)
