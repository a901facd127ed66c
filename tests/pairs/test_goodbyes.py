"""What may come at the end of a connection of a client that is answers behind, and what may not."""

from dataclasses import replace

from pairs.compare import differences
from pairs.excuses import Played
from pairs.made import LOGIN, QUIT, Said, played
from pairs.servers.base import Pop3
from pairs.servers.ends import ClosesAtQuit, ClosesBeforeStat

ONE: Said = ("RETR 1", "+OK\none")
QUITS_BEHIND: Said = ("QUIT", "y")
AGAIN: list[Said] = [*LOGIN, QUIT]


def left(turns: list[Said], *rests: bytes) -> Played:
    """A session with so much at the end of each connection that nobody had asked for."""
    one = played(turns)
    return one._replace(record=replace(one.record, rests=list(rests)))


def test_who_closes_to_come_again_may_have_had_more_or_less_of_what_it_had_not_read() -> None:
    turns = [*LOGIN, ONE, *AGAIN]
    less, more = left(turns, b".\r\n", b""), left(turns, b".\r\n+OK marked\r\n", b"")
    assert not differences(less, more, Pop3, "on")
    assert not differences(more, less, Pop3, "on")
    assert differences(more, left(turns, b".\r\n-ERR no\r\n", b""), Pop3, "on")
    assert differences(more, left(turns, b".\r\n", b"y\r\n"), Pop3, "on")
    assert differences(left([*LOGIN, ONE], b".\r\n"), left([*LOGIN, ONE], b".\r\n+OK marked\r\n"), Pop3, "on")


def test_not_who_waits_for_the_end_behind_its_quit() -> None:
    turns = [*LOGIN, ("DELE 1", "+OK"), QUITS_BEHIND, *AGAIN]
    whole = left(turns, b".\r\n+OK bye\r\n", b"")
    assert not differences(whole, whole, Pop3, "on")
    assert differences(whole, left(turns, b".\r\n", b""), Pop3, "on")
    assert differences(left([*LOGIN, QUIT], b"x"), left([*LOGIN, QUIT], b"xy"), Pop3, "on")


def test_behind_what_was_not_read_a_quit_may_have_its_answer_from_popover_where_the_server_gives_none() -> None:
    for turns, behind in (([*LOGIN, ONE, QUITS_BEHIND], []), ([*LOGIN, ONE, QUITS_BEHIND, *AGAIN], [b""])):
        server, own = left(turns, b".\r\n", *behind), left(turns, b".\r\n+OK\r\n", *behind)
        assert not differences(server, own, ClosesAtQuit, "on")
        assert differences(server, own, Pop3, "on")
        assert differences(server, own, ClosesBeforeStat, "on")
        assert differences(server, own, ClosesAtQuit, "off")
        assert differences(server, left(turns, b".\r\n+OK\r\n+OK\r\n", *behind), ClosesAtQuit, "on")
    deletes: list[Said] = [*LOGIN, ("DELE 1", "+OK"), QUITS_BEHIND]
    assert differences(left(deletes, b".\r\n"), left(deletes, b".\r\n+OK\r\n"), ClosesAtQuit, "on")
