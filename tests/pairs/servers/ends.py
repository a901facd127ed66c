"""Servers that end a session where nobody expects it: with a goodbye, with a cut, with a reset."""

from typing import ClassVar

from pairs.servers.base import Pop3, Visit
from pairs.wire import HowItEnds, Tls


class Ends(Pop3):
    """Ends at `at` (a verb, and the message's number if it has one): after so many octets of its answer."""

    at: ClassVar[bytes] = b"NOTHING"
    after: ClassVar[int] = 0
    how: ClassVar[HowItEnds] = "closed"
    ends = True

    async def answer(self, visit: Visit) -> bytes | None:
        answer = await super().answer(visit)
        if answer is None or self.at not in (visit.verb, b"%s %d" % (visit.verb, visit.number)):
            return answer
        if part := answer[: self.after]:
            await self.say(visit, part)
        await self.vanish(visit)
        return None

    async def vanish(self, visit: Visit) -> None:
        visit.over = True
        if self.how == "closed":
            return
        assert isinstance(visit.line, Tls)
        await visit.line.under.drained()
        if self.how == "cut":
            await visit.line.under.end()
        else:
            await visit.inbox.stop()
            visit.line.reset()
        raise ConnectionResetError


class ClosesAtGreeting(Ends):
    """Says that it is busy, and goes (RFC 2449's [SYS/TEMP])."""

    greeting = b"-ERR [SYS/TEMP] busy"

    async def greet(self, visit: Visit) -> None:
        await super().greet(visit)
        visit.over = True


class ClosesBeforePass(Ends):
    at = b"PASS"


class ClosesAfterPass(Ends):
    at, after = b"PASS", 999


class ResetsAtPass(Ends):
    at, how = b"PASS", "reset"


class ClosesBeforeStat(Ends):
    at = b"STAT"


class ClosesAfterList(Ends):
    at, after = b"LIST", 9999


class ClosesBeforeThree(Ends):
    at = b"RETR 3"


class ClosesInsideThree(Ends):
    at, after = b"RETR 3", 700


class CutsInsideThree(Ends):
    at, after, how = b"RETR 3", 700, "cut"


class ResetsInsideThree(Ends):
    at, after, how = b"RETR 3", 700, "reset"


class ClosesAfterThree(Ends):
    at, after = b"RETR 3", 99999


class ClosesInStatusOfTwo(Ends):
    at, after = b"RETR 2", 2


class ResetsAtTopTwo(Ends):
    at, how = b"TOP 2", "reset"


class ClosesBeforeDele(Ends):
    at = b"DELE 2"


class ClosesAfterDele(Ends):
    at, after = b"DELE 2", 99


class ClosesAtQuit(Ends):
    """Many do: nobody reads the answer to QUIT."""

    at = b"QUIT"


class ResetsAtQuit(Ends):
    at, how = b"QUIT", "reset"


class CutsAfterQuit(Ends):
    """The answer to QUIT, then FIN without close_notify: half of all servers."""

    at, after, how = b"QUIT", 99, "cut"


class ClosesAtBadCommand(Ends):
    """The first unknown command is the last."""

    async def unknown(self, visit: Visit) -> bytes | None:
        visit.over = True
        return await super().unknown(visit)
