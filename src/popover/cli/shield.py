"""For `popover inetd` where stderr is the mail client: what is meant for the operator goes to syslog.

The recipe's `openssl` wrote its messages into the greeting and into mails; a wrong option must not do the same.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Sequence

from popover.log import to_syslog
from popover.protocols import DIALECTS

_WARNING = 4  # RFC 5424 section 6.2.1


def shielded(run: Callable[[], int], words: Sequence[str]) -> int:
    """Run a command whose words for the operator must not reach the client; give its exit code."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            code = run()
        except SystemExit as leaving:  # argparse's way to end
            code = int(leaving.code or 0)
    if lines := said.getvalue().splitlines():
        write = to_syslog()
        for line in lines:
            write(line.encode(), _WARNING)
        _apologise(words)
    return code


def _apologise(words: Sequence[str]) -> None:
    """Tell the client, in the dialect that the wrong words most likely meant."""
    meant = next((name for name in DIALECTS if any(word.startswith(name) for word in words)), "pop3")
    cause = "this gateway is not set up right; its system log tells the operator why"
    with contextlib.suppress(OSError):  # the client has gone
        os.write(0, DIALECTS[meant].farewell(cause))
