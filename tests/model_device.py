"""A device's session without a socket: the talk, a device that says its lines, a server, and a place for drafts."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from hearing import taken
from model_smtp import Model
from popover.config import DeviceRules
from popover.errors import ConnectFailure, Failure
from popover.protocols import for_devices
from popover.protocols.device import Check, DeviceTerms, Draft, Envelope, Errand, Keep, Reach, Want
from popover.protocols.reception import Wish
from popover.talk import End, More

EHLO = (
    b"250-mail.example.com\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-AUTH PLAIN\r\n250-CHUNKING\r\n250 8BITMIME\r\n"
)
NOW = datetime(2026, 11, 28, 9, 5, 7, tzinfo=timezone(timedelta(hours=1)))
DATE = b"Date: Sat, 28 Nov 2026 09:05:07 +0100\r\n"
RULES = DeviceRules(sender="scans@example.com")
TERMS = DeviceTerms(RULES, "scans", "scanner", "mail.example.com", lambda: NOW)


class Paper:
    """A draft. `holds`: octets that there is room for."""

    def __init__(self, holds: int) -> None:
        self.octets = b""
        self.is_dropped = False
        self._holds = holds

    def write(self, octets: bytes | memoryview) -> None:
        self.octets += octets
        if len(self.octets) > self._holds:
            raise OSError(28, "No space left on device")

    def drop(self) -> None:
        self.is_dropped = True


class Shelf:
    """Where drafts are begun, and those that were kept. `can_keep`: the disk works; `holds`: octets for each draft."""

    def __init__(self, *, can_keep: bool = True, holds: int = 10**9) -> None:
        self.begun: list[Paper] = []
        self.kept: list[tuple[bytes, Envelope]] = []
        self._can_keep = can_keep
        self._holds = holds

    def begin(self) -> Draft:
        self.begun.append(Paper(self._holds))
        return self.begun[-1]

    def keep(self, draft: Draft, envelope: Envelope) -> bool:
        assert isinstance(draft, Paper)
        assert not draft.is_dropped
        if self._can_keep:
            self.kept.append((draft.octets, envelope))
        return self._can_keep


class Server(Model):
    """A server that can be lost. `answers`: what it says in place of its own answer, by verb, each once; b"": its end.
    `.` is the end of a mail. `stays`: it says 421 and does not go.
    """

    def __init__(self, answers: dict[bytes, bytes] | None = None, ehlo: bytes = EHLO) -> None:
        super().__init__(ehlo)
        self.heard = b""
        self.is_gone = self.stays = False
        self._answers = dict(answers or {})

    def hear(self, data: bytes) -> bytes:
        self.heard += data
        mails = len(self.mails)
        said = super().hear(data)
        verb = b"." if len(self.mails) > mails else data.partition(b"\r\n")[0].partition(b" ")[0].upper()
        if said and verb in self._answers:
            said = self._answers.pop(verb)
            self._in_mail = self._in_mail and said.startswith(b"354")
            self.is_gone = not said or (said.startswith(b"421") and not self.stays)
        return said


class House:
    """One device's session. `servers`: those that are reached, one after the other, and why none is."""

    def __init__(
        self, *servers: Server | Failure, shelf: Shelf | None = None, rules: DeviceRules = RULES, **terms: object
    ) -> None:
        self.client = End("device")
        self.shelf = shelf
        self.servers = [server for server in servers if isinstance(server, Server)]
        self.checked: list[Check] = []
        self.verdicts: list[bool | None] = []
        changed = replace(TERMS, rules=rules, drafts=shelf, **terms)  # type: ignore[arg-type]
        self.attendance = for_devices().attend(self.client, changed)
        self._ways = list(servers)
        self._ends: dict[End, Server] = {}

    def run(self, pieces: Iterable[bytes], *, silently: bool = False) -> tuple[bytes, Wish]:
        """Let the device say these, one each time it is listened to, and end; what it is told, and how that ends."""
        told, rest, wishes = b"", iter(pieces), list[Wish]()

        def attend() -> Errand[None]:
            wishes.append((yield from self.attendance.talk(silently=silently)))

        for want in attend():
            told += taken(self.client)
            self.carry()
            if isinstance(want, More) and want.end is self.client:
                assert not self.client.ended, "it waits for more after the end"
                piece = next(rest, None)
                self.client.ended = piece is None
                self.client.inbox += piece or b""
            else:
                self._serve(want)
        self.carry()
        return told + taken(self.client), wishes[0]

    def _serve(self, want: Want) -> None:
        if isinstance(want, Reach):
            self.reach(want)
        elif isinstance(want, Keep):
            assert self.shelf is not None
            want.is_kept = self.shelf.keep(want.draft, want.envelope)
        elif isinstance(want, Check):
            self.checked.append(want)
            want.is_right = self.verdicts.pop(0)
        elif isinstance(want, More):
            assert want.end.inbox or want.end.ended, "it waits for an answer that nobody owes"

    def reach(self, want: Reach) -> None:
        """Have the next server."""
        way = self._ways.pop(0) if self._ways else ConnectFailure("mail.example.com is down")
        if isinstance(way, Server):
            want.server = End("mail.example.com")
            self._ends[want.server] = way
        else:
            want.failure = way

    def carry(self) -> None:
        """Let the servers hear what was said to them, and answer."""
        for end, server in self._ends.items():
            said = taken(end)
            if said and not server.is_gone:
                end.inbox += server.hear(said)
            end.ended = server.is_gone


def mail(*text: bytes, recipients: tuple[bytes, ...] = (b"bob@example.com",), end: bytes = b"\r\n") -> bytes:
    """What a device says that sends one mail without asking; `text`: its lines."""
    says = [b"EHLO scanner", b"MAIL FROM:<printer@lan>", *(b"RCPT TO:<%s>" % one for one in recipients), b"DATA"]
    return b"\r\n".join(says) + b"\r\n" + b"".join(line + end for line in text) + b".\r\nQUIT\r\n"
