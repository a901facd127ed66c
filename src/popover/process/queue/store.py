"""The directory in which mails wait. What was promised lies there, whatever happens to us, to the disk's room and to
the power.

    NAME.mail       the mail, as DATA has it: dots doubled, its end included
    NAME.json       its envelope; only with it is the mail one
    .NAME...        what is being written
    failed/         likewise, for mails that some recipient will never get

A promise (250) is made after the mail, the envelope and both names are on the disk. A mail ends with its envelope's
name: what is left of the mail itself after a crash is nobody's, and goes after a day. On its way to failed/ the mail
goes first: an envelope without its mail looks for it there.

Names are times with something random behind them, so they tell the order and two processes never meet in one.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from popover.process.queue.disk import Disk, SystemDisk
from popover.process.queue.kept import AT_ONCE, FIRST_WAIT, Kept, from_json
from popover.process.queue.sheet import MAIL, Complain, Sheet
from popover.protocols.device import Envelope

LEFT_FOR = 86400.0
"""Seconds after which what nobody has finished writing is taken away: no mail takes a day to come."""

_MAIL, _ENVELOPE = MAIL, ".json"


class Store:
    """One directory. Everything raises OSError. Who changes what waits or has failed holds the account's lock."""

    def __init__(self, folder: Path, disk: Disk | None = None, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.unreadable: set[str] = set()  # envelopes that are none, or cannot be read now
        self._disk = disk or SystemDisk()
        self._clock = clock

    @property
    def _failed(self) -> Path:
        return self.folder / "failed"

    # -- what comes ------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the directories, and let their names be on the disk."""
        self._disk.make_folder(self.folder)
        self._disk.make_folder(self._failed)

    def begin(self, complain: Complain = lambda _: None) -> Sheet:
        """Begin to write a mail down."""
        name = f"{int(self._clock() * 1e6):017d}-{secrets.token_hex(4)}"
        try:
            return Sheet(self._disk, self.folder, name, complain)
        except FileNotFoundError:
            self.prepare()
            return Sheet(self._disk, self.folder, name, complain)

    def keep(self, sheet: Sheet, envelope: Envelope) -> Kept:
        """Keep it for good: when this returns, it may be promised. Else it is dropped."""
        now = self._clock()
        kept = Kept(sheet.name, envelope, now, now + FIRST_WAIT)
        try:
            sheet.finish()
            self._disk.rename(sheet.path, self._mail(sheet.name))
            self._write(self.folder, kept)
        except OSError:
            sheet.drop()
            for suffix in (_ENVELOPE, _MAIL):  # nobody has been promised anything
                with contextlib.suppress(OSError):
                    self._disk.unlink(self.folder / (sheet.name + suffix))
            raise
        return kept

    def _write(self, folder: Path, kept: Kept) -> None:
        """Put an envelope in the place of the one that was, and let it and all names there last."""
        draft, name = folder / f".{kept.name}{_ENVELOPE}", folder / (kept.name + _ENVELOPE)
        with contextlib.suppress(FileNotFoundError):  # of somebody who was killed
            self._disk.unlink(draft)
        file = self._disk.create(draft)
        try:
            try:
                self._disk.write(file, kept.to_json())
                self._disk.sync(file)
            finally:
                self._disk.close(file)
            self._disk.rename(draft, name)
        except OSError:
            with contextlib.suppress(OSError):
                self._disk.unlink(draft)
            raise
        self._disk.sync_folder(folder)

    # -- what is there ---------------------------------------------------------------------------

    def waiting(self) -> list[Kept]:
        """All that wait, oldest first."""
        mails = self._names(self.folder)
        return [kept for kept in self._envelopes(self.folder) if kept.name + _MAIL in mails]

    def strays(self) -> list[Kept]:
        """Those that were on their way to failed/ when somebody was killed: `arrive`."""
        mails, failed = self._names(self.folder), self._names(self._failed)
        kept = self._envelopes(self.folder)
        return [one for one in kept if one.name + _MAIL not in mails and one.name + _MAIL in failed]

    def count(self) -> tuple[int, int]:
        """How many wait, and how many have failed."""
        folders = (self._names(self.folder), self._names(self._failed))
        waiting, failed = (sum(name[0] != "." and name.endswith(_ENVELOPE) for name in names) for names in folders)
        return waiting, failed

    def failed(self) -> list[Kept]:
        """All that some recipient will never get, oldest first."""
        return self._envelopes(self._failed)

    def _envelopes(self, folder: Path) -> list[Kept]:
        names = sorted(name for name in self._names(folder) if name[0] != "." and name.endswith(_ENVELOPE))
        return [kept for kept in (self._read(folder / name) for name in names) if kept is not None]

    def find(self, name: str) -> Kept | None:
        """Read one that waits anew: it may be another's by now, or gone."""
        names = self._names(self.folder)
        return self._read(self.folder / (name + _ENVELOPE)) if {name + _ENVELOPE, name + _MAIL} <= set(names) else None

    def octets(self, kept: Kept) -> Iterator[bytes]:
        """Read a mail that waits, in pieces."""
        return self._disk.pieces(self._mail(kept.name))

    def _names(self, folder: Path) -> list[str]:
        try:
            return self._disk.names(folder)
        except FileNotFoundError:
            return []

    def _read(self, path: Path) -> Kept | None:
        """Read an envelope; one that is none, or lies where the disk is bad, must not hold the others up."""
        try:
            kept = from_json(path.name.removesuffix(_ENVELOPE), self._disk.read(path))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            self.unreadable.add(path.name)
            return None
        self.unreadable.discard(path.name)
        return kept

    def _mail(self, name: str) -> Path:
        return self.folder / (name + _MAIL)

    # -- what changes ----------------------------------------------------------------------------

    def put_off(self, kept: Kept) -> None:
        """Let it wait on, as it is now."""
        self._write(self.folder, kept)

    def remove(self, kept: Kept) -> None:
        """It has been sent, or is not wanted any more."""
        self._disk.unlink(self.folder / (kept.name + _ENVELOPE))
        self._disk.sync_folder(self.folder)
        with contextlib.suppress(OSError):
            self._disk.unlink(self._mail(kept.name))

    def fail(self, kept: Kept) -> None:
        """Put it where people look for what went wrong. `kept.refused`: who does not get it."""
        self._disk.make_folder(self._failed)
        self._write(self.folder, kept)
        self._disk.rename(self._mail(kept.name), self._failed / (kept.name + _MAIL))
        self._disk.sync_folder(self._failed)
        self._disk.sync_folder(self.folder)
        self.arrive(kept)

    def arrive(self, kept: Kept) -> None:
        """Bring to an end what `fail` began."""
        self._write(self._failed, kept)
        self._disk.unlink(self.folder / (kept.name + _ENVELOPE))
        self._disk.sync_folder(self.folder)

    def revive(self, kept: Kept) -> Kept:
        """Let one that has failed wait again, for those who did not get it; it is due at once."""
        now = self._clock()
        recipients = tuple(kept.refused) + kept.envelope.recipients
        again = replace(
            kept, envelope=replace(kept.envelope, recipients=recipients), since=now, due=AT_ONCE, tries=0, refused={}
        )
        self._write(self.folder, again)  # with the mail in failed/ it is not waiting yet, and would fall back
        self._disk.rename(self._failed / (kept.name + _MAIL), self._mail(kept.name))
        self._disk.sync_folder(self.folder)
        self.forget(kept)
        return again

    def forget(self, kept: Kept) -> None:
        """Take one that has failed away."""
        self._disk.unlink(self._failed / (kept.name + _ENVELOPE))
        self._disk.sync_folder(self._failed)
        with contextlib.suppress(OSError):
            self._disk.unlink(self._failed / (kept.name + _MAIL))

    def sweep(self) -> None:
        """Take away what was left by those who were killed."""
        now, names = self._clock(), self._names(self.folder)
        for name in names:
            is_left = name.startswith(".") or (name.endswith(_MAIL) and not self._has_envelope(name, names))
            if is_left and name.endswith((_MAIL, _ENVELOPE)):
                with contextlib.suppress(OSError):
                    if self._disk.age(self.folder / name, now) > LEFT_FOR:
                        self._disk.unlink(self.folder / name)

    def _has_envelope(self, mail: str, names: list[str]) -> bool:
        """Whether a mail is one. A name that another process renames just now may be in no listing (readdir(3)), so it
        is asked for by itself, too.
        """
        name = mail.removesuffix(_MAIL) + _ENVELOPE
        if name in names:
            return True
        try:
            self._disk.read(self.folder / name)
        except FileNotFoundError:
            return False
        return True
