"""What no session may show, however its server ends or its client loses count: a word to the server that nobody said, a
mail removed that nobody deleted. Nothing excuses it.
"""

from collections.abc import Iterable

from pairs.excuses import Played
from pairs.servers import deleting, providers
from pairs.servers.base import Pop3

_READING_DELETES = (deleting.Expire, providers.Gmail)


def inventions(direct: Played, through: Played, server: type[Pop3]) -> list[str]:
    """What popover did by itself."""
    said = [_words(line) for line in through.record.said.split(b"\n")]
    lines = {b" ".join(words).strip() for words in said} | set(_heard(direct))
    found = [f"the server heard {line!r}, which nobody said" for line in _heard(through) if line not in lines]
    verbs = {b"DELE", b"RETR", b"TOP"} if issubclass(server, _READING_DELETES) else {b"DELE"}
    sessions = sum(not turn.said for turn in through.record.turns)
    shift = len(through.state.removed) if sessions > 1 else 0  # who comes again finds the rest under other numbers
    names = {
        name for verb, argument in said if verb in verbs for name in _names(argument, shift)
    } | direct.state.removed
    found += [f"{name} is removed, and nobody wanted it" for name in through.state.removed if name not in names]
    return found


def _heard(played: Played) -> Iterable[bytes]:
    """All that may change something, in any connection."""
    return (line for visit in played.state.said for line in visit)


def _words(line: bytes) -> tuple[bytes, bytes]:
    """Verb and argument, as the servers read them (`base.Pop3.parse`)."""
    verb, _, argument = line.strip().partition(b" ")
    return verb.upper(), argument.strip()


def _names(argument: bytes, shift: int) -> Iterable[str]:
    """What the mail with this number may be called (`mailbox.numbered`, `locks.MailsArrive`), so many being gone."""
    first = argument.split(b" ")[0]
    numbers = range(int(first), int(first) + shift + 1) if first.isdigit() else ()
    return [name for number in numbers for name in (f"u{number:05}", f"n{number - 1}")]
