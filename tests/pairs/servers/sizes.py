"""Sizes that are not so."""

from pairs.servers.base import Pop3, Visit
from pairs.servers.mailbox import MAILS


class SizesTooLarge(Pop3):
    def size(self, visit: Visit, number: int) -> int:
        return super().size(visit, number) + 7


class SizesTooSmall(Pop3):
    """Line ends count once (Exchange, OpenMail: fetchmail's FAQ)."""

    def size(self, visit: Visit, number: int) -> int:
        return super().size(visit, number) - visit.box[number - 1][1].count(b"\n")


class SizesZero(Pop3):
    def size(self, *_: object) -> int:
        return 0


class SizesAlike(Pop3):
    """All messages are of one size, and it is true: no size tells one from the other."""

    mails = tuple(b"Subject: %d\r\n\r\n%s\r\n" % (number, b"%d" % number * 40) for number in range(1, 9))


class SizesAlikeHearsOne(SizesAlike):
    """The same where only the first command of a piece is heard."""

    alone = True

    async def listen(self, visit: Visit) -> bytes | None:
        line = await super().listen(visit)
        if visit.logged_in:
            visit.inbox.held.clear()
        return line


class SizesHuge(Pop3):
    def size(self, visit: Visit, number: int) -> int:
        return super().size(visit, number) + (1 << 40)


class StatLies(Pop3):
    """STAT has other figures than LIST."""

    async def do_stat(self, visit: Visit) -> bytes | None:
        return self.status(b"+OK %d 99" % len(visit.numbers))


class SizesUnstuffed(Pop3):
    """Sizes before the dots are stuffed, as RFC 1939 has it."""

    def size(self, visit: Visit, number: int) -> int:
        return len(visit.box[number - 1][1].replace(b"\n..", b"\n."))


class ListWithGaps(Pop3):
    """LIST leaves a message out that is there."""

    async def do_list(self, visit: Visit) -> bytes | None:
        answer = await super().do_list(visit)
        gap = b"\n2 %d\r\n" % (self.size(visit, 2) if len(visit.box) > 1 else 0)
        return answer and (answer if visit.argument else answer.replace(gap, b"\n", 1))


class DeletedStayListed(Pop3):
    """A message marked as deleted is still there for LIST, STAT and RETR, until QUIT."""

    def parse(self, visit: Visit, line: bytes) -> None:
        super().parse(visit, line)
        self._hidden = set(visit.gone)

    async def answer(self, visit: Visit) -> bytes | None:
        if visit.verb not in (b"LIST", b"STAT", b"RETR", b"UIDL", b"TOP"):
            return await super().answer(visit)
        gone, visit.gone = visit.gone, set()
        try:
            return await super().answer(visit)
        finally:
            visit.gone = gone


class ShortMails(Pop3):
    """Three octets each."""

    mails = (b"a\r\n", b"b\r\n", b"c\r\n", MAILS[0])
