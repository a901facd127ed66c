"""`popover run` on a terminal: whoever looks on reads what to type into the mail client."""

import os
import pty
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from fakes.mail import mail
from fakes.scene import Stage, url
from parts.places import is_root
from parts.shut import shut_in

pytest_plugins = ["fakes.fixture"]


def on_terminal(
    *words: str, closes: bool = False, until: bytes = b"a scanner", env: Mapping[str, str] | None = None
) -> str:
    """What is on the screen of `popover run WORDS` before it is ended by Ctrl-C; `closes`: by closing the window."""
    pid, screen = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "popover", "run", *words], os.environ | dict(env or {}))
    seen = b""
    try:
        while until not in seen:
            seen += os.read(screen, 4096)
    finally:
        if closes:
            os.close(screen)
        else:
            os.kill(pid, signal.SIGINT)
        _, status = os.waitpid(pid, 0)
        if not closes:
            os.close(screen)
    assert os.waitstatus_to_exitcode(status) == 0
    return seen.decode().replace("\r\n", "\n")


def test_on_a_terminal_it_says_what_to_type_with_the_ports_it_has(stage: Stage) -> None:
    servers = stage.server(mail("pop3")), stage.server(mail("smtp"))
    seen = on_terminal(f"0={url(servers[0], 'pop3')}", f"0={url(servers[1], 'smtp')}", *stage.trust)
    ports = re.findall(r"(?m)^listening 127\.0\.0\.1:(\d+) -> ", seen)
    told = re.findall(r"(?m)^  (\S+) mail \(\S+\) +server 127\.0\.0\.1 +port (\d+) +SSL off$", seen)
    assert told == [("incoming", ports[0]), ("outgoing", ports[1])]
    assert seen.count("What to type into the mail client; ") == 1


def test_whom_it_becomes_need_not_be_able_to_read_popover(stage: Stage, tmp_path: Path) -> None:
    """In a clone below a home that is its owner's alone, started as README.md says for low ports."""
    user = ("--user", "nobody") if is_root() else ()
    server = f"0={url(stage.server(mail('pop3')), 'pop3')}"
    assert "incoming mail (POP3)" in on_terminal(server, *stage.trust, *user, env=shut_in(tmp_path))


def test_it_ends_with_its_terminal(stage: Stage) -> None:
    assert "listening" in on_terminal(f"0={url(stage.server(mail('pop3')), 'pop3')}", *stage.trust, closes=True)


def test_elsewhere_it_says_where_it_listens_and_no_more(stage: Stage) -> None:
    popover = stage.popover(f"0={url(stage.server(mail('pop3')), 'pop3')}", *stage.trust)
    stage.gateway(stage.server(mail("pop3"))).serves()
    assert [line.split()[0] for line in popover.out_lines()] == ["listening"]


def test_service_with_accounts_says_whose_name_and_password_are_meant(stage: Stage) -> None:
    secret = stage.directory / "secret"
    secret.touch(mode=0o600)
    secret.write_text("simsalabim")
    path = stage.directory / "house.toml"
    path.write_text(
        '[[service]]\ndialect = "smtp"\naccounts = true\nlisten = "127.0.0.1:0"\ntls = "offer"\n'
        '[[account]]\nname = "grandpa"\nserver = "smtps://localhost:9"\nlogin = "g@example.com"\n'
        'password_file = "secret"\nsecret_file = "secret"\n'
    )
    seen = on_terminal("-c", str(path), until=b"STARTTLS")
    assert "-> accounts (smtp)\n" in seen
    assert "user name and password are those of the account here, not the provider's:" in seen
    assert "outgoing mail (SMTP)" in seen
