"""popa3d, the POP3 server of Openwall and once of OpenBSD: it knows no CAPA, and its answers have no words."""

from pathlib import Path

from parts.inetd import InMbox


class Popa3d(InMbox):
    """With mail in /var/mail."""

    def command(self, directory: Path) -> list[str | Path]:
        """As Debian's inetd runs it."""
        del directory
        return ["/usr/sbin/popa3d"]
