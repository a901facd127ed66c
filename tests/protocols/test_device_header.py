"""The header of a device's mail: held until it is whole, mended, and the rest untouched."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import every_cut, pieces
from model_device import NOW
from popover.protocols.smtp.device.fields import Stamp, from_sender, stamp
from popover.protocols.smtp.device.header import HEADER_LIMIT, Head

STAMP = Stamp(b"Sat, 28 Nov 2026 09:05:07 +0100", b"<1.a@example.com>")
SENDER = b"scans@example.com"
ADDED = b"Date: " + STAMP.date + b"\r\nMessage-ID: " + STAMP.message_id + b"\r\n"
FROM = b"From: scans@example.com\r\n"


def mended(mail: list[bytes] | bytes, sender: bytes = SENDER) -> bytes:
    head = Head(sender, STAMP)
    parts = [mail] if isinstance(mail, bytes) else mail
    return b"".join(bytes(head.feed(memoryview(part))) for part in parts)


# What comes and what leaves, with LF in the place of CRLF; <ADDED>: what is added to a mail that has nothing.
MAILS = {
    "all that a mail needs": (
        b"From: P <p@o.example>\nDate: x\nMessage-ID: y\n\ntext\n.\n",
        b"From: P <scans@example.com>\nDate: x\nMessage-ID: y\nReply-To: P <p@o.example>\n\ntext\n.\n",
    ),
    "nothing of that": (b"Subject: a\n\ntext\n.\n", b"Subject: a\n<ADDED>\ntext\n.\n"),
    "no header": (b"text without any\n.\n", b"<ADDED>\ntext without any\n.\n"),
    "no empty line": (b"Subject: a\ntext right below\n.\n", b"Subject: a\n<ADDED>\ntext right below\n.\n"),
    "an empty line only": (b"\ntext\n.\n", b"<ADDED>\ntext\n.\n"),
    "nothing": (b".\n", b"<ADDED>.\n"),
    "no text": (b"Subject: all there is\n.\n", b"Subject: all there is\n<ADDED>.\n"),
    "dots": (b"..dotted: x\n\n..a\n.\n", b"..dotted: x\n<ADDED>\n..a\n.\n"),
    "out of a mailbox": (b"From joe Sat\nSubject: a\n\n.\n", b"From joe Sat\nSubject: a\n<ADDED>\n.\n"),
    "folded, in odd case, raw": (
        b'FROM : "B\xc3\xbcro"\n\t<a@b.example>\nreply-to: c@d\ndate:x\nmessage-id:y\n\n\xff\n.\n',
        b'FROM : "B\xc3\xbcro" <scans@example.com>\nreply-to: c@d\ndate:x\nmessage-id:y\n\n\xff\n.\n',
    ),
    "two senders": (
        b"From: a@b.example\nFrom: c@d.example\nDate: x\nMessage-ID: y\n\n.\n",
        b"From: scans@example.com\nDate: x\nMessage-ID: y\nReply-To: a@b.example\n\n.\n",
    ),
}


@pytest.mark.parametrize("name", MAILS)
def test_a_header_is_mended_wherever_it_is_cut(name: str) -> None:
    mail, wanted = (octets.replace(b"\n", b"\r\n").replace(b"<ADDED>", FROM + ADDED) for octets in MAILS[name])
    for parts in every_cut(mail):
        assert mended(parts) == wanted


def test_what_is_added_has_the_line_ends_of_the_mail() -> None:
    wanted = (b"Subject: a\r\n" + FROM + ADDED + b"\r\n").replace(b"\r\n", b"\n") + b"text\n.\r\n"
    assert mended(b"Subject: a\n\ntext\n.\r\n") == wanted


@pytest.mark.parametrize(
    ("said", "made", "replies"),
    [
        (b"From: a@b.example\r\n", b"From: scans@example.com\r\n", b" a@b.example"),
        (b"From:a@b.example\n", b"From: scans@example.com\n", b"a@b.example"),
        (b"From: <a@b.example>\r\n", b"From: scans@example.com\r\n", b" <a@b.example>"),
        (b"From: printer@lan\r\n", b"From: scans@example.com\r\n", b""),
        (b"From: printer@192.168.1.4\r\n", b"From: scans@example.com\r\n", b""),
        (b"From: scanner\r\n", b"From: scans@example.com\r\n", b""),
        (b"From:\r\n", b"From: scans@example.com\r\n", b""),
        (b"From: Xerox <>\r\n", b"From: Xerox <scans@example.com>\r\n", b""),
        (b"From: Me <SCANS@example.com>\r\n", b"From: Me <SCANS@example.com>\r\n", b""),
        (b"From: scans@EXAMPLE.com\r\n", b"From: scans@EXAMPLE.com\r\n", b""),
        (b"From: a@b.example, C <c@d.example>\r\n", b"From: scans@example.com\r\n", b" a@b.example, C <c@d.example>"),
        (b'From: "Doe, J." <j@d.example>\r\n', b'From: "Doe, J." <scans@example.com>\r\n', b' "Doe, J." <j@d.example>'),
        (b'From: "half <j@d.example>\r\n', b"From: scans@example.com\r\n", b' "half <j@d.example>'),
        (b"From: =?utf-8?q?B=C3=BCro?= <j@d.example>\r\n", b"From: =?utf-8?q?B=C3=BCro?= <scans@example.com>\r\n",
         b" =?utf-8?q?B=C3=BCro?= <j@d.example>"),
        (b"From: j@d.example (upstairs)\r\n", b"From: scans@example.com\r\n", b" j@d.example (upstairs)"),
    ],
)  # fmt: skip
def test_the_senders_address_takes_the_place_of_what_stood_there(said: bytes, made: bytes, replies: bytes) -> None:
    assert from_sender(said, SENDER) == (made, replies)


def test_a_name_longer_than_a_line_is_dropped_before_anybody_looks_for_its_quotes() -> None:
    """Of quotes that are never closed 64 KiB took eight seconds."""
    name = b'"' + b'\\"' * 32_000
    made, replies = from_sender(b"From: " + name + b" <j@d.example>\r\n", SENDER)
    assert made == b"From: scans@example.com\r\n"
    assert replies == b" " + name + b" <j@d.example>"
    closed = b'"' + b"n" * 1_000 + b'"'
    assert from_sender(b"From: " + closed + b" <j@d.example>\r\n", SENDER)[0] == b"From: scans@example.com\r\n"


def test_without_a_sender_from_stays_and_only_date_and_message_id_are_added() -> None:
    mail = b"From: a@b.example\r\n\r\ntext\r\n.\r\n"
    assert mended(mail, b"") == b"From: a@b.example\r\n" + ADDED + b"\r\ntext\r\n.\r\n"
    assert mended(b"text\r\n.\r\n", b"") == ADDED + b"\r\ntext\r\n.\r\n"


@pytest.mark.parametrize("step", [1000, 65536, 10**6])
def test_a_header_beyond_the_limit_passes_and_gets_nothing_added(step: int) -> None:
    late = b"X-Late: yes\r\n\r\ntext\r\n.\r\n"
    mail = b"From: a@b.example\r\n" + b"X-Pad: %s\r\n" % (b"x" * 990) * 70 + late
    wanted = mail.replace(b"From: a@b.example", b"From: scans@example.com")
    assert len(mail) > HEADER_LIMIT
    got = mended([mail[at : at + step] for at in range(0, len(mail), step)])
    if step < HEADER_LIMIT:
        assert got == wanted
    else:  # it came whole: then all of it is known
        assert got.startswith(wanted[: -len(b"\r\ntext\r\n.\r\n")])


def test_a_field_that_may_go_on_behind_the_limit_stays_as_it_is() -> None:
    pad = b"X-Pad: %s\r\n" % (b"x" * HEADER_LIMIT)
    parts = [pad[:-2], b"\r\nFrom: a@b.example\r\n", b" (upstairs)\r\n\r\n.\r\n"]
    assert mended([pad + parts[1][2:], parts[2]]) == pad + b"From: a@b.example\r\n (upstairs)\r\n\r\n.\r\n"


def test_no_more_than_the_limit_is_held_of_a_line_without_an_end() -> None:
    head = Head(SENDER, STAMP)
    held = 0
    for _ in range(1000):
        held += 1000 - len(head.feed(b"x" * 1000))
        assert held <= HEADER_LIMIT + 1000
    assert head.is_over


@given(st.binary(max_size=300), st.data())
def test_however_it_is_cut_it_comes_out_the_same(text: bytes, data: st.DataObject) -> None:
    mail = text + b"\r\n.\r\n"
    assert mended(data.draw(pieces(mail))) == mended(mail)


@given(st.binary(max_size=300))
def test_the_octets_of_the_text_are_untouched(text: bytes) -> None:
    assert mended(b"Subject: a\r\n\r\n" + text).endswith(b"\r\n\r\n" + text)


def test_a_stamp_is_of_this_moment_and_unique() -> None:
    one, two = (stamp(lambda: NOW, "example.com") for _ in range(2))
    assert one.date == STAMP.date
    assert re.fullmatch(rb"<1795853107\.[0-9a-f]{16}@example\.com>", one.message_id)
    assert one.message_id != two.message_id
