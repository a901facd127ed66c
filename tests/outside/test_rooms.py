"""Who stands outside knows nothing of the inside."""

import importlib
import pkgutil

import pytest

from popover import config, outside

ROOMS = [room.name for room in pkgutil.walk_packages(outside.__path__, "popover.outside.")]


@pytest.mark.parametrize("room", ROOMS)
def test_outside_does_not_see_who_may_come_in(room: str) -> None:
    """It is handed a Target, and the parts that are for others have no name in it."""
    inside = (config.Service, config.Config, config.Admission, config.Patience, config.Ahead)
    module = importlib.import_module(room)
    assert not [name for name, value in vars(module).items() if any(value is one for one in inside)]


def test_the_rooms_outside_are_looked_at() -> None:
    assert {"popover.outside.dial", "popover.outside.warm", "popover.outside.reasons.tls"} <= set(ROOMS)
