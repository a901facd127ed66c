"""Lines nobody asked for, and answers that do not come."""

from pairs.servers.base import Pop3, Visit


class TwoGreetings(Pop3):
    greeting = b"+OK ready\r\n+OK really"


class LineBehindStat(Pop3):
    """A line more than was asked for; clients go on one answer behind, always the same."""

    async def do_stat(self, visit: Visit) -> bytes | None:
        answer = await super().do_stat(visit)
        return answer and answer + b"+OK by the way\r\n"


class LineBehindLogin(Pop3):
    """A notice behind the login: `-ERR` it is not, a question nobody asked it answers."""

    async def do_pass(self, visit: Visit) -> bytes | None:
        answer = await super().do_pass(visit)
        return answer and (answer + b"+OK you have mail\r\n" if visit.logged_in else answer)


class LateLineBehindLogin(Pop3):
    """The same, a moment later."""

    async def do_pass(self, visit: Visit) -> bytes | None:
        await self.say(visit, await super().do_pass(visit) or b"")
        await self.pause(0.05)
        return b"+OK you have mail\r\n" if visit.logged_in else None


class TwoDots(Pop3):
    """LIST ends twice."""

    async def do_list(self, visit: Visit) -> bytes | None:
        answer = await super().do_list(visit)
        return answer and (answer + b".\r\n" if not visit.argument else answer)


class EmptyLineBehindMails(Pop3):
    """A CRLF behind the dot."""

    async def do_retr(self, visit: Visit) -> bytes | None:
        answer = await super().do_retr(visit)
        return answer and answer + b"\r\n"


class PassesOverEmptyLines(Pop3):
    """Stalwart: an empty command has no answer."""

    async def answer(self, visit: Visit) -> bytes | None:
        return await super().answer(visit) if visit.verb else None


class SilentToUnknown(Pop3):
    """What it does not know has no answer, CAPA is known."""

    patience = 0.8

    async def unknown(self, _: Visit) -> bytes | None:
        return None


class NoopIsUnknown(Pop3):
    """A server of four commands: NOOP, RSET, TOP, UIDL, LAST and CAPA are refused."""

    async def answer(self, visit: Visit) -> bytes | None:
        if visit.verb in (b"NOOP", b"RSET", b"TOP", b"UIDL", b"LAST", b"CAPA"):
            return await self.unknown(visit)
        return await super().answer(visit)


class BodyForErr(Pop3):
    """`-ERR` with lines and a dot behind it, to LIST of an empty mailbox (seen at old servers)."""

    async def do_uidl(self, _: Visit) -> bytes | None:
        return b"-ERR not kept here\r\n.\r\n"


class OneLineForMany(Pop3):
    """CAPA is a single +OK, without a list."""

    async def do_capa(self, _: Visit) -> bytes | None:
        return self.status(b"+OK")

    patience = 0.8


class KnowsLast(Pop3):
    """LAST (RFC 1460) tells which message was fetched last: reading ahead shows."""

    async def do_last(self, visit: Visit) -> bytes | None:
        return self.status(b"+OK %d" % max(visit.read, default=0))
