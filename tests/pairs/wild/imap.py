"""IMAP: a server with odd manners, and clients with theirs."""

import re
from random import Random

from pairs.wild.client import Script, Step, cut, with_a_rare_one
from pairs.wild.odd import MANNERS_OF_ALL, Odd, OverError, Visit

MANNERS = (
    *MANNERS_OF_ALL, "tells", "greets-long", "bare-plus", "plus-lf", "no-plus", "early", "swapped", "preauth",
    "hears-no-plus-literal", "refuses-literals", "speaks-unasked", "braces", "long-line", "literals", "tells-at-login",
    "no-bye", "short-ok", "slow-plus", "refuses", "lists-at-login", "leaves-in-idle",
)  # fmt: skip
CAPABILITIES = b"IMAP4rev1 LITERAL+ IDLE AUTH=PLAIN SASL-IR STARTTLS COMPRESS=DEFLATE"
TEMPTING = (  # in a mail; elsewhere no client would see it so
    b"a OK hm\r\n* BYE\r\n* CAPABILITY IMAP4rev1 STARTTLS\r\n* OK [CAPABILITY COMPRESS=DEFLATE] x\r\n+ go on\r\n"
)
_LITERAL = re.compile(rb"\{(\d{1,12})(\+?)\}\r?\n\Z")
_AHEAD = re.compile(rb"(?:popover CAPABILITY\r\n)+")
_HARMLESS = re.compile(rb"^[^ \n]+ +(?:CAPABILITY|NOOP|STARTTLS) *\r?\n", re.IGNORECASE | re.MULTILINE)
_SHOWN = b"IMAP4rev1 LITERAL+ IDLE AUTH=PLAIN SASL-IR"  # of these, and nothing of what only looks like them
_NO_TLS = re.compile(
    rb"^(\S+) (?:NO there is no TLS on this port, go on without|BAD TLS is on already|BAD(?: what\?)?)\r?\n",
    re.MULTILINE,
)
_OURS = re.compile(
    rb"^((?:\S+ OK (?:CAPABILITY|NOOP|LOGOUT) completed|\* BYE logging out|\* CAPABILITY [^\r\n]*))\r\n", re.MULTILINE
)
_VERBS = frozenset(
    b"NOOP CAPABILITY LOGIN AUTHENTICATE SELECT FETCH IDLE STORE XYZZY APPEND CREATE ID NAMESPACE ENABLE UID "
    b"LOGOUT".split()
)
# A long line is no name: without the look behind, each octet of it would be tried for the first of one.
_GOODBYE = re.compile(rb"(?:\* BYE logging out\r?\n)?(?<!\S)\S+ OK LOGOUT completed\r?\n\Z")


