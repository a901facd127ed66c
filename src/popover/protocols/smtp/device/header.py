"""The block of header lines of one mail, on its way to the server: held until it is whole, and mended then.

What comes in is a mail as DATA has it, dots doubled, the end's dot too (RFC 5321 section 4.5.2); the octets may be cut
anywhere. The text behind the block passes untouched.

    From          becomes the sender's, if there is one; what stood in it goes to Reply-To, unless there is one
    Date, Message-ID   are added where they are missing
    an empty line      is put between the block and a text that begins without one, as servers do

No mail is refused for its header: a block of more than `HEADER_LIMIT` octets passes on after that many. What was found
by then is mended, and nothing is added, for it may still come. A server that is not content says so itself.
"""

from __future__ import annotations

import re

from popover.protocols.smtp.device.fields import Stamp, from_sender, name_of

HEADER_LIMIT = 64 * 1024
"""Octets of a block that are held. Scanners' have 1 KiB; Postfix takes 100 KiB (header_size_limit), Exchange 128."""

_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_BLANK = (b"\n", b"\r\n")
_END = b".\r\n"  # of the mail; no other line is a lone dot
_MBOX = (b"From ", b">From ")  # the first line of a file that a mail was taken from


class Head:
    """One mail's, which ends the block by its dot at the latest. `sender`: whom it is from; empty: as it says. `stamp`:
    what it gets if it has none.
    """

    def __init__(self, sender: bytes, stamp: Stamp) -> None:
        self.is_over = False
        self._sender = sender
        self._stamp = stamp
        self._fields: list[bytes] = []  # whole lines; those that are folded in one piece
        self._rest = b""  # a line that is not whole
        self._held = 0

    def feed(self, piece: bytes | memoryview) -> bytes | memoryview:
        """Take a piece of the mail; give what goes on."""
        if self.is_over:
            return piece
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self._held += len(piece)
        for at, line in enumerate(lines):
            whole = line + b"\n"
            if not self._takes(whole):
                behind = b"\n".join([*lines[at:], self._rest])
                return self._mended(is_whole=True, between=self._between(whole)) + behind
        if self._held > HEADER_LIMIT:
            rest, self._rest = self._rest, b""
            return self._mended(is_whole=False) + rest
        return b""

    def _takes(self, line: bytes) -> bool:
        """Hold one line; False: it is behind the block."""
        if line[:1] in (b" ", b"\t") and self._fields and line.strip():
            self._fields[-1] += line
        elif _FIELD.match(line) or (not self._fields and line.startswith(_MBOX)):
            self._fields.append(line)
        else:
            return False
        return True

    def _between(self, line: bytes) -> bytes:
        """Give the empty line that is missing before the first one of the text."""
        return b"" if line in _BLANK or line == _END else self._line_end

    @property
    def _line_end(self) -> bytes:
        return b"\n" if self._fields and not self._fields[0].endswith(b"\r\n") else b"\r\n"

    def _mended(self, *, is_whole: bool, between: bytes = b"") -> bytes:
        self.is_over = True
        fields, end, self._fields = self._fields, self._line_end, []
        names = [name_of(field) for field in fields]
        open_one = [] if is_whole or not fields else [fields.pop()]  # it may be folded, and go on
        out: list[bytes] = []
        replies, is_made = b"", False
        for name, field in zip(names, fields, strict=False):
            if name != b"from" or not self._sender:
                out.append(field)
            elif not is_made:  # there is one sender, and one From (section 3.6)
                made, replies = from_sender(field, self._sender)
                out.append(made)
                is_made = True
        added = self._added(set(names), replies) if is_whole else []
        return b"".join([*out, *(line + end for line in added), *open_one, between])

    def _added(self, names: set[bytes], replies: bytes) -> list[bytes]:
        """What is missing in a whole block, without line ends."""
        lines = [b"Reply-To:" + replies] if replies and b"reply-to" not in names else []
        if self._sender and b"from" not in names:
            lines.append(b"From: " + self._sender)
        if b"date" not in names:
            lines.append(b"Date: " + self._stamp.date)
        if b"message-id" not in names:
            lines.append(b"Message-ID: " + self._stamp.message_id)
        return lines
