"""One mail that waits: its envelope, and what has been tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from popover.protocols.device import Delivery, Envelope

FIRST_WAIT = 60.0
"""Seconds before a mail is tried again; each time twice as many. nullmailer begins with 60, too."""

LONGEST_WAIT = 3600.0
"""Seconds at most between two tries: a scan is waited for. Postfix has 4,000, nullmailer a day."""

LIFETIME = 4 * 86400.0
"""Seconds for which a mail is tried. RFC 5321 section 4.5.4.1 wants 4 to 5 days; a long weekend is over by then."""

TRIES = 24
"""Tries at least, however old a mail seems: they take some 19 hours. A router's clock begins in 1970, and is set right
while mails wait; a machine is off for a week."""

AT_ONCE = 0.0
"""When a mail is due that somebody has asked for (`popover queue retry`), whether its server is given a rest or not."""

WORDS_LIMIT = 500
"""Characters of a server's words that are kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """`name`: what its files are called, which also tells the order; `since`, `due`: seconds since 1970. `words`: what
    was said to the last try; `refused`: recipients that will never get it, and why.
    """

    name: str
    envelope: Envelope
    since: float
    due: float
    tries: int = 0
    words: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """Who sends it."""
        return self.envelope.account

    def tried(self, delivery: Delivery, now: float) -> Kept:
        """What is left to do after a try; nothing, where no recipients are left."""
        tries = self.tries + 1
        words = delivery.words[:WORDS_LIMIT]
        later, refused = delivery.later, {one: said[:WORDS_LIMIT] for one, said in delivery.refused.items()}
        since = min(self.since, now)  # the clock may have been set back
        if now - since >= LIFETIME and tries >= TRIES:
            refused |= dict.fromkeys(later, f"not taken for {LIFETIME / 86400:g} days: {words}")
            later = ()
        envelope = replace(
            self.envelope, recipients=later, is_doubtful=self.envelope.is_doubtful or delivery.is_doubtful
        )
        wait = min(FIRST_WAIT * 2 ** min(tries, 20), LONGEST_WAIT)
        return replace(
            self,
            envelope=envelope,
            since=since,
            due=now + wait,
            tries=tries,
            words=words,
            refused=dict(self.refused) | refused,
        )

    def to_json(self) -> bytes:
        """What stands in its file."""
        return json.dumps(asdict(self), indent=1).encode()


def has_come(moment: float, now: float) -> bool:
    """Whether it is time. What is further away than anything is ever put off was meant by another clock."""
    return not now < moment <= now + 2 * LONGEST_WAIT


def from_json(name: str, octets: bytes) -> Kept:
    """Read that. Raises ValueError for what is none."""
    try:
        known = json.loads(octets)
        said = known["envelope"]
        envelope = Envelope(
            str(said["account"]),
            str(said["service"]),
            str(said["sender"]),
            tuple(map(str, said["recipients"])),
            tuple(map(str, said["parameters"])),
            bool(said["is_doubtful"]),
        )
        refused = {str(one): str(words) for one, words in known["refused"].items()}
        return Kept(
            name,
            envelope,
            float(known["since"]),
            float(known["due"]),
            int(known["tries"]),
            str(known["words"]),
            refused,
        )
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"{name}: no envelope: {fault}") from None
