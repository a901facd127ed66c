"""What a server has shown. Trust is earned: nothing is done ahead of a client on a word of CAPA's alone.

A server's PIPELINING (RFC 2449 section 6.6) is believed after it was shown to work where it cost nobody anything:

- before the login, on a connection that waits for a client: two questions with different answers in one piece;
- after the login, when a client that deleted nothing has had its goodbye: likewise; with one that always deletes, or
  goes without goodbye, right behind its login, before it has asked anything;
- behind the login (some servers lose what comes with PASS): one question, behind a PASS that leaves alone, so that its
  answer cannot be taken for another;
- for mails: one message with a question behind it, before many.

What was shown is known while the process lives. What failed is harm: it is kept over a restart, for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from popover.protocols.pop3.answers import PIPELINING, Capabilities

KEPT = 30 * 86400.0
"""Seconds for which harm is believed: servers are updated a few times a year, and what is not known to harm is tried
again where it costs nobody more than half a second."""

USUAL = 0.2
"""Seconds for an answer of a server that has answered nothing yet: a long line, or a slow disk."""

USUAL_LIMIT = 5.0
"""Seconds that count as usual at most: Dovecot delays a failed login by 2 to 15 s, and that is no measure."""

MORE = 0.5
"""Seconds beyond the usual after which an answer is overdue. With what it takes to find out what became of it, a client
waits a second longer than without us, and once."""


SAMPLE = 16 * 1024
"""Octets of an answer by which a line's speed is told: less is all waiting."""

FIRST_OCTETS = 64 * 1024
"""Octets on their way at once over a line of unknown speed: half a second at 1 Mbit/s."""

AT_ONCE = 0.7
"""Seconds for which what is on its way for a guess may keep the line busy: whatever a client asks meanwhile comes
behind it, and must not come more than a second late."""


class Shown(Enum):
    """What is known of an ability."""

    NOTHING = "nothing"
    YES = "yes"
    NO = "no"


