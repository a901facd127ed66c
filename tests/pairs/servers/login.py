"""Logins: refused names, wrong passwords, limits of time."""

from pairs.servers.base import Pop3, Visit


class RefusesTheName(Pop3):
    """-ERR to USER already."""

    async def do_user(self, _: Visit) -> bytes | None:
        return self.status(b"-ERR who is that?")

    async def do_pass(self, _: Visit) -> bytes | None:
        return self.status(b"-ERR USER first")


class HangsUpAtTheName(Pop3):
    """-ERR to USER, and the connection ends."""

    async def do_user(self, visit: Visit) -> bytes | None:
        visit.over = True
        return self.status(b"-ERR who is that?")


class OneTry(Pop3):
    """One wrong password, and that was it."""

    async def do_pass(self, visit: Visit) -> bytes | None:
        answer = await super().do_pass(visit)
        visit.over = not visit.logged_in
        return answer


class NameForEachTry(Pop3):
    """PASS is good for one USER (RFC 1939 section 7: so it should be)."""

    def begin(self, session: int) -> None:
        super().begin(session)
        self._named: set[Visit] = set()

    async def do_user(self, visit: Visit) -> bytes | None:
        self._named.add(visit)
        return await super().do_user(visit)

    async def do_pass(self, visit: Visit) -> bytes | None:
        if visit not in self._named:
            return self.status(b"-ERR USER first")
        self._named.discard(visit)
        return await super().do_pass(visit)


class Autologout(Pop3):
    """hMailServer: `-ERR Autologout` after a time of silence before the login; here 2.5 s."""

    async def listen(self, visit: Visit) -> bytes | None:
        while not visit.logged_in and not visit.waiting:
            if not await visit.inbox.more(2.5):
                if visit.inbox.how is None:
                    await self.say(visit, b"-ERR Autologout; idle too long\r\n")
                return None
        return await super().listen(visit)


class AutologoutSoon(Autologout):
    """Less patient, and no CAPA: a second before the login."""

    better = True

    async def listen(self, visit: Visit) -> bytes | None:
        while not visit.logged_in and not visit.waiting:
            if not await visit.inbox.more(1.2):
                return None
        return await super().listen(visit)


class LetsGoWhoWaits(Pop3):
    """It has just let go a connection that was there before its client came: a spare is always dead."""

    farewell = b"-ERR Autologout; idle too long\r\n"
    turn = 0

    def __init__(self) -> None:
        self._came: dict[Visit, int] = {}
        super().__init__()

    def begin(self, session: int) -> None:
        super().begin(session)
        self.turn += 1

    async def greet(self, visit: Visit) -> None:
        self._came[visit] = self.turn
        await super().greet(visit)

    async def listen(self, visit: Visit) -> bytes | None:
        line = await super().listen(visit)
        if line is None or self._came[visit] == self.turn:
            return line
        await self.say(visit, self.farewell)
        return None


class LetsGoInSilence(LetsGoWhoWaits):
    """Without a word."""

    farewell = b""


class WrongIsSlow(Pop3):
    """A wrong password is answered after a while."""

    async def do_pass(self, visit: Visit) -> bytes | None:
        answer = await super().do_pass(visit)
        if not visit.logged_in:
            await self.pause(0.5)
        return answer


class KnowsPlain(Pop3):
    """AUTH PLAIN, with the response in the command or after a `+ `."""

    capa = (*Pop3.capa, "SASL PLAIN")

    async def do_auth(self, visit: Visit) -> bytes | None:
        words = visit.argument.split()
        if not words:
            return self.many(b"+OK", [b"PLAIN"])
        if len(words) == 1:
            await self.say(visit, b"+ \r\n")
            words.append((await self.listen(visit) or b"").strip())
        if words[1] == b"AGFubmEAc2VjcmV0":  # anna, secret
            visit.logged_in, visit.box = True, list(self.box)
            return self.status(b"+OK logged in")
        return self.status(b"-ERR [AUTH] no")
