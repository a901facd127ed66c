"""Status words, and what stands behind them."""

from pairs.servers.base import Pop3, Visit


class ErrInPlaceOfMinus(Pop3):
    """`ERR what` to what it does not know, CAPA first of all."""

    async def unknown(self, _: Visit) -> bytes | None:
        return self.status(b"ERR what")

    async def do_capa(self, visit: Visit) -> bytes | None:
        return await self.unknown(visit)


class EmptyStatus(Pop3):
    """An empty line for an answer to what it does not know."""

    async def unknown(self, _: Visit) -> bytes | None:
        return self.eol


class EmptyStatusToNoop(Pop3):
    async def do_noop(self, _: Visit) -> bytes | None:
        return self.eol


class LowerCaseStatus(Pop3):
    """`+ok`, which poplib takes."""

    def status(self, words: bytes) -> bytes:
        return super().status(words.replace(b"+OK", b"+ok"))


class BareStatus(Pop3):
    """No words behind the status."""

    def status(self, words: bytes) -> bytes:
        head = words.split(b" ")[0]
        return super().status(words if words[4:5].isdigit() else head)


class WordsGlued(Pop3):
    """`+OKlogged in`, `-ERRno`: no blank behind the status."""

    def status(self, words: bytes) -> bytes:
        return super().status(words if words[4:5].isdigit() else words.replace(b" ", b"", 1))


class TabBehindStatus(Pop3):
    def status(self, words: bytes) -> bytes:
        return super().status(words if words[4:5].isdigit() else words.replace(b" ", b"\t", 1))


class SaysError(Pop3):
    """`+OK no error`: Apple Mail 2 would take it for a failure, so popover says "fault"."""

    def status(self, words: bytes) -> bytes:
        return super().status(words + b" without error" if words[:3] == b"+OK" and not words[4:5].isdigit() else words)


class ErrToLists(Pop3):
    """UIDL and TOP are not there."""

    capa = ("USER", "PIPELINING")

    async def do_uidl(self, visit: Visit) -> bytes | None:
        return await self.unknown(visit)

    async def do_top(self, visit: Visit) -> bytes | None:
        return await self.unknown(visit)


class ContinuationToStat(Pop3):
    """`+ ` in place of +OK."""

    async def do_stat(self, visit: Visit) -> bytes | None:
        answer = await super().do_stat(visit)
        return answer and answer.replace(b"+OK", b"+")


class ListDoesNotCount(Pop3):
    """LIST gives a line that is no number."""

    async def do_list(self, visit: Visit) -> bytes | None:
        if visit.argument:
            return await super().do_list(visit)
        return self.many(b"+OK", [b"total three", b"", b"1 x", *(b"%d 9" % number for number in visit.numbers)])


class WordsInLists(Pop3):
    """More than a number and a size in LIST (`1 120 octets`)."""

    async def do_list(self, visit: Visit) -> bytes | None:
        rows = {number: b"%d  %d octets " % (number, self.size(visit, number)) for number in visit.numbers}
        return await self.rows(visit, rows)
