"""The server's ear: what its answers come to, each with the command that it answers."""

from __future__ import annotations

from popover.protocols.sasl import may_add_a_layer
from popover.protocols.smtp.bodies import Bodies
from popover.protocols.smtp.body import Dots, Mended
from popover.protocols.smtp.commands import HELLOS, REVERSALS
from popover.protocols.smtp.hello import Hello
from popover.protocols.smtp.leaving import Leaving
from popover.protocols.smtp.queue import Ask
from popover.protocols.smtp.state import State


class ServerEar:
    """Hears one server. See `queue.Judge`."""

    def __init__(self, state: State, bodies: Bodies, hello: Hello, leaving: Leaving) -> None:
        self._state = state
        self._bodies = bodies
        self._hello = hello
        self._leaving = leaving

    def judge(self, ask: Ask, code: bytes) -> bool:
        """See `queue.Judge`."""
        state, verb, kind = self._state, ask.verb, code[:1]
        if verb == b"AUTH" and kind == b"3":
            state.challenged = True
            return False
        if verb == b"QUIT":
            self._leaving.judge(ask, code)
            return True
        if state.waits_for is ask:
            state.waits_for, state.challenged = None, False
        if verb == b"AUTH":
            self._login(ask, kind)
        elif verb == b"DATA":
            self._data(kind)
        elif verb in HELLOS:
            self._hello.judge(code)
        elif verb == b"MAIL" and kind == b"2":
            state.logged_in = True
        elif kind == b"3" or (kind == b"2" and verb in REVERSALS):
            state.turn_plain(must=verb in REVERSALS)  # what follows is nothing that we know
        return True

    def _login(self, ask: Ask, kind: bytes) -> None:
        if kind != b"2":
            return
        self._state.logged_in = True
        if may_add_a_layer(ask.mechanism):
            self._state.turn_plain(must=True)

    def _data(self, kind: bytes) -> None:
        """Only after a 3xx there is a body (RFC 5321 section 4.1.1.4)."""
        if kind == b"3":
            self._state.body = Mended() if self._state.terms.bare_lf == "normalize" else Dots()
        elif kind not in (b"4", b"5"):
            self._state.turn_plain()

    def unasked(self, words: bytes) -> None:
        """See `queue.Judge`. In the middle of a body it may have found an end that is none by the RFC. Anywhere else a
        3xx comes late, behind answers that were too many: what the client says next is a mail or a secret.
        """
        body = self._state.body
        if isinstance(body, Dots) and body.looks_over:
            self._bodies.over()
        elif body is not None:
            self._state.answered_early = True
        elif words[:1] == b"3":
            self._state.turn_plain()

    def malformed(self) -> None:
        """See `queue.Judge`."""
        self._state.turn_plain()
