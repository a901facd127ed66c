"""What a client sees of a talk that cannot go on."""

import pytest

from popover.errors import Misdialled, ServerFailure
from popover.protocols.plain import Plain
from popover.session import ends
from popover.talk import End
from popover.wire.engine import Ending

BAD_ENDINGS = pytest.mark.parametrize("kind", ["cut", "broken", "reset"])


class Ears(Plain):
    """Those of a talk that stands so."""

    def __init__(
        self, *, has_left: bool = False, owed: bool = False, asked_last: bool = False, said: bytes = b""
    ) -> None:
        super().__init__(End("client"))
        self.has_left = has_left
        self.asked_last = asked_last
        self.client_said(said, 0.0)
        self.is_owed = owed


def seen(kind: str, ears: Ears, *, has_client_ended: bool = False) -> str | None:
    ending = Ending(kind)  # type: ignore[arg-type]
    outcome = ends.of_server(ending, ears, "mail.example.com", has_client_ended=has_client_ended)
    if outcome is None:
        return None
    assert not outcome.clean
    assert outcome.failure is not None
    return outcome.end


def test_a_client_that_is_none_is_told_unless_it_waits_for_another_answer() -> None:
    stranger = Misdialled("a web browser connects here")
    for is_owed in (False, True):
        outcome = ends.of_failure(stranger, is_owed=is_owed)
        assert (outcome.clean, outcome.may_be_told) == (True, not is_owed)


def test_with_any_other_failure_a_client_is_reset() -> None:
    outcome = ends.of_failure(ServerFailure("the server answers something else"), is_owed=False)
    assert (outcome.clean, outcome.may_be_told) == (False, False)


def test_a_server_that_ends_is_an_end() -> None:
    assert seen("closed", Ears(owed=True)) is None


@BAD_ENDINGS
def test_half_a_mail_never_passes_for_a_whole_one(kind: str) -> None:
    assert seen(kind, Ears(owed=True)) == f"server {kind}"
    assert seen(kind, Ears()) == f"server {kind}"


@BAD_ENDINGS
def test_who_has_left_is_harmed_by_no_end(kind: str) -> None:
    assert seen(kind, Ears(has_left=True)) is None


@BAD_ENDINGS
def test_behind_a_goodbye_only_a_reset_is_one(kind: str) -> None:
    ears = Ears(said=b"QUIT\r\n")
    ears.server_said(b"+OK bye\r\n", 0.0)
    assert seen(kind, ears) == ("server reset" if kind == "reset" else None)


@BAD_ENDINGS
def test_at_a_question_of_ours_a_server_may_go_as_it_likes_once_its_client_has_ended(kind: str) -> None:
    assert seen(kind, Ears(asked_last=True), has_client_ended=True) is None
    for ears in (Ears(asked_last=True, owed=True), Ears()):
        assert seen(kind, ears, has_client_ended=True) == f"server {kind}"
    assert seen(kind, Ears(asked_last=True)) == f"server {kind}"
