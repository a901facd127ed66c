"""What is excused as a whole, and what beside it is not."""

from pairs.compare import differences
from pairs.made import LOGIN, Said, played
from pairs.servers.base import Pop3


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
