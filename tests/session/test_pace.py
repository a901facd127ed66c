"""Backpressure: who is read from."""

import itertools
from typing import cast

import pytest

from popover.protocols.plain import Plain
from popover.session.pace import pace
from popover.session.peer import Peer
from popover.talk import End
from popover.wire.stream import Secured


class Side:
    """One side of a talk. `backlog`: octets that it has not taken."""

    def __init__(self, backlog: int) -> None:
        self.backlog = backlog
        self.is_read: bool | None = None

    def pause(self) -> None:
        self.is_read = False

    def resume(self) -> None:
        self.is_read = True


class Ears(Plain):
    """Those of a talk that stands so."""

    def __init__(self, *, wants_client: bool, wants_server: bool, wants_tls: bool = False) -> None:
        super().__init__(End("client"))
        self.wants_client, self.wants_server, self.wants_tls = wants_client, wants_server, wants_tls


def read(client: Side, server: Side, ears: Ears) -> tuple[bool | None, bool | None]:
    pace(cast("Peer", client), cast("Secured", server), ears)
    return client.is_read, server.is_read


@pytest.mark.parametrize(("client", "server"), list(itertools.product([0, 1], repeat=2)))
@pytest.mark.parametrize(("wants_client", "wants_server"), list(itertools.product([True, False], repeat=2)))
def test_a_side_is_read_that_is_wanted_if_the_other_has_taken_all(
    client: int, server: int, wants_client: bool, wants_server: bool
) -> None:
    ears = Ears(wants_client=wants_client, wants_server=wants_server)
    assert read(Side(client), Side(server), ears) == (wants_client and not server, wants_server and not client)


def test_what_comes_behind_a_wish_for_tls_is_not_read() -> None:
    assert read(Side(0), Side(0), Ears(wants_client=True, wants_server=True, wants_tls=True)) == (False, False)
