"""`popover queue`: mails of devices that wait for their server, and those that it has refused."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from popover.cli.account.place import open_state, shown_place
from popover.cli.output import say, warn
from popover.errors import StartError
from popover.log import escape
from popover.process.queue import lock
from popover.process.queue.kept import AT_ONCE, Kept
from popover.process.queue.store import Store

PATIENCE = 5.0
"""Seconds for which an attempt that is under way is waited for: most take less."""


def queue(arguments: argparse.Namespace) -> int:
    """Obey: 0 it is done, 1 it could not be. Raises StartError."""
    store = Store(open_state(make=False) / "queue")
    try:
        if arguments.action == "list":
            return _list(store, as_json=arguments.json)
        act = _retry if arguments.action == "retry" else _drop
        chosen, unknown = _chosen(store, arguments.names)
        for word in unknown:
            warn(f"there is no mail {word}: popover queue list shows all")
        done = [kept for kept in chosen if _under_lock(store, kept, act)]
    except OSError as fault:
        raise StartError(f"the queue in {shown_place('queue')} cannot be used: {fault.strerror}") from None
    verb = "will be tried within seconds" if arguments.action == "retry" else "dropped"
    if arguments.json:
        say(json.dumps({"done": [kept.name for kept in done]}))
    else:
        say(f"{verb}: {', '.join(map(_short, done)) or 'none'}")
    return 1 if unknown or len(done) < len(chosen) else 0


# -- list ----------------------------------------------------------------------------------------


def _list(store: Store, *, as_json: bool) -> int:
    waiting, failed = store.waiting(), store.failed()
    if as_json:
        say(json.dumps({"waiting": [_document(one) for one in waiting], "failed": [_document(one) for one in failed]}))
        return 0
    for kept in waiting:
        said = f": {kept.words}" if kept.words else ""
        twice = ", may have arrived" if kept.envelope.is_doubtful else ""
        say(escape(f"{_short(kept)}  {_line(kept)}, {_tries(kept)}, next {_next(kept)}{twice}{said}"))
    for kept in failed:
        refused = "; ".join(f"{one}: {said}" for one, said in kept.refused.items())
        say(escape(f"{_short(kept)}  {_line(kept)} failed: {refused}"))
    where = "" if waiting or failed else f", in {shown_place('queue')}"  # each user has his own
    say(escape(f"waiting: {len(waiting)}, failed: {len(failed)}{where}"))
    return 0


def _document(kept: Kept) -> dict[str, Any]:
    envelope = kept.envelope
    return {
        "name": kept.name,
        "account": envelope.account,
        "service": envelope.service,
        "sender": envelope.sender,
        "recipients": envelope.recipients,
        "since": datetime.fromtimestamp(kept.since, UTC).isoformat(timespec="seconds"),
        "due": datetime.fromtimestamp(max(kept.due, kept.since), UTC).isoformat(timespec="seconds"),
        "tries": kept.tries,
        "words": kept.words,
        "may_have_arrived": envelope.is_doubtful,
        "refused": dict(kept.refused),
    }


def _line(kept: Kept) -> str:
    envelope = kept.envelope
    to = ", ".join(envelope.recipients or kept.refused)
    return f"{_clock(kept.since)} {envelope.account}: {envelope.sender} -> {to}"


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _next(kept: Kept) -> str:
    return "at once" if kept.due == AT_ONCE else _clock(kept.due)


def _tries(kept: Kept) -> str:
    return "1 try" if kept.tries == 1 else f"{kept.tries} tries"


def _short(kept: Kept) -> str:
    return kept.name.rpartition("-")[2]


# -- retry, drop ---------------------------------------------------------------------------------


def _chosen(store: Store, words: list[str]) -> tuple[list[Kept], list[str]]:
    """Find the mails of these names; without any, all that wait. What is none of them comes second."""
    if not words:
        return store.waiting(), []
    known = [*store.waiting(), *store.failed()]
    chosen = [kept for kept in known if kept.name in words or _short(kept) in words]
    names = {name for kept in chosen for name in (kept.name, _short(kept))}
    return chosen, [word for word in words if word not in names]


def _under_lock(store: Store, kept: Kept, act: Callable[[Store, Kept], None]) -> bool:
    """Do something with a mail while nobody tries to send it; False: somebody did, all the time."""
    until = time.monotonic() + PATIENCE
    while True:
        with lock.held(store.folder, kept.account) as is_ours:
            if is_ours:
                with suppress(FileNotFoundError):  # it has been sent meanwhile
                    act(store, kept)
                return True
        if time.monotonic() > until:
            warn(f"{kept.name} is being sent right now, or another of its account; try again in a minute")
            return False
        time.sleep(0.1)


def _retry(store: Store, kept: Kept) -> None:
    now = store.find(kept.name)
    if now is not None:
        store.put_off(replace(now, due=AT_ONCE))
    elif kept in store.failed():
        store.revive(kept)


def _drop(store: Store, kept: Kept) -> None:
    now = store.find(kept.name)
    if now is not None:
        store.remove(now)
    elif kept in store.failed():
        store.forget(kept)
