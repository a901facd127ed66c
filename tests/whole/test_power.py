"""The power fails while popover writes, on a real file system that keeps no more than it must (fakes/power.py): no mail
that was promised is lost, and no sign-in whose token was used. Collected where root runs the tests: who else may mount?
"""

import asyncio
import os
import re
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from fakes.power import Disk, mounted
from fakes.scene import Stage as Scene
from fakes.wire import Talker, Wire
from oauth2_stage import Stage
from parts.net import wait_until
from parts.popover import Popover, run_popover
from parts.provider import Provider
from popover.config import Account
from popover.errors import ProviderFailure

pytest_plugins = ["fakes.fixture"]

MAILS = 6  # that a device tries to send


class Office:
    """A device's gateway whose state is on a disk of ours, and the server behind it, which `takes` mail or not."""

    def __init__(self, scene: Scene) -> None:
        self.state, self.takes = scene.directory / "state", False
        self.heard = threading.Lock()
        self.mails: set[bytes] = set()
        self.state.mkdir(mode=0o700)
        (scene.directory / "secret").touch(mode=0o600)
        (scene.directory / "secret").write_text("wonderland")
        self._file = scene.directory / "popover.toml"
        self._file.write_text(
            f"""
            drain_timeout = 0
            [[account]]
            name = "scans"
            login = "scans"
            secret_file = "secret"
            servers = {{ smtp = "smtps://localhost:{scene.server(self._serve).port}" }}
            ca_file = "{scene.authority.ca_file}"
            [[service]]
            dialect = "smtp"
            device = true
            accounts = ["scans"]
            allow = "127.0.0.1"
            listen = "127.0.0.1:0"
            queue = "when-down"
            """
        )

    def _serve(self, wire: Talker) -> None:
        wire.send(b"220 ready\r\n")
        while line := wire.line():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"EHLO":
                wire.send(b"250-here\r\n250 AUTH PLAIN\r\n")
            elif verb == b"AUTH":
                wire.send(b"235 in\r\n")
            elif verb == b"DATA":
                wire.send(b"354 go on\r\n")
                while (line := wire.line()) != b".\r\n":
                    if subject := re.match(rb"Subject: (.*)\r\n", line):
                        with self.heard:
                            self.mails.add(subject[1])
                wire.send(b"250 taken\r\n")
            else:
                refuses = verb == b"MAIL" and not self.takes
                wire.send(b"451 not now\r\n" if refuses else b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return

    def popover(self) -> Popover:
        return Popover("-c", self._file, env={"STATE_DIRECTORY": str(self.state)})

    def send(self, popover: Popover) -> set[bytes]:
        """Let a device send until it is told that a mail is not taken; those that were."""
        promised = set()
        with Wire.to(popover.addresses[0]) as device:
            device.line()
            for number in range(MAILS):
                mail = b"Subject: %d\r\n\r\ntext\r\n." % number
                answers = [device.ask(line) for line in (b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>", b"DATA")]
                if not answers[-1].startswith(b"354") or not device.ask(mail).startswith(b"250"):
                    break
                promised.add(b"%d" % number)
        return promised

    def deliver(self, promised: set[bytes]) -> None:
        """Start it once more, with a server that takes mail, and wait for all that was promised."""
        self.takes = True
        with self.popover():
            run_popover("queue", "retry", env=os.environ | {"STATE_DIRECTORY": str(self.state)})
            wait_until(lambda: promised <= self.mails, f"{promised} are sent")


@pytest.mark.parametrize("moment", [*range(8, 40, 6), 10**6])
def test_no_mail_said_250_is_lost_when_the_power_fails(stage: Scene, moment: int) -> None:
    """Behind so many changes of the disk: in the midst of the first mail, or of the next, or not at all."""
    office, disk = Office(stage), Disk(moment)
    with mounted(disk, office.state), office.popover() as popover:
        promised = office.send(popover)
        popover.signal(signal.SIGKILL)
        popover.wait()
    assert disk.has_failed == (len(promised) < MAILS)
    for seed in range(2):
        office.takes, office.mails = False, set()
        with mounted(disk.after_the_cut(Random(seed)), office.state):
            office.deliver(promised)


def told(stage: Stage, account: Account) -> bytes | None:
    """The token that a login gets, or None for one that is told to come again."""

    async def ask() -> bytes | None:
        mine = stage.tokens()
        try:
            return await mine.access_token(account)
        except ProviderFailure:
            return None
        finally:
            await mine.close()

    return asyncio.run(ask())


@pytest.mark.parametrize("moment", range(1, 12))
def test_no_token_is_used_whose_successor_the_power_can_take_away(
    provider: Provider, tmp_path: Path, moment: int
) -> None:
    """A provider takes each refresh token once: whoever uses what has come of it must have the next one on disk."""
    one, state, disk = Stage.of(provider, tmp_path), tmp_path / "state", Disk()
    state.mkdir(mode=0o700)
    with mounted(disk, state):
        account = one.signed_in()
        one.keep(replace(one.kept(), expires=time.time()))
        before = one.kept()
    failing = disk.after_the_cut(Random(0), fails_after=moment)
    with mounted(failing, state):
        given = told(one, account)
    for seed in range(10):
        with mounted(failing.after_the_cut(Random(seed)), state):
            found = one.kept()  # a whole one
            assert found.access == given if given is not None else found == before or found.obtained > before.obtained
    assert (given is None) == failing.has_failed, one.lines
    if given is not None:  # and so the sign-in goes on
        with mounted(failing.after_the_cut(Random(0)), state):
            one.keep(replace(one.kept(), expires=time.time()))
            assert told(one, account) not in (None, given)
    assert not one.refusals()
