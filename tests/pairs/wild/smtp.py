"""SMTP: a server with odd manners, and clients with theirs."""

import re
from random import Random

from pairs.wild.client import Script, Step, cut, with_a_rare_one
from pairs.wild.odd import MANNERS_OF_ALL, Odd, OverError, Visit

HELLO = b"EHLO old.example"
MANNERS = (
    *MANNERS_OF_ALL, "greets-long", "speaks-behind-greeting", "short-ehlo", "bare-codes", "wrong-codes", "early-250",
    "late-refusal", "no-data", "twice", "two-for-a-mail", "starttls-twice", "empty-challenge", "odd-challenge",
    "loose-end", "mute-to-empty", "slow-data", "speaks-unasked", "folded", "refuses", "no-ehlo", "wants-login",
)  # fmt: skip
_VERBS = frozenset(b"EHLO HELO MAIL RCPT DATA BDAT AUTH NOOP RSET VRFY HELP XCLIENT QUIT".split())
_AHEAD = re.compile(rb"(?:[ \t]*(?:EHLO|HELO) (?:old|other)\.example[ \t]*\r?\n)+", re.IGNORECASE)
_FINAL = re.compile(rb"^\d{3}(?: [^\n]*|\r?)\n", re.MULTILINE)
_NOT_COMPARED = re.compile(rb"^250[- ](?:STARTTLS|AUTH=[^\r\n]*)\r?\n", re.MULTILINE)
GOODBYE = b"221 2.0.0 Bye\r\n"


class Smtp(Odd):
    """The server."""

    scheme = "smtps"

    def stripped(self, heard: bytes) -> bytes:
        found = _AHEAD.match(heard)
        return heard[found.end() :] if found else heard

    async def talk(self, visit: Visit) -> None:
        if "greets-long" in self.manners:
            await self.say(visit, b"220-this is\r\n220-a long one\r\n")
        await self.say(visit, b"220\r\n" if "bare-codes" in self.manners else b"220 mx.example ESMTP\r\n")
        if "speaks-behind-greeting" in self.manners:
            await self.say(visit, b"220 and one more word\r\n")
        while True:
            await self.command(visit, await visit.read_line())

    async def command(self, visit: Visit, line: bytes) -> None:
        verb, _, argument = line.strip().upper().partition(b" ")
        if verb not in (b"EHLO", b"HELO") and await self.once(visit, b"421 4.3.2 going down\r\n"):
            return
        if not verb and "mute-to-empty" in self.manners:
            return
        ask = getattr(self, "on_" + verb.decode("latin-1").lower(), None)
        if ask is None:
            good = verb in (b"NOOP", b"RSET", b"VRFY", b"XCLIENT", b"HELP")
            await self.reply(visit, b"250 2.0.0 Ok" if good else b"500 5.5.2 what?")
        else:
            await ask(visit, argument)

    async def reply(self, visit: Visit, words: bytes) -> None:
        if "folded" in self.manners:
            words = words[:3] + b"-and\r\n" + words
        if "bare-codes" in self.manners:
            words = words[: -len(words.split(b" ", 1)[-1]) - 1] if b" " in words else words
        await self.say(visit, words + b"\r\n")

    async def on_ehlo(self, visit: Visit, _: bytes) -> None:
        if "no-ehlo" in self.manners:
            await self.reply(visit, b"502 5.5.2 say HELO")
            return
        if "short-ehlo" in self.manners:
            await self.say(visit, b"250 mx.example\r\n")
            return
        tls = b"250-STARTTLS\r\n" * (2 * ("starttls-twice" in self.manners))
        words = b"250-mx.example\r\n" + tls + b"250-PIPELINING\r\n250-CHUNKING\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n"
        await self.say(visit, words + b"250 8BITMIME\r\n")

    async def on_helo(self, visit: Visit, _: bytes) -> None:
        await self.reply(visit, b"250 mx.example")

    async def on_mail(self, visit: Visit, _: bytes) -> None:
        if "wants-login" in self.manners and not visit.logged_in:
            await self.reply(visit, b"530 5.7.0 log in first")
            return
        await self.reply(visit, b"299 fine" if "wrong-codes" in self.manners else b"250 2.1.0 Ok")

    async def on_rcpt(self, visit: Visit, argument: bytes) -> None:
        words = b"550 5.1.1 nobody" if b"NOBODY" in argument else b"250 2.1.5 Ok"
        await self.reply(visit, words)
        if "twice" in self.manners:
            await self.reply(visit, words)
        if "speaks-unasked" in self.manners:
            await self.reply(visit, b"252 by the way")

    async def on_auth(self, visit: Visit, argument: bytes) -> None:
        challenge = b"334 VXNlcm5hbWU6"
        if "empty-challenge" in self.manners:
            challenge = b"334 "
        elif "odd-challenge" in self.manners:
            challenge = b"334 not base64, is it?"
        rounds = {b"LOGIN": 2, b"PLAIN": 1, b"CRAM-MD5": 1}.get(argument.split(b" ")[0], 0) - (b" " in argument)
        for _ in range(rounds):
            await self.say(visit, challenge + b"\r\n")
            if (await visit.read_line()).strip() == b"*":
                await self.reply(visit, b"501 5.7.0 as you like")
                return
        if "refuses" in self.manners:
            if argument.startswith(b"XOAUTH2"):  # its reasons, and an empty line for an answer
                await self.say(visit, b"334 eyJzdGF0dXMiOiI0MDAifQ==\r\n")
                await visit.read_line()
            await self.reply(visit, b"535 5.7.8 wrong")
            return
        visit.logged_in = True
        await self.reply(visit, b"235 2.7.0 welcome" if rounds >= 0 else b"504 5.5.4 unknown")

    async def on_data(self, visit: Visit, _: bytes) -> None:
        if "no-data" in self.manners:
            await self.reply(visit, b"451 4.3.0 not now")
            return
        if "slow-data" in self.manners:
            self.manners, was = self.manners | {"slow"}, self.manners
            self.at, at = visit.commands + 1, self.at
            await self.once(visit, b"")
            self.manners, self.at = was, at
        await self.say(visit, b"354 go on\r\n")
        if "early-250" in self.manners:
            await self.reply(visit, b"250 2.0.0 I know already")
        if "late-refusal" in self.manners:
            await self.reply(visit, b"552 5.3.4 too much")
        await self.body(visit)
        if not self.manners & {"early-250", "late-refusal"}:
            await self.reply(visit, b"250 2.0.0 taken")
            if "two-for-a-mail" in self.manners:
                await self.reply(visit, b"250 2.0.0 and for the other one")

    async def body(self, visit: Visit) -> None:
        before = b"\r\n"
        while True:
            line = await visit.read_line()
            if line == b".\r\n" and before.endswith(b"\r\n"):
                return
            if "loose-end" in self.manners and line.strip(b"\r\n") == b".":
                return
            before = line

    async def on_bdat(self, visit: Visit, argument: bytes) -> None:
        words = argument.split()
        if not words or not words[0].isdigit():
            await self.reply(visit, b"501 5.5.4 how many?")
            return
        await visit.read(int(words[0]))
        await self.reply(visit, b"250 2.0.0 chunk taken")

    async def on_quit(self, visit: Visit, _: bytes) -> None:
        if "leave-at-goodbye" in self.manners:
            raise OverError
        await self.say_goodbye(visit, GOODBYE)
        raise OverError("cut" if "cut-at-goodbye" in self.manners else "closed")


