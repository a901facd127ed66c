"""What is removed, when, and by what."""

from pairs.servers.base import Pop3, Visit
from pairs.servers.mailbox import MAILS


class Expire(Pop3):
    """EXPIRE 0: what was fetched is gone after QUIT."""

    capa = (*Pop3.capa, "EXPIRE 0")
    mails = (*MAILS, *MAILS)

    async def do_quit(self, visit: Visit) -> bytes | None:
        if visit.logged_in:
            self.commit(visit, set(visit.read))
        return await super().do_quit(visit)

    async def do_top(self, visit: Visit) -> bytes | None:
        if visit.number:
            visit.read.append(visit.number)
        return await super().do_top(visit)


class Mailutils(Expire):
    """GNU Mailutils 3.15 writes EXPIRE0, without the blank."""

    capa = (*Pop3.capa, "EXPIRE0")


class ExpireOddly(Expire):
    capa = (*Pop3.capa, "X-Expire=0", "expires: 0")


class ExpireLater(Expire):
    """The word stands in CAPA after the login only."""

    def capabilities(self, visit: Visit) -> tuple[str, ...]:
        return self.capa if visit.logged_in else Pop3.capa


class ExpireNever(Pop3):
    """EXPIRE NEVER: reading deletes nothing."""

    capa = (*Pop3.capa, "EXPIRE NEVER")


class DeletesAtOnce(Pop3):
    """DELE is done at once, QUIT or not."""

    async def do_dele(self, visit: Visit) -> bytes | None:
        number = visit.number
        answer = await super().do_dele(visit)
        if number:
            self.commit(visit, {number})
        return answer


class DeletesWithoutQuit(Pop3):
    """A connection that just ends is a QUIT (old qpopper)."""

    def left(self, visit: Visit) -> None:
        if visit.logged_in and not visit.over:
            self.commit(visit, visit.gone)


class RefusesDele(Pop3):
    """DELE 2 is refused: the mailbox is not ours alone."""

    async def do_dele(self, visit: Visit) -> bytes | None:
        return self.status(b"-ERR not yours") if visit.number == 2 else await super().do_dele(visit)


class ReadOnly(Pop3):
    """Every DELE is refused."""

    async def do_dele(self, _: Visit) -> bytes | None:
        return self.status(b"-ERR read only")


class QuitFails(Pop3):
    """RFC 1939's own -ERR to QUIT: nothing was removed."""

    async def do_quit(self, visit: Visit) -> bytes | None:
        visit.over = True
        return self.status(b"-ERR some deleted messages not removed")


class DeletesTwice(Pop3):
    """DELE of what is deleted is +OK again."""

    async def do_dele(self, visit: Visit) -> bytes | None:
        if not visit.number and visit.argument.isdigit() and int(visit.argument) in visit.gone:
            return self.status(b"+OK marked")
        return await super().do_dele(visit)
