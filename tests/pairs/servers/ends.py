"""Servers that end a session where nobody expects it: with a goodbye, with a cut, with a reset."""

from typing import ClassVar

from pairs.servers.base import Pop3, Visit
from pairs.wire import HowItEnds, Tls


class _Ends(Pop3):
    """Ends at `at` (a verb, and the message's number if it has one): after so many octets of its answer."""

    at: ClassVar[bytes] = b"NOTHING"
    after: ClassVar[int] = 0
    how: ClassVar[HowItEnds] = "closed"

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
        if self.how == "cut":
            assert isinstance(visit.line, Tls)
            await visit.line.under.end()
        else:
            await visit.inbox.stop()
            visit.line.reset()
        raise ConnectionResetError


class ClosesAtGreeting(_Ends):
    """Says that it is busy, and goes (RFC 2449's [SYS/TEMP])."""

    greeting = b"-ERR [SYS/TEMP] busy"

    async def greet(self, visit: Visit) -> None:
        await super().greet(visit)
        visit.over = True


class ClosesBeforePass(_Ends):
    at = b"PASS"


class ClosesAfterPass(_Ends):
    at, after = b"PASS", 999


class ResetsAtPass(_Ends):
    at, how = b"PASS", "reset"


class ClosesBeforeStat(_Ends):
    at = b"STAT"


class ClosesAfterList(_Ends):
    at, after = b"LIST", 9999


class ClosesBeforeThree(_Ends):
    at = b"RETR 3"


class ClosesInsideThree(_Ends):
    at, after = b"RETR 3", 700


class CutsInsideThree(_Ends):
    at, after, how = b"RETR 3", 700, "cut"


class ResetsInsideThree(_Ends):
    at, after, how = b"RETR 3", 700, "reset"


class ClosesAfterThree(_Ends):
    at, after = b"RETR 3", 99999


class ClosesInStatusOfTwo(_Ends):
    at, after = b"RETR 2", 2


class ResetsAtTopTwo(_Ends):
    at, how = b"TOP 2", "reset"


class ClosesBeforeDele(_Ends):
    at = b"DELE 2"


class ClosesAfterDele(_Ends):
    at, after = b"DELE 2", 99


class ClosesAtQuit(_Ends):
    """Many do: nobody reads the answer to QUIT."""

    at = b"QUIT"


class ResetsAtQuit(_Ends):
    at, how = b"QUIT", "reset"


class CutsAfterQuit(_Ends):
    """The answer to QUIT, then FIN without close_notify: half of all servers."""

    at, after, how = b"QUIT", 99, "cut"


class ClosesAtBadCommand(_Ends):
    """The first unknown command is the last."""

    async def unknown(self, visit: Visit) -> bytes | None:
        visit.over = True
        return await super().unknown(visit)
