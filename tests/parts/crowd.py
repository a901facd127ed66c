"""200 people behind one desk, each with mail of his own, and what their programs do, at random.

crowd = Crowd(lambda dialect: popover.at(dialect), dovecot, password="what they say")
crowd.comes(popover, rounds=500)
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from fakes.wire import Wire
from parts.account import Account
from parts.clients import IMAP_CLIENTS, pop3
from parts.dovecot import Dovecot
from parts.net import Address
from parts.popover import Popover

PEOPLE = 200
_ENDS = {"client closed", "server closed", "client reset", "no login", "idle timeout"}


class Crowd:
    """`logins`: who each of them is at the server, by the name that his programs say; all have the one password."""

    def __init__(self, at: Callable[[str], Address], dovecot: Dovecot, password: str, seed: int = 2026) -> None:
        self._at, self._password = at, password
        self._random, self._lock = Random(seed), threading.Lock()
        self.logins: dict[str, str] = {}
        self._mail: dict[str, bytes] = {}
        for number in range(PEOPLE):
            name, user = f"resident{number}", dovecot.new_user()
            self.logins[name] = user
            self._mail[name] = f"Subject: for {name}\r\n\r\nonly for {name}\r\n".encode()
            for _ in range(2):
                dovecot.deliver(user, self._mail[name])

    def comes(self, popover: Popover, rounds: int) -> None:
        """So many sessions, twenty at a time. Each must get its own mail and nothing else, and end as it should."""
        before = len(popover.events("session"))
        with ThreadPoolExecutor(20) as threads:
            list(threads.map(self._visit, range(rounds)))
        told = popover.wait_for_events("session", before + rounds)[before:]
        assert sum(event["warm"] for event in told) > rounds / 20
        assert {event["end"] for event in told} <= _ENDS
        assert all("login refused: " in event["text"] for event in popover.events("login"))
        users = {event["user"].partition(" ")[0] for event in told if event.get("user")}
        assert len(users & (self.logins.keys() | set(self.logins.values()))) > PEOPLE / 2

    def _visit(self, number: int) -> None:
        with self._lock:
            name, does = self._random.choice(sorted(self._mail)), self._random.random()
        if does < 0.2:
            found = IMAP_CLIENTS["imaplib"](Account(self._at("imap"), name, self._password), Path())
            assert found == [self._mail[name]] * 2, name
        elif does < 0.3:
            self._says_a_wrong_password(name, number)
        elif does < 0.45:
            self._vanishes(name, does)
        else:
            self._fetches(name)

    def _fetches(self, name: str) -> None:
        client = pop3(Account(self._at("pop3"), name, self._password))
        client.user(name)
        client.pass_(self._password)
        assert client.stat() == (2, 2 * len(self._mail[name])), name
        client.list()
        client.uidl()
        for message in (1, 2):
            assert b"\r\n".join([*client.retr(message)[1], b""]) == self._mail[name], name
        client.quit()

    def _says_a_wrong_password(self, name: str, number: int) -> None:
        """Each from an address of his own: who tries passwords from the others' would be told to come again."""
        with Wire.to(self._at("pop3"), f"127.7.{number // 250}.{number % 250 + 1}") as client:
            client.line()
            client.ask(b"USER " + name.encode())
            assert client.ask(b"PASS abracadabra").startswith(b"-ERR [AUTH]")
            client.ask(b"QUIT")

    def _vanishes(self, name: str, does: float) -> None:
        """Before its login, behind it without waiting for anything, or with half of an answer."""
        with Wire.to(self._at("pop3")) as client:
            said = f"USER {name}\r\nPASS {self._password}\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\n".encode()
            client.send(said if does < 0.4 else said[:15])
            if does < 0.35:
                client.receive()
            if does < 0.42:
                client.reset()
