"""For `popover inetd`: what is meant for the operator never reaches the client, who gets a line of its own instead.

Under xinetd stderr is the mail client, and the operator's words go to syslog. The recipe's `openssl` wrote its messages
into the greeting and into mails; a wrong option must not do the same, nor a bug.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import socket
import stat
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from popover.inside.listen import BACKLOG
from popover.log import to_syslog
from popover.protocols import DIALECTS

_WARNING = 4  # RFC 5424 section 6.2.1
_WRONG_USE = 2  # the exit code of wrong use and of a wrong configuration: no session has begun


def shielded(run: Callable[[], int], words: Sequence[str]) -> int:
    """Run a command whose stderr is the client; give its exit code."""
    said = io.StringIO()
    write, nowhere = to_syslog(), os.open(os.devnull, os.O_WRONLY)  # now: later there may be no descriptor left
    has_begun = False
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            try:
                code = run()
                has_begun = code != _WRONG_USE  # then a line of ours might stand in the middle of a mail
            except SystemExit as leaving:  # argparse's way to end
                code = int(leaving.code or 0)
            except Exception as bug:  # noqa: BLE001 - whatever it is, the client must not read it
                code = 1
                said.write(_place(bug))
    finally:
        os.dup2(nowhere, 2)  # the interpreter may complain until its very end
        os.close(nowhere)
    if lines := said.getvalue().splitlines():
        for line in lines:
            write(line.encode(), _WARNING)
        if not has_begun:
            _apologise(words, 0)
    return code


def unshielded(run: Callable[[], int], words: Sequence[str]) -> int:
    """Run a command whose stderr is the operator's; give its exit code. The client still hears of a wrong set-up."""
    try:
        code = run()
    except SystemExit as leaving:
        if leaving.code:
            _apologise(words, 1)
        raise
    if code == _WRONG_USE:
        _apologise(words, 1)
    return code


def _place(bug: Exception) -> str:
    """Say what happened and where: no message and no locals, which may hold secrets."""
    frames = traceback.extract_tb(bug.__traceback__)[-3:]
    where = ", ".join(f"{frame.name} ({Path(frame.filename).name}:{frame.lineno})" for frame in frames)
    if isinstance(bug, OSError) and bug.errno:  # this machine refuses something
        return f"popover: could not serve this client: {os.strerror(bug.errno)}, in {where}"
    return f"popover: this is a bug of popover, please report it: {type(bug).__name__} in {where}"


def _apologise(words: Sequence[str], descriptor: int) -> None:
    """Tell the client, in the dialect that the wrong words most likely meant. Who tries it in a terminal is none."""
    if os.isatty(descriptor):
        return
    meant = next((name for name in DIALECTS if any(word.startswith(name) for word in words)), "pop3")
    cause = "this gateway is not set up right; its log tells the operator why"
    line = DIALECTS[meant].farewell(cause)
    with contextlib.suppress(OSError):  # the client has gone
        if not _dismiss_waiting(line):
            os.write(descriptor, line)


def _dismiss_waiting(line: bytes) -> bool:
    """With `wait = yes` stdin is a listening socket, and who waits there makes xinetd start popover again, for ever:
    so each gets the line and the end. False: it is no such socket.
    """
    if not stat.S_ISSOCK(os.fstat(0).st_mode):
        return False
    with socket.socket(fileno=os.dup(0)) as listener:
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return False
        for _ in range(BACKLOG):  # never without end, and whoever comes later starts us again
            # xinetd has the same socket, so it stays as it is: blocking, and accepted from only if somebody waits.
            if not select.select([listener], [], [], 0)[0]:
                break
            with contextlib.suppress(OSError), listener.accept()[0] as client:
                client.sendall(line)
    return True