class Manners:
    """One server's. `before`, `after`: its capabilities without and with a login, None while unknown.

    `knows_capa`: whether it answers CAPA at all, None while unknown: to some servers it is a bad command, and those
    have little patience. `closes_at_auth`: it hangs up at AUTH without a mechanism.
    """

    def __init__(self) -> None:
        self.on_harm: Callable[[], None] = lambda: None
        self.before: Capabilities | None = None
        self.after: Capabilities | None = None
        self.knows_capa: bool | None = None
        self.usual = USUAL
        self._rate = 0.0  # octets a second
        self._shown = dict.fromkeys(_ABILITIES, Shown.NOTHING)
        self._harm: dict[str, float] = {}
        self.wall: Callable[[], float] = lambda: 0.0

    @property
    def pipelines_before(self) -> Shown:
        """Whether all of several commands in one piece are heard and answered in order, before the login."""
        return self._shown["before"] if self.offers_before and not self.adds_lines else Shown.NO

    @property
    def pipelines(self) -> Shown:
        """Whether all of several commands in one piece are heard and answered in order, after the login."""
        return self._shown["pipelines"] if self.offers_after and not self.adds_lines else Shown.NO

    @property
    def may_be_tried(self) -> bool:
        """Whether `pipelines` may be found out while a client is there: the server offers it, and has shown before the
        login, where it offers it there, that it can.
        """
        offers = self.offers_before if self.after is None else self.offers_after
        can = self._shown["before"] is Shown.YES or not self.offers_before
        return offers and can and not self.adds_lines and self._shown["pipelines"] is Shown.NOTHING

    @property
    def keeps(self) -> Shown:
        """Whether what comes in one piece with PASS is heard, too."""
        may = self.pipelines_before is Shown.YES and self.pipelines is Shown.YES
        return self._shown["keeps"] if may else Shown.NO

    @property
    def reads_ahead(self) -> Shown:
        """Whether it sends one mail after the other when they are asked for in one piece."""
        return self._shown["reads ahead"] if self.pipelines is Shown.YES else Shown.NO

    @property
    def lists(self) -> Shown:
        """Whether LIST ends where it should: some never end it, or end it twice."""
        return self._shown["lists"]

    @property
    def adds_lines(self) -> bool:
        """It says lines that nobody has asked for: its sessions go as through a wire, all of it."""
        return self._shown["adds nothing"] is Shown.NO

    @property
    def adds_nothing(self) -> bool:
        """It has answered a STAT of ours, and the next thing that it said was the answer to what it was asked then."""
        return self._shown["adds nothing"] is Shown.YES

    def has_shown(self, ability: str) -> Shown:
        """What is known of an ability, whatever CAPA says."""
        return self._shown[ability]

    @property
    def bears_auth(self) -> bool:
        """Whether AUTH without a mechanism may be said to it."""
        known = self.before or frozenset()
        return self._shown["bears auth"] is not Shown.NO and _TRINITY not in known

    @property
    def mechanisms(self) -> list[bytes]:
        """Those that its CAPA offers before the login."""
        return [name for line in self.before or () if line.startswith(b"SASL ") for name in line.split()[1:]]

    @property
    def offers_before(self) -> bool:
        """Its CAPA holds PIPELINING before the login."""
        return self.before is not None and PIPELINING in self.before

    @property
    def offers_after(self) -> bool:
        """Its CAPA holds PIPELINING after the login."""
        return self.after is not None and PIPELINING in self.after

    @property
    def patience(self) -> float:
        """Seconds after which an answer is overdue."""
        return self.usual + MORE

    def show(self, ability: str) -> None:
        """It has shown that it can."""
        if self._shown[ability] is Shown.NOTHING:
            self._shown[ability] = Shown.YES

    def fail(self, ability: str) -> None:
        """It has shown that it cannot, or not any more."""
        if self._shown[ability] is not Shown.NO:
            self._shown[ability] = Shown.NO
            self._harm[ability] = self.wall()
            self.on_harm()

    def learn(self, known: Capabilities, *, logged_in: bool) -> None:
        """Take over what CAPA says; an empty set for a server that does not know it."""
        if logged_in:
            self.after = known
        else:
            self.before = known
        if known:
            self.knows_capa = True
        elif self.knows_capa is None:
            self.knows_capa = False
            self._harm[_CAPA] = self.wall()
            self.on_harm()

    def took(self, seconds: float) -> None:
        """An answer took so long: slower is believed at once, faster by and by."""
        self.usual = min(max(seconds, self.usual * 0.9 + seconds * 0.1), USUAL_LIMIT)

    def carried(self, octets: int, seconds: float) -> None:
        """An answer of so many octets took so long, from the question on."""
        if octets >= SAMPLE and seconds > 0:
            rate = octets / seconds
            self._rate = max(rate, self._rate * 0.8 + rate * 0.2)

    @property
    def at_once(self) -> int:
        """Octets that may be on their way for guesses: what comes within AT_ONCE seconds."""
        return max(FIRST_OCTETS, int(self._rate * AT_ONCE))

    def harm(self) -> dict[str, float]:
        """What has failed, and when."""
        return dict(self._harm)

    def recall(self, harm: Mapping[str, float], now: float) -> None:
        """Believe again what had failed."""
        for ability, since in harm.items():
            if 0 <= now - since < KEPT:
                if ability == _CAPA:
                    self.knows_capa = False
                elif ability in self._shown:
                    self._shown[ability] = Shown.NO
                else:
                    continue
                self._harm[ability] = since


_ABILITIES = ("before", "pipelines", "keeps", "reads ahead", "bears auth", "lists", "adds nothing")
_CAPA = "knows capa"

_TRINITY = b"IMPLEMENTATION TRINITY"
"""GMX and IONOS, which close the connection at AUTH without a mechanism (thunderbird-android's issues 5879, 5881)."""
