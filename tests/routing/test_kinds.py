"""Each kind of table against the real thing: found, not found, failed, slow, reloaded, restarted."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from parts.places import short_directory
from popover.config.routes import Keeping, Table
from popover.protocols.login import Found, NotFound, Password, Route, Unsure
from routing.places import KINDS, Place, place
from routing.stage import Stage, said, servers

GOOD = Password(b"wonderland")


@pytest.fixture(scope="module", params=KINDS)
def there(request: pytest.FixtureRequest) -> Iterator[Place]:
    with short_directory("table") as directory, place(request.param, directory) as made:
        made.add("alice", "mail.example.com")
        made.add("carol", "mail.example.com", login="carol@example.com")
        yield made


Make = Callable[..., Stage]


@pytest.fixture
def stage(there: Place) -> Iterator[Make]:
    made: list[Stage] = []

    def make(stale_for: float = 0, deadline: float = 5) -> Stage:
        keeping = Keeping(cache_ttl=60, negative_ttl=0, stale_for=stale_for)
        made.append(Stage(replace(Table("users", there.source, keeping=keeping), deadline=deadline)))
        return made[-1]

    yield make
    for one in made:
        asyncio.run(one.tables.close())


def find(stage: Stage, user: str) -> Found:
    return stage.find_now(user, proof=GOOD)


def test_found(stage: Make) -> None:
    here = stage()
    found = find(here, "alice")
    assert servers(found) == ["pop3s://mail.example.com:995"]
    assert (said(found).user, said(found).secret) == ("alice", b"wonderland")
    assert said(find(here, "carol")).user == "carol@example.com"


@pytest.mark.parametrize("name", ["nobody", "alice'--", "*", "al*", "alice)(uid=*", "ali\udcffce", "%", "alicia"])
def test_not_found(stage: Make, name: str) -> None:
    found = find(stage(), name)
    assert isinstance(found, NotFound), found


def test_failed_and_restarted(there: Place, stage: Make) -> None:
    here = stage()
    assert isinstance(find(here, "alice"), Route)
    there.stop()
    try:
        assert isinstance(find(here, "carol"), Unsure)
        assert isinstance(find(here, "alice"), Route)  # it is believed for its time
        here.now += 3600
        assert isinstance(find(here, "alice"), Unsure)
    finally:
        there.start()
    assert isinstance(find(here, "alice"), Route)
    assert isinstance(find(here, "carol"), Route)


def test_a_restart_costs_nobody_a_login(there: Place, stage: Make) -> None:
    here = stage()
    find(here, "alice")
    there.stop()
    there.start()
    assert isinstance(find(here, "carol"), Route)


def test_who_was_found_before_is_served_while_the_table_is_down(there: Place, stage: Make) -> None:
    here = stage(stale_for=10_000)
    find(here, "alice")
    there.stop()
    try:
        here.now += 3600
        assert isinstance(find(here, "alice"), Route)
        assert isinstance(find(here, "carol"), Unsure)
    finally:
        there.start()


def test_slow(there: Place, stage: Make) -> None:
    here = stage(deadline=0.5)
    find(here, "alice")
    there.hang()
    try:
        found = find(here, "carol")
        assert isinstance(found, Unsure), found
    finally:
        there.go_on()
    assert isinstance(find(here, "alice"), Route)


def test_reloaded(stage: Make) -> None:
    here = stage()
    find(here, "alice")
    here.tables.load(here.settings)
    assert isinstance(find(here, "carol"), Route)
    here.tables.load([replace(one, deadline=3) for one in here.settings])
    assert isinstance(find(here, "alice"), Route)
