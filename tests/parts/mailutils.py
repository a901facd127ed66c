"""GNU Mailutils' pop3d, told to delete at QUIT what was read: its CAPA says so in a word of its own, `EXPIRE0`."""

from pathlib import Path

from parts.inetd import InMaildir, InMbox

_PROGRAM = "/usr/sbin/pop3d"
_CONFIG = "expire 0;\ndelete-expired yes;\n"


class Mailutils(InMbox):
    """With mail in /var/mail."""

    def command(self, directory: Path) -> list[str | Path]:
        """As Debian's inetd runs it."""
        return _command(directory, "")


class MailutilsMaildir(InMaildir):
    """With mail in ~/Maildir."""

    def command(self, directory: Path) -> list[str | Path]:
        """As Debian's inetd runs it."""
        home = self.residents.home("${user}")
        return _command(directory, f'mailbox {{ mailbox-pattern "maildir:{home}/Maildir"; }};\n')


def _command(directory: Path, mailbox: str) -> list[str | Path]:
    config = directory / "mailutils.conf"
    config.write_text(_CONFIG + mailbox)
    return [_PROGRAM, "--inetd", f"--config-file={config}"]
