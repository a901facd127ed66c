"""Somebody at a terminal, who answers what a command asks."""

import os
import pty
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

_QUESTION = re.compile(rb"([^\n]*(?:\] |: ))$")


def on_terminal(
    *command: str | Path,
    answers: Mapping[str, str],
    env: Mapping[str, str] | None = None,
    types: Callable[[str], str] = lambda _seen: "",
) -> tuple[str, int]:
    """What is on the screen of `popover COMMAND`, and its exit code. A question with the words of one of `answers` gets
    that answer; a question is what the output stops at behind `[...] ` or `: `. What `types` gives, for
    all that is on the screen so far, is typed without being asked for.
    """
    pid, screen = pty.fork()
    if pid == 0:
        environ = os.environ | {"NO_COLOR": "1", "COLUMNS": "200"} | dict(env or {})
        os.execve(sys.executable, [sys.executable, "-m", "popover", *map(str, command)], environ)
    seen, asked = b"", 0
    try:
        while piece := os.read(screen, 4096):
            seen += piece
            os.write(screen, types(seen.decode(errors="replace")).encode())
            for question in _QUESTION.findall(seen[asked:]):
                found = [answer for words, answer in answers.items() if words.encode() in question]
                if found:
                    asked = len(seen)
                    os.write(screen, found[0].encode() + b"\n")
    except OSError:  # EIO: the program has ended (pty(7))
        pass
    _, status = os.waitpid(pid, 0)
    os.close(screen)
    return seen.decode().replace("\r\n", "\n"), os.waitstatus_to_exitcode(status)
