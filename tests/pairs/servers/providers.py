"""The large ones, by their documented behaviour."""

from typing import ClassVar

from pairs.servers.base import Pop3, Visit


class Gmail(Pop3):
    """PIPELINING after the login only; X-GOOGLE-RICO: RETR and QUIT hide a message from later sessions."""

    capa: ClassVar[tuple[str, ...]] = (
        *("USER", "RESP-CODES", "EXPIRE 0", "LOGIN-DELAY 300", "TOP", "UIDL"),
        "X-GOOGLE-RICO",
    )

    def capabilities(self, visit: Visit) -> tuple[str, ...]:
        return (*self.capa, "PIPELINING") if visit.logged_in else (*self.capa, "SASL PLAIN XOAUTH2 OAUTHBEARER")

    async def do_quit(self, visit: Visit) -> bytes | None:
        if visit.logged_in:
            self.commit(visit, set(visit.read))
        return await super().do_quit(visit)


class GmailWithoutExpire(Gmail):
    """The same, X-GOOGLE-RICO being the only word of it."""

    capa = ("USER", "RESP-CODES", "TOP", "UIDL", "X-GOOGLE-RICO")


class OutlookCom(Pop3):
    """No PIPELINING, sizes that are not so, and silence ends it: after 60 s there, 1.6 s here."""

    capa = ("TOP", "UIDL", "SASL PLAIN XOAUTH2", "USER")
    better = True

    def size(self, visit: Visit, number: int) -> int:
        return super().size(visit, number) + 11 * number

    async def listen(self, visit: Visit) -> bytes | None:
        while visit.logged_in and not visit.waiting:
            if not await visit.inbox.more(1.6):
                return None
        return await super().listen(visit)


class Gmx(Pop3):
    """GMX and IONOS close at AUTH without a mechanism."""

    capa = ("TOP", "UIDL", "USER", "SASL PLAIN", "IMPLEMENTATION trinity")
    better = True

    async def do_auth(self, visit: Visit) -> bytes | None:
        if not visit.argument:
            visit.over = True
            return None
        return await self.unknown(visit)


class HMailServer(Pop3):
    """Its words; QUIT is a sentence, unknown commands are counted, USER before all else."""

    capa = ("UIDL", "TOP", "USER")
    greeting = b"+OK POP3"

    async def unknown(self, visit: Visit) -> bytes | None:
        visit.bad += 1
        if visit.bad > 5:
            visit.over = True
            return self.status(b"-ERR Too many invalid commands")
        return self.status(b"-ERR Invalid command in current state.")


class Yahoo(Pop3):
    """Greets with a timestamp that is no APOP's, and says little."""

    greeting = b"+OK Hello from jpop-0.1 <error@example>"
    capa = ("EXPIRE NEVER", "PIPELINING", "UIDL", "USER", "SASL PLAIN XOAUTH2", "TOP", "IMPLEMENTATION ymail")
