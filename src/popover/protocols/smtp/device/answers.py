"""What we say to a device by ourselves (codes of RFC 5321 section 4.2.3 and RFC 3463)."""

from __future__ import annotations

from popover.protocols.dialect import sentence

GREETING = b"220 popover ESMTP, for devices\r\n"
HELO = b"250 popover\r\n"
OK = b"250 2.0.0 ok\r\n"
BYE = b"221 2.0.0 Bye\r\n"
GO_ON = b"354 End data with <CR><LF>.<CR><LF>\r\n"
SENDER_OK = b"250 2.1.0 ok\r\n"
RECIPIENT_OK = b"250 2.1.5 ok\r\n"
CHUNK_OK = b"250 2.0.0 octets received\r\n"
NO_VRFY = b"252 2.5.2 send some mail, and see\r\n"
HELP = b"214 2.0.0 this gateway sends the mail of devices: HELO, MAIL, RCPT, DATA, RSET, NOOP, QUIT\r\n"
UNKNOWN = b"502 5.5.1 no such command here\r\n"
NO_ADDRESS = b"501 5.5.4 there is no mail address in it\r\n"
TWO_MAILS = b"503 5.5.1 one mail after the other: MAIL was said before\r\n"
IN_MAIL = b"503 5.5.1 the mail itself is under way: BDAT goes on, or RSET\r\n"
NO_MAIL = b"503 5.5.1 MAIL comes first\r\n"
NO_RECIPIENT = b"503 5.5.1 RCPT comes first\r\n"
NO_CHUNK = b"501 5.5.4 BDAT and a number\r\n"
NOT_THERE = b"550 5.7.1 devices may not write to this address (recipients, in the gateway's configuration)\r\n"
TOO_MANY = b"452 4.5.3 too many recipients for one mail of a device (max_recipients)\r\n"
TOO_LARGE = b"552 5.3.4 the mail server takes no mail that large\r\n"
NO_ROOM = b"452 4.3.1 the gateway cannot keep the mail: its disk is full, or out of order\r\n"
CUT = b"451 4.4.2 the connection to the mail server was lost, please send it again\r\n"
NO_LOGIN = b"502 5.5.1 no login is wanted here: turn SMTP authentication off\r\n"
OF_LOGIN = {
    True: b"235 2.7.0 you are logged in\r\n",
    False: b"535 5.7.8 wrong user name or password of the gateway's account\r\n",
    None: b"454 4.7.0 nobody can say now whether the login is right\r\n",
}
KNOWN_LOGIN = b"503 5.5.1 you are logged in\r\n"
READY_FOR_TLS = b"220 2.0.0 Ready to start TLS\r\n"
NO_TLS = b"502 5.5.1 no TLS on this port, go on without\r\n"
IN_TLS = b"503 5.5.1 TLS is spoken already\r\n"
NO_ARGUMENT = b"501 5.5.4 STARTTLS stands alone\r\n"
TLS_FIRST = b"530 5.7.0 Must issue a STARTTLS command first\r\n"


def kept(host: str) -> bytes:
    """A mail lies on our disk, and nothing will lose it."""
    return f"250 2.0.0 {sentence(f'kept here, and sent as soon as {host} takes it')}\r\n".encode()


def farewell(cause: str) -> bytes:
    """We cannot do anything for it now."""
    return f"421 4.3.2 {sentence(cause)}\r\n".encode()
