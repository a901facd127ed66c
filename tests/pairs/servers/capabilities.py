"""CAPA of every kind, and servers that count what they do not know."""

from typing import ClassVar

from pairs.servers.base import Pop3, Visit


class NoCapa(Pop3):
    """RFC 1939 and no more."""

    async def do_capa(self, visit: Visit) -> bytes | None:
        return await self.unknown(visit)


class Budget(Pop3):
    """Hangs up at the third command that it does not know; CAPA is one (Solid POP3 and others)."""

    limit: ClassVar[int] = 3

    async def do_capa(self, visit: Visit) -> bytes | None:
        return await self.unknown(visit)

    async def unknown(self, visit: Visit) -> bytes | None:
        visit.bad += 1
        if visit.bad >= self.limit:
            visit.over = True
            return self.status(b"-ERR too many bad commands")
        return await super().unknown(visit)


class BudgetOfTwo(Budget):
    limit = 2


class BudgetOfFive(Budget):
    """Knows CAPA, and refuses NOOP as well."""

    limit = 5

    async def do_capa(self, visit: Visit) -> bytes | None:
        return await Pop3.do_capa(self, visit)

    async def do_noop(self, visit: Visit) -> bytes | None:
        return await self.unknown(visit)


class BudgetOfErrors(Budget):
    """Every -ERR counts, after the login too: a wrong number is as bad as a wrong word."""

    async def answer(self, visit: Visit) -> bytes | None:
        before = visit.bad
        answer = await super().answer(visit)
        if answer is not None and answer.startswith(b"-ERR") and visit.bad == before:
            visit.bad += 1
            if visit.bad >= self.limit:
                visit.over = True
                return self.status(b"-ERR too many errors")
        return answer


class OddCapa(Pop3):
    """Lower case, blanks, tabs, words nobody knows, lines of nothing (MailKit's recordings)."""

    capa = (
        "top ",
        "  UIDL",
        "User",
        "pipelining",
        "LANG\tde en",
        "",
        "x-what ?",
        "IMPLEMENTATION Odd/1.0 (error free)",
    )


class EmptyCapa(Pop3):
    capa = ()


class LateCapa(Pop3):
    """PIPELINING is there after the login only."""

    def capabilities(self, visit: Visit) -> tuple[str, ...]:
        return self.capa if visit.logged_in else self.capa[:-1]


class EarlyCapa(Pop3):
    """PIPELINING is there before the login only."""

    def capabilities(self, visit: Visit) -> tuple[str, ...]:
        return self.capa[:-1] if visit.logged_in else self.capa


class CapaBeforeLoginOnly(Pop3):
    """CAPA is refused after the login."""

    async def do_capa(self, visit: Visit) -> bytes | None:
        return await self.unknown(visit) if visit.logged_in else await super().do_capa(visit)


class CapaAfterLoginOnly(Pop3):
    """CAPA is refused before the login."""

    async def do_capa(self, visit: Visit) -> bytes | None:
        return await super().do_capa(visit) if visit.logged_in else await self.unknown(visit)


class Mechanisms(Pop3):
    """SASL mechanisms that cannot work through a gateway, and STLS, which is over."""

    capa = (*Pop3.capa, "STLS", "SASL PLAIN SCRAM-SHA-1-PLUS EXTERNAL CRAM-MD5", "RESP-CODES", "UTF8 USER", "LANG")


class ListOfMechanisms(Pop3):
    """Bare AUTH has a list for an answer (Outlook asks)."""

    async def do_auth(self, visit: Visit) -> bytes | None:
        return await self.unknown(visit) if visit.argument else self.many(b"+OK", [b"PLAIN", b"LOGIN"])


class LongCapa(Pop3):
    """30 KB of capabilities."""

    capa = (*Pop3.capa, *(f"X-{number:05} {'y' * 40}" for number in range(600)))
