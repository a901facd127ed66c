"""One question to the server and what came of it, and the flights in which questions leave together."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from popover.protocols.pop3.answers import CAPA_LIMIT, Listing, is_capabilities, is_listing, is_stat, names
from popover.protocols.pop3.commands import Command


class Kind(Enum):
    """Who asks. The client; we, something whose answer could be taken for another's; or we, in a flight."""

    CLIENT = "client"
    OURS = "ours"
    GUESS = "guess"

    __hash__ = object.__hash__  # Enum's own is written in Python, and asked sixty times a session


class Flight:
    """Questions that leave in one piece. Its answers are handed out once all have come and each is what its question
    must get: so many answers of these shapes can only be those (`manners`).

    `is_proven`: that is so. `is_wrong`: an answer cannot be the one to its question. `is_void`: each may be, but what
    would prove it was refused, or one refuses in words that are not known. `ability`: what it shows or denies
    (`manners`).
    """

    __slots__ = ("_is_odd", "ability", "asks", "is_proven", "is_void", "is_wrong", "missing")

    def __init__(self, ability: str) -> None:
        self.ability = ability
        self.asks: list[Ask] = []
        self.missing = 0
        self.is_proven = self.is_void = self.is_wrong = self._is_odd = False

    def land(self, ask: Ask, line: bytes, refusals: frozenset[bytes]) -> None:
        """An answer is whole; `line` is its status line, `refusals` the words with which this server refuses."""
        self.missing -= 1
        self.is_void |= not self.missing and not ask.is_ok
        if ask.is_ok or line[:4].upper() in refusals:
            self.is_wrong |= not ask.fits(line) or (self._is_odd and not self.missing and not ask.is_ok)
        else:  # a refusal in words of its own; or not, as the proof behind it tells
            self.is_void = self._is_odd = True
            self.is_wrong |= ask.proves or not self.missing
        if not self.missing and not (self.is_wrong or self.is_void):
            self.is_proven = True

    @property
    def shows(self) -> bool:
        """Whether it shows its ability: LIST of a message that is not there proves nothing."""
        return self.is_proven and all(ask.is_ok for ask in self.asks if ask.proves)


