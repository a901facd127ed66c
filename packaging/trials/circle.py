"""A letter goes round through popover.pyz with a Python that is not this machine's: by SMTP to the demo's server, which
runs with this machine's own, and back by POP3.
"""

import os
import poplib
import re
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine import PATIENCE, ROOT

PYZ = ROOT / "dist" / "popover.pyz"


@contextmanager
def running(command: tuple[str, ...], until: str, directory: Path) -> Iterator[str]:
    """Runs a command; what it has said up to a line that has `until` in it."""
    said = directory / f"said-{time.monotonic_ns()}"
    env = os.environ | {"STATE_DIRECTORY": str(directory)}  # not where one of this machine's own remembers
    with said.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, cwd=directory, env=env) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while until not in said.read_text():
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < deadline, said.read_text()
                time.sleep(0.05)
            yield said.read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)


def letter_goes_round(python: tuple[str, ...], name: str, directory: Path) -> None:
    """`python`: what starts that Python; `name` stands in the letter."""
    assert PYZ.exists(), "make pyz comes first"
    with running((sys.executable, str(PYZ), "demo", "--listen", "127.0.0.1"), "Ctrl-C", directory) as demo:
        servers = re.findall(r"-> ((?:pop3s|smtps)://\S+)", demo)
        authority = max(Path("/tmp").glob("popover-demo-*/demo-ca.pem"), key=os.path.getmtime)
        words = [f"127.0.0.1:0={server}" for server in servers]
        gateway = (*python, str(PYZ), "run", "--ca-file", str(authority), *words)
        with running(gateway, servers[-1], directory) as said:
            pop3, smtp = (int(port) for port in re.findall(r"listening 127\.0\.0\.1:(\d+)", said))
            letter = f"Subject: from {name}\r\n\r\n.dots\r\n..and more\r\n"
            with smtplib.SMTP("127.0.0.1", smtp, timeout=PATIENCE) as client:
                client.login("demo", "popover")
                client.sendmail("demo@example.com", "demo@example.com", letter)
            for _ in range(2):  # the second time, a connection stands ready, and what it knows is asked ahead
                mailbox = poplib.POP3("127.0.0.1", pop3, timeout=PATIENCE)
                mailbox.user("demo")
                mailbox.pass_("popover")
                count, _ = mailbox.stat()
                lines = mailbox.retr(count)[1]
                assert b"\r\n".join(lines).endswith(b"\r\n\r\n.dots\r\n..and more")
                mailbox.quit()
