"""ManageSieve: a server with odd manners, and clients with theirs."""

import re
from random import Random

from pairs.wild.client import Ending, Script, Step, cut, with_a_rare_one
from pairs.wild.odd import MANNERS_OF_ALL, Odd, OverError, Visit

MANNERS = (
    *MANNERS_OF_ALL,
    "greets-long", "asks-once-more", "asks-nothing", "counted", "bare", "codes", "refuses", "ok-first", "lower",
    "says-twice",
)  # fmt: skip
_LITERAL = re.compile(rb"\{(\d+)\+?\}\r?\n\Z")
_VERBS = frozenset(
    b"AUTHENTICATE LOGOUT CAPABILITY NOOP HAVESPACE PUTSCRIPT LISTSCRIPTS GETSCRIPT RENAMESCRIPT CHECKSCRIPT "
    b"UNAUTHENTICATE".split()
)
_FINAL = re.compile(rb'^(?:(?:OK|NO|BYE)\b[^\n]*|"[^"\n]*"\r?)\n', re.MULTILINE | re.IGNORECASE)
SECRET = b"AGFubmEAc2VjcmV0"
GOODBYE = b'OK "goodbye"'
SCRIPT = b'require "fileinto";\r\nOK\r\n# NO\r\n'


class Sieve(Odd):
    """The server. It never says anything else of STARTTLS than NO: TLS is spoken already."""

    scheme = "sieves"

    def stripped(self, heard: bytes) -> bytes:
        return heard  # popover asks nothing by itself

    async def talk(self, visit: Visit) -> None:
        await self.say(visit, self.capabilities())
        while True:
            await self.command(visit, await self.read_command(visit))

    def capabilities(self) -> bytes:
        more = b'"X%d" "y"\r\n' * (100 * ("greets-long" in self.manners))
        numbers = tuple(range(more.count(b"%d")))
        return b'"IMPLEMENTATION" "odd"\r\n"SASL" "PLAIN LOGIN"\r\n' + more % numbers + self.worded(b"OK", b"ready")

    async def read_command(self, visit: Visit) -> bytes:
        command = await visit.read_line()
        while literal := _LITERAL.search(command):
            command += await visit.read(int(literal[1])) + await visit.read_line()
        return command

    def worded(self, status: bytes, text: bytes) -> bytes:
        if "lower" in self.manners:
            status = status.lower()
        if "codes" in self.manners:
            status += b' (X-ODD "a")'
        if "bare" in self.manners:
            return status + b"\r\n"
        if "counted" in self.manners:
            return status + b" {%d}\r\n%s\r\n" % (len(text), text)
        return status + b' "' + text + b'"\r\n'

    async def reply(self, visit: Visit, status: bytes = b"OK", text: bytes = b"done") -> None:
        await self.say(visit, self.worded(status, text))

    async def command(self, visit: Visit, command: bytes) -> None:
        if await self.once(visit, b'BYE "going down"\r\n'):
            return
        verb = (command.split() or [b""])[0].upper()
        if verb == b"AUTHENTICATE":
            await self.login(visit, command.split()[1:])
        elif verb == b"LOGOUT":
            await self.leave(visit)
        elif verb == b"CAPABILITY":
            await self.say(visit, self.capabilities())
        elif verb == b"LISTSCRIPTS" and visit.logged_in:
            await self.say(visit, b'"one" ACTIVE\r\n"two" IDLE\r\n' + self.worded(b"OK", b"two"))
        elif verb == b"GETSCRIPT" and visit.logged_in:
            await self.say(visit, b"{%d}\r\n%s\r\n" % (len(SCRIPT), SCRIPT) + self.worded(b"OK", b"there"))
        elif verb in (b"NOOP", b"UNAUTHENTICATE") or visit.logged_in:
            await self.reply(visit)
            if "says-twice" in self.manners:
                await self.reply(visit, text=b"and again")
        else:
            await self.reply(visit, b"NO", b"log in first")

    async def login(self, visit: Visit, words: list[bytes]) -> None:
        if "ok-first" in self.manners and not visit.commands % 2:
            await self.reply(visit, text=b"who knows of what")
        rounds = (2 if words[:1] == [b'"LOGIN"'] else 1) - (len(words) > 1) + ("asks-once-more" in self.manners)
        for _ in range(rounds):
            if "asks-nothing" not in self.manners:
                await self.say(visit, b'""\r\n')
            if (await self.read_command(visit)).strip() == b'"*"':
                await self.reply(visit, b"NO", b"as you like")
                return
        visit.logged_in = "refuses" not in self.manners
        await self.reply(visit, b"OK" if visit.logged_in else b"NO", b"that was all")

    async def leave(self, visit: Visit) -> None:
        if "leave-at-goodbye" in self.manners:
            raise OverError
        await self.say_goodbye(visit, GOODBYE + b"\r\n")
        raise OverError("cut" if "cut-at-goodbye" in self.manners else "closed")


