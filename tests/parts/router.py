"""A router's Python: OpenWrt deals the standard library out to packages; only those that popover's asks for are there.

The split is that of OpenWrt's feed (lang/python/python3: its Makefile and files/python3-package-*.mk) for Python 3.11
(OpenWrt 24.10) to 3.14 together; what is named in none of them is in python3-light, or in python3-base before it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from parts.building import ROOT

MAKEFILE = ROOT / "packaging" / "openwrt" / "Makefile"

SPLIT = {
    "python3-asyncio": "asyncio",
    "python3-cgi": "cgi cgitb",
    "python3-codecs": "unicodedata _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw",
    "python3-ctypes": "ctypes _ctypes",
    "python3-dbm": "dbm _dbm _gdbm",
    "python3-decimal": "decimal _decimal _pydecimal",
    "python3-distutils": "distutils",
    "python3-lib2to3": "lib2to3",
    "python3-logging": "logging",
    "python3-lzma": "lzma _lzma",
    "python3-multiprocessing": "multiprocessing _multiprocessing",
    "python3-ncurses": "curses _curses _curses_panel",
    "python3-openssl": "_hashlib _ssl",
    "python3-pip": "pip",
    "python3-pydoc": "doctest pydoc pydoc_data",
    "python3-readline": "readline",
    "python3-setuptools": "pkg_resources setuptools",
    "python3-sqlite3": "sqlite3 _sqlite3",
    "python3-unittest": "unittest",
    "python3-urllib": "urllib email",  # up to 23.05 it brought email as python3-email
    "python3-uuid": "uuid _uuid",
    "python3-venv": "ensurepip venv",
    "python3-xml": "xml xmlrpc _elementtree pyexpat",
    "no package": "idlelib tkinter _tkinter turtledemo webbrowser",
}
"""Modules of the standard library, by the package that they are in."""

PACKAGE_OF = {module: package for package, modules in SPLIT.items() for module in modules.split()}

_SCRIPT = """
import atexit, os, runpy, sys
sys.argv.pop(0)
absent = set(sys.argv.pop(0).split())
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"OpenWrt has no {name}", name=name)
def tell():
    with open(os.environ["LOADED"], "a") as file:
        print(*sorted({name.partition(".")[0] for name in sys.modules}), file=file)
if "LOADED" in os.environ:
    atexit.register(tell)
sys.meta_path.insert(0, Absent())
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def asked_for() -> set[str]:
    """The parts of the standard library that the package's DEPENDS asks for, but for what is always there."""
    found = re.search(r"(?m)^ +DEPENDS:=((?:.*\\\n)*.*)$", MAKEFILE.read_text())
    assert found
    return {word.removeprefix("+") for word in found[1].split()} & SPLIT.keys()


def python(pyz: Path) -> list[str]:
    """What starts popover.pyz there. At its end it adds what it has loaded to the file that $LOADED names, if any."""
    absent = [module for module, package in PACKAGE_OF.items() if package not in asked_for()]
    return [sys.executable, "-IS", "-c", _SCRIPT, " ".join(absent), str(pyz)]


def said(pyz: Path, *words: str | Path, text: str = "", code: int = 0, env: Mapping[str, str] | None = None) -> str:
    """What a command says there; it must end with this exit code."""
    command = [*python(pyz), *map(str, words)]
    ended = subprocess.run(
        command, env=os.environ | dict(env or {}), input=text, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout
