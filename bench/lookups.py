"""`python -m bench.lookups`: how long a look-up takes, with 100,000 users in a table and 2,000 logins a second.

A popmap, and an SQLite database that is gone for the second half: who is in the cache is served all the same. The times
are those of `Finder.find`, in the gateway's own event loop; the memory is the process's own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import sqlite3
import tempfile
import time
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from popover.config.desk import Desk
from popover.config.routes import SQL, Keeping, Popmap, Table
from popover.config.values import Service, Target, nobody
from popover.protocols.login import Login, Password, Route, Visit
from popover.routing import Tables

USERS = 100_000
RATE = 2_000
QUERY = "select server from users where name = :user"


@dataclass
class _Seen:
    """What came of the look-ups. `answered`: the names that the cache must know from then on."""

    times: array[float]
    answered: dict[str, None] = field(default_factory=dict)
    refused: int = 0
    refused_at_first: int = 0  # on their way for the first time in the moment in which the table went


async def _one(tables: Tables, service: Service, name: str, seen: _Seen) -> None:
    was_known = name in seen.answered
    visit = Visit(Login(name, Password(b"x")), "pop3", service.name, "127.0.0.1", table=service.desk.table)
    began = time.perf_counter()
    found = await tables.finder(service).find(visit)
    seen.times.append(time.perf_counter() - began)
    if isinstance(found, Route):
        seen.answered[name] = None
    elif was_known:
        seen.refused += 1
    else:
        seen.refused_at_first += 1


async def _measure(table: Table, seconds: float, gone: Path | None) -> dict[str, float]:
    tables = Tables()
    tables.load([table])
    service = Service("bench", (), Target(nobody("pop3")), desk=Desk(table=table.name))
    active = [f"user{random.randrange(USERS)}@example.com" for _ in range(int(RATE * seconds) // 4)]
    seen = _Seen(array("d", bytes(8 * int(RATE * seconds * 2))))
    del seen.times[:]  # its room is there: what grows then is popover's
    asked, count = set[asyncio.Task[None]](), 0
    began = time.perf_counter()
    memory = 0
    while (now := time.perf_counter() - began) < seconds:
        if gone is not None and now > seconds / 2:
            gone.unlink(missing_ok=True)  # noqa: ASYNC240 - once
        known = active if gone is None or now < seconds / 2 else list(seen.answered)  # who has been here before
        while count < now * RATE:
            count += 1
            name = random.choice(known)
            task = asyncio.create_task(_one(tables, service, name, seen))
            asked.add(task)
            task.add_done_callback(asked.discard)
        if not memory and now > seconds / 2:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await asyncio.sleep(0.002)
    await asyncio.gather(*asked)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    await tables.close()
    ordered = sorted(seen.times)
    return {
        "logins": len(ordered),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 3),
        "p99_ms": round(ordered[len(ordered) * 99 // 100] * 1000, 3),
        "refused": seen.refused,
        "refused_at_first": seen.refused_at_first,
        "growth_KiB": grown,
    }


def main() -> None:
    """Measure, and print a line of JSON for each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        popmap = directory / "popmap"
        popmap.write_text("".join(f"user{one}@example.com:store{one % 50}.example\n" for one in range(USERS)))
        print(json.dumps({"popmap": asyncio.run(_measure(Table("users", Popmap(popmap)), seconds, None))}))
        file = directory / "mail.db"
        with sqlite3.connect(file) as database:
            database.execute("create table users (name text primary key, server text)")
            rows = ((f"user{one}@example.com", f"store{one % 50}.example") for one in range(USERS))
            database.executemany("insert into users values (?, ?)", rows)
        database.close()
        keeping = Keeping(cache_ttl=seconds / 6)  # so that all are asked for anew while it is gone
        table = Table("users", SQL(f"sqlite:///{file}", QUERY), keeping=keeping)
        print(json.dumps({"sqlite": asyncio.run(_measure(table, seconds, file))}))


if __name__ == "__main__":
    main()