class Ask:
    """A command on its way, or its answer.

    `kept`: octets of the answer that nobody has got yet. `is_claimed`: the client asked it and is owed the answer;
    else it is a matter between gateway and server. `is_guess`: it was asked ahead. `is_dropped`: nobody wants the
    answer any more. `needs_all`: the answer is looked at as a whole before the client gets it. `learnt`: a copy of
    the answer, while it goes by; `listing`: what it lists. `serial`: the order in which it is sent. `expected`: octets
    the answer will have; `octets`: those that a mail has, counted as it goes by, from 1 on; 0: they are not counted;
    `counts_dots`: without those that were stuffed. `is_doubtful`: it left in a flight of a kind that the server has not
    shown to bear. `since`: when it was sent. `behind`: an ask whose answer shows that this one's is certain.
    `waits_for`: the last guess that the client had claimed before it said this, if this changes what that one's answer
    would be, were it asked again.
    """

    __slots__ = (
        "behind", "command", "counts_dots", "expected", "flight", "has_body", "is_claimed", "is_done", "is_doubtful",
        "is_dropped", "is_guess", "is_ok", "kept", "kind", "learnt", "line", "listing", "needs_all", "number", "octets",
        "serial", "since", "verb", "waits_for",
    )  # fmt: skip

    def __init__(self, command: Command, kind: Kind, flight: Flight | None = None) -> None:
        self.kind = kind
        self.verb = command.verb
        self.number = command.number
        self.has_body = command.has_body
        self.line = command.line  # emptied once it is sent: it may hold a password
        # The mechanism of an AUTH is of interest, its first response is not.
        argument = command.argument.partition(b" ")[0] if command.verb == b"AUTH" else command.argument
        self.command = Command(b"", command.verb, b"" if command.verb in _SECRET else argument)
        self.kept = bytearray()
        self.learnt: bytearray | None = None
        self.listing: Listing | None = None
        self.flight = flight
        if flight is not None:
            flight.asks.append(self)
            flight.missing += 1
        self.behind: Ask | None = None
        self.waits_for: Ask | None = None
        self.is_claimed = kind is Kind.CLIENT
        self.is_guess = kind is Kind.GUESS
        self.counts_dots = False
        self.is_done = self.is_ok = self.is_dropped = self.is_doubtful = self.needs_all = False
        self.serial = self.octets = 0
        self.expected = 0
        self.since = 0.0

    @classmethod
    def answered(cls, command: Command, words: bytes) -> Ask:
        """Make one that we answer ourselves."""
        ask = cls(command, Kind.CLIENT)
        ask.kept += words
        ask.is_done = ask.is_ok = True
        ask.line = b""
        return ask

    def learn(self, piece: memoryview | bytes) -> None:
        """Take note of what goes by of its answer, if that is wanted."""
        if self.listing is not None:
            self.listing.feed(piece)
        elif self.learnt is not None:
            self.learnt += piece
            if len(self.learnt) > CAPA_LIMIT:
                self.learnt = None

    @property
    def is_held(self) -> bool:
        """Its answer is not to be handed out yet."""
        if self.flight is not None and not self.flight.is_proven:
            return True
        return (self.needs_all and not self.is_done) or (self.behind is not None and not self.behind.is_done)

    @property
    def waits(self) -> bool:
        """What was claimed before it may yet turn out not to be certain, and be asked again."""
        guess = self.waits_for
        return guess is not None and guess.is_claimed and (guess.is_held or not guess.is_done)

    @property
    def proves(self) -> bool:
        """Its answer cannot be taken for any other: `+OK count octets`, or one that repeats the message's number."""
        return self.verb == b"STAT" or (self.verb == b"LIST" and self.number > 0)

    def is_lost(self, line: bytes) -> bool:
        """Whether this status line shows that it was not heard, for it is that of what stands behind it in its flight:
        STAT behind CAPA, LIST of a message behind the message.
        """
        if self.flight is None:
            return False
        return is_stat(line) if self.verb == b"CAPA" else self.verb in _MAILS and names(line, self.number)

    def may_be_answered_so(self, line: bytes) -> bool:
        """Whether this line may be all of the answer, and +OK."""
        if self.proves:
            return is_stat(line) if self.verb == b"STAT" else names(line, self.number)
        return not self.has_body and line.startswith(b"+OK")

    def fits(self, line: bytes) -> bool:
        """Whether what came is what this question must get. `line`: the status line; the rest of it is kept."""
        if not self.is_ok or self.is_lost(line):
            return not self.is_ok
        if self.proves:
            return self.may_be_answered_so(line)
        if self.verb == b"CAPA" and self.learnt is not None:
            return is_capabilities(self.learnt)
        if self.is_dropped or not self.kept:
            return True  # it came too late or was too large, and nobody will get it
        return is_listing(self.kept) if self.verb in (b"LIST", b"UIDL") else True


def was_not_heard(asked: Sequence[Ask], line: bytes) -> bool:
    """Whether the first of these, a CAPA, got lost: this is what a STAT must get that left after it, alone, and a CAPA
    cannot.
    """
    ask = asked[0]
    if ask.verb != b"CAPA" or ask.flight is None or len(asked) < 2 or not is_stat(line):  # noqa: PLR2004
        return False
    after = next((one for one in asked if one.flight is not ask.flight), ask)
    return after.verb == b"STAT"


def has_swallowed(asked: Sequence[Ask]) -> bool:
    """Whether the first of these, a mail that has not ended, holds the answers to all that left behind it: then a dot
    behind LF was its end, or that of one after it.
    """
    mails = [place for place, one in enumerate(asked) if one.verb in _MAILS]
    if not mails or mails[0] or any(one.kind is not Kind.GUESS for one in asked):
        return False
    proofs = tuple(asked)[mails[-1] + 1 :]
    *before, rest = bytes(asked[0].kept[-_TAIL:]).split(b"\n")
    if rest or not proofs or len(before) <= len(proofs):
        return False
    dot, *lines = before[-len(proofs) - 1 :]
    is_all = all(one.may_be_answered_so(line) for one, line in zip(proofs, lines, strict=True))
    return is_all and dot.rstrip(b"\r") == b"."


_TAIL = 2048  # octets in which the proofs behind a mail stand: each is a line of at most 512 (RFC 2449 section 4)
_MAILS = frozenset((b"RETR", b"TOP"))
_SECRET = frozenset((b"PASS", b"APOP"))
