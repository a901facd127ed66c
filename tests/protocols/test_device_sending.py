"""A mail that was kept, and one attempt to send it: each recipient's fate."""

import pytest

from hearing import taken
from model_device import Server
from popover.protocols import for_devices
from popover.protocols.device import Delivery, Envelope, Errand, Flush
from popover.talk import End, More

OCTETS = b"Subject: a\r\n\r\n..dotted\r\n.\r\n"


def deliver(server: Server, *recipients: str, parameters: tuple[str, ...] = ()) -> Delivery:
    end, done = End("mail.example.com"), list[Delivery]()
    envelope = Envelope("scans", "scanner", "scans@example.com", recipients, parameters)
    pieces = iter([OCTETS[:5], OCTETS[5:-2], OCTETS[-2:]])

    def talk() -> Errand[None]:
        done.append((yield from for_devices().deliver(end, envelope, pieces)))

    for want in talk():
        said = taken(end)
        if said and not server.is_gone:
            end.inbox += server.hear(said)
        end.ended = server.is_gone
        assert isinstance(want, Flush) or (isinstance(want, More) and (end.inbox or end.ended))
    return done[0]


def test_a_mail_arrives_as_it_was_kept() -> None:
    server = Server()
    assert deliver(server, "a@x", "b@x", parameters=("BODY=8BITMIME", "SMTPUTF8")).sent == ("a@x", "b@x")
    assert server.mails == [OCTETS.removesuffix(b".\r\n")]
    assert b"MAIL FROM:<scans@example.com> BODY=8BITMIME\r\nRCPT" in server.heard


@pytest.mark.parametrize(
    ("verb", "words", "wanted"),
    [
        (b"MAIL", b"550 no\r\n", Delivery((), (), {"a@x": "550 no", "b@x": "550 no"}, "550 no")),
        (b"MAIL", b"451 no\r\n", Delivery((), ("a@x", "b@x"), {}, "451 no")),
        (b"RCPT", b"550 no\r\n", Delivery(("b@x",), (), {"a@x": "550 no"}, "250-queued as 1")),
        (b"RCPT", b"450 no\r\n", Delivery(("b@x",), ("a@x",), {}, "250-queued as 1")),
        (b"DATA", b"554 no\r\n", Delivery((), (), {"a@x": "554 no", "b@x": "554 no"}, "554 no")),
        (b".", b"552 no\r\n", Delivery((), (), {"a@x": "552 no", "b@x": "552 no"}, "552 no")),
        (b".", b"452 no\r\n", Delivery((), ("a@x", "b@x"), {}, "452 no")),
        (b".", b"", Delivery((), ("a@x", "b@x"), {}, "the connection was lost", is_doubtful=True)),
        (b"DATA", b"", Delivery((), ("a@x", "b@x"), {}, "the connection was lost")),
        (b"EHLO", b"421 busy\r\n", Delivery((), ("a@x", "b@x"), {}, "421 busy")),
        (b"EHLO", b"503 once\r\n", Delivery(("a@x", "b@x"), (), {}, "250-queued as 1")),
    ],
)
def test_what_becomes_of_it(verb: bytes, words: bytes, wanted: Delivery) -> None:
    got = deliver(Server({verb: words}), "a@x", "b@x")
    assert (got.sent, got.later, dict(got.refused)) == (wanted.sent, wanted.later, dict(wanted.refused))
    assert got.is_doubtful == wanted.is_doubtful
    assert got.words == wanted.words.replace("250-queued", "250 queued")


def test_whom_one_refuses_and_one_defers_are_told_apart() -> None:
    class Choosy(Server):
        def hear(self, data: bytes) -> bytes:
            if data.startswith(b"RCPT TO:<never"):
                return b"550 5.1.1 unknown\r\n"
            return b"452 full\r\n" if data.startswith(b"RCPT TO:<later") else super().hear(data)

    got = deliver(Choosy(), "never@x", "later@x", "now@x")
    assert (got.sent, got.later, dict(got.refused)) == (("now@x",), ("later@x",), {"never@x": "550 5.1.1 unknown"})
    got = deliver(Choosy(), "never@x", "later@x")
    assert (got.sent, got.later, dict(got.refused)) == ((), ("later@x",), {"never@x": "550 5.1.1 unknown"})
