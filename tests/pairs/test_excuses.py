"""What is excused as a whole, and what beside it is not."""

from pairs.compare import differences
from pairs.excuses import Played
from pairs.made import LOGIN, Said, played
from pairs.servers.base import Pop3, State
from pairs.servers.capabilities import Budget


class GoesAtQuestions(Pop3):
    """A question asked ahead may be its end."""

    ends = True


def differ(ours: list[Said], theirs: list[Said], kind: type[Pop3]) -> bool:
    """Whether these differ, behind their login, whose connection is lost at last."""
    direct, through = (played([*LOGIN, *turns], end="reset") for turns in (ours, theirs))
    return bool(differences(direct, through, kind, "on"))


def test_a_session_that_fails_sooner_may_have_a_deletion_whose_refusal_it_was_not_told_any_more() -> None:
    one: Said = ("RETR 1", "+OK\none\n.")
    refused, early, failed = ("DELE 1", "-ERR not yours"), ("DELE 1", "+OK message 1 deleted"), ("RETR 3", "")
    ours: list[Said] = [one, refused, ("NOOP", "+OK"), failed]
    assert not differ(ours, [one, early, ("NOOP", "")], GoesAtQuestions)
    assert differ(ours, [one, early, ("NOOP", "")], Pop3)
    assert differ(ours, [("RETR 1", "+OK\ntwo\n."), early, ("NOOP", "")], GoesAtQuestions)
    assert differ(
        [one, ("RETR 2", "-ERR no"), failed], [one, ("RETR 2", "+OK\ntwo\n."), ("RETR 3", "")], GoesAtQuestions
    )


def test_a_server_that_says_nothing_to_stls_may_keep_the_tunnels_client_waiting() -> None:
    one: Said = ("RETR 1", "+OK\none\n.")
    waits = played([*LOGIN, one, ("STLS", "")], end="gave up")
    answered: Said = ("STLS", "-ERR no TLS on this port, go on without")
    assert not differences(waits, played([*LOGIN, one, answered], end="closed"), Pop3, "on")
    assert differences(waits, played([*LOGIN, one, ("STLS", "")], end="closed"), Pop3, "on")
    assert differences(waits, played([*LOGIN, one, ("STLS", "+OK begin")], end="closed"), Pop3, "on")
    assert differences(waits, played([*LOGIN, one, answered], end="closed", removed=["u1"]), Pop3, "on")
    assert differences(waits, played([*LOGIN, ("RETR 1", "+OK\ntwo\n."), answered], end="closed"), Pop3, "on")
    asks = played([*LOGIN, one, ("NOOP", "")], end="gave up")
    assert differences(asks, played([*LOGIN, one, ("NOOP", "")], end="closed"), Pop3, "on")
    refuses = played([*LOGIN, one, ("STLS", "-ERR unknown")], end="gave up")
    assert differences(refuses, played([*LOGIN, one, answered], end="closed"), Pop3, "on")


def test_who_goes_as_the_server_has_had_enough_may_have_an_answer_where_popover_spared_it_a_bad_command() -> None:
    before: list[Said] = [LOGIN[0], ("USER anna", "-ERR no such name")]
    ours = played([*before, ("PASS secret", "-ERR log in first"), ("LAST", "-ERR too many errors")], end="left")
    named: list[Said] = [LOGIN[0], ("USER anna", "+OK"), ("PASS secret", "-ERR no such name")]
    answered: Said = ("LAST", "-ERR unknown command")
    assert not differences(ours, played([*named, answered], end="left"), Budget, "on")
    other = played([*before, ("PASS secret", "-ERR log in first"), ("LAST", "-ERR what")], end="left")
    assert differences(other, played([*named, answered], end="left"), Budget, "on")
    assert differences(ours, played([*named[:2], ("PASS secret", "+OK"), answered], end="left"), Budget, "on")
    kept = played([*LOGIN, ("LAST", "-ERR too many errors")], end="left")
    assert differences(kept, played([*LOGIN, answered], end="left"), Budget, "on")


def gone(*said: bytes, left: bool = True, removed: frozenset[str] = frozenset()) -> Played:
    """A session that its server ended at a mail, and what it had heard by then."""
    one = played([*LOGIN, ("DELE 1", "+OK"), ("RETR 3", "")], end="closed")
    return one._replace(state=State(removed, ((b"PASS secret", *said),), left=left, open=False))


def test_a_server_that_has_left_does_not_hear_a_deletion_that_was_answered_here_and_would_not_have_lasted() -> None:
    whole, less = gone(b"DELE 1", b"DELE 2"), gone(b"DELE 1")
    assert not differences(whole, less, GoesAtQuestions, "on")
    assert differences(whole, less, Pop3, "on")
    assert differences(whole, less, GoesAtQuestions, "off")
    assert differences(less, whole, GoesAtQuestions, "on")
    assert differences(whole, gone(b"DELE 2"), GoesAtQuestions, "on")
    assert differences(gone(b"DELE 1", b"RSET"), less, GoesAtQuestions, "on")
    assert differences(whole, gone(b"DELE 1", left=False), GoesAtQuestions, "on")
    assert differences(gone(b"DELE 1", b"DELE 2", removed=frozenset(["u1"])), less, GoesAtQuestions, "on")
