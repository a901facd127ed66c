"""Slow answers, answers in pieces, answers that never end."""

from pairs.servers.base import Pop3, Visit
from pairs.servers.mailbox import MAILS


class StatusInDrips(Pop3):
    """DavMail: `+OK `, then a blank now and then until the mail has come."""

    capa = ("TOP", "UIDL", "USER")
    mails = MAILS[:2]

    async def do_retr(self, visit: Visit) -> bytes | None:
        if not visit.number:
            return await self.none_such(visit)
        await self.say(visit, b"+OK ")
        for _ in range(5 if visit.number == 1 else 0):
            await self.pause(0.4)
            await self.say(visit, b" ")
        return b"\r\n" + self.body(self.mail(visit))


class OctetPieces(Pop3):
    """Each octet of a status, and of what is short, in a record of its own."""

    async def say(self, visit: Visit, answer: bytes) -> None:
        for octet in answer[:60]:
            await super().say(visit, bytes([octet]))
        await super().say(visit, answer[60:])


class OctetPiecesLockstep(OctetPieces):
    capa = ("TOP", "UIDL", "USER")


class StatusThenBody(Pop3):
    """Status and body apart, as servers with TCP_CORK in the wrong place have it."""

    async def say(self, visit: Visit, answer: bytes) -> None:
        status, end, body = answer.partition(b"\n")
        await super().say(visit, status + end)
        await self.pause(0.01)
        await super().say(visit, body)


class BodyInDrips(Pop3):
    """A body line by line, 0.1 s between them (POPFile's drips)."""

    mails = (MAILS[0], MAILS[4])

    async def do_retr(self, visit: Visit) -> bytes | None:
        for line in (await super().do_retr(visit) or b"").splitlines(keepends=True):
            await self.say(visit, line)
            await self.pause(0.1)
        return None


class SlowAnswers(Pop3):
    async def say(self, visit: Visit, answer: bytes) -> None:
        await self.pause(0.06)
        await super().say(visit, answer)


class SlowGreeting(Pop3):
    """It looks its client up before it greets."""

    async def greet(self, visit: Visit) -> None:
        await self.pause(0.5)
        await super().greet(visit)


class SlowCapa(Pop3):
    """CAPA takes far longer than all else."""

    takes = 1.8  # seconds

    async def do_capa(self, visit: Visit) -> bytes | None:
        await self.pause(self.takes)
        return await super().do_capa(visit)


class SilentCapa(Pop3):
    """CAPA is never answered, nor is anything behind it."""

    patience = 0.8

    async def do_capa(self, visit: Visit) -> bytes | None:
        while await visit.inbox.more():
            pass
        visit.over = True
        return None


class CapaInPieces(Pop3):
    """A CAPA answer line by line."""

    async def do_capa(self, visit: Visit) -> bytes | None:
        for line in (await super().do_capa(visit) or b"").splitlines(keepends=True):
            await self.say(visit, line)
            await self.pause(0.05)
        return None


class SlowLogin(Pop3):
    async def do_pass(self, visit: Visit) -> bytes | None:
        await self.pause(0.6)
        return await super().do_pass(visit)


class SlowQuit(Pop3):
    """QUIT takes its time: the mailbox is written."""

    async def do_quit(self, visit: Visit) -> bytes | None:
        await self.pause(0.7)
        return await super().do_quit(visit)


class SlowLists(Pop3):
    """UIDL of a large mailbox: the questions asked ahead are not free."""

    async def do_uidl(self, visit: Visit) -> bytes | None:
        await self.pause(1.5)
        return await super().do_uidl(visit)


class SlowSecondMail(Pop3):
    """One mail takes very long to come."""

    async def do_retr(self, visit: Visit) -> bytes | None:
        if visit.number == 2:
            await self.pause(1.5)
        return await super().do_retr(visit)


class ListNeverEnds(Pop3):
    """LIST without its dot."""

    patience = 0.8

    async def do_list(self, visit: Visit) -> bytes | None:
        answer = await super().do_list(visit)
        return answer and answer.removesuffix(b".\r\n")


class SecondMailNeverEnds(Pop3):
    """RETR 2 without its dot."""

    patience = 0.8

    async def do_retr(self, visit: Visit) -> bytes | None:
        answer = await super().do_retr(visit)
        return answer and (answer.removesuffix(b".\r\n") if visit.number == 2 else answer)


class SilentThirdMail(Pop3):
    """RETR 3 is never answered; all else is."""

    patience = 0.8

    async def do_retr(self, visit: Visit) -> bytes | None:
        return None if visit.number == 3 else await super().do_retr(visit)


class DripsForEver(Pop3):
    """LIST, and an octet of it now and then, for as long as someone listens."""

    patience = 0.8

    async def do_list(self, visit: Visit) -> bytes | None:
        await self.say(visit, b"+OK\r\n")
        while visit.inbox.how is None:
            await self.say(visit, b"9")
            await visit.inbox.more(0.1)
        visit.over = True
        return None