def end_of(came: bytes, until: bytes) -> int:
    """Where so many replies, or challenges, end; `until` empty: the greeting, NUL: never."""
    found = [] if until == b"\0" else list(_FINAL.finditer(came))
    wanted = int(until or b"1") if found else 1
    return found[wanted - 1].end() if len(found) >= wanted else 0


def same(got: bytes) -> bytes:
    """What is compared of all that came."""
    return got


def goodbye(got: bytes) -> int:
    """Where the server's goodbye stands in it; -1: nowhere. Who has that, and is cut then, may see an end."""
    return got.rfind(GOODBYE)


def is_strange(line: bytes) -> bool:
    """Whether this is no command of ManageSieve's."""
    return bool(line.strip()) and line.upper().split()[0] not in _VERBS


def practice() -> Script:
    """A session that teaches."""
    return Script((Step(b"NOOP\r\n", b"1"), Step(b"LOGOUT\r\n", b"1")))


_LOGINS = (
    (b'AUTHENTICATE "PLAIN" "' + SECRET + b'"',), (b'AUTHENTICATE "PLAIN"', b'"' + SECRET + b'"'),
    (b'AUTHENTICATE "PLAIN" {16+}\r\n' + SECRET,), (b'authenticate "LOGIN"', b'"YW5uYQ=="', b"{12+}\r\nc2VjcmV0AAAA"),
    (b'AUTHENTICATE "PLAIN"', b'"*"'), (b'AUTHENTICATE "LOGIN" "YW5uYQ=="', b'"c2VjcmV0"'),
)  # fmt: skip
_ANY = (
    b"NOOP", b'noop "x"', b"CAPABILITY", b"LISTSCRIPTS", b'GETSCRIPT "one"', b'HAVESPACE "one" 99',
    b'PUTSCRIPT "one" {6+}\r\nkeep;\n', b"CHECKSCRIPT {12+}\r\nLOGOUT\r\nOK\r\n", b'PUTSCRIPT "" {0+}\r\n',
    b'PUTSCRIPT "big" {30000+}\r\n' + b"# x\r\n" * 6000, b'RENAMESCRIPT "one" "two"', b"UNAUTHENTICATE",
)  # fmt: skip


_RARE = (
    Step(b'AUTHENTICATE "SCRAM-SHA-1" "abc"\r\n'),
    Step(b'"NOOP"\r\n'),
    Step(b'SETACTIVE "one"\r\n', b"1"),
    Step(b'DELETESCRIPT "a\r\n'),
    Step(b"NOOP {3}\r\nabc\r\n"),
    Step(b'AUTHENTICATE "PLAIN"\r\nNOOP\r\n'),
    Step(b'NOOP "\\"{3+}"\r\n', b"1"),
    Step(b"LOGOUT\r\nNOOP\r\n"),
    Step(b'PUTSCRIPT "a" {2147483648+}\r\n'),
)


def script(random: Random) -> Script:
    """A client by chance."""
    end = random.choice((b"\r\n", b"\r\n", b"\r\n", b"\n", b" \r\n"))
    words = [random.choice(_ANY) for _ in range(random.choice((0, 0, 1, 2)))]
    for _ in range(random.choice((0, 1, 1, 1, 2))):
        words += random.choice(_LOGINS)
        words += [random.choice(_ANY) for _ in range(random.choice((0, 1, 2, 4)))]
    if random.random() < 0.8:
        words.append(b"LOGOUT")
    together = random.choice((1, 1, 1, 2, 4, len(words) or 1))
    steps = []
    for at in range(0, len(words), together):
        group = words[at : at + together]
        said = b"".join(word + end for word in group)
        steps.append(Step(said, b"%d" % len(group) if random.random() < 0.93 else b"", cut(random, said)))
    if steps and random.random() < 0.1:
        steps.append(Step(random.choice((b"NOOP", b'HAVESPACE "a" {9+}\r\nab'))))
    ending: Ending = random.choice(("read", "read", "half", "half", "close"))
    return with_a_rare_one(random, Script(tuple(steps), ending), _RARE)
