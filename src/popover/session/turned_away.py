"""What the log says of a login that was not let in: one line each, for people and for fail2ban; never a secret.

`192.0.2.7 login refused: ...` begins each line of a wrong one, with the client's address in front, and what comes from
the client at the end.
"""

from __future__ import annotations

from popover.errors import Failure
from popover.protocols.dialect import sentence
from popover.protocols.login import NotFound, Unsure
from popover.protocols.reception import SignedIn
from popover.refusals import explain
from popover.session.case import Case

NAME_LIMIT = 100
"""Characters of a name that are logged: an address has 254 octets at most (RFC 5321 section 4.5.3.1.3), and most have
30. Who types the password into the wrong field has it in the log, as with every other mail server."""


def shown(user: str) -> str:
    """Show a name from outside: what is no text is escaped here, what is not printable by the log."""
    if len(user) <= NAME_LIMIT and user.isascii():
        return user
    name = user.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return name if len(name) <= NAME_LIMIT else name[: NAME_LIMIT - 3] + "..."


def by_finder(case: Case, found: NotFound | Unsure) -> None:
    """The name or the password is wrong, or nobody can say."""
    if isinstance(found, Unsure):
        undecided(case, Failure(found.cause, found.remedy))
        return
    case.tally.refused += 1
    _tell(case, f"{case.address} login refused: {found.why}", found.why, "")


def by_server(case: Case, answer: SignedIn, *, is_own: bool) -> None:
    """The server has refused what the client said (`is_own`), or what we said for it: then it is not to blame."""
    server = case.dialled.stream.end.name if case.dialled is not None else "the server"
    said = sentence(answer.words.decode("latin-1"))
    if is_own:
        case.tally.refused += 1
        _tell(case, f"{case.address} login refused: {server} says {said}", f"{server} says {said}", "")
        return
    meant = explain(said)
    remedy = "the client's own login was right: " + (
        meant.remedy if meant else "look at what is said to the server for it"
    )
    cause = f"{server} refuses the sign-in{f' ({meant.cause})' if meant and meant.provider else ''}: {said}"
    case.tally.undecided += 1
    case.tally.trouble = Failure(cause, remedy)
    _tell(case, f"{case.address} not signed in: {cause}; {remedy}", cause, remedy)


def undecided(case: Case, failure: Failure) -> None:
    """Nobody could say, or our own trouble stands in the way."""
    case.tally.undecided += 1
    case.tally.trouble = failure
    why = f"{failure.cause}; {failure.remedy}" if failure.remedy else failure.cause
    _tell(case, f"{case.address} login undecided: {why}", failure.cause, failure.remedy)


def _tell(case: Case, text: str, cause: str, remedy: str) -> None:
    case.log.event(
        "warning",
        "login",
        f"{text}: {case.user}" if case.user else text,
        id=case.id,
        service=case.service.name,
        client=case.address,
        user=case.user,
        cause=cause,
        remedy=remedy,
    )
