"""The desk of all dialects, whatever a server says to a login in a client's place: through the real ears."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_desk import OFFER, AtDesk, sign_in
from hearing import UNTIMED
from popover.config import Ahead, Server
from popover.config.values import DialectName
from popover.errors import SignInFailure
from popover.protocols import DIALECTS
from popover.protocols.login import Credentials

GREETINGS: dict[DialectName, bytes] = {
    "pop3": b"+OK hi\r\n", "imap": b"* OK hi\r\n", "smtp": b"220 hi\r\n", "sieve": b'"SASL" "PLAIN"\r\nOK "hi"\r\n',
}  # fmt: skip
LOGINS: dict[DialectName, bytes] = {
    "pop3": b"USER x\r\nPASS y\r\n", "imap": b"x.7 LOGIN x y\r\n", "smtp": b"AUTH PLAIN AHgAeQ==\r\n",
    "sieve": b'AUTHENTICATE "PLAIN" "AHgAeQ=="\r\n',
}  # fmt: skip
WORDS: dict[DialectName, list[bytes]] = {
    "pop3": [b"+OK\r\n", b"-ERR no\r\n", b"+ \r\n", b"+ e30=\r\n", b".\r\n", b"SASL OAUTHBEARER\r\n", b"+OK 1 2\r\n"],
    "imap": [
        b"+ \r\n", b"+ e30=\r\n", b"x.7 OK in\r\n", b"x.7 NO no\r\n", b"x.7 BAD no\r\n", b"a1 OK\r\n", b"* BYE\r\n",
        b"* CAPABILITY IMAP4 SASL-IR AUTH=PLAIN\r\n", b"* X {2}\r\n", b"x.7 OK [CAPABILITY IMAP4] in\r\n",
    ],
    "smtp": [
        b"250-x\r\n", b"250-AUTH LOGIN\r\n", b"250 AUTH PLAIN XOAUTH2\r\n", b"334 \r\n", b"334 e30=\r\n", b"235 in\r\n",
        b"535 no\r\n", b"535-no\r\n", b"421 bye\r\n", b"503 no\r\n",
    ],
    "sieve": [
        b"OK\r\n", b'OK "in"\r\n', b'NO "no"\r\n', b"NO {3}\r\n", b"no\r\n", b'"e30="\r\n', b'""\r\n', b"{4}\r\n",
        b'BYE "x"\r\n', b'"SASL" "XOAUTH2"\r\n', b'OK (SASL "e30=") "in"\r\n',
    ],
}  # fmt: skip
SECRETS = Credentials("anna", b"canary password"), Credentials("anna", b"canary-token", "bearer")


class Saying:
    """A server that says the next piece whenever it has heard something, and hangs up behind the last."""

    has_ended = False

    def __init__(self, greeting: bytes, pieces: list[bytes]) -> None:
        self.greeting = greeting
        self._pieces: Iterator[bytes] = iter(pieces)

    def hear(self, data: bytes) -> bytes:  # noqa: ARG002 - whatever it hears
        said = next(self._pieces, None)
        self.has_ended = said is None
        return said or b""


@pytest.mark.parametrize("dialect", GREETINGS)
@UNTIMED
@given(data=st.data(), credentials=st.sampled_from(SECRETS), ahead=st.sampled_from([Ahead(), Ahead(ask_ahead=False)]))
def test_whatever_a_server_says_there_is_an_answer_or_a_sign_in_failure(
    dialect: DialectName, data: st.DataObject, credentials: Credentials, ahead: Ahead
) -> None:
    piece = st.lists(st.sampled_from(WORDS[dialect]) | st.binary(max_size=20), max_size=3).map(b"".join)
    saying = Saying(GREETINGS[dialect], data.draw(st.lists(piece.filter(bool), max_size=12)))
    desk = AtDesk(DIALECTS[dialect], OFFER)
    desk.say(LOGINS[dialect])
    failure: SignInFailure | None = None
    try:
        came = sign_in(saying, credentials, desk.reception, Server(dialect, "mail.example.com", 1), ahead=ahead)
    except SignInFailure as failed:
        failure = failed
    if failure is not None:
        assert "canary" not in failure.cause + failure.remedy
        return
    words = came.answer.words
    assert words.endswith(b"\r\n")
    assert b"canary" not in words
    if dialect != "imap":
        assert came.answer.accepted == words.upper().startswith({"pop3": b"+OK", "smtp": b"2", "sieve": b"OK"}[dialect])
    else:
        assert came.answer.accepted == (words.splitlines()[-1].split(None, 2)[1] == b"OK")
