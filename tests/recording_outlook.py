"""From nothing to reading Outlook.com mail in Eudora, by three commands, on a screen.

Outlook.com is the tests' own provider and mail servers, under its names (parts/outlook.py); of Eudora there is what it
says to a POP3 server.
"""

import fcntl
import functools
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable
from pathlib import Path

from parts.certificates import Authority
from parts.outlook import CLIENT_ID, PAGE, USER, Outlook

COLUMNS = 100
LETTER = b"From: Grandson <tim@outlook.com>\r\nSubject: hello\r\n\r\nIt works!\r\n"
PASSWORD = "rose garden"  # of the house
SETUP = f"popover setup aunt@outlook.com --account aunt --client-id {CLIENT_ID} --yes -c popover.toml"

Act = Callable[[str], str | None]
"""What is typed, or done, at the sight of the screen so far; None: the program may be ended."""


def outlook(_directory: Path) -> str:
    """All that was on the screen, but for what `setup` looks at, and what `run` says again."""
    seen = _cut(_seen(), "pop3s://outlook.office365.com:995   (listens", "--- /dev/null")
    before, mark, rest = seen.rpartition("What to type into the mail client; user")
    assert mark
    log = re.sub(r"(?s).*?(?=^\d{4}-)", "...\n", mark + rest, count=1, flags=re.MULTILINE)
    return before + log.replace(", TLSv1", ",\n  TLSv1")


def outlook_short(directory: Path) -> str:
    """What one has to know of it."""
    seen = _cut(outlook(directory), "Outlook.com (Microsoft), found", 'Local password of "aunt"')
    seen = _cut(seen, "...\n--- /dev/null", "What to type into the mail client, once")
    seen = _cut(seen, "  incoming mail (IMAP)", "  Eudora: ")
    seen = _cut(seen, "  Outlook Express: ", "$ popover account login")
    return _cut(seen, "listening 127.0.0.1:1143", "...\n").replace("...\n...\n", "...\n")


@functools.cache
def _seen() -> str:
    """All that was on the screen. Whoever is root is told not to be; nobody need be for this."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with Outlook(place / "outlook", Authority(place / "authority")) as stand_in:
            seen = _Evening(place / "home", stand_in).goes_by()
    return re.sub(r"\S+ running as root: .*\n", "", re.sub(r"\.\.\.   [^\n\r]*\r|\r|\x1b\[K", "", seen))


def _cut(text: str, begin: str, end: str) -> str:
    """The text with what stands between the two, and `begin` itself, left out."""
    before, mark, rest = text.partition(begin)
    assert mark, (begin, text)
    between, mark, after = rest.partition(end)
    assert mark, (end, between)
    return f"{before}...\n{end}{after}"


class _Evening:
    """Somebody at a terminal, the aunt at her telephone, and Eudora."""

    def __init__(self, home: Path, stand_in: Outlook) -> None:
        home.mkdir()
        self._home, self._outlook = home, stand_in
        self._env = stand_in.env | {"HOME": str(home), "STATE_DIRECTORY": str(home / "state"), "TERM": "xterm"}
        self._done: set[str] = set()

    def goes_by(self) -> str:
        """What was on the screen."""
        self._outlook.dovecot.wipe(USER)
        self._outlook.dovecot.deliver(USER, LETTER)
        seen = [
            self._on_screen(SETUP, self._passwords),
            self._on_screen("popover account login aunt", self._telephone),
            self._on_screen("popover run -c popover.toml", self._eudora),
        ]
        return "".join(seen)

    def _passwords(self, seen: str) -> str:
        for question in ('"aunt" (what the mail program will send): ', "Once more: "):
            if seen.endswith(question) and self._first_time(question):
                return f"{PASSWORD}\n"
        return ""

    def _telephone(self, seen: str) -> str:
        if (found := re.search(rf"{PAGE}\s+(\S+)\n", seen)) and self._first_time("code"):
            self._outlook.enter_code(found[1])
        return ""

    def _eudora(self, seen: str) -> str | None:
        """Looks for mail, once all is said that `run` says; until that stands in the log."""
        if "a scanner:" in seen and seen.endswith("\n") and self._first_time("mail"):
            with self._outlook.connect(("127.0.0.1", 1110)) as client:
                assert client.line().startswith(b"+OK")
                for command in (b"USER aunt", b"PASS " + PASSWORD.encode(), b"STAT"):
                    assert client.ask(command).startswith(b"+OK"), command
                client.send(b"RETR 1\r\n")
                letter = b""
                while not letter.endswith(b"\r\n.\r\n"):
                    letter += client.line()
                assert LETTER in letter
                client.ask(b"QUIT")
        return None if "client closed" in seen else ""

    def _first_time(self, what: str) -> bool:
        is_new = what not in self._done
        self._done.add(what)
        return is_new

    def _on_screen(self, words: str, act: Act) -> str:
        """Run `popover ...` on a terminal; the prompt, the command, and what came."""
        program, *arguments = words.split()
        screen, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        # Passwords are asked for at the terminal that a session has; and to enter a network leads to another directory.
        there = ["setsid", "--ctty", *self._outlook.prefix, "sh", "-c", 'cd "$0" && exec "$@"', str(self._home)]
        environ = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        with subprocess.Popen(
            [*there, sys.executable, "-m", program, *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=environ | {"NO_COLOR": "1"} | self._env,
        ) as process:
            os.close(terminal)
            seen = b""
            try:
                while piece := os.read(screen, 4096):
                    seen += piece
                    typed = act(seen.decode(errors="replace").replace("\r\n", "\n"))
                    if typed is None:
                        process.kill()
                    elif typed:
                        os.write(screen, typed.encode())
            except OSError:  # EIO: the program has ended (pty(7))
                pass
            finally:
                os.close(screen)
        shown = words.replace(" --yes", " \\\n      --yes")
        return f"$ {shown}\n{seen.decode()}"
