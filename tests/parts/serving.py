"""What every way to have popover must do: serve a mail program."""

import poplib
from collections.abc import Sequence
from pathlib import Path

from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.popover import count_listeners
from parts.program import Program


def see_it_serve(command: Sequence[str | Path], dovecot: Dovecot, authority: Authority, output: Path) -> None:
    """Fetch a letter through `command run ...`."""
    user = dovecot.new_user()
    dovecot.deliver(user, b"Subject: all the way\r\n\r\nHello\r\n")
    words = ("run", f"0=pop3s://localhost:{dovecot.pop3s_port}", "--ca-file", str(authority.ca_file))
    assert count_listeners(list(words[1:])) == 1
    with Program(*command, *words, output=output) as program:
        program.wait_until(lambda: "listening" in program.output(), "it listens")
        port = int(program.output().split("listening 127.0.0.1:")[1].split(" ")[0])
        client = poplib.POP3("127.0.0.1", port, timeout=30)
        client.user(user)
        client.pass_(dovecot.password)
        assert b"Subject: all the way" in client.retr(1)[1]
        client.quit()
