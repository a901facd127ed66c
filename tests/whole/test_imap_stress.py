"""Many IMAP clients at once, in plain text and inside TLS, and what imaptest (Dovecot's own, in no package) looks at:

- each with a mailbox of its own: each is told what it is told directly;
- all in one mailbox, through popover and directly: whatever they do to each other, what each is told fits what it was
  told before (numbers, UIDs, contents), and in the end all see the same.
"""

import imaplib
import itertools
import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from depth import examples
from parts.account import Account
from parts.certificates import Authority
from parts.clients import imap
from parts.dovecot import Dovecot
from parts.imap_picture import Picture, is_whole, message
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


# -- all in one mailbox ----------------------------------------------------------------------------

CROWD = 9
DEEDS = 80


@pytest.mark.parametrize("seed", range(examples(2)))
def test_many_in_one_mailbox_are_told_what_fits_and_see_the_same_in_the_end(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, seed: int
) -> None:
    user = dovecot.new_user()
    with (
        Inside(tmp_path, authority, dovecot.imaps_port, scheme="imaps", tls="offer") as inside,
        ThreadPoolExecutor(CROWD) as pool,
    ):
        directly = Account(("127.0.0.1", dovecot.imaps_port), user, dovecot.password, authority.ca_file)
        plain = replace(directly, address=inside.address, ca_file=None)
        in_tls = replace(plain, ca_file=inside.own, starttls=True)
        with Picture(directly) as first:
            first.ask(b"CREATE other")
            for number in range(20):
                first.append("INBOX", message(f"s{number}", 300), waits=True)
        ways = itertools.islice(itertools.cycle((plain, in_tls, directly)), CROWD)
        at_work = [pool.submit(act, way, f"c{seed}n{number}") for number, way in enumerate(ways)]
        left = [one.result(100) for one in at_work]
        views = [in_the_end(way) for way in (directly, plain, in_tls)]
        events = inside.wait_for_events("session", 2 * CROWD // 3 + 2)
    assert views[0] == views[1] == views[2]
    names = [is_whole(octets) for _, octets in views[0].values()]
    assert sorted(names) == sorted([f"s{number}" for number in range(20)] + [name for one in left for name in one])
    assert {event["end"] for event in events} <= {"client closed", "server closed"}


def in_the_end(account: Account) -> dict[int, tuple[bytes, bytes]]:
    with Picture(account) as client:
        client.select("INBOX")
        return client.all()


def act(account: Account, name: str) -> list[str]:
    """Do what chance says, in the midst of all others, one thing or several at a time; what is left of what it has
    stored.
    """
    chance, mine = random.Random(name), dict[int, str]()
    with Picture(account) as client:
        client.select("INBOX")
        for number in range(DEEDS):
            one = message(f"{name}x{number}", chance.choice([200, 3000, 60_000]))
            known = [uid for uid in client.uids if uid is not None]
            uid, at = chance.choice(known), chance.randint(1, len(client.uids))
            match chance.randrange(10):
                case 0 | 1:
                    mine[client.append("INBOX", one, waits=chance.random() < 0.5)] = f"{name}x{number}"
                case 2:
                    client.ask(b"FETCH %d (UID BODY.PEEK[])" % at)
                case 3:
                    client.ask(b"STORE %d +FLAGS (\\Seen)" % at)
                case 4:
                    client.ask(b"UID STORE %d -FLAGS (\\Seen $x)" % uid, b"NOOP", b"UID FETCH %d (FLAGS)" % uid)
                case 5:
                    client.idle()
                case 6:
                    client.ask(b"UID COPY %d other" % uid, b"UID SEARCH SEEN", b"CHECK", b"STATUS other (MESSAGES)")
                case 7:
                    client.ask(*[b"UID FETCH %d (FLAGS BODY.PEEK[])" % uid, b"NOOP"] * 20)
                case 8 if mine:
                    client.delete(mine.popitem()[0])
                case _:
                    client.ask(chance.choice([b"UID FETCH 1:* (UID FLAGS)", b"NOOP", b"SEARCH ALL"]))
        client.ask(b"LOGOUT")
    return list(mine.values())
