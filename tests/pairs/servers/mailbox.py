"""Mails as they stand on the wire, dots stuffed, line ends as the server has them."""

MAILS: tuple[bytes, ...] = (
    b"Subject: one\r\n\r\nbody one\r\n",
    b"Subject: two\r\n\r\n..a dot\r\n...\r\n+OK no status\r\n-ERR neither\r\n.. \r\n\r\n",
    b"Subject: three\r\nX: y\r\n\r\n" + b"0123456789abcdef\r\n" * 160,
    b"Subject: four\r\n\r\n",
    b"Subject: five\r\n\r\nthe last\r\n",
)

Mail = tuple[str, bytes]


def numbered(mails: tuple[bytes, ...]) -> list[Mail]:
    """Give each mail the name that UIDL tells."""
    return [(f"u{number:05}", mail) for number, mail in enumerate(mails, 1)]
