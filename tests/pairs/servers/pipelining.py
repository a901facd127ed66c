"""Servers that offer PIPELINING and cannot do it, each in its way; step by step all is well."""

from pairs.servers.base import Pop3, Visit
from pairs.servers.mailbox import MAILS


class Loses(Pop3):
    """They meet no client that pipelines by itself: what it gets of them is chance."""

    alone = True


class HearsTheFirstOnly(Loses):
    """poczta.o2.pl (MailKit#174): of each piece that it reads it hears the first command."""

    async def listen(self, visit: Visit) -> bytes | None:
        line = await super().listen(visit)
        visit.inbox.held.clear()
        return line


class HearsTheFirstOnlyInside(Loses):
    """The same, but only after the login."""

    async def listen(self, visit: Visit) -> bytes | None:
        line = await super().listen(visit)
        if visit.logged_in:
            visit.inbox.held.clear()
        return line


class Courier(Loses):
    """courierpop3login hands the connection on after PASS; what it had read behind PASS is lost."""

    async def listen(self, visit: Visit) -> bytes | None:
        line = await super().listen(visit)
        if line is not None and line.upper().startswith(b"PASS"):
            visit.inbox.held.clear()
        return line


class CourierByUser(Loses):
    """The same at USER: a login that is a program of its own."""

    async def listen(self, visit: Visit) -> bytes | None:
        line = await super().listen(visit)
        if line is not None and line.upper().startswith(b"USER"):
            visit.inbox.held.clear()
        return line


class NextOkBeforeDot(Loses):
    """WildDuck before #950: when the next RETR is there already, its +OK may go out before the dot of this one."""

    mails = (*MAILS, *MAILS[2:])

    def begin(self, session: int) -> None:
        super().begin(session)
        self._owes: dict[Visit, bytes] = {}

    async def do_retr(self, visit: Visit) -> bytes | None:
        if not visit.number:
            return await self.none_such(visit)
        owed = self._owes.pop(visit, b"")
        answer = self.status(b"+OK %d octets" % self.size(visit, visit.number)) + owed + self.mail(visit)
        if not visit.waiting:
            await visit.inbox.more(0.003)
        if visit.inbox.held[:4].upper() == b"RETR":
            self._owes[visit] = b".\r\n"
            return answer
        return answer + b".\r\n"


class SwapsTwo(Loses):
    """Two threads for two commands: of two that wait, the second is answered first."""

    async def serve(self, visit: Visit) -> None:
        await self.greet(visit)
        while not visit.over and (line := await self.listen(visit)) is not None:
            self.parse(visit, line)
            first = await self.answer(visit) or b""
            if not visit.over and visit.logged_in and visit.waiting:
                self.parse(visit, await self.listen(visit) or b"")
                first = (await self.answer(visit) or b"") + first
            await self.say(visit, first)


class ListsLast(Loses):
    """Among what waits, LIST is answered after the others."""

    async def serve(self, visit: Visit) -> None:
        await self.greet(visit)
        owed = b""
        while not visit.over and (line := await self.listen(visit)) is not None:
            self.parse(visit, line)
            answer = await self.answer(visit) or b""
            if visit.verb == b"LIST" and visit.waiting:
                owed += answer
                continue
            await self.say(visit, answer)
            if owed and not visit.waiting:
                await self.say(visit, owed)
                owed = b""


class HangsUpAtTwo(Loses):
    """More than one command in a piece is an attack."""

    async def listen(self, visit: Visit) -> bytes | None:
        line = await super().listen(visit)
        if line is not None and visit.inbox.held:
            await self.say(visit, self.status(b"-ERR one at a time"))
            return None
        return line


class RefusesTwo(Loses):
    """More than one command in a piece: the first is refused, the others too."""

    async def answer(self, visit: Visit) -> bytes | None:
        if visit.waiting:
            return self.status(b"-ERR one at a time")
        return await super().answer(visit)


class LosesTheLast(Loses):
    """A buffer that is too small: of more than three commands the last is lost."""

    async def listen(self, visit: Visit) -> bytes | None:
        line = await super().listen(visit)
        waiting = bytes(visit.inbox.held)
        if waiting.count(b"\n") > 2:
            visit.inbox.held[:] = b"".join(waiting.splitlines(keepends=True)[:2])
        return line


class AnswersTwiceWhenHurried(Loses):
    """A command that came with others is answered twice."""

    async def do_list(self, visit: Visit) -> bytes | None:
        answer = await super().do_list(visit)
        return answer and answer * (2 if visit.waiting else 1)


class OffersNothingAndHearsOne(HearsTheFirstOnly):
    """No PIPELINING offered, and none there: any gateway that goes by CAPA is right here."""

    capa = ("TOP", "UIDL", "USER")
