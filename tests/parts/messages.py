"""Messages to fetch and to send, each with one thing that a careless gateway would spoil.

All are whole CRLF lines, and free of NUL, which several clients take for the end of a line.
"""

HEADER = (
    b"From: Alice <alice@example.test>\r\n"
    b"To: bob@example.test\r\n"
    b"Subject: a test\r\n"
    b"Date: Mon, 23 Nov 2026 01:00:00 +0000\r\n"
    b"Message-ID: <1@example.test>\r\n"
    b"\r\n"
)

PLAIN = HEADER + b"Hello Bob,\r\nhow are you?\r\n"
DOTS = HEADER + b".\r\n..\r\n.dot\r\n. \r\n...\r\n" + b"." * 500 + b"\r\nend.\r\n.\r\n"
EIGHT_BIT = HEADER + "Grüße, 漢字\r\n".encode() + bytes(range(0x80, 0x100)) + b"\r\n"
# Every byte but NUL; CR and LF only together.
BINARY = HEADER + b"".join(bytes([byte, 0x0D, 0x0A]) for byte in range(1, 256) if byte not in b"\r\n")
LONG_LINES = HEADER + b"a" * 998 + b"\r\n" + b"b" * 5000 + b"\r\n"
HUGE_LINE = HEADER + b"c" * 200_000 + b"\r\n"
BLANK_LINES = HEADER + b"\r\n" * 50
NO_BODY = HEADER

SAMPLES = {
    "plain": PLAIN,
    "dots": DOTS,
    "8-bit": EIGHT_BIT,
    "binary": BINARY,
    "long lines": LONG_LINES,
    "huge line": HUGE_LINE,
    "blank lines": BLANK_LINES,
    "no body": NO_BODY,
}


def of_size(octets: int) -> bytes:
    """A message of numbered lines, of this many octets, that shows where a piece is lost or doubled."""
    lines = b"".join(b"%09d %s\r\n" % (number, b"x" * 66) for number in range(octets // 78 + 1))
    return (HEADER + lines)[: octets - 2] + b"\r\n"