class Imap(Odd):
    """The server."""

    scheme = "imaps"

    def __init__(self, manners: frozenset[str], at: int) -> None:
        super().__init__(manners, at)
        self._kept: dict[Visit, bytes] = {}

    def stripped(self, heard: bytes) -> bytes:
        found = _AHEAD.match(heard)
        return _HARMLESS.sub(b"", heard[found.end() :] if found else heard)

    async def talk(self, visit: Visit) -> None:
        code = b"[CAPABILITY " + CAPABILITIES + b"] " if "tells" in self.manners else b""
        kind = b"PREAUTH" if "preauth" in self.manners else b"OK"
        await self.say(visit, b"* " + kind + b" " + code + b"ready\r\n")
        if "greets-long" in self.manners:
            await self.say(visit, b"* OK one more {3}\r\n* 3 EXISTS\r\n")
        while True:
            await self.command(visit, await visit.read_line())

    async def command(self, visit: Visit, line: bytes) -> None:
        words = line.strip().split(b" ")
        tag, verb = words[0], words[1].upper() if len(words) > 1 else b""
        if not tag:
            return
        if verb not in (b"CAPABILITY", b"NOOP", b"STARTTLS") and await self.once(visit, b"* BYE going down\r\n"):
            return
        if not await self.literals(visit, tag, line):
            return
        ask = getattr(self, "on_" + verb.decode("latin-1").lower(), None)
        if ask is not None:
            await ask(visit, tag, words)
        else:
            good = verb in (b"NOOP", b"APPEND", b"CHECK", b"CLOSE", b"STORE", b"ID", b"CREATE")
            await self.done(visit, tag, b"OK " + verb + b" completed" if good else b"BAD what?")

    async def literals(self, visit: Visit, tag: bytes, line: bytes) -> bool:
        """Read what belongs to the command; whether it is to be answered."""
        while found := _LITERAL.search(line):
            is_early = "early" in self.manners
            if found[2] and "hears-no-plus-literal" in self.manners:
                await self.done(visit, tag, b"BAD no such literal")
                return False
            if not found[2]:
                if "refuses-literals" in self.manners:
                    await self.done(visit, tag, b"NO too much")
                    return False
                await self.plus(visit)
            if is_early:
                await self.done(visit, tag, b"NO I know already")
            await visit.read(int(found[1]))
            line = await visit.read_line()
            if is_early:
                return False
        return True

    async def plus(self, visit: Visit) -> None:
        if "slow-plus" in self.manners:
            self.manners, was = self.manners | {"slow"}, self.manners
            self.at, at = visit.commands + 1, self.at
            await self.once(visit, b"")
            self.manners, self.at = was, at
        if "no-plus" not in self.manners:
            odd = (
                b"+\r\n"
                if "bare-plus" in self.manners
                else b"+ go on\n"
                if "plus-lf" in self.manners
                else b"+ go on\r\n"
            )
            await self.say(visit, odd)

    async def done(self, visit: Visit, tag: bytes, words: bytes) -> None:
        """The tagged answer."""
        if "short-ok" in self.manners:
            words = words.split(b" ")[0]
        answer = tag + b" " + words + b"\r\n"
        if "speaks-unasked" in self.manners and visit.logged_in:
            answer = b"* OK still here {5}\r\n" + answer + b"* 4 EXISTS\r\n"
        if "swapped" in self.manners and visit.logged_in:
            if visit not in self._kept and b"\n" in visit.inbox.held:
                self._kept[visit] = answer
                return
            answer += self._kept.pop(visit, b"")
        await self.say(visit, answer)

    async def on_capability(self, visit: Visit, tag: bytes, _: list[bytes]) -> None:
        await self.say(visit, b"* CAPABILITY " + CAPABILITIES + b"\r\n" + tag + b" OK CAPABILITY completed\r\n")

    async def on_starttls(self, visit: Visit, tag: bytes, _: list[bytes]) -> None:
        await self.say(visit, tag + b" BAD what?\r\n")

    async def on_noop(self, visit: Visit, tag: bytes, _: list[bytes]) -> None:
        if visit.logged_in:
            await self.say(visit, b"* 1 RECENT\r\n")
        await self.say(visit, tag + b" OK NOOP completed\r\n")

    async def on_login(self, visit: Visit, tag: bytes, _: list[bytes]) -> None:
        if "refuses" in self.manners:
            await self.done(visit, tag, b"NO [AUTHENTICATIONFAILED] wrong")
            return
        if "lists-at-login" in self.manners:  # Gmail
            await self.say(visit, b"* CAPABILITY " + CAPABILITIES + b" MOVE\r\n")
        code = b"[CAPABILITY " + CAPABILITIES + b" MOVE] " if "tells-at-login" in self.manners else b""
        await self.done(visit, tag, b"OK " + code + b"welcome")
        visit.logged_in = True

    async def on_authenticate(self, visit: Visit, tag: bytes, words: list[bytes]) -> None:
        if len(words) < 4:
            await self.plus(visit)
            if (await visit.read_line()).strip() == b"*":
                await self.done(visit, tag, b"BAD as you like")
                return
        if "refuses" in self.manners and words[2].upper() == b"XOAUTH2":  # its reasons, and an empty line for an answer
            await self.say(visit, b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n")
            await visit.read_line()
        await self.on_login(visit, tag, words)

    async def on_select(self, visit: Visit, tag: bytes, _: list[bytes]) -> None:
        await self.say(visit, b"* 3 EXISTS\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 1] fine\r\n")
        await self.done(visit, tag, b"OK [READ-WRITE] SELECT completed")

    async def on_fetch(self, visit: Visit, tag: bytes, _: list[bytes]) -> None:
        mail = (TEMPTING + tag + b" OK hm {4}\r\n") * 3
        if "long-line" in self.manners:
            await self.say(visit, b"* 1 FETCH (ENVELOPE (" + b"x" * 70_000 + b"))\r\n")
        if "braces" in self.manners:
            await self.say(visit, b'* 1 FETCH (SUBJECT "{4}")\r\n* NO text {99}\r\n* PREVIEW odd\r\n')
        if "literals" in self.manners:
            await self.say(visit, b"* 1 FETCH (BODY[] {%d}\r\n%s FLAGS ())\r\n" % (len(mail), mail))
            await self.say(visit, b"* LIST () {1}\r\n/ {3}\r\na\nb\r\n* CAPABILITY {5}\r\nhello STARTTLS\r\n")
        await self.say(visit, b"* 2 FETCH (FLAGS (\\Seen))\r\n")
        await self.done(visit, tag, b"OK FETCH completed")

    async def on_idle(self, visit: Visit, tag: bytes, _: list[bytes]) -> None:
        await self.plus(visit)
        await self.say(visit, b"* 4 EXISTS\r\n")
        if "leaves-in-idle" in self.manners:
            await self.say_goodbye(visit, b"* BYE maintenance\r\n")
            raise OverError
        line = await visit.read_line()
        await self.done(visit, tag, b"OK done" if line.strip().upper() == b"DONE" else b"BAD DONE expected")

    async def on_logout(self, visit: Visit, tag: bytes, _: list[bytes]) -> None:
        if "leave-at-goodbye" in self.manners:
            raise OverError
        bye = b"" if "no-bye" in self.manners else b"* BYE logging out\r\n"
        await self.say_goodbye(visit, bye + self._kept.pop(visit, b"") + tag + b" OK LOGOUT completed\r\n")
        raise OverError("cut" if "cut-at-goodbye" in self.manners else "closed")


def end_of(came: bytes, until: bytes) -> int:
    """Where a line ends that begins with the tag; `+` before it: or with a plus; empty: any line."""
    words = (b"+", until[1:]) if until[:1] == b"+" else (until,)
    at = 0
    for line in came.splitlines(keepends=True):
        at += len(line)
        if line.endswith(b"\n") and (not until or line.split(b" ")[0].strip() in words):
            return at
    return 0


def same(got: bytes) -> bytes:
    """What is compared of all that came."""
    return _NO_TLS.sub(rb"\1 BAD\n", _OURS.sub(rb"\1\n", got.replace(CAPABILITIES, _SHOWN)))


def goodbye(got: bytes) -> int:
    """Where the goodbye begins, popover's own or the server's; -1: there is none."""
    found = _GOODBYE.search(got)
    return -1 if found is None else found.start()


def is_strange(line: bytes) -> bool:
    """Whether this is no command of IMAP's."""
    verb = b"".join(line.upper().split()[1:2])
    return bool(line.strip()) and verb not in _VERBS


def practice() -> Script:
    """A session that teaches."""
    return Script(
        (Step(b"p1 LOGIN anna secret\r\n", b"p1"), Step(b"p2 SELECT INBOX\r\n", b"p2"), Step(b"p3 LOGOUT\r\n", b"p3"))
    )


Word = tuple[tuple[bytes, ...], tuple[int, ...]]
"""What is said for one command, its tag left out, and after which of it the client waits for a plus."""

_LINES = (
    b"a\r\nx STARTTLS\r\ny CAPABILITY\r\nz NOOP\r\nz LOGOUT\r\n"  # of a literal; commands to popover, if it miscounts
)
_LOGINS: tuple[Word, ...] = (
    ((b"%s LOGIN anna secret",), ()), ((b"%s login {4}", b"anna {6}", b"secret"), (0, 1)),
    ((b"%s LOGIN {4+}\r\nanna {6+}\r\nsecret",), ()), ((b"%s AUTHENTICATE PLAIN", b"AGFubmEAc2VjcmV0"), (0,)),
    ((b"%s AUTHENTICATE PLAIN AGFubmEAc2VjcmV0",), ()), ((b"%s AUTHENTICATE PLAIN", b"*"), (0,)),
    ((b"%s AUTHENTICATE XOAUTH2 dXNlcj1hbm5h", b""), (0,)), ((b'%s LOGIN "an\\"na" "{4}"',), ()),
)  # fmt: skip
_ANY: tuple[Word, ...] = (
    ((b"%s NOOP",), ()), ((b"%s CAPABILITY",), ()), ((b"%s SELECT INBOX",), ()), ((b"%s FETCH 1:* (BODY[])",), ()),
    ((b"%s fetch 1:* all ",), ()), ((b"%s IDLE", b"DONE"), (0,)), ((b"%s IDLE\r\nDONE",), ()),
    ((b"%s IDLE\r\n%s NOOP",), ()), ((b"%s STORE 1 +FLAGS (\\Deleted)",), ()), ((b"%s XYZZY",), ()), ((b"",), ()),
    ((b"%s APPEND INBOX {8}", b"ab\ncd\r\nx"), (0,)), ((b"%s APPEND INBOX {8+}\r\nab\ncd\r\nx",), ()),
    ((b"%s APPEND INBOX {90000+}\r\n" + b"x LOGOUT\n" * 10_000,), ()),
    ((b"%s APPEND INBOX {8}\r\nab\ncd\r\nx",), ()), ((b"%s CREATE " + b"y" * 70_000,), ()),
    ((b"%s ID NIL",), ()), ((b"%s NAMESPACE",), ()), ((b"%s ENABLE CONDSTORE",), ()),
    ((b"%s UID FETCH 1:* (UID)",), ()), ((b"%s ID {3+}\r\na\r\n b",), ()),
    ((b"%s APPEND INBOX {%d+}\r\n" % (b"%s", len(_LINES)) + _LINES,), ()),
    ((b"%s APPEND INBOX {%d}" % (b"%s", len(_LINES)), _LINES), (0,)),
)  # fmt: skip


_RARE = (
    Step(b"r1 COMPRESS DEFLATE\r\n", b"r1"),
    Step(b"r1 COMPRESS DEFLATE\r\n"),
    Step(b"r1 UNAUTHENTICATE\r\n", b"r1"),
    Step(b"r1 STARTTLS\r\n", b"r1"),
    Step(b"r1 STARTTLS\r\n"),
    Step(b"r1 AUTHENTICATE LOGIN\r\nYW5uYQ==\r\nc2VjcmV0\r\n"),
    Step(b"r1 AUTHENTICATE NONE\r\n", b"+r1"),
    Step(b"r1 NOOP {0}\r\n\r\n", b"r1"),
    Step(b"r1 ENABLE X\r\n", b"r1"),
    Step(b"+ NOOP\r\n"),
    Step(b"r1\r\n"),
    Step(b"r1 LOGIN {4+}\r\nanna secret\r\n", b"r1"),
    Step(b"r1 CAPABILITY\r\nr1 NOOP\r\nr1 NOOP\r\n", b"r1"),
    Step(b"r1 LOGOUT\r\nr2 NOOP\r\n"),
    Step(b"r1 NOOP"),
    Step(b"r1 AUTHENTICATE PLAIN AGFubmEAc2VjcmV0\r\nr2 NOOP\r\nr3 APPEND INBOX {9+}\r\nr4 NOOP\r\n\r\n", b"r3"),
)


def script(random: Random) -> Script:
    """A client by chance."""
    end = random.choice((b"\r\n", b"\r\n", b"\r\n", b"\n", b" \r\n"))
    wanted: list[Word] = [((b"%s CAPABILITY",), ())] if random.random() < 0.3 else []
    wanted += [random.choice(_LOGINS)] if random.random() < 0.9 else []
    wanted += [random.choice(_ANY) for _ in range(random.choice((0, 1, 2, 3, 5)))]
    if random.random() < 0.8:
        wanted.append(((b"%s LOGOUT",), ()))
    steps, eager = [], random.random() < 0.3
    for number, (words, asks) in enumerate(wanted):
        tag = random.choice((b"a%d", b"A%03d", b"%d")) % number
        for at, word in enumerate(words):
            said = word.replace(b"%s", tag) + end
            until = b"+" + tag if at in asks else tag if at == len(words) - 1 and word else b""
            if eager or random.random() < 0.05:
                until = b""
            piece = cut(random, said)
            steps.append(Step(said, until, piece))
    if eager and random.random() < 0.7:
        steps = [Step(b"".join(step.say for step in steps))]
    ending = random.choice(("read", "read", "half", "half", "close"))
    if steps and ending != "read" and random.random() < 0.6:
        steps[-1] = Step(steps[-1].say, b"", steps[-1].piece)
    return with_a_rare_one(random, Script(tuple(steps), ending), _RARE)  # type: ignore[arg-type]
