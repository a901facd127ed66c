"""POP3 (RFC 1939, extensions RFC 2449, RFC 5034 and RFC 6856, response codes RFC 2449 and RFC 3206).

commands.py   what a client says, one line
answers.py    what a server says: shapes, ends, capabilities, words to soften
ask.py        one question and its answer; flights, whose answers prove each other
manners.py    what a server has shown, and what it has failed in
habits.py     what one client did last time
memory.py     both, for a service; and who is about to leave
state.py      how a session goes
mailbox.py    what a session knows of the mailbox
queue.py      which answer belongs to which question, and to whom its octets go (judge.py: who is told what it comes to)
body.py       where a body ends; status.py: a status line on its way; mouth.py: octets on their way to the client
way.py        what is sent to the server, and when; again.py: what got lost is said again
ahead.py      guesses: the next messages; walk.py: where a client is on its way through the mailbox
questions.py  guesses: what to ask with a login, or after it
flights.py    what their answers show, and what becomes of them
login.py      how a client logs in; stls.py: STLS, and what has to wait for it
leaving.py    how it leaves
keep_alive.py so that its server waits for it
timing.py     what is due
doubt.py      a connection that stood ready, and may be dead
lesson.py     what a session that is over teaches
mending.py    when answers do not come
step.py       when nobody knows whose answers come
overhear.py    what a trace may show
client_ear.py, server_ear.py, sending.py   who hears whom, and what leaves then
parts.py, hearing.py   all of these, and the whole
reception.py  at the desk, before the server is known; sign_in.py   what is said to the server then
"""

from __future__ import annotations

from popover.errors import ServerFailure
from popover.protocols.dialect import Greeting, Terms, sentence
from popover.protocols.dialect import Memory as AnyMemory
from popover.protocols.greeting import greeting_line, stranger
from popover.protocols.pop3.answers import PIPELINING, capabilities
from popover.protocols.pop3.hearing import Ears
from popover.protocols.pop3.manners import Shown
from popover.protocols.pop3.memory import Memory
from popover.protocols.pop3.reception import Reception
from popover.protocols.pop3.spare import ask_capabilities, prove_pipelining
from popover.protocols.reception import Offer
from popover.talk import End, Talk

__all__ = [
    "ALPN",
    "CAN_WAIT",
    "Ears",
    "Memory",
    "ask_capabilities",
    "ears",
    "farewell",
    "get_ready",
    "is_answer",
    "memory",
    "open_up",
    "reception",
]

ALPN = "pop3"
CAN_WAIT = True
memory = Memory


def farewell(cause: str) -> bytes:
    """`-ERR [SYS/TEMP] ...`: our own trouble, never the login's (RFC 3206 section 4)."""
    return f"-ERR [SYS/TEMP] {sentence(cause)}\r\n".encode()


def reception(client: End, offer: Offer) -> Reception:
    """Receive a client whose server is not known yet."""
    return Reception(client, offer)


def open_up(server: End) -> Talk[Greeting]:
    """Read the greeting: one line, `+OK` or `-ERR` (RFC 1939 section 4)."""
    line = yield from greeting_line(server)
    if line.startswith(b"+OK"):
        return Greeting(line, welcome=True)
    if line.startswith(b"-ERR"):
        words = sentence(line[4:].decode("latin-1"))
        return Greeting(f"-ERR {words}\r\n".encode(), welcome=False)
    raise stranger(server, line)


def get_ready(server: End, memory: AnyMemory) -> Talk[bytes | None]:
    """Ask CAPA, of a server that may know it; and once in its life, whether it hears all of what comes in one piece.

    Gives the answer to CAPA, nothing where it is known not to be known; None: this connection is not for a client, for
    it has used up some of the server's patience.
    """
    known_so_far = _pop3(memory)
    known_so_far.scouts += 1
    manners = known_so_far.manners
    if manners.knows_capa is False:
        return b""
    answer = yield from ask_capabilities(server)
    if not answer or b"\n+OK" in answer or b"\n-ERR" in answer:  # a line more than it was asked for
        raise ServerFailure(f"{server.name} does not answer CAPA")
    known = capabilities(answer)
    manners.learn(known, logged_in=False)
    if not known:
        return None
    if PIPELINING in known and manners.pipelines_before is Shown.NOTHING and known_so_far.somebody:
        shown = yield from prove_pipelining(server, known_so_far.somebody)
        (manners.show if shown else manners.fail)("before")
        return None
    return answer


def is_answer(words: bytes) -> bool:
    """Whether a server's first words to a client are an answer; what else it says may be its farewell."""
    return words.startswith(b"+OK")


def ears(client: End, server: End, terms: Terms, memory: AnyMemory) -> Ears:
    """Make the ears of one talk."""
    return Ears(client, server, terms, _pop3(memory))


def _pop3(memory: AnyMemory) -> Memory:
    """The wet floor hands back what `memory` made, and knows no more of it."""
    assert isinstance(memory, Memory)  # noqa: S101 - as said
    return memory
