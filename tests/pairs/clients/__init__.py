"""Odd clients, by name: each a function of its Talk."""

from pairs.clients import careful, hurried, old, rough
from pairs.talk import Client

_ROOMS = (careful, hurried, old, rough)

CLIENTS: dict[str, Client] = {
    name.replace("_", "-"): function
    for room in _ROOMS
    for name, function in vars(room).items()
    if getattr(function, "__module__", "") == room.__name__ and not name.startswith("_")
}
