"""Screen recordings as text for the README and a page of docs/: commands that are really run, and what they really say.

Each stands between two markers, whose name is that of a scene:

    <!-- recorded by scripts/record: check-expired -->
    ...
    <!-- end of recording -->

The scenes play in a network of their own (`fakes.world`), where `pop.example.com` is a server of ours.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from fakes.capable import capable
from fakes.server import FakeServer
from fakes.tls import server_context
from fakes.world import World
from parts.certificates import Authority
from parts.private import search_path
from recording_outlook import outlook, outlook_short

README = Path(__file__).parents[1] / "README.md"
PAGES = (README, README.parent / "docs" / "oauth2" / "microsoft.md")
COLUMNS = 100
NAME, ADDRESS = "pop.example.com", "192.0.2.10"

_BLOCK = re.compile(
    r"(<!-- recorded by scripts/record: (?P<scene>[a-z-]+) -->\n).*?(<!-- end of recording -->)", re.DOTALL
)
_PROGRESS = re.compile(r"\.\.\.   [^\n\r]*\r|\r|\x1b\[K")


def record(scene: str) -> str:
    """Play a scene; what was on the screen."""
    with tempfile.TemporaryDirectory() as directory:
        return SCENES[scene](Path(directory))


def check_expired(directory: Path) -> str:
    """A server whose certificate ran out."""
    return _check(directory, expired=True)


def check_good(directory: Path) -> str:
    """A server as it should be."""
    return _check(directory, expired=False)


def demo_once(_directory: Path) -> str:
    """The smoke test of an installation."""
    return _on_screen("popover demo --once", [])


def _check(directory: Path, *, expired: bool) -> str:
    with ExitStack() as stack:
        world = stack.enter_context(World(directory / "world", f"{ADDRESS} {NAME}"))
        world.blackhole(f"{ADDRESS}/24")
        authority = Authority(directory / "authority")
        context = server_context(authority.issue(NAME, expired=expired))
        context.set_alpn_protocols(["pop3"])
        stack.enter_context(FakeServer(capable, context, listener=world.listen(ADDRESS, 995)))
        # The authority is what this machine trusts; only the name of the file is not the usual one.
        env = {"SSL_CERT_FILE": str(authority.ca_file)}
        seen = _on_screen(f"popover check {NAME}", world.prefix, env)
    return seen.replace(str(authority.ca_file), "/etc/ssl/certs/ca-certificates.crt")


def _on_screen(words: str, prefix: Sequence[str], env: dict[str, str] | None = None) -> str:
    """Run `popover ...` on a terminal of `COLUMNS` columns; the prompt, the command, and what came."""
    program, *arguments = words.split()
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    command = [*prefix, sys.executable, "-m", program, *arguments]
    environ = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    environ |= {"TERM": "xterm", "NO_COLOR": "1"} | (env or {})
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal, env=environ):
        os.close(terminal)
        seen = b""
        try:
            while piece := os.read(screen, 4096):
                seen += piece
        except OSError:  # EIO: the program has ended (pty(7))
            pass
        finally:
            os.close(screen)
    return f"$ {words}\n" + re.sub("\n{3,}", "\n\n", _PROGRESS.sub("", seen.decode()))


SCENES: dict[str, Callable[[Path], str]] = {
    "check-expired": check_expired,
    "check-good": check_good,
    "demo-once": demo_once,
    "outlook": outlook,
    "outlook-short": outlook_short,
}


def scenes_in(text: str) -> list[str]:
    """The scenes that a text shows, in its order."""
    return [found["scene"] for found in _BLOCK.finditer(text)]


def with_recordings(text: str) -> str:
    """The text with each recording made anew."""

    def play(found: re.Match[str]) -> str:
        return f"{found[1]}```\n{record(found['scene'])}```\n{found[3]}"

    return _BLOCK.sub(play, text)


def settled(text: str) -> str:
    """The text without what is another at each run and on each machine: times, days, ports, versions, wrapping."""
    text = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d UTC)?", "DAY", text)
    text = re.sub(r"OpenSSL .*?(?= What to| All is well|\n\n)", "OPENSSL", re.sub(r"\n {18}", " ", text))
    text = re.sub(r"DAYT[\d:.]+Z", "TIME", text)
    text = re.sub(r"(?<=devicelogin\n    )\w+", "CODE", text)
    text = re.sub(r"(?<=good until )\d\d:\d\d", "TIME", text)
    text = re.sub(r"\d+ in, \d+ out, [\d.]+ s", "SO MUCH", text)
    text = re.sub(r"\b\d+ ms\b", "MS", text)
    text = re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:PORT", text)
    return re.sub(r"\s+", " ", text)


def main() -> None:
    """Record all scenes of all pages anew, or those of the pages that are named."""
    os.environ["PATH"] = search_path(os.environ["PATH"])
    for page in map(Path, sys.argv[1:] or PAGES):
        page.write_text(with_recordings(page.read_text()))
