"""Mailboxes that one session at a time may have, and mailboxes that change."""

from typing import ClassVar

from pairs.servers.base import Pop3, Visit
from pairs.servers.mailbox import MAILS


class LockWithoutCode(Pop3):
    """hMailServer: a mailbox that is in use is refused, in words of its own, and QUIT takes a moment."""

    capa: ClassVar[tuple[str, ...]] = ("TOP", "UIDL", "USER")
    refusal: ClassVar[bytes] = b"-ERR Your mailbox is already locked"
    writes: ClassVar[float] = 0.05

    def __init__(self) -> None:
        super().__init__()
        self._holder: Visit | None = None

    async def do_pass(self, visit: Visit) -> bytes | None:
        if self._holder is not None:
            return self.status(self.refusal)
        answer = await super().do_pass(visit)
        if visit.logged_in:
            self._holder = visit
        return answer

    async def do_quit(self, visit: Visit) -> bytes | None:
        await self.pause(self.writes)
        self.left(visit)
        return await super().do_quit(visit)

    def left(self, visit: Visit) -> None:
        if self._holder is visit:
            self._holder = None


class LockWithCode(LockWithoutCode):
    """The same with RFC 2449's [IN-USE], and PIPELINING."""

    capa = Pop3.capa
    refusal = b"-ERR [IN-USE] Your mailbox is already locked"


class SlowUnlock(LockWithoutCode):
    """Half a second to write the mailbox."""

    capa = Pop3.capa
    writes = 0.5


class GrowingBox(Pop3):
    """A mail more in each session."""

    changes = True

    def mailbox(self, session: int) -> tuple[bytes, ...]:
        new = tuple(b"Subject: new %d\r\n\r\n%s\r\n" % (turn, b"n" * turn) for turn in range(session))
        return MAILS[:3] + new


class OtherBox(Pop3):
    """Mails that nobody has seen before, each time; sizes and numbers differ."""

    changes = True

    def mailbox(self, session: int) -> tuple[bytes, ...]:
        return tuple(
            b"Subject: %d.%d\r\n\r\n%s\r\n" % (session, n, b"w" * n * session) for n in range(1, 4 + session % 3)
        )


class MailsVanish(Pop3):
    """Another program removes message 2 in the middle of a session: RETR is refused, LIST still has it."""

    async def do_retr(self, visit: Visit) -> bytes | None:
        if visit.number == 2:
            return self.status(b"-ERR that message is gone")
        return await super().do_retr(visit)

    async def do_top(self, visit: Visit) -> bytes | None:
        if visit.number == 2:
            return self.status(b"-ERR that message is gone")
        return await super().do_top(visit)


class MailsArrive(Pop3):
    """New mail shows within the session, against RFC 1939: after each RETR there is one more."""

    mails = MAILS[:3]
    new: ClassVar[bytes] = b"Subject: new\r\n\r\n"

    async def do_retr(self, visit: Visit) -> bytes | None:
        answer = await super().do_retr(visit)
        if visit.number and len(visit.box) < 6:
            visit.box.append((f"n{len(visit.box)}", self.new))
        return answer
