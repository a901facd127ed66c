"""Line ends of every kind, and bodies that look like ends."""

from typing import ClassVar

from pairs.servers.base import Pop3, Visit
from pairs.servers.mailbox import MAILS

_LF = tuple(mail.replace(b"\r\n", b"\n") for mail in MAILS)


class Plain(Pop3):
    """Nothing odd: what all others are measured by."""


class Lockstep(Pop3):
    """No PIPELINING, as Exchange, Zimbra and DavMail."""

    capa = ("TOP", "UIDL", "USER")


class BareLf(Pop3):
    """LF ends all lines (MailKit's TestBasicPop3ClientUnixLineEndings, mailtrap.io)."""

    capa: ClassVar[tuple[str, ...]] = ("TOP", "UIDL", "USER")
    eol = b"\n"
    mails = _LF


class BareLfPipelining(BareLf):
    capa = Pop3.capa


class LfBodies(Pop3):
    """Mails with LF in them, all else with CRLF; the dot's line is CRLF, and so is the mail's last."""

    mails = tuple(mail[:-2].replace(b"\r\n", b"\n") + b"\r\n" for mail in MAILS)


class LfBeforeTheDot(Pop3):
    """Mails that end in LF, and then `.CRLF`: the dot is never behind a CRLF."""

    mails = tuple(mail[:-2] + b"\n" for mail in MAILS)


class LfInLists(Pop3):
    """LIST, UIDL and CAPA with LF, status lines and mails with CRLF."""

    def many(self, words: bytes, lines: list[bytes]) -> bytes:
        return super().many(words, lines).replace(b"\r\n", b"\n")


class MixedEnds(Pop3):
    """Each line of a list ends as it likes."""

    def many(self, words: bytes, lines: list[bytes]) -> bytes:
        ends = (b"\r\n", b"\n")
        return b"".join(line + ends[turn % 2] for turn, line in enumerate([words, *lines])) + b".\r\n"


class CrlfStatusLfMails(Pop3):
    """Status lines with CRLF, mails with LF to the last dot."""

    mails = _LF

    def body(self, octets: bytes) -> bytes:
        return octets + b".\n"


class DotsInside(Pop3):
    """LF.LF and LF.CRLF inside mails of a server that means CRLF: strict clients read on."""

    mails = (
        b"Subject: a\r\n\r\nx\n.\ny\r\n",
        b"Subject: b\r\n\r\nx\n.\r\ny\r\n",
        b"Subject: c\r\n\r\n\n.\r\n",
        MAILS[2],
    )


class NoLastLineEnd(Pop3):
    """Mails that do not end in a line end; the server adds one (RFC 1939 wants it so)."""

    mails = tuple(mail[:-2] for mail in MAILS)
    ends_mail = b"\r\n"


class NothingInside(Pop3):
    """Mails without a single octet."""

    mails = (b"", b"", MAILS[0], b"")


class EmptyBox(Pop3):
    mails = ()


class AnyOctet(Pop3):
    """NUL, bare CR, ESC, 8-bit."""

    mails = (b"Subject: \0\x1b\xff\r\n\r\n\r\r\n.\r.\r\n" + bytes(range(11, 256)) + b"\r\n", *MAILS[:2])


class OneLongLine(Pop3):
    """200 KB without a line end."""

    mails = (MAILS[0], b"Subject: long\r\n\r\n" + b"y" * 200_000 + b"\r\n", MAILS[4])


class ManyMails(Pop3):
    """Enough for every window to open."""

    mails = tuple(b"Subject: %d\r\n\r\n" % number + b"z" * (number * 37 % 200) + b"\r\n" for number in range(1, 31))


class LongStatus(Pop3):
    """Status lines of 3,000 octets; RFC 1939 says 512."""

    async def do_retr(self, visit: Visit) -> bytes | None:
        answer = await super().do_retr(visit)
        return answer and answer.replace(b" octets", b" octets" + b" and more" * 330, 1)
