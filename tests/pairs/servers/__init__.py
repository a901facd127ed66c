"""Odd servers, by name. Each changes one thing of `base.Pop3`; who has it stands beside it."""

from pairs.servers import (
    capabilities,
    deleting,
    drips,
    ends,
    lines,
    locks,
    login,
    order,
    pipelining,
    providers,
    sizes,
    words,
)
from pairs.servers.base import Pop3

_BASES = (Pop3, ends.Ends, pipelining.Loses)
_ROOMS = (lines, words, drips, ends, pipelining, order, login, locks, capabilities, sizes, deleting, providers)


def _name(kind: type[Pop3]) -> str:
    return "".join("-" + letter.lower() if letter.isupper() else letter for letter in kind.__name__).strip("-")


SERVERS: dict[str, type[Pop3]] = {
    _name(kind): kind
    for room in _ROOMS
    for kind in vars(room).values()
    if isinstance(kind, type) and issubclass(kind, Pop3) and kind.__module__ == room.__name__ and kind not in _BASES
}
