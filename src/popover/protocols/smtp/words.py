"""What is said of TLS, by the ears and at the desk; whole lines (RFC 3207 section 4)."""

from __future__ import annotations

TLS_FIRST = b"530 5.7.0 Must issue a STARTTLS command first\r\n"
READY = b"220 2.0.0 Ready to start TLS\r\n"
NO_TLS = b"502 5.5.1 no TLS on this port, go on without\r\n"
IN_TLS = b"503 5.5.1 TLS is spoken already\r\n"
TOO_LATE = b"503 5.5.1 STARTTLS comes before a login and before a mail\r\n"
NO_ARGUMENT = b"501 5.5.4 STARTTLS stands alone\r\n"
