"""popover.pyz with the Python of other processors, played by qemu: whether it is right there, not how fast it is.

Debian's own Python for each of them is unpacked, not installed; the mail server before which it stands is the demo's,
of this machine.
"""

import subprocess
from functools import cache
from pathlib import Path

import pytest

from circle import letter_goes_round
from machine import ROOTS

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


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_letter_goes_round(processor: str, tmp_path: Path) -> None:
    letter_goes_round(python_of(processor), processor, tmp_path)