def end_of(came: bytes, until: bytes) -> int:
    """Where so many replies end; `until` empty: the greeting, NUL: never."""
    found = [] if until == b"\0" else list(_FINAL.finditer(came))
    wanted = int(until or b"1") if found else 1
    return found[wanted - 1].end() if len(found) >= wanted else 0


def same(got: bytes) -> bytes:
    """What is compared of all that came."""
    return _NOT_COMPARED.sub(b"", got)


def goodbye(got: bytes) -> int:
    """Where popover's goodbye stands in it, or the server's; -1: nowhere."""
    return got.rfind(GOODBYE.rstrip())


def is_strange(line: bytes) -> bool:
    """Whether this is no command of SMTP's."""
    return bool(line.strip()) and line.upper().split()[0] not in _VERBS


def practice() -> Script:
    """A session that teaches."""
    return Script((
        Step(HELLO + b"\r\n", b"1"), Step(b"MAIL FROM:<a@old.example>\r\n", b"1"), Step(b"RSET\r\n", b"1"),
        Step(b"QUIT\r\n", b"1"),
    ))  # fmt: skip


_LOGINS = (
    (b"AUTH PLAIN AGFubmEAc2VjcmV0",), (b"AUTH PLAIN", b"AGFubmEAc2VjcmV0"), (b"AUTH LOGIN", b"YW5uYQ==", b"c2VjcmV0"),
    (b"AUTH LOGIN YW5uYQ==", b"c2VjcmV0"), (b"AUTH CRAM-MD5", b"*"), (b"auth login", b"*"), (b"AUTH NONE",),
    (b"AUTH XOAUTH2 dXNlcj1hbm5h", b""),
)  # fmt: skip
_ANY = (
    b"NOOP", b"RSET", b"VRFY anna", b"HELP", b"XCLIENT NAME=x ADDR=192.0.2.1", b"noop  ", b"", b"MAIL FROM:<x@y>",
    b"RCPT TO:<nobody@z>", HELLO, b"HELO old.example", b"ehlo other.example", b"BDAT 0", b"BDAT x",
    b"NOOP " + b"x" * 3000,
)  # fmt: skip
_BODIES = (
    b"hello\r\n", b"", b"..\r\n.hidden\r\nx\r\n", b"a\n.\nb\r\n", b"a\n..\nb\n\r\n", b"QUIT\r\nMAIL FROM:<x>\r\n",
    b"a\r.\rb\r\n", b"\r\n" * 20, b"x" * 70_000 + b"\r\n", b"line\n" * 9000 + b"\r\n",
    b"a\r\n.\nNOOP\r\n", b"a\r\n.\r\r\n", b"a\r\n..\r\nEHLO old.example\r\nNOOP\r\nQUIT\r\n",
)  # fmt: skip


