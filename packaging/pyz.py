"""Make popover.pyz: popover and the libraries it needs in one file, which any Python from 3.11 on runs.

    python packaging/pyz.py OUTPUT [SITE]

SITE is a directory that `pip install --target` filled; without it the libraries are those of the Python that runs this.
The same sources and libraries give the same octets: names are sorted, and all dates are SOURCE_DATE_EPOCH's
(reproducible-builds.org), or that of the oldest date a zip file knows.
"""

import os
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

_INTERPRETER = b"#!/usr/bin/env python3\n"

# Whoever has an older Python must be able to read this one file: no syntax of the last fifteen years.
_MAIN = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("popover needs Python 3.11 or newer; this is %d.%d" % tuple(sys.version_info[:2]))

from popover.cli import main

sys.exit(main())
"""

_OLDEST = 315532800
"""1980-01-01, in seconds: a zip file has no earlier date."""

_SHARED = (("completions", "completions"), ("man", "man"), ("examples", "examples"))
"""What comes with every way of installation: `python3 -m zipfile -e popover.pyz DIRECTORY` unpacks it."""


def main() -> None:
    """Write the file, whole or not at all."""
    output, *site = map(Path, sys.argv[1:])
    contents = dict(_below(site[0], "") if site else _installed())
    contents = {name: path for name, path in contents.items() if _is_wanted(name)}
    contents |= dict(_below(ROOT / "src" / "popover", "popover"))
    for directory, name in _SHARED:
        contents |= dict(_below(ROOT / directory, name))
    contents["LICENSE"] = ROOT / "LICENSE"
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_suffix(".new")
    with unfinished.open("wb") as file:
        file.write(_INTERPRETER)
        with zipfile.ZipFile(file, "w") as archive:
            _add(archive, "__main__.py", _MAIN.encode())
            for name, path in sorted(contents.items()):
                _add(archive, name, path.read_bytes())
    unfinished.chmod(0o755)
    unfinished.replace(output)
    print(f"{output}: {output.stat().st_size // 1000} kB")


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Put a file in, with nothing in its entry that depends on who does it, and when."""
    date = max(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), _OLDEST)
    entry = zipfile.ZipInfo(name, time.gmtime(date)[:6])
    entry.create_system = 3  # Unix
    entry.external_attr = 0o100644 << 16
    archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)


def _installed() -> Iterator[tuple[str, Path]]:
    import installed  # noqa: PLC0415 - needs a library, which whoever names a SITE need not have

    return installed.files()


def _below(directory: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for path in directory.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            yield (Path(prefix) / path.relative_to(directory)).as_posix(), path


def _is_wanted(name: str) -> bool:
    """Of a library: its code, its licence and its version; no scripts, type stubs or notes of the installer."""
    top, _, rest = name.partition("/")
    if top.endswith(".dist-info"):
        return rest == "METADATA" or "LICENSE" in rest.upper()
    return top != "bin" and not name.endswith((".pyi", "py.typed"))


if __name__ == "__main__":
    main()
