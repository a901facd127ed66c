"""Make the .ipk, OpenWrt's package up to 24.10: python packaging/ipk.py POPOVER.PYZ DIRECTORY

An .ipk is a gzipped tar of three members: debian-binary, control.tar.gz and data.tar.gz. What is in it is said by
packaging/openwrt/Makefile, which is read as OpenWrt's SDK would. The same popover.pyz gives the same octets.
"""

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

PACKAGE = Path(__file__).parent / "openwrt"

_SCRIPT = """\
#!/bin/sh
# The router's own functions make the user, and start and enable the service.
[ "$IPKG_NO_SCRIPT" = 1 ] && exit 0
[ -s "$IPKG_INSTROOT/lib/functions.sh" ] || exit 0
. "$IPKG_INSTROOT/lib/functions.sh"
default_{when} "$0" "$@"
"""

Member = tuple[str, int, bytes | None]
"""Its name, its mode, and what is in it; a directory has nothing."""


def main() -> None:
    """Write the package."""
    pyz, output = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as scratch:
        made = _as_the_makefile_says(pyz, Path(scratch))
        control = [*_below(made / "control"), *_scripts()]
        members: list[Member] = [
            ("./debian-binary", 0o644, b"2.0\n"),
            ("./data.tar.gz", 0o644, _packed(_below(made / "data"))),
            ("./control.tar.gz", 0o644, _packed(control)),
        ]
        text = (made / "control" / "control").read_text()
    fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    file = output / f"{fields['Package']}_{fields['Version']}_{fields['Architecture']}.ipk"
    output.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_packed(members))
    print(f"{file}: {file.stat().st_size // 1000} kB")


def _as_the_makefile_says(pyz: Path, scratch: Path) -> Path:
    """A directory with the package's files below data/ and its description below control/."""
    shutil.copytree(PACKAGE, scratch / "package")
    shutil.copyfile(pyz, scratch / "package" / "files" / "popover.pyz")
    command = ("make", "--silent", "-C", scratch / "package", f"TOPDIR={scratch}/package/sdk", f"OUT={scratch}/made")
    # Another make may be running this one; that is none of its business.
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    subprocess.run(command, check=True, env=outside)
    return scratch / "made"


def _scripts() -> Iterable[Member]:
    for when in ("postinst", "prerm"):
        yield f"./{when}", 0o755, _SCRIPT.format(when=when).encode()


def _below(directory: Path) -> Iterable[Member]:
    yield "./", 0o755, None
    for path in sorted(directory.rglob("*")):
        name = f"./{path.relative_to(directory).as_posix()}"
        yield (name, path.stat().st_mode & 0o777, path.read_bytes()) if path.is_file() else (name, 0o755, None)


def _packed(members: Iterable[Member]) -> bytes:
    """A gzipped tar, with root's files and SOURCE_DATE_EPOCH's dates."""
    date = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, mode, content in members:
            entry = tarfile.TarInfo(name)
            entry.mode, entry.mtime = mode, date
            entry.uname = entry.gname = "root"
            if content is None:
                entry.type = tarfile.DIRTYPE
            else:
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content or b""))
    return gzip.compress(plain.getvalue(), 9, mtime=date)


if __name__ == "__main__":
    main()
