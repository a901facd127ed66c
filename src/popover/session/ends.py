"""What a client sees of a talk that cannot go on: a normal end, a reset, or a line that says why."""

from __future__ import annotations

from popover.errors import Failure, Misdialled
from popover.outside.reasons import explain_ending
from popover.protocols import Ears
from popover.session.outcome import Outcome
from popover.wire.engine import Ending

_HARMLESS = ("cut", "broken")  # once the client has said goodbye and has its answer


def of_failure(failure: Failure, *, is_owed: bool) -> Outcome:
    """Why the ears cannot go on. A client that is none is told, unless it waits for another answer (`is_owed`)."""
    is_ours = not isinstance(failure, Misdialled)
    return Outcome(failure.end, clean=not is_ours, failure=failure, may_be_told=not is_ours and not is_owed)


def of_server(ending: Ending, ears: Ears, name: str, *, has_client_ended: bool) -> Outcome | None:
    """What the end of the server's stream is to the client; None: a normal one, once it has got all."""
    if ending.kind == "closed" or ears.has_left or (ending.kind in _HARMLESS and ears.has_quit):
        return None
    if has_client_ended and not ears.is_owed and ears.asked_last:
        return None  # the server may have gone at a question of ours, and the client has all its answers
    return Outcome(f"server {ending.kind}", clean=False, failure=explain_ending(ending, name))
