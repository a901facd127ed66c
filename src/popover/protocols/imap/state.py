"""What all parts of one session's IMAP look at: how the session goes."""

from __future__ import annotations

from popover.errors import Failure


class State:
    """One session's. `now`, `since`: monotonic seconds, as of the last call from outside, and at the start.

    `known`: the server's capabilities before the login, as it listed them. `is_doubtful`: something was said whose
    answer we would not know; `may_owe_more`: the server may have taken a literal for commands, and answer those;
    `is_plain`: octets are just passed on. `has_left`: the client has its goodbye from us;
    `is_told`: and the server has answered the LOGOUT. `spared`: see `dialect.Ears`. `failure`: why the session cannot
    go on.
    """

    __slots__ = (
        "failure", "has_client_ended", "has_heard_line", "has_left", "has_quit", "has_said_logout", "is_doubtful",
        "is_plain", "is_told", "known", "logged_in", "may_owe_more", "now", "since", "spared", "wants_tls",
    )  # fmt: skip

    def __init__(self) -> None:
        self.now = self.since = 0.0
        self.known: bytes | None = None
        self.logged_in = self.wants_tls = False
        self.is_doubtful = self.may_owe_more = self.is_plain = False
        self.has_client_ended = self.has_heard_line = False
        self.has_said_logout = self.has_quit = self.has_left = self.is_told = False
        self.spared = 0
        self.failure: Failure | None = None
