"""An IMAP client that keeps a picture of its mailbox, as mail programs do, and finds fault with what does not fit it.

with Picture(account) as client:
    client.select("INBOX")
    client.ask(b"UID FETCH 1:* (FLAGS)")

Every message has to carry its own sum (`message`). What is asked may be several commands in one piece: their answers
are taken in any order. What does not fit is an AssertionError.
"""

import hashlib
import itertools
import re
from types import TracebackType
from typing import Self

from parts.account import Account
from parts.inside import trusting
from parts.lines import Lines

_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
_COUNT = re.compile(rb"\* (\d+) (EXISTS|RECENT|EXPUNGE|FETCH)\b")
_UID = re.compile(rb"\bUID (\d+)")
_BODY = re.compile(rb"BODY\[\] \{(\d+)\}\r\n")
_APPENDED = re.compile(rb"\[APPENDUID \d+ (\d+)\]")
_SUM = re.compile(rb"X-Sum: (\w+) (\w+)\r\n")

# While one of these is answered, no message may lose its number (RFC 9051 section 7.5.1).
_STEADY = (b"FETCH", b"STORE", b"SEARCH")


def message(name: str, size: int) -> bytes:
    """One that says what it is called, and what it has to be."""
    line = f"{name} ".encode() * 10 + b"\r\n"
    body = (line * (size // len(line) + 1))[: size - 2] + b"\r\n"
    return f"Subject: stress\r\nX-Sum: {name} {hashlib.sha256(body).hexdigest()}\r\n\r\n".encode() + body


class Picture:
    """`uids`: of the messages by their numbers, None where the server has not said it."""

    def __init__(self, account: Account) -> None:
        self._tags = (b"t%d" % number for number in itertools.count(1))
        self.uids: list[int | None] = []
        context = trusting(account.ca_file) if account.ca_file else None
        self._server = Lines((account.host, account.port), None if account.starttls else context)
        self._line()  # the greeting
        if context and account.starttls:
            assert self.ask(b"STARTTLS") == [b"OK"]
            self._server.begin_tls(context)
        assert self.ask(f"LOGIN {account.user} {account.password}".encode()) == [b"OK"]

    def select(self, folder: str) -> None:
        """Begin a new picture."""
        self.uids = []
        assert self.ask(f"SELECT {folder}".encode()) == [b"OK"]
        assert self.ask(b"UID FETCH 1:* (UID)") == [b"OK"]

    def ask(self, *commands: bytes) -> list[bytes]:
        """Say all of them in one piece; OK or NO for each, in their order."""
        tags = [next(self._tags) for _ in commands]
        self._server.send(b"".join(b"%s %s\r\n" % pair for pair in zip(tags, commands, strict=True)))
        is_steady = all(command.startswith(_STEADY) for command in commands)
        found = self._answers(set(tags), is_steady=is_steady)
        return [found[tag].split(None, 2)[1] for tag in tags]

    def append(self, folder: str, octets: bytes, *, waits: bool) -> int:
        """Store a message; its UID. `waits`: until it is told to go on."""
        tag = next(self._tags)
        head = b"%s APPEND %s {%d%s}\r\n" % (tag, folder.encode(), len(octets), b"" if waits else b"+")
        self._server.send(head if waits else head + octets + b"\r\n")
        if waits:
            self._until(b"+")
            self._server.send(octets + b"\r\n")
        answer = self._answers({tag})[tag]
        found = _APPENDED.search(answer)
        assert found, answer
        return int(found[1])

    def delete(self, uid: int) -> None:
        """Have it gone for good. Dovecot changes no flags of what it has not told of, and may take a while to look."""
        while uid not in self.uids:
            self.ask(b"NOOP")
            self.ask(b"UID FETCH %d (UID)" % uid)
        assert self.ask(b"UID STORE %d +FLAGS.SILENT (\\Deleted)" % uid, b"EXPUNGE") == [b"OK"] * 2

    def idle(self) -> None:
        """Wait to be told something, and stop at once."""
        tag = next(self._tags)
        self._server.send(tag + b" IDLE\r\n")
        self._until(b"+")
        self._server.send(b"DONE\r\n")
        assert self._answers({tag})[tag].split(None, 2)[1] == b"OK"

    def all(self) -> dict[int, tuple[bytes, bytes]]:
        """The mailbox as it is now: flags and octets by UID."""
        tag = next(self._tags)
        self._server.send(tag + b" UID FETCH 1:* (FLAGS BODY.PEEK[])\r\n")
        found = {}
        while not (line := self._line()).startswith(tag):
            self._see(line)
            if (uid := _UID.search(line)) and (body := _BODY.search(line)):
                flags = re.search(rb"FLAGS \((.*?)\)", line)
                octets = line[body.end() : body.end() + int(body[1])]
                found[int(uid[1])] = (flags[1].replace(b"\\Recent", b"").strip() if flags else b"", octets)
        return found

    # -- answers ---------------------------------------------------------------------------------

    def _line(self) -> bytes:
        """A line of an answer, with its literals."""
        line = self._server.line()
        assert line.endswith(b"\r\n"), line
        while literal := _LITERAL.search(line):
            line += self._server.exactly(int(literal[1])) + self._server.line()
        return line

    def _until(self, mark: bytes) -> None:
        while not (line := self._line()).startswith(mark):
            self._see(line)

    def _answers(self, tags: set[bytes], *, is_steady: bool = False) -> dict[bytes, bytes]:
        """One for each, whatever their order."""
        found: dict[bytes, bytes] = {}
        while len(found) < len(tags):
            line = self._line()
            first, status = line.split(None, 2)[:2]
            if first == b"*":
                assert not (is_steady and line.rstrip().endswith(b" EXPUNGE")), line
                self._see(line)
                continue
            assert first in tags, line
            assert first not in found, line
            assert status in {b"OK", b"NO"}, line
            found[first] = line
        return found

    def _see(self, line: bytes) -> None:
        """See whether an untagged line fits what is known, and learn from it."""
        assert line.startswith(b"* "), line
        count = _COUNT.match(line)
        if count is None:
            return
        number, what, known = int(count[1]), count[2], len(self.uids)
        if what == b"EXISTS":
            assert number >= known, (line, known)
            self.uids += [None] * (number - known)
        elif what == b"EXPUNGE":
            assert 1 <= number <= known, (line, known)
            del self.uids[number - 1]
        elif what == b"FETCH":
            assert 1 <= number <= known, (line[:60], known)
            if uid := _UID.search(line.partition(b"BODY[]")[0]):
                assert self.uids[number - 1] in {None, int(uid[1])}, (line[:60], self.uids)
                self.uids[number - 1] = int(uid[1])
            if body := _BODY.search(line):
                is_whole(line[body.end() : body.end() + int(body[1])])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()


def is_whole(octets: bytes) -> str:
    """See that a message is what it has to be; its name."""
    head, _, body = octets.partition(b"\r\n\r\n")
    found = _SUM.search(head + b"\r\n")
    assert found, head
    assert hashlib.sha256(body).hexdigest().encode() == found[2], head
    return found[1].decode()
