"""Becoming somebody with fewer rights, once the low ports are bound; and knowing how many files we may open."""

from __future__ import annotations

import os
import pwd
import resource

from popover.errors import StartError

RESERVED_FILES = 64
"""Descriptors that sessions never get: listeners, the log, epoll, addresses tried side by side, refusals."""

_FILES_PER_SESSION = 2
_UNLIMITED = 1_000_000


def become(user: str) -> None:
    """Be `user` from now on: its group alone (no supplementary groups), for good. Raises StartError."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise StartError(f"user: there is no user {user!r} on this machine") from None
    if os.getuid() == entry.pw_uid != 0:
        return
    try:
        os.setgroups([])
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    except PermissionError:
        raise StartError(f"user: only root can become {user!r}; start as root, or leave `user` out") from None


def is_root() -> bool:
    """Whether we still may do everything."""
    return os.geteuid() == 0


def session_ceiling() -> int:
    """How many sessions this process may hold, after raising its limit of descriptors as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):
            pass  # an unlimited hard limit can be above what the kernel takes
    files = _UNLIMITED if soft == resource.RLIM_INFINITY else soft
    return max((files - RESERVED_FILES) // _FILES_PER_SESSION, 1)
