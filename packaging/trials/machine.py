"""A small Debian of its own, with systemd running in it: what a package is installed on.

Made by packaging/root once and kept below build/roots; each machine is a fresh copy. It has namespaces of its own: no
process, mount, network or user of the machine that runs this is touched by it. Root is needed for that.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
ROOTS = ROOT / "build" / "roots"

PATIENCE = 240.0
"""Seconds for a machine to boot, or to run one command. It takes three on a quiet PC, and CI may be anything but."""

_WITH = {
    "bookworm": "systemd-sysv,ca-certificates,curl,openssl,passwd,python3",
    "trixie": "systemd-sysv,ca-certificates,curl,openssl,passwd,python3,"
    "python3-attr,python3-cattr,python3-aiohappyeyeballs",
}
"""What the package asks for: it is installed without a network."""

# In a cgroup namespace of its own, systemd takes the unified hierarchy for its own, whatever the machine outside uses.
_BOOT = """
set -e
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for directory in dev run tmp; do mount -t tmpfs -o mode=755 tmpfs $directory; done
chmod 1777 tmp
for device in null zero full random urandom tty; do : >dev/$device; mount --bind /dev/$device dev/$device; done
mkdir dev/shm dev/pts
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ip link set lo up
exec chroot . /usr/bin/env -i container=trial PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --system
"""


def tarball(suite: str) -> Path:
    """The root of a suite, made if it is not there yet."""
    path = ROOTS / f"{suite}.tar"
    ROOTS.mkdir(parents=True, exist_ok=True)
    with (ROOTS / f"{suite}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pytest -n 2 asks twice
        if not path.exists():
            subprocess.run((ROOT / "packaging" / "root", suite, path, _WITH[suite]), check=True)
    return path


class Machine:
    """Runs from `__enter__` to `__exit__`."""

    def __init__(self, suite: str, directory: Path) -> None:
        self.root = directory / "root"
        self.root.mkdir()
        subprocess.run(("tar", "-C", self.root, "-xf", tarball(suite), "--exclude=./dev/*"), check=True)
        (self.root / "etc" / "hostname").write_text("trial\n")
        (self.root / "etc" / "hosts").write_text("127.0.0.1 localhost trial\n::1 localhost\n")
        self._log = (directory / "console").open("wb")
        spaces = ("--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--cgroup", "--kill-child")
        self._outer = subprocess.Popen(
            ("unshare", *spaces, "sh", "-c", _BOOT, "sh", self.root),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        self._pid = 0

    def __enter__(self) -> Self:
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children")
        self.wait_until(lambda: children.read_text().strip(), "its first process")
        self._pid = int(children.read_text())
        self.wait_until(lambda: self.said("systemctl", "is-system-running") in ("running", "degraded"), "booted")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)  # and with it every process of its namespace
        self._outer.wait(PATIENCE)
        self._log.close()
        shutil.rmtree(self.root)

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as root."""
        inside = (
            "nsenter",
            f"--target={self._pid}",
            "--mount",
            "--pid",
            "--uts",
            "--ipc",
            "--net",
            "--cgroup",
            "--root",
        )
        environment = (
            "env",
            "-i",
            "--chdir=/",
            "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "LC_ALL=C.UTF-8",
        )
        return subprocess.run(
            (*inside, *environment, "DEBIAN_FRONTEND=noninteractive", *command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def said(self, *command: str) -> str:
        """What a command says, whatever its exit code."""
        return self.call(*command).stdout.strip()

    def run(self, *command: str) -> str:
        """Run a command that must succeed."""
        ended = self.call(*command)
        log = self.said("journalctl", "-q", "-u", "popover", "-n20") if ended.returncode else ""
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}\n{log}"
        return ended.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Make a file in it."""
        (self.root / path.lstrip("/")).write_text(text)

    def read(self, path: str) -> str:
        """Read a file of its disk."""
        return (self.root / path.lstrip("/")).read_text()

    def wait_until(self, true: object, what: str) -> None:
        """Look until `true()` is."""
        deadline = time.monotonic() + PATIENCE
        while not true():  # type: ignore[operator]
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE} s"
            time.sleep(0.1)

    def files(self) -> set[str]:
        """All that is on its disk and under /run, but for what changes by itself."""
        skipped = ("/var/lib/dpkg", "/var/log", "/var/cache", "/var/lib/apt", "/var/lib/systemd", "/run/systemd")
        found = self.run("find", "/", "-xdev").splitlines()
        return {path for path in found if not path.startswith(skipped)}
