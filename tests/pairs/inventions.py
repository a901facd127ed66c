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
    names = {name for verb, argument in said if verb in verbs for name in _names(argument)} | direct.state.removed
    found += [f"{name} is removed, and nobody wanted it" for name in through.state.removed if name not in names]
    return found


def _heard(played: Played) -> Iterable[bytes]:
    """All that may change something, in any connection."""
    return (line for visit in played.state.said for line in visit)


def _words(line: bytes) -> tuple[bytes, bytes]:
    """Verb and argument, as the servers read them (`base.Pop3.parse`)."""
    verb, _, argument = line.strip().partition(b" ")
    return verb.upper(), argument.strip()


def _names(argument: bytes) -> Iterable[str]:
    """The names that the mail with this number may have (`mailbox.numbered`, `locks.MailsArrive`)."""
    first = argument.split(b" ")[0]
    return (f"u{int(first):05}", f"n{int(first) - 1}") if first.isdigit() else ()
