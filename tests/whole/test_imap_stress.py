"""Many IMAP clients at once, each with a mailbox of its own, in plain text and inside TLS: each is told what it is told
directly.

imaptest (Dovecot's own) is in no package; this is as much of it as Python's imaplib can say.
"""

import imaplib
import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from parts.account import Account
from parts.certificates import Authority
from parts.clients import imap
from parts.dovecot import Dovecot
from parts.inside import Inside
from parts.messages import SAMPLES, of_size

CLIENTS = 12
COMMANDS = 60
MESSAGES = [*SAMPLES.values(), of_size(60_000)]

# What differs between two mailboxes, and between two runs: when a mailbox was made, how long a command took.
_CHANCE = re.compile(rb"UIDVALIDITY \d+|APPENDUID \d+|COPYUID \d+|\([\d.]+ \+ [\d.]+(?: \+ [\d.]+)? secs\)")


def test_each_of_many_is_told_what_it_is_told_directly(tmp_path: Path, authority: Authority, dovecot: Dovecot) -> None:
    with (
        Inside(tmp_path, authority, dovecot.imaps_port, scheme="imaps", tls="offer") as inside,
        ThreadPoolExecutor(2 * CLIENTS) as pool,
    ):
        to_server = Account(("127.0.0.1", dovecot.imaps_port), "", dovecot.password, authority.ca_file)
        plain = replace(to_server, address=inside.address, ca_file=None)
        in_tls = replace(plain, ca_file=inside.own, starttls=True)
        directly = [pool.submit(play, replace(to_server, user=dovecot.new_user()), turn) for turn in range(CLIENTS)]
        through = [
            pool.submit(play, replace(in_tls if turn % 2 else plain, user=dovecot.new_user()), turn)
            for turn in range(CLIENTS)
        ]
        for ours, theirs in zip(directly, through, strict=True):
            assert theirs.result(100) == ours.result(100)


def play(account: Account, seed: int) -> list[object]:
    """A session: what was asked by chance, and what came for it."""
    chance = random.Random(seed)
    told: list[object] = []
    client = imap(account)
    client.login(account.user, account.password)
    client.create("other")
    client.select()
    for _ in range(COMMANDS):
        name, act = chance.choice(COMMANDS_BY_CHANCE)
        told.append((name, answer(client, act, chance)))
    told.append(client.close()[0])
    client.logout()
    return told


Act = Callable[[imaplib.IMAP4, random.Random], object]


def answer(client: imaplib.IMAP4, act: Act, chance: random.Random) -> object:
    """What it is told, a refusal in its words."""
    try:
        return without_chance(act(client, chance))
    except imaplib.IMAP4.abort:  # the connection, or the client's picture of it, is broken
        raise
    except imaplib.IMAP4.error as refused:
        return without_chance(str(refused).encode())


def without_chance(told: object) -> object:
    """It as it is at any time, in any mailbox."""
    match told:
        case bytes():
            return _CHANCE.sub(b"", told)
        case list() | tuple():
            return [without_chance(one) for one in told]
    return told


def _append(client: imaplib.IMAP4, chance: random.Random) -> object:
    folder = chance.choice(["INBOX", "other"])
    return client.append(folder, chance.choice(["", "\\Seen"]), imaplib.Time2Internaldate(1e9), chance.choice(MESSAGES))


def _fetch(client: imaplib.IMAP4, chance: random.Random) -> object:
    what = chance.choice(["(FLAGS)", "(BODY.PEEK[])", "(UID RFC822.SIZE)", "(BODY[HEADER] BODY.PEEK[TEXT]<3.99>)"])
    return client.fetch(chance.choice(["1", "1:*", "2:3"]), what)


def _store(client: imaplib.IMAP4, chance: random.Random) -> object:
    return client.store("1", chance.choice(["+FLAGS", "-FLAGS"]), chance.choice(["\\Deleted", "(\\Seen $odd)"]))


COMMANDS_BY_CHANCE: list[tuple[str, Act]] = [
    ("append", _append),
    ("append", _append),
    ("fetch", _fetch),
    ("fetch", _fetch),
    ("store", _store),
    ("noop", lambda client, _: client.noop()),
    ("expunge", lambda client, _: client.expunge()),
    ("copy", lambda client, _: client.copy("1", "other")),
    ("search", lambda client, chance: client.search(None, chance.choice(["ALL", "DELETED", 'TEXT "x"']))),
    ("status", lambda client, _: client.status("other", "(MESSAGES UIDNEXT)")),
    ("uid", lambda client, _: client.uid("FETCH", "1:*", "(FLAGS)")),
    ("again", lambda client, chance: client.select(chance.choice(["INBOX", "other"]))),
]
