"""The container image: run by nobody, with none of root's rights, from a read-only root, as compose.yaml says."""

import json
import os
import poplib
import re
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from machine import PATIENCE, ROOT

IMAGE = ROOT / "dist" / "popover-image.tar"

# The settings are read-only too, and there is no /tmp but for the demo; the network is that of whoever runs this.
_RUN = """
set -e
root=$1 settings=$2 kept=$3
shift 3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
case " $* " in *" demo "*) mount -t tmpfs tmpfs "$root/tmp" ;; esac
mount --rbind /dev "$root/dev"
mount --bind "$settings" "$root/etc/popover"
mount -o remount,bind,ro "$root/etc/popover"
mount --bind "$kept" "$root/var/lib/popover"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all \\
    --inh-caps=-all -- "$@"
"""


class Image(NamedTuple):
    """Its root, unpacked, and what it says of itself."""

    root: Path
    says: dict[str, list[str]]
    user: str


class Container(NamedTuple):
    """A run of it."""

    runner: subprocess.Popen[bytes]
    output: Path

    @property
    def pid(self) -> int:
        """The container's first process."""
        return int(Path(f"/proc/{self.runner.pid}/task/{self.runner.pid}/children").read_text())

    def wait_for(self, words: str) -> re.Match[str]:
        """Wait until it says something, a regular expression."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(words, self.output.read_text())):
            assert self.runner.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, f"{words}: not within {PATIENCE} s"
            time.sleep(0.1)
        return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    assert IMAGE.exists(), "make image comes first"
    directory = tmp_path_factory.mktemp("image")
    blobs, root = directory / "blobs" / "sha256", directory / "root"
    with tarfile.open(IMAGE) as archive:
        archive.extractall(directory, filter="data")
    digest = json.loads((directory / "index.json").read_text())["manifests"][0]["digest"]
    manifest = json.loads((blobs / digest.removeprefix("sha256:")).read_text())
    root.mkdir()
    for layer in manifest["layers"]:
        subprocess.run(("tar", "-C", root, "-xzf", blobs / layer["digest"].removeprefix("sha256:")), check=True)
    says = json.loads((blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_text())["config"]
    yield Image(root, says, says["User"])
    shutil.rmtree(directory)


@contextmanager
def running(image: Image, directory: Path, *words: str) -> Iterator[Container]:
    (directory / "settings").mkdir(parents=True, exist_ok=True)
    (directory / "kept").mkdir(exist_ok=True)
    os.chown(directory / "kept", 65534, 65534)
    command = [*image.says["Entrypoint"], *(words or image.says["Cmd"])]
    spaces = ("unshare", "--mount", "--pid", "--fork", "--propagation=private")
    output = directory / "output"
    with output.open("wb") as file:
        runner = subprocess.Popen(
            (*spaces, "sh", "-c", _RUN, "sh", image.root, directory / "settings", directory / "kept", *command),
            env=dict(line.split("=", 1) for line in image.says["Env"]),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    container = Container(runner, output)
    try:
        yield container
    finally:
        if runner.poll() is None:
            os.kill(container.pid, signal.SIGKILL)  # and with it every process of its namespace
        runner.wait(PATIENCE)


def test_it_is_nobodys_and_says_how_it_is_run(image: Image) -> None:
    assert image.user == "65534:65534"
    assert image.says["Cmd"] == ["run", "-c", "/etc/popover/popover.toml"]


def test_the_demo_goes_the_full_circle(image: Image, tmp_path: Path) -> None:
    with running(image, tmp_path, "demo", "--once") as container:
        container.wait_for("came back, octet for octet")
        assert container.runner.wait(PATIENCE) == 0


def is_healthy(container: Container) -> bool:
    """What compose.yaml's healthcheck says, run as Docker runs it."""
    compose = yaml.safe_load((ROOT / "examples" / "compose.yaml").read_text())
    _, *command = compose["services"]["popover"]["healthcheck"]["test"]
    inside = ("nsenter", f"--target={container.pid}", "--mount", "--pid", "--root", "--wd=/")
    return subprocess.run((*inside, *command), capture_output=True, check=False, timeout=PATIENCE).returncode == 0


def test_it_serves_and_ends_when_it_is_told_to(image: Image, tmp_path: Path) -> None:
    with running(image, tmp_path / "demo", "demo") as demo:
        server = demo.wait_for(r"-> (pop3s://\S+)")[1]
        demo.wait_for("Ctrl-C")
        [authority] = Path(f"/proc/{demo.pid}/root/tmp").glob("popover-demo-*/demo-ca.pem")
        settings = tmp_path / "own" / "settings"
        settings.mkdir(parents=True)
        (settings / "demo.pem").write_bytes(authority.read_bytes())
        text = f'[[service]]\nserver = "{server}"\nlisten = "0.0.0.0:11110"\nca_file = "demo.pem"\n'
        (settings / "popover.toml").write_text(f'[status]\nlisten = "127.0.0.1:8110"\n{text}')
        with running(image, tmp_path / "own") as container:
            container.wait_for("listening 0.0.0.0:11110")
            client = poplib.POP3("127.0.0.1", 11110, timeout=PATIENCE)
            client.user("demo")
            client.pass_("popover")
            assert b"Subject: Welcome to popover" in client.retr(1)[1]
            assert is_healthy(container)
            os.kill(container.pid, signal.SIGTERM)
            container.wait_for("waiting for 1 session")
            assert not is_healthy(container)  # it takes no new client any more
            client.quit()
            assert container.runner.wait(PATIENCE) == 0
        assert "Read-only" not in container.output.read_text()
        assert "Permission" not in container.output.read_text()
