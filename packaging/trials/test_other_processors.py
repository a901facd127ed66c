"""popover.pyz with the Python of other processors, played by qemu: whether it is right there, not how fast it is.

Debian's own Python for each of them is unpacked, not installed; the mail server before which it stands is the demo's,
of this machine.
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
from functools import cache
from pathlib import Path

import pytest

from machine import PATIENCE, ROOT, ROOTS

PYZ = ROOT / "dist" / "popover.pyz"

# Debian's name -> qemu's: a Raspberry Pi of 64 and of 32 bits, one of the first, and a router (OpenWrt's ramips).
PROCESSORS = {"arm64": "aarch64", "armhf": "arm", "armel": "arm", "mipsel": "mipsel"}
SUITE = "bookworm"  # the last that has all of them


@cache
def qemu() -> Path:
    """Where qemu-user lies, unpacked below build/."""
    place = ROOTS / "qemu"
    if not place.exists():
        place.mkdir(parents=True)
        subprocess.run(("apt-get", "-qq", "download", "qemu-user-static"), cwd=place, check=True)
        subprocess.run(("dpkg", "-x", *place.glob("*.deb"), place), check=True)
    return place / "usr" / "bin"


@cache
def mirror() -> str:
    """Where this machine has its packages from: the release itself will do here, without later mends."""
    listing = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    return subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()[0]


@cache
def python_of(processor: str) -> tuple[str, ...]:
    """What starts that processor's Python."""
    root = ROOTS / f"{SUITE}-{processor}"
    if not root.exists():
        packages = "--include=python3,openssl,ca-certificates"
        draft = root.with_suffix(".new")
        kind = ("--variant=extract", "--mode=root", f"--arch={processor}", packages)
        ROOTS.mkdir(parents=True, exist_ok=True)
        subprocess.run(("mmdebstrap", "--quiet", *kind, SUITE, draft, f"deb {mirror()} {SUITE} main"), check=True)
        draft.rename(root)
    program = qemu() / f"qemu-{PROCESSORS[processor]}-static"
    return (str(program), "-L", str(root), str(root / "usr" / "bin" / "python3"))


@contextmanager
def running(command: tuple[str, ...], until: str, directory: Path) -> Iterator[str]:
    """Runs a command; what it has said up to a line that has `until` in it."""
    said = directory / f"said-{time.monotonic_ns()}"
    with said.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, cwd=directory) as process:
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


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_letter_goes_round(processor: str, tmp_path: Path) -> None:
    """By SMTP to the demo's server and back by POP3, through a gateway on that processor."""
    assert PYZ.exists(), "make pyz comes first"
    python = python_of(processor)
    with running((sys.executable, str(PYZ), "demo", "--listen", "127.0.0.1"), "Ctrl-C", tmp_path) as demo:
        servers = re.findall(r"-> ((?:pop3s|smtps)://\S+)", demo)
        authority = max(Path("/tmp").glob("popover-demo-*/demo-ca.pem"), key=os.path.getmtime)
        words = [f"127.0.0.1:0={server}" for server in servers]
        gateway = (*python, str(PYZ), "run", "--ca-file", str(authority), *words)
        with running(gateway, servers[-1], tmp_path) as said:
            pop3, smtp = (int(port) for port in re.findall(r"listening 127\.0\.0\.1:(\d+)", said))
            letter = f"Subject: from {processor}\r\n\r\n.dots\r\n..and more\r\n"
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
