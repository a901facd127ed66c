"""SMTP as devices speak it (scanners, printers, NAS, alarms): no login inside, ours outside, mails made presentable.

A device is no mail program: it says one thing after the other, waits for each answer, and shows whoever stands before
it a line at most. So this room is no pair of ears between two that talk, but a talk of its own with either side, in the
order of RFC 5321; a device has no server of its own that it could be compared with.

talk.py         a device's session, command by command
hello.py        what it is told after EHLO; who it may say it is
letter.py       one mail under way: who gets it, who has taken it, what is kept of it
address.py      MAIL FROM and RCPT TO: an address and what stands behind it
carriage.py     the octets of a mail, from the device to the server and to a draft
header.py       the block of header lines, held until it is whole
fields.py       From, Reply-To, Date, Message-ID
chunks.py       a mail that comes by BDAT; stuffing.py: as DATA has it
line.py         a server: asked, and heard
sending.py      a mail that was kept, to a server
answers.py      what we say by ourselves
"""

from __future__ import annotations

from popover.protocols.smtp.device.sending import send as deliver
from popover.protocols.smtp.device.talk import Attendant as attend  # noqa: N813 - a function of the seam

__all__ = ["attend", "deliver"]
