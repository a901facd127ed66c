"""The server behind one device's session: reached when it is needed, and again when its connection was lost."""

from __future__ import annotations

from popover.errors import Failure, ServerFailure
from popover.protocols.device import Errand, Reach
from popover.protocols.smtp.device.hello import size_limit
from popover.protocols.smtp.device.line import Line


class Outside:
    """`line`: the connection, if there is one. `failure`: why there can be none; it is not tried again in this session.
    `limit`: octets of a mail that the server takes, as far as it has said; 0: it has not.
    """

    def __init__(self, host: str) -> None:
        self.line: Line | None = None
        self.failure: Failure | None = None
        self.limit = 0
        self._host = host

    def reach(self) -> Errand[Line | None]:
        """Give the line, on which nothing is under way; None: `failure`."""
        if self.line is not None and self.line.has_news and not self.line.has_mail:
            self.line.give_up()  # 421, most likely, or its end: it was idle for long
        if self.line is not None and not self.line.is_lost:
            return self.line
        self.line = None
        if self.failure is None:
            want = Reach()
            yield want
            if want.server is None:
                self.failure = want.failure or ServerFailure(f"{self._host} is not to be reached")
            else:
                yield from self._greet(Line(want.server))
        return self.line

    def _greet(self, line: Line) -> Errand[None]:
        reply = yield from line.say_hello()
        if line.is_lost:
            self.failure = ServerFailure(f"{self._host} takes no mail now: {reply.text}", "try again later")
            return
        self.line = line
        self.limit = size_limit(line.extensions)
