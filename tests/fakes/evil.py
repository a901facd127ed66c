"""Servers that have TLS only after STARTTLS: an honest one, and one for each attack on the plain words before it.

Rules and attacks as in "Why TLS Is Better Without STARTTLS" (USENIX Security 2021). What an attacker says holds EVIL.
"""

from collections.abc import Callable, Iterator
from ssl import SSLContext
from typing import NamedTuple

from fakes.mail import answer_pop3, sieve
from fakes.tls import TLSWire
from fakes.wire import Talker, Wire

EVIL = b"EVIL"
TAG = b"{tag}"  # of the IMAP command that is answered

# What each says by itself: a greeting, and an answer to each command.
HONEST = {
    "pop3": (b"+OK ready <1.2@mail.example.com>\r\n", b"+OK begin\r\n"),
    "imap": (b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n", TAG + b" OK begin\r\n"),
    "smtp": (b"220 mail.example.com ESMTP\r\n", b"250-mail.example.com\r\n250 STARTTLS\r\n", b"220 begin\r\n"),
    "sieve": (b'"IMPLEMENTATION" "a"\r\n"STARTTLS"\r\nOK "ready"\r\n', b'OK "begin"\r\n'),
}

ASKED = {"pop3": [b"STLS"], "imap": [b"STARTTLS"], "smtp": [b"EHLO [127.0.0.1]", b"STARTTLS"], "sieve": [b"STARTTLS"]}


class Attack(NamedTuple):
    """`said`: the greeting and the answers, as in HONEST. `fails`: no session comes of it; else TLS begins, and the
    client sees nothing of what was said before.
    """

    rule: str
    dialect: str
    said: tuple[bytes, ...]
    fails: bool = True

    @property
    def name(self) -> str:
        """For a test's name."""
        return f"{self.dialect}-{b' '.join(self.said)[:70]!r}"


def honest_until(dialect: str, *last: bytes) -> tuple[bytes, ...]:
    """Say what an honest server says, but for the last words."""
    return HONEST[dialect][: -len(last)] + last


def _refusals() -> Iterator[Attack]:
    for answer in (
        b"-ERR EVIL",
        b"-ERR [SYS/TEMP] EVIL",
        b"+ EVIL",
        b"+OKEVIL",
        b"OK EVIL",
        b"+ok EVIL",
        b"",
        b"220 EVIL",
    ):
        yield Attack("U1", "pop3", honest_until("pop3", answer + b"\r\n"))
    for answer in (
        b"{tag} NO EVIL", b"{tag} BAD EVIL", b"+ EVIL", b"EVIL OK go", b"OK {tag} EVIL", b"{tag} OKEVIL", b"{tag}",
        b"{tag} PREAUTH EVIL", b"*", b"",
    ):  # fmt: skip
        yield Attack("U1", "imap", honest_until("imap", answer + b"\r\n"))
    for answer in (
        b"454 EVIL", b"502 EVIL", b"354 EVIL", b"250 EVIL", b"235 EVIL", b"2200 EVIL", b"220-EVIL\r\n250 EVIL",
        b"250-EVIL\r\n220 EVIL", b"", b"334 EVIL",
    ):  # fmt: skip
        yield Attack("U1", "smtp", honest_until("smtp", answer + b"\r\n"))
    for answer in (b'NO "EVIL"', b'BYE "EVIL"', b"OKEVIL", b"OK {4+}\r\nEVIL", b"+OK EVIL", b"", b'"EVIL"'):
        yield Attack("U1", "sieve", honest_until("sieve", answer + b"\r\n"))
    for dialect in HONEST:
        yield Attack("U1", dialect, honest_until(dialect, b""))  # it closes


def _old_servers() -> Iterator[Attack]:
    yield Attack("U2", "pop3", (b"+OK EVIL POP3\r\n", b"-ERR unknown command EVIL\r\n"))
    yield Attack("U2", "imap", (b"* OK IMAP4 EVIL\r\n", b"{tag} BAD unknown EVIL\r\n"))
    yield Attack("U2", "imap", (b"* OK [CAPABILITY IMAP2bis EVIL] hi\r\n", b"* BAD unknown EVIL\r\n"))
    yield Attack("U2", "smtp", (b"220 EVIL SMTP\r\n", b"502 EVIL\r\n", b"502 EVIL\r\n"))
    yield Attack("U2", "smtp", (b"220 EVIL SMTP\r\n", b"250 EVIL has nothing\r\n", b"503 EVIL\r\n"))


def _injections() -> Iterator[Attack]:
    for dialect, said in HONEST.items():
        for more in (
            b"EVIL", b"\r\n", b"+OK EVIL\r\n", b"* OK [CAPABILITY EVIL]\r\n", b"250 EVIL\r\n", b"\0", b"x" * 9000,
            b'* LIST () "/" EVIL\r\n* 1 EXISTS\r\n',
        ):  # fmt: skip
            yield Attack("U4", dialect, (*said[:-1], said[-1] + more))


def _early_answers() -> Iterator[Attack]:
    for dialect, said in HONEST.items():
        for early in (b"+OK EVIL\r\n", b"a1 OK EVIL\r\n", b"220 EVIL\r\n", b"E"):
            yield Attack("U5", dialect, (said[0] + early, *said[1:]))
    yield Attack("U5", "smtp", (HONEST["smtp"][0], HONEST["smtp"][1] + b"220 EVIL\r\n", b"220 EVIL\r\n"))


def _untagged() -> Iterator[Attack]:
    greeting, done = HONEST["imap"]
    for data in (
        b'* LIST (\\Noselect) "/" EVIL', b'* LSUB () "/" EVIL', b"* STATUS EVIL (MESSAGES 9)", b"* SEARCH 1 2 3",
        b"* FLAGS (EVIL)", b"* 7 EXISTS", b"* 7 RECENT", b"* 7 EXPUNGE", b"* 7 FETCH (FLAGS (EVIL))",
        b"* CAPABILITY IMAP4rev1 AUTH=EVIL", b"* OK [CAPABILITY EVIL] EVIL", b"* NO EVIL", b"* BAD EVIL",
        b"* PREAUTH EVIL",
    ):  # fmt: skip
        yield Attack("U6", "imap", (greeting, data + b"\r\n" + done), fails=False)


def _spoofing() -> Iterator[Attack]:
    red = b"\x1b[31mEVIL\x1b[0m"
    yield Attack("U7", "pop3", (b"+OK " + red + b" <1.2@evil>\r\n", b"+OK " + red + b"\r\n"), fails=False)
    for code in (b"[ALERT]", b"[BADCHARSET (EVIL)]", b"[PARSE]"):
        said = (b"* OK " + code + red + b"\r\n", TAG + b" OK " + code + b" " + red + b"\r\n")
        yield Attack("U7", "imap", said, fails=False)
    ehlo = b"250-" + red + b"\r\n250-AUTH EVIL\r\n250 SIZE 1\r\n"
    yield Attack("U7", "smtp", (b"220-" + red + b"\r\n220 EVIL\r\n", ehlo, b"220 " + red + b"\r\n"), fails=False)
    sieve = (b'"IMPLEMENTATION" "' + red + b'"\r\n"SASL" "EVIL"\r\nOK "EVIL"\r\n', b'OK "' + red + b'"\r\n')
    yield Attack("U7", "sieve", sieve, fails=False)
    yield Attack("U7", "pop3", (b"-ERR " + red + b"\r\n",))
    yield Attack("U7", "imap", (b"* NO [ALERT] " + red + b"\r\n",))
    yield Attack("U7", "smtp", (b"554 " + red + b"\r\n",))


def _endless() -> Iterator[Attack]:
    for dialect, more in (
        ("pop3", b"EVIL"),
        ("imap", b"* BAD EVIL\r\n"),
        ("smtp", b"250-EVIL\r\n"),
        ("sieve", b'"EVIL"\r\n'),
    ):
        flood = more * (64 * 1024 // len(more))
        start = HONEST[dialect][0][:3]
        yield Attack("U10", dialect, (start + b"x" * 64 * 1024,))
        yield Attack("U10", dialect, honest_until(dialect, flood))
    yield Attack("U10", "smtp", (HONEST["smtp"][0], b"250-EVIL\r\n" * 10_000, b"220 EVIL\r\n"))
    yield Attack("U10", "smtp", (b"220-EVIL\r\n" * 200 + b"220 EVIL\r\n", b"250 EVIL\r\n", b"220 EVIL\r\n"))


def _cross_protocol() -> Iterator[Attack]:
    http = b"HTTP/1.1 200 OK\r\nServer: EVIL\r\n\r\n"
    for dialect in HONEST:
        for greeting in (http, b"SSH-2.0-EVIL\r\n", b"\xff\xfd\x18EVIL\r\n", b"\x15\x03\x01\x00\x02\x02\x16", b"\r\n"):
            yield Attack("U13", dialect, (greeting,))
        for other in filter(dialect.__ne__, HONEST):
            yield Attack("U13", dialect, (HONEST[other][0],))


ATTACKS = [
    *_refusals(),
    *_old_servers(),
    Attack("U3", "imap", (b"* PREAUTH [CAPABILITY IMAP4rev1] EVIL\r\n", b"{tag} OK EVIL\r\n")),
    Attack("U3", "imap", (b"* preauth EVIL\r\n", b"{tag} BAD EVIL\r\n")),
    *_injections(),
    *_early_answers(),
    *_untagged(),
    *_spoofing(),
    Attack("U8", "imap", (b"* OK [REFERRAL imap://EVIL/]\r\n", b"{tag} OK [REFERRAL imap://EVIL/]\r\n"), fails=False),
    Attack("U8", "imap", honest_until("imap", b"{tag} NO [REFERRAL imap://EVIL/] EVIL\r\n")),
    Attack("U8", "imap", (b"* BYE [REFERRAL imap://EVIL/] EVIL\r\n",)),
    Attack("U9", "imap", (b"* BYE EVIL\r\n",)),
    Attack("U9", "imap", honest_until("imap", b"* BYE EVIL\r\n{tag} OK EVIL\r\n")),
    Attack("U9", "imap", honest_until("imap", b"* bye\r\n{tag} OK EVIL\r\n")),
    *_endless(),
    *_cross_protocol(),
]  # fmt: skip


def by_rule(rule: str) -> list[Attack]:
    """All attacks against which a rule stands."""
    found = [attack for attack in ATTACKS if attack.rule == rule]
    assert found
    return found


class Behind:
    """A server that has TLS only after STARTTLS; `said`: its plain words. `heard`: all that was said to it in plain
    text, and what came when it had said its last word, be it TLS or not.
    """

    def __init__(self, dialect: str, context: SSLContext, said: tuple[bytes, ...] = ()) -> None:
        self.heard = b""
        self.served: Callable[[Talker], None] = _SERVED[dialect]
        self._context = context
        self._said = said or HONEST[dialect]

    def __call__(self, wire: Wire) -> None:
        """Serve one connection."""
        greeting, *answers = self._said
        wire.send(greeting)
        for answer in answers:
            line = wire.line()
            self.heard += line
            if not answer:
                return
            wire.send(answer.replace(TAG, line.split(b" ")[0]))
        first = wire.receive_held() or wire.arrival()
        if not first.startswith(b"\x16\x03"):
            while first:
                self.heard += first
                wire.send(b"+OK EVIL\r\n")
                first = wire.arrival()
            return
        secured = TLSWire(wire, self._context, first)
        secured.handshake()
        self.served(secured)
        secured.close()


def _smtp(wire: Talker) -> None:
    while line := wire.line():
        wire.send(b"221 bye\r\n" if line.strip().upper() == b"QUIT" else b"250 fine\r\n")
        if line.strip().upper() == b"QUIT":
            return


def _imap(wire: Talker) -> None:
    while line := wire.line():
        tag, _, rest = line.strip().partition(b" ")
        if rest.upper() == b"LOGOUT":
            wire.send(b"* BYE\r\n" + tag + b" OK\r\n")
            return
        wire.send((b"* CAPABILITY IMAP4rev1 SASL-IR\r\n" if rest == b"CAPABILITY" else b"") + tag + b" OK done\r\n")


_SERVED: dict[str, Callable[[Talker], None]] = {"pop3": answer_pop3, "imap": _imap, "smtp": _smtp, "sieve": sieve}
