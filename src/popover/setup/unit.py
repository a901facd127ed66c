"""The systemd unit that starts popover with the machine, or with its user's session. None is ever overwritten."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Literal, TypeAlias

from popover.errors import StartError
from popover.setup.place import config_home

Kind: TypeAlias = Literal["user", "system"]

NAME = "popover.service"

_SYSTEMS_OWN = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))

_USERS = """\
# Made by `popover setup`: starts popover with your session; `loginctl enable-linger` lets it run without one.
[Unit]
Description=POP over TLS, for mail clients that can't
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command} run -c {config}
# A file with a mistake makes `systemctl --user reload` fail, and changes nothing.
ExecReload={command} run -c {config} --check
ExecReload=/bin/sh -c 'kill -HUP $MAINPID'
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2
WatchdogSec=30
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


def why_not(kind: Kind, command: Sequence[str], config: Path) -> str:
    """Why a unit cannot start that; empty where it can. The system's sees no home (ProtectHome=)."""
    homes = [word for word in (command[0], str(config)) if kind == "system" and Path(word).is_relative_to("/home")]
    homes += [word for word in (command[0], str(config)) if kind == "system" and Path(word).is_relative_to("/root")]
    if not homes:
        return ""
    return (
        f"{homes[0]} lies in somebody's home, where a service of the system is not let in: install popover for all "
        "(docs/install.md) and write the file below /etc, or take --unit user"
    )


def text_of(kind: Kind, command: Sequence[str], config: Path) -> str:
    """The unit's text. The system's is that of examples/."""
    words = {"command": " ".join(map(_word, command)), "config": _word(str(config))}
    if kind == "user":
        return _USERS.format(**words)
    text = resources.files("popover.setup").joinpath(NAME).read_text(encoding="utf-8")
    return text.replace("/usr/local/bin/popover", words["command"]).replace("/etc/popover.toml", words["config"])


def _word(text: str) -> str:
    """A text as one word of a unit (systemd.service(5), systemd.unit(5))."""
    text = text.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    return '"' + text.replace('"', '\\"') + '"' if any(sign in text for sign in " \"'\\") else text


def existing(kind: Kind) -> Path | None:
    """A unit of that name that is there already."""
    return next((folder / NAME for folder in _folders(kind) if _is_there(folder / NAME)), None)


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # a place that we may not look into
        return False


def install(kind: Kind, text: str) -> Path:
    """Write the unit. Raises StartError."""
    file = _folders(kind)[0] / NAME
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except OSError as fault:
        if not isinstance(fault, FileExistsError):  # a full disk: the next try shall not find half of it
            with contextlib.suppress(OSError):
                file.unlink()
        raise StartError(f"{file} cannot be written: {fault.strerror}") from None
    return file


def start(kind: Kind) -> str:
    """Let systemd read and start it; empty, or why that did not go."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return "there is no systemctl on this machine"
    of_whom = ["--user"] if kind == "user" else []
    for words in (["daemon-reload"], ["enable", "--now", NAME]):
        ended = subprocess.run([systemctl, *of_whom, *words], capture_output=True, text=True, check=False)  # noqa: S603 - the system's own
        if ended.returncode:
            told = " ".join(ended.stderr.split())
            return f"systemctl {' '.join([*of_whom, *words])}: {told or f'exit code {ended.returncode}'}"
    return ""


def _folders(kind: Kind) -> tuple[Path, ...]:
    if kind == "system":
        return _SYSTEMS_OWN
    return (config_home() / "systemd" / "user",)
