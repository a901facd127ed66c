"""All that happens to kept mails, one after the other, and what was promised meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from popover.process.queue.disk import Disk
from popover.process.queue.kept import Kept
from popover.process.queue.store import Store
from popover.protocols.device import Envelope

MAILS = {name: (f"Subject: {name}\r\n\r\n" + f"{name}\r\n" * 200).encode() + b".\r\n" for name in ("a", "b", "c")}
FOLDER = Path("/queue")


def envelope(name: str) -> Envelope:
    return Envelope("scans", "scanner", "scans@example.com", (f"{name}@example.com",))


def play(disk: Disk, tell: Callable[[str, str], None], folder: Path = FOLDER) -> None:
    """`tell`: called with what a mail is now, "kept", "leaving", "gone", and its name."""
    store = Store(folder, disk)

    def keep(name: str) -> Kept:
        sheet = store.begin()
        for at in range(0, len(MAILS[name]), 500):
            sheet.write(MAILS[name][at : at + 500])
        kept = store.keep(sheet, envelope(name))
        tell("kept", name)
        return kept

    one, two = keep("a"), keep("b")
    store.put_off(replace(one, tries=1, due=one.due + 60, words="451 later"))
    tell("leaving", "a")
    store.remove(one)
    tell("gone", "a")
    store.fail(replace(two, envelope=replace(two.envelope, recipients=()), refused={"b@example.com": "550 no"}))
    keep("c")
    [failed] = store.failed()
    store.revive(failed)
    store.begin().drop()


def found(store: Store) -> dict[str, Kept]:
    """What is there after a restart, by the name of its mail; each whole, and in one place."""
    for stray in store.strays():
        store.arrive(stray)
    assert not store.strays()
    mails: dict[str, Kept] = {}
    for kept in store.waiting():
        octets = b"".join(store.octets(kept))
        [name] = [name for name, mail in MAILS.items() if mail == octets]
        assert name not in mails
        mails[name] = kept
    for kept in store.failed():
        [name] = {one[0] for one in (*kept.refused, *kept.envelope.recipients)}
        mails.setdefault(name, kept)  # on its way from there it may be in both
    return mails


def is_told(mail: Kept, name: str) -> bool:
    """Whether its recipient still is one, or is known to get nothing."""
    return f"{name}@example.com" in (*mail.envelope.recipients, *mail.refused)
