"""What the gateway keeps over a restart: what servers have failed in. One small file, and no gateway needs it.
Beside it lies the certificate that popover makes for clients that speak TLS, where one does (inside/selfmade.py).

Where it lies: $STATE_DIRECTORY, which systemd sets (StateDirectory=); else /var/lib/popover for root, and
$XDG_STATE_HOME/popover or ~/.local/state/popover for everybody else. What is in it: server addresses, names of
abilities, and when they failed. No user, no address of a client, no secret.
"""

from __future__ import annotations

import contextlib
import json
import os
from heapq import nlargest
from pathlib import Path

Harm = dict[str, dict[str, float]]
"""By server ("pop3s://mail.example.com:995"), what it has failed in, and when (seconds since 1970)."""

FILE_LIMIT = 1024 * 1024
"""Octets of it that are read: some 10,000 servers. What is larger is not ours."""

SERVERS = 1000
"""Servers that are remembered, those that failed last: a provider's table leads to some hundreds. Others are found out
again, at the cost of half a second each."""

KEPT = 30 * 86400.0
"""Seconds after which nobody believes it any more (`manners.KEPT`), and it need not be carried along."""


def state_file() -> Path:
    """Find where it lies; the place need not exist."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.partition(":")[0]) / "servers.json"
    if os.geteuid() == 0:
        return Path("/var/lib/popover/servers.json")
    home = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(home) / "popover" / "servers.json"


def load(path: Path, now: float) -> Harm:
    """Read it, without what is out of date at `now` (seconds since 1970); nothing where there is none, or none that we
    understand.
    """
    try:
        with path.open("rb") as file:
            known = json.loads(file.read(FILE_LIMIT))
        harm = {server: _fresh(failed, now - KEPT) for server, failed in known.items()}
        return {server: failed for server, failed in harm.items() if failed}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _fresh(failed: dict[str, float], oldest: float) -> dict[str, float]:
    return {what: float(since) for what, since in failed.items() if float(since) > oldest}


def save(path: Path, harm: Harm) -> None:
    """Write it, whole or not at all: that of the SERVERS which failed last. Raises OSError."""
    if len(harm) > SERVERS:
        harm = dict(nlargest(SERVERS, harm.items(), key=lambda one: max(one[1].values())))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            json.dump(harm, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
