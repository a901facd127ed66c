"""Holds a world open, from inside: a program of its own, which `world` starts in new namespaces.

It is asked over a unix socket, one JSON list a time, and answers with JSON and at most one descriptor:

    ["socket", family, type]   a socket, which belongs to this network wherever it goes
    ["run", word, ...]         runs a command; its exit code and what it wrote

Sockets made here can be used by the tests, which live outside. Ends when the other side hangs up.
"""

import json
import os
import socket
import subprocess
import sys
from typing import Any


def answer(question: list[Any]) -> tuple[object, list[int]]:
    """Do what is asked; the answer, and descriptors that are ours no more."""
    what, *words = question
    if what == "socket":
        return "", [socket.socket(*words).detach()]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return [done.returncode, done.stdout], []


def main() -> None:
    """Answer until nobody asks any more."""
    with socket.socket(fileno=int(sys.argv[1])) as line:
        while question := line.recv(1 << 16):
            words, descriptors = answer(json.loads(question))
            socket.send_fds(line, [json.dumps(words).encode()], descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


if __name__ == "__main__":
    main()
