"""Runs a program that wants to be root, as an ordinary user: `python pretend.py COMMAND WORD...`

Postfix's master asks who it is, and refuses to be anybody but root; then it and all it starts give rights up
that they never had. So the kernel answers in their place (seccomp(2)): the program itself hears that it is
root, those it starts hear the truth, and changing users, groups, owners and roots seems to work and does nothing.
That takes no right and no package: libseccomp is a part of every Debian, apt and systemd stand on it.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
import threading

_ALLOW, _ASK, _DO_NOTHING = 0x7FFF0000, 0x7FC00000, 0x00050000  # seccomp.h: SCMP_ACT_ALLOW, _NOTIFY, _ERRNO(0)
_QUESTIONS = ("getuid", "geteuid")
_CHANGES = (
    *("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups"),
    *("chown", "fchown", "lchown", "fchownat", "chroot"),
)
# linux/seccomp.h: two ioctls, how long a question is and how it begins, an answer, and its flag
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_QUESTION_SIZE, _QUESTION, _ANSWER = 80, "=QI", "=QqiI"  # id and pid; id, result, error and flags
_TRUTH = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE


def install() -> int:
    """Change the kernel's answers to this process and all it starts; where the kernel asks who is asking."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(_ALLOW))
    for name in (*_QUESTIONS, *_CHANGES):
        number = library.seccomp_syscall_resolve_name(name.encode())
        code = library.seccomp_rule_add(rules, _ASK if name in _QUESTIONS else _DO_NOTHING, number, 0)
        assert code == 0, f"seccomp_rule_add: {name}: {os.strerror(-code)}"
    code = library.seccomp_load(rules)
    assert code == 0, f"seccomp_load: {os.strerror(-code)}"
    return int(library.seccomp_notify_fd(rules))


def answer(kernel: int, pretender: int) -> None:
    """Root's user id, 0, to the process that pretends; to every other its own."""
    while True:
        question = bytearray(_QUESTION_SIZE)
        with contextlib.suppress(FileNotFoundError):  # who asked has ended meanwhile
            fcntl.ioctl(kernel, _RECEIVE, question)
            number, pid = struct.unpack_from(_QUESTION, question)
            fcntl.ioctl(kernel, _SEND, struct.pack(_ANSWER, number, 0, 0, 0 if pid == pretender else _TRUTH))


def main() -> None:
    """Run the command to its end; SIGTERM is for it."""
    here, there = socket.socketpair()
    pretender = os.fork()
    if not pretender:
        socket.send_fds(there, [b"\0"], [install()])
        os.execvp(sys.argv[1], sys.argv[1:])
    there.close()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pretender, signal.SIGTERM))
    for kernel in socket.recv_fds(here, 1, 1)[1]:
        threading.Thread(target=answer, args=(kernel, pretender), daemon=True).start()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pretender, 0)[1]))


if __name__ == "__main__":
    main()
