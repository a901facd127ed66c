"""Solid POP3: it knows no CAPA and hangs up after five commands that it does not know."""

from pathlib import Path

from parts.inetd import InMbox

_CONFIG = """
<Global>
    MailDropName "/var/mail/%s"
    MailDropType mailbox
    LogStatistics no
</Global>
"""


class Solid(InMbox):
    """With mail in /var/mail."""

    def command(self, directory: Path) -> list[str | Path]:
        """As Debian's inetd runs it."""
        config = directory / "spop3d.conf"
        config.write_text(_CONFIG)
        return ["/usr/sbin/solid-pop3d", "-f", config]