def _mail(random: Random) -> list[list[bytes]]:
    """A mail; each list is one turn, and each of its items asks for one reply."""
    few = random.choice((1, 1, 2, 3, 9, 1000 if random.random() < 0.2 else 4))
    to = [[random.choice((b"RCPT TO:<b@c>", b"RCPT TO:<nobody@c>", b"rcpt to: b@c"))] for _ in range(few)]
    body = random.choice(_BODIES)
    if random.random() < 0.25:
        half = len(body) // 2
        chunks = [(body[:half], b""), (body[half:], b" LAST")]
        data = [[b"BDAT %d%s\r\n%s" % (len(part), last, part)] for part, last in chunks]
    else:
        data = [[b"DATA"], [body + b".\r\n"]]
    return [[b"MAIL FROM:<a@old.example>"], *to, *data]


_RARE = (
    Step(b"ETRN a.example\r\n", b"1"),
    Step(b"EXPN anna\r\n", b"1"),
    Step(b"SAML FROM:<a@old.example>\r\n", b"1"),
    Step(b"AUTH XOAUTH2 abc\r\n", b"1"),
    Step(b"AUTH PLAIN\r\n=\r\nNOOP\r\n", b"3"),
    Step(b"AUTH LOGIN\r\nYQ==\r\nYg==\r\n"),
    Step(b"TURN\r\n", b"1"),
    Step(b"BDAT 3 LAST\r\nabc", b"1"),
    Step(b"DATA\r\nNOOP\r\n.\r\nNOOP\r\n", b"3"),
    Step(b"NOOP"),
    Step(b"RSET\r\nEHLO old.example\r\nNOOP\r\n", b"3"),
    Step(b"QUIT\r\nNOOP\r\n"),
    Step(b"\r\n\r\n"),
    Step(b"AUTH\r\n", b"1"),
)


def script(random: Random) -> Script:
    """A client by chance."""
    end = random.choice((b"\r\n", b"\r\n", b"\r\n", b"\n", b" \r\n"))
    turns: list[list[bytes]] = [] if random.random() < 0.1 else [[random.choice((HELLO, HELLO, b"HELO old.example"))]]
    if random.random() < 0.6:
        turns += [[word] for word in random.choice(_LOGINS)]
    for _ in range(random.choice((0, 1, 1, 2))):
        turns += _mail(random)
        turns += [[random.choice(_ANY)] for _ in range(random.choice((0, 0, 1, 2)))]
    if random.random() < 0.8:
        turns.append([random.choice((b"QUIT", b"QUIT", b"quit"))])
    words = [_ended(word, end) for turn in turns for word in turn]
    together = random.choice((1, 1, 1, 2, 4, len(words) or 1))
    if len(words) > 50:  # one by one it takes minutes
        together = len(words)
    steps = []
    for at in range(0, len(words), together):
        group = words[at : at + together]
        said = b"".join(group)
        piece = cut(random, said)
        steps.append(Step(said, b"%d" % len(group) if random.random() < 0.93 else b"", piece))
    ending = random.choice(("read", "read", "half", "half", "close"))
    if steps and ending != "read" and random.random() < 0.6:
        steps[-1] = Step(steps[-1].say, b"", steps[-1].piece)
    return with_a_rare_one(random, Script(tuple(steps), ending), _RARE)  # type: ignore[arg-type]


def _ended(word: bytes, end: bytes) -> bytes:
    if word.endswith(b".\r\n") or (word[:5] == b"BDAT " and b"\r\n" in word):
        return word
    return word + end
