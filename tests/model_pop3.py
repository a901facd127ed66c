"""A POP3 server and a client as plain functions of their octets, and a world that carries octets between them.

The server is strict: what is sent to it before it has answered, without its having offered PIPELINING, is noted
as a `violation`. The world is driven by a source of chance: every cut and every order of events can happen.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from popover.config import Server, Service
from popover.config.ahead import ReadAhead
from popover.protocols import Terms
from popover.protocols.pop3 import Ears, Memory
from popover.protocols.pop3.answers import capabilities
from popover.talk import End
from services import service as flat_service

PIECE = 300  # octets of the server that arrive at once
GREETING = b"+OK model ready <1.2@model.test>\r\n"


@dataclass(frozen=True)
class Nature:
    """How a server is. `refuses`: (verb, number) it says -ERR to. `ends_after`: octets after which it is gone.

    `lies`: by LIST every message has one octet. `hears`: what of the commands that come in one piece. `line_end`: of
    all that it says. `odd`: a refusal is neither +OK nor -ERR. `expires`: what was fetched is gone after QUIT, and CAPA
    says so as GNU Mailutils does. `next_ok_before_dot`: of an answer, if the next question is there already. `mixes`:
    which lines end in LF, where others do not: status lines, those behind them, or the last one before the dot. `adds`:
    said behind each mail. `never_ends`: (verb, number) whose answer has no dot.
    """

    messages: tuple[bytes, ...] = ()
    pipelining: Literal["no", "after", "yes"] = "yes"
    knows_capa: bool = True
    has_uidl: bool = True
    rico: bool = False
    lies: bool = False
    refuses: frozenset[tuple[bytes, int]] = frozenset()
    hears: Literal["all", "first", "first after login", "not behind login"] = "all"
    line_end: Literal[b"\r\n", b"\n"] = b"\r\n"
    odd: bool = False
    expires: bool = False
    next_ok_before_dot: bool = False
    mixes: Literal["", "status", "lists", "last"] = ""
    adds: bytes = b""
    never_ends: frozenset[tuple[bytes, int]] = frozenset()
    ends_after: int | None = None

    @property
    def bears_cuts(self) -> bool:
        """Whether it is all the same to it how commands come. For the others they come as they leave, as a TLS record
        does: else one that was lucky has shown what it cannot do.
        """
        return self.hears == "all" and not self.next_ok_before_dot

    @property
    def may_hang(self) -> bool:
        """Whether its client may wait in vain: for the end of an answer, or because it has lost count."""
        return bool(self.never_ends or self.adds)


class Model:
    """The server. `committed`: the messages that were removed, None unless a QUIT was carried out."""

    def __init__(self, nature: Nature) -> None:
        self.nature = nature
        self.outbox = bytearray(GREETING)
        self.heard: list[bytes] = []
        self.logged_in = False
        self.deleted: set[int] = set()
        self.committed: set[int] | None = None
        self.ended = False
        self.violations: list[bytes] = []
        self._said = len(GREETING)
        self._inbox = bytearray()
        self._held_dot = False
        self._fetched: set[int] = set()
        self._early = False  # something said before the login has not been taken yet
        self._last = 0  # the highest message that was fetched (RFC 1460)

    def hear(self, data: bytes) -> None:
        self._inbox += data
        while not self.ended and (cut := self._inbox.find(b"\n")) >= 0:
            line = bytes(self._inbox[: cut + 1])
            del self._inbox[: cut + 1]
            was_in = self.logged_in
            self._answer(line)
            hears = self.nature.hears
            if (
                hears == "first"
                or (hears == "first after login" and was_in)
                or (hears == "not behind login" and self.logged_in and not was_in)
            ):
                self._inbox.clear()

    def take(self, count: int) -> bytes:
        """Octets on their way to the other side."""
        data = bytes(self.outbox[:count])
        del self.outbox[:count]
        if not self.outbox:
            self._early = False
        return data

    def _answer(self, line: bytes) -> None:
        may = {"no": False, "after": self.logged_in and not self._early, "yes": True}[self.nature.pipelining]
        if self.outbox and not may:
            self.violations.append(line)
        self.heard.append(line)
        self._early = self._early or not self.logged_in
        words = line.split()
        verb = words[0].upper() if words else b""
        self._say(self._in_its_way(verb, words[1:], self._reply(verb, words[1:])))
        if verb == b"QUIT":
            self.ended = True
            if self.logged_in:
                self.committed = self.deleted | (self._fetched if self.nature.expires else set())

    def _in_its_way(self, verb: bytes, rest: list[bytes], answer: bytes) -> bytes:
        nature, is_list = self.nature, answer.endswith(b"\r\n.\r\n")
        if is_list and (verb, int(rest[0]) if rest else 0) in nature.never_ends:
            answer = answer.removesuffix(b".\r\n")
        if nature.mixes == "status":
            answer = answer.replace(b"\r\n", b"\n", 1)
        elif nature.mixes == "lists":
            status, end, lines = answer.partition(b"\r\n")
            answer = status + end + lines.replace(b"\r\n", b"\n")
        elif nature.mixes == "last" and is_list:
            answer = answer.replace(b"\r\n.\r\n", b"\n.\r\n")
        return answer + nature.adds if is_list and verb in (b"RETR", b"TOP") else answer

    def _say(self, answer: bytes) -> None:
        if self.nature.odd and answer.startswith(b"-ERR"):
            answer = answer[1:]
        if self.nature.line_end != b"\r\n":
            answer = answer.replace(b"\r\n", self.nature.line_end)
        if self._held_dot:
            first, end, rest = answer.partition(b"\n")
            answer, self._held_dot = first + end + b".\r\n" + rest, False
        if self.nature.next_ok_before_dot and answer.endswith(b"\r\n.\r\n") and b"\n" in self._inbox:
            answer, self._held_dot = answer[:-3], True
        limit = self.nature.ends_after
        if limit is not None and self._said + len(answer) > limit:
            answer, self.ended = answer[: max(0, limit - self._said)], True
        self._said += len(answer)
        self.outbox += answer

    def _reply(self, verb: bytes, rest: list[bytes]) -> bytes:  # noqa: PLR0911 - a line for each kind of command
        number = int(rest[0]) if rest and rest[0].isdigit() else 0
        if (verb, number) in self.nature.refuses:
            return b"-ERR refused\r\n"
        if verb == b"CAPA":
            return self._capa()
        if verb == b"QUIT":
            return b"+OK bye\r\n"
        if not self.logged_in:
            return self._login(verb, rest)
        simple = {b"NOOP": b"+OK\r\n", b"LAST": b"+OK %d\r\n" % self._last, b"STAT": b"+OK %d %d\r\n" % self._sum()}
        if verb in simple and not rest:
            return simple[verb]
        if verb == b"RSET":
            self.deleted.clear()
            self._last = 0
            return b"+OK reset\r\n"
        if verb in (b"LIST", b"UIDL"):
            return self._listing(verb, number if rest else None)
        if verb in (b"RETR", b"TOP", b"DELE") and self._exists(number):
            return self._message(verb, number, rest)
        return b"-ERR no such command or message\r\n"

    def _login(self, verb: bytes, rest: list[bytes]) -> bytes:
        if verb == b"USER" and rest:
            return b"+OK send PASS\r\n"
        if verb == b"PASS" and rest == [b"secret"]:
            self.logged_in = True
            return b"+OK welcome\r\n"
        return b"-ERR [AUTH] no\r\n"

    def _capa(self) -> bytes:
        if not self.nature.knows_capa:
            return b"-ERR what\r\n"
        offers = self.nature.pipelining == "yes" or (self.nature.pipelining == "after" and self.logged_in)
        words = [
            b"TOP",
            b"UIDL",
            *([b"PIPELINING"] if offers else []),
            *([b"X-GOOGLE-RICO"] if self.nature.rico else []),
            *([b"EXPIRE0"] if self.nature.expires else []),
        ]
        return b"+OK\r\n" + b"".join(word + b"\r\n" for word in words) + b".\r\n"

    def _sum(self) -> tuple[int, int]:
        left = [size for number, size in self._sizes() if self._exists(number)]
        return len(left), sum(left)

    def _sizes(self) -> Iterable[tuple[int, int]]:
        return ((number, len(message)) for number, message in enumerate(self.nature.messages, 1))

    def _exists(self, number: int) -> bool:
        return 0 < number <= len(self.nature.messages) and number not in self.deleted

    def _listing(self, verb: bytes, number: int | None) -> bytes:
        if verb == b"UIDL" and not self.nature.has_uidl:
            return b"-ERR no UIDL\r\n"
        lies = self.nature.lies
        sizes = {n: 1 if lies else size for n, size in self._sizes()}
        lines = {n: b"%d %d\r\n" % (n, size if verb == b"LIST" else n + 7000) for n, size in sizes.items()}
        if number is None:
            return b"+OK here\r\n" + b"".join(line for n, line in lines.items() if self._exists(n)) + b".\r\n"
        return b"+OK " + lines[number] if self._exists(number) else b"-ERR none\r\n"

    def _message(self, verb: bytes, number: int, rest: list[bytes]) -> bytes:
        if verb == b"DELE":
            self.deleted.add(number)
            return b"+OK gone\r\n"
        text = self.nature.messages[number - 1]
        self._last = max(self._last, number * (verb == b"RETR"))
        self._fetched.add(number)
        if verb == b"TOP":
            text = b"".join(text.splitlines(keepends=True)[: 1 + int(rest[1]) if len(rest) > 1 else 1])
        stuffed = b"".join(b"." + line if line.startswith(b".") else line for line in text.splitlines(keepends=True))
        return b"+OK %d octets\r\n" % len(text) + stuffed + b".\r\n"


class Chance(Protocol):
    def randint(self, a: int, b: int) -> int: ...
    def random(self) -> float: ...


@dataclass
class Client:
    """Says its script in groups: the lines of a group leave at once, the next group when all is answered.

    It goes away for good after `leaves_after` groups, if that is set.
    """

    groups: list[list[bytes]]
    leaves_after: int | None = None
    received: bytearray = field(default_factory=bytearray)
    said: list[bytes] = field(default_factory=list)
    outbox: bytearray = field(default_factory=bytearray)
    _next: int = 0

    @property
    def has_left(self) -> bool:
        return self._next == self.leaves_after and not self.outbox

    def go_on(self) -> None:
        """Say the next group if everything said so far is answered."""
        if self._next < len(self.groups) and self._next != self.leaves_after and self.is_answered():
            group = self.groups[self._next]
            self._next += 1
            self.said += group
            self.outbox += b"".join(group)

    def is_answered(self) -> bool:
        return len(split(bytes(self.received), self.said)) == len(self.said) + 1

    @property
    def is_finished(self) -> bool:
        return self.has_left or (self._next == len(self.groups) and not self.outbox and self.is_answered())


def split(received: bytes, said: list[bytes]) -> list[bytes]:
    """The greeting and the answers to these lines, as far as they came whole."""
    answers, at = [], 0
    for line in [b"", *said]:
        cut = received.find(b"\n", at) + 1
        if not cut:
            break
        if received[at:cut].startswith(b"+OK") and has_body(line):
            end = _END.search(received, cut - 1)
            if end is None:
                break
            cut = end.end()
        answers.append(received[at:cut])
        at = cut
    return answers


_END = re.compile(rb"\n\.\r?\n")


def has_body(line: bytes) -> bool:
    words = line.upper().split()
    return bool(words) and (
        words[0] in (b"RETR", b"TOP", b"CAPA") or (words[0] in (b"LIST", b"UIDL") and len(words) == 1)
    )


def service(
    *, read_ahead: ReadAhead = True, read_ahead_bytes: int = 1 << 20, on: bool = True, keep_alive: float = 0
) -> Service:
    """A POP3 service with everything on, or everything off."""
    return flat_service(
        name="model", server=Server("pop3", "model.test", 995),
        ask_ahead=on, read_ahead=read_ahead if on else False, read_ahead_bytes=read_ahead_bytes, user_at_once=on,
        dele_at_once=on, quit_at_once=on, keep_alive=keep_alive, soften=False,
    )  # fmt: skip


def trusting(*, before: bool = True, after: bool = True, but: str = "") -> Memory:
    """The memory of a server that has shown all it can, but for one ability, and offers PIPELINING."""
    memory = Memory()
    capa = b"+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nUSER\r\n.\r\n"
    little = b"+OK\r\nTOP\r\nUIDL\r\nUSER\r\n.\r\n"
    memory.manners.learn(capabilities(capa if before else little), logged_in=False)
    memory.manners.learn(capabilities(capa if after else little), logged_in=True)
    for ability in {"before", "pipelines", "keeps", "reads ahead", "lists", "adds nothing"} - {but}:
        memory.manners.show(ability)
    return memory


VISITOR = "192.0.2.1"


class World:
    """A client, ears and a server, and the octets between them. `now` goes on when nothing else can happen."""

    def __init__(
        self, of: Service, memory: Memory, client: Client, server: Model, ready: bytes = b"", visitor: str = VISITOR
    ) -> None:
        self.client, self.server = client, server
        self.inside, self.outside = End("client"), End("server")
        self.ears = Ears(self.inside, self.outside, Terms(of.ahead, visitor), memory)
        self.server_gone = False
        self.most_held = 0
        self.now = 1000.0
        self.began = self.now
        greeting = server.take(len(server.outbox))
        self.ears.start(greeting, ready, self.now)
        self._deliver()

    def run(self, chance: Chance) -> None:
        """Let things happen until the client has finished or the server is gone; AssertionError if all get stuck."""
        for _ in range(STEPS):
            if self.client.is_finished or self.server_gone:
                break
            self.client.go_on()
            able = [act for act in (self._client_says, self._server_hears, self._server_says) if act(None)]
            if not able:
                if self.ears.failure is not None or (self.ears.due == float("inf") and self.server.nature.may_hang):
                    break  # its client waits in vain, as it would without us
                assert self.ears.due < float("inf"), (
                    f"stuck: {self.client.said[-3:]} {bytes(self.client.received[-80:])!r}"
                )
                self.pass_time(self.ears.due)
                continue
            able[chance.randint(0, len(able) - 1)](chance)
            if chance.random() < HASTE:  # the server is slow, and it looks as if something had got lost
                self.pass_time(self.now + chance.random())
            self._deliver()
        else:
            raise AssertionError(f"no end: {self.client.said[-3:]} {bytes(self.client.received[-80:])!r}")
        self.settle()
        self.ears.over(self.now, server_left=self.server_gone and not self.ears.has_quit)

    def pass_time(self, until: float) -> None:
        """Let the clock go on, and what is due be done."""
        self.now = max(self.now, until)
        if self.ears.due <= self.now:
            self.ears.on_time(self.now)
            self._deliver()

    def settle(self) -> None:
        """Let the server hear and say all that is on its way."""
        for _ in range(STEPS):
            while self.ears.has_more:
                self.outside.outbox += self.ears.client_said(b"", self.now)
                self._deliver()
            if self.outside.outbox or (self.server.outbox and self.ears.wants_server):
                self.server.hear(bytes(self.outside.outbox))
                self.outside.outbox.clear()
                if self.ears.wants_server:
                    self._deliver(self.ears.server_said(self.server.take(1 << 16), self.now))
            elif self.ears.has_left and not self.ears.is_settled and self.ears.due < float("inf"):
                self.pass_time(self.ears.due)
            else:
                break
        else:
            raise AssertionError("it never settles")
        self._deliver()

    def _deliver(self, straight: bytes | memoryview = b"") -> None:
        self.client.received += self.inside.outbox
        self.inside.outbox.clear()
        self.client.received += straight

    def _client_says(self, chance: Chance | None) -> bool:
        box = self.client.outbox
        if not (self.ears.has_more or (box and self.ears.wants_client)):
            return False
        if chance is not None:
            said = _cut(box, chance) if box and self.ears.wants_client else b""
            self.outside.outbox += self.ears.client_said(said, self.now)
        return True

    def _server_hears(self, chance: Chance | None) -> bool:
        box = self.outside.outbox
        if not box:
            return False
        if chance is not None:
            self.server.hear(_cut(box, chance) if self.server.nature.bears_cuts else _all(box))
        return True

    def _server_says(self, chance: Chance | None) -> bool:
        if not self.ears.wants_server or not (self.server.outbox or self.server.ended):
            return False
        if chance is None:
            return True
        if self.server.outbox:
            said = self.server.take(_size(chance, min(PIECE, len(self.server.outbox))))
            self._deliver(self.ears.server_said(said, self.now))
            self.most_held = max(self.most_held, self.ears.held)
        else:
            self.ears.server_ended(self.now)
            self._deliver()
            self.server_gone = True
        return True


STEPS = 20_000  # things that happen in one session, at most

HASTE = 0.02  # of all events, after which the clock goes on by up to a second


def _size(chance: Chance, most: int) -> int:
    return most if chance.random() < 0.5 else chance.randint(1, most)


def _all(box: bytearray) -> bytes:
    data = bytes(box)
    box.clear()
    return data


def _cut(box: bytearray, chance: Chance) -> bytes:
    size = _size(chance, len(box))
    data = bytes(box[:size])
    del box[:size]
    return data


def direct(nature: Nature, groups: list[list[bytes]]) -> tuple[list[bytes], Model]:
    """What a client would get without a gateway, saying one line at a time to a server that does not go away."""
    server = Model(nature)
    answers = [server.take(1 << 30)]
    for group in groups:
        for line in group:
            server.hear(line)
            answers.append(server.take(1 << 30))
    return answers, server
