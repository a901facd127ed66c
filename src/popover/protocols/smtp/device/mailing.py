"""MAIL, RCPT, DATA and BDAT of a device: to the server, and what becomes of a mail that it cannot take now.

Whoever has a 250 for a mail's end knows that the server has it, or, where there is a queue, that it lies on our disk.
A refusal for good (5xx) is the device's in any case, in the server's words.
"""

from __future__ import annotations

from popover.protocols.device import DeviceTerms, Draft, Errand, Keep, Wait
from popover.protocols.guest import Gone
from popover.protocols.smtp.commands import Command
from popover.protocols.smtp.device import answers
from popover.protocols.smtp.device.address import Path, parse_path
from popover.protocols.smtp.device.carriage import Carriage
from popover.protocols.smtp.device.chunks import Chunk, Chunks, announced, pour
from popover.protocols.smtp.device.fields import stamp
from popover.protocols.smtp.device.header import Head
from popover.protocols.smtp.device.hello import KEPT_SIZE
from popover.protocols.smtp.device.letter import Letter
from popover.protocols.smtp.device.line import LOST, Line, Reply
from popover.protocols.smtp.device.outside import Outside
from popover.talk import End, More


class Mailing:
    """The mails of one session. `refusals`: what the server, or we, refused for good; `kept`: mails that we have kept.

    Each command's method gives the answer to it.
    """

    def __init__(self, client: End, terms: DeviceTerms, outside: Outside) -> None:
        self.waits_for = Wait.COMMAND
        self.refusals: list[str] = []
        self.kept = 0
        self._client = client
        self._terms = terms
        self._rules = terms.rules
        self._outside = outside
        self._letter: Letter | None = None
        self._chunks: Chunks | None = None
        self._open: Carriage | None = None  # of a mail that is neither kept nor dropped yet

    # -- the envelope ----------------------------------------------------------------------------

    def mail(self, command: Command) -> Errand[bytes]:
        """MAIL."""
        if self._letter is not None:
            return answers.TWO_MAILS
        path = parse_path(command.argument)
        if path is None:
            return answers.NO_ADDRESS
        sender = self._rules.sender.encode() if self._rules.sender else path.address
        letter = Letter(sender, path.parameters)
        line = yield from self._outside.reach()
        if line is not None:
            yield from line.start_over()
            reply = yield from self._ask(line, b"MAIL FROM:<", Path(sender, path.parameters))
            if reply.kind == b"2":
                line.has_mail = letter.is_live = True
                self._letter = letter
                return reply.words
            if not self._may_be_kept(reply):
                return self._told(reply)
        if path.size > (self._outside.limit or KEPT_SIZE):
            return answers.TOO_LARGE
        self._letter = letter
        return answers.SENDER_OK

    def rcpt(self, command: Command) -> Errand[bytes]:
        """RCPT."""
        letter, path = self._letter, parse_path(command.argument)
        if letter is None:
            return answers.NO_MAIL
        if self._chunks is not None:
            return answers.IN_MAIL
        if path is None or not path.address:
            return answers.NO_ADDRESS
        if not self._rules.may_get(path.address.decode("utf-8", "replace")):
            self.refusals.append(answers.NOT_THERE.decode().rstrip())
            return answers.NOT_THERE
        if len(letter.recipients) >= self._rules.max_recipients:
            return answers.TOO_MANY
        return (yield from self._add(letter, path))

    def _add(self, letter: Letter, path: Path) -> Errand[bytes]:
        if letter.is_live and self._outside.line is not None:
            reply = yield from self._ask(self._outside.line, b"RCPT TO:<", path)
            if reply.kind == b"2":
                letter.taken.append(path.address)
                return reply.words
            if not self._may_be_kept(reply):
                if reply.is_leaving:
                    self._letter = None
                return self._told(reply)
            if reply.is_leaving:
                letter.take_over()
        letter.kept.append(path.address)
        return answers.RECIPIENT_OK

    def _ask(self, line: Line, words: bytes, path: Path) -> Errand[Reply]:
        self.waits_for = Wait.ANSWER
        return (yield from line.ask(b" ".join([words + path.address + b">", *path.fitting(line.extensions)])))

    def _may_be_kept(self, reply: Reply) -> bool:
        return self._terms.drafts is not None and reply.kind == b"4"

    def _told(self, reply: Reply) -> bytes:
        """What the device is told of a refusal: the server's words."""
        if reply.kind == b"5":
            self.refusals.append(reply.text)
        return reply.words or answers.CUT

    def rset(self) -> Errand[bytes]:
        """RSET; and what an EHLO does to a mail under way (RFC 5321 section 4.1.4)."""
        yield from self.forget()
        return answers.OK

    def forget(self) -> Errand[None]:
        """Leave the mail under way where it is."""
        letter, self._letter = self._letter, None
        if self._chunks is not None:
            self._abandon(self._chunks.carriage)
        elif letter is not None and letter.is_live and self._outside.line is not None:
            self.waits_for = Wait.ANSWER
            yield from self._outside.line.start_over()

    def end(self) -> None:
        """The session is over, however it has ended: nothing is left of a mail that is not kept."""
        if self._open is not None:
            self._open.drop()

    def _abandon(self, carriage: Carriage) -> None:
        """A mail of which the server has some and will get no more: only the end of the connection tells it."""
        self._chunks = None
        carriage.drop()
        if carriage.line is not None:
            carriage.line.give_up()

    # -- the mail --------------------------------------------------------------------------------

    def data(self) -> Errand[bytes]:
        """DATA, and the mail behind it. Raises Gone."""
        begun = yield from self._begin()
        if isinstance(begun, bytes):
            return begun
        letter, carriage, words = begun
        self._client.outbox += words
        self.waits_for = Wait.MAIL
        while not carriage.take(self._client.inbox):
            if self._client.ended:
                self._abandon(carriage)
                raise Gone
            yield More(self._client)
        return (yield from self._finish(letter, carriage))

    def _begin(self) -> Errand[tuple[Letter, Carriage, bytes] | bytes]:
        """Let the server, and a draft, be ready for a mail; or give the answer if nobody is."""
        letter, words = self._letter, answers.GO_ON
        if letter is None or self._chunks is not None:
            return answers.NO_MAIL
        if not letter.recipients:
            return answers.NO_RECIPIENT
        line = self._outside.line if letter.taken else None
        if line is not None:
            self.waits_for = Wait.ANSWER
            reply = yield from line.ask(b"DATA")
            if reply.kind == b"3":
                words = reply.words
            elif self._may_be_kept(reply):
                letter.take_over()
                line = None
            else:
                self._letter = None
                return self._told(reply)
        draft = self._draft()
        if line is None and draft is None:
            self._letter = None
            return answers.NO_ROOM
        limit = self._outside.limit or KEPT_SIZE
        domain = letter.sender.rpartition(b"@")[2].decode("ascii", "ignore") or "popover.invalid"
        sender = letter.sender if self._rules.sender else b""
        head = Head(sender, stamp(self._terms.now, domain))
        self._open = Carriage(head, line, draft, limit, normalizes=self._terms.normalizes)
        return letter, self._open, words

    def _draft(self) -> Draft | None:
        try:
            return self._terms.drafts.begin() if self._terms.drafts is not None else None
        except OSError:
            return None

    def _finish(self, letter: Letter, carriage: Carriage) -> Errand[bytes]:
        """The mail is whole: hear the server's verdict, and keep what it cannot take now."""
        self._letter, line, reply = None, carriage.line, LOST
        if line is not None:
            self.waits_for = Wait.VERDICT
            reply = yield from carriage.verdict()
            if reply.kind != b"2" and not self._may_be_kept(reply):
                carriage.drop()
                return self._told(reply)
            if reply.kind == b"2" and not letter.kept:
                carriage.drop()
                return reply.words
        if carriage.draft is None:
            return self._not_kept(carriage, reply)
        rest = letter.kept if reply.kind == b"2" else letter.recipients
        is_doubtful = line is not None and not reply.words and not carriage.is_refused
        self._open = None
        want = Keep(carriage.draft, letter.envelope(self._terms, rest, is_doubtful=is_doubtful))
        yield want
        if not want.is_kept:
            return answers.NO_ROOM
        self.kept += 1
        return reply.words if reply.kind == b"2" else answers.kept(self._terms.host)

    def _not_kept(self, carriage: Carriage, reply: Reply) -> bytes:
        """A mail that should have been kept, and could not be: what passes is never told as a refusal for good."""
        if carriage.line is None and carriage.is_too_large:
            return answers.TOO_LARGE
        return reply.words if reply.kind == b"4" and reply.words else answers.NO_ROOM

    # -- in chunks -------------------------------------------------------------------------------

    def bdat(self, command: Command) -> Errand[bytes]:
        """BDAT. Raises Gone."""
        chunk = announced(command.argument)
        if chunk is None:
            return answers.NO_CHUNK
        if self._chunks is None:
            begun = yield from self._begin()
            if isinstance(begun, bytes):
                yield from self._pour(chunk, None)
                return begun
            self._chunks = Chunks(begun[1])
        yield from self._pour(chunk, self._chunks)
        if not chunk.is_last:
            return answers.CHUNK_OK
        chunks, self._chunks = self._chunks, None
        assert self._letter is not None  # noqa: S101 - only `forget` drops it, and the chunks with it
        return (yield from self._finish(self._letter, chunks.end()))

    def _pour(self, chunk: Chunk, chunks: Chunks | None) -> Errand[None]:
        """Hear what was announced. Raises Gone."""
        self.waits_for = Wait.MAIL
        try:
            yield from pour(self._client, chunk.size, chunks)
        except Gone:
            if chunks is not None:
                self._abandon(chunks.carriage)
            raise
