"""What is verified, and the tickets that stand in for it: real handshakes, with bytes carried by the test."""

import contextlib
import itertools
import re
import signal
import ssl
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fakes.mail import imap
from fakes.scene import Gateway, Stage
from fakes.tls import EVERY_CIPHER, server_context
from fakes.wire import Wire
from parts.certificates import Authority, Faults
from popover.config import Server, Target, Trust, parse_pin
from popover.config.values import TLSVersion
from popover.errors import ConfigError, TLSFailure
from popover.outside import trust as tls
from popover.outside.certificate import pin_of
from popover.outside.trust import TICKET_LIFETIME, Policy, Verifier, Verifiers
from popover.wire.engine import RECORD, Engine, TLSError, UntrustedError
from popover.wire.openssl import OpenSSL
from services import service

pytest_plugins = ["fakes.fixture"]

PORT = 995
ANY_PIN = bytes(32)
HOUR, DAY = 3600.0, 86_400.0


def policy(authority: Authority, **keys: Any) -> Policy:
    alpn = keys.pop("alpn", "pop3")
    return Policy(Trust(**{"ca_file": authority.ca_file} | keys), alpn)


def shake_hands(engine: Engine, context: ssl.SSLContext) -> ssl.SSLObject:
    """Shake hands with a server of this context in memory, let it say a word, and end cleanly; the server's side."""
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(inward, outward, server_side=True)
    for _ in range(3):
        engine.shake(outward.read())
        inward.write(engine.answer())
        with contextlib.suppress(ssl.SSLWantReadError):
            server.do_handshake()
    server.write(b"+OK\r\n")
    assert engine.pull(memoryview(bytearray(4 * RECORD)), outward.read()) == (5, None)
    return server


def connect(verifier: Verifier, host: str, context: ssl.SSLContext, port: int = PORT) -> bool:
    """A session with `host` as the dialler makes one; whether it was resumed."""
    engine = verifier.engine(host, port)
    shake_hands(engine, context)
    verifier.check_pin(host, engine)
    verifier.keep(host, port, engine)
    engine.bye()  # OpenSSL makes the ticket of a connection without an end useless
    return engine.resumed


@pytest.fixture
def both(authority: Authority) -> ssl.SSLContext:
    """A server with two names that answers with one context: its tickets are good for both."""
    return server_context(authority.issue("one.test", "two.test"))


# -- contexts ------------------------------------------------------------------------------------------


def test_every_context_verifies(authority: Authority) -> None:
    versions: tuple[TLSVersion, ...] = ("1.2", "1.3")
    choices = ((None, authority.ca_file), (None, "pop3", "imap"), ((), (ANY_PIN,)))
    for min_tls, (ca_file, alpn, pin) in itertools.product(versions, itertools.product(*choices)):
        context = Verifier(Policy(Trust(ca_file, min_tls, pin), alpn)).context
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname is True
        assert context.hostname_checks_common_name is False
        assert context.minimum_version is {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[str(min_tls)]
        assert context.maximum_version is ssl.TLSVersion.MAXIMUM_SUPPORTED
        assert bool(context.get_ca_certs()) or ca_file is None


def test_named_file_is_all_that_is_trusted(authority: Authority) -> None:
    """With `ca_file` the system's authorities don't count."""
    [trusted] = Verifier(policy(authority)).context.get_ca_certs()
    assert "Popover test authority" in str(trusted["subject"])


def test_intermediate_as_ca_file_is_a_trust_anchor(authority: Authority) -> None:
    """Its root is not needed, and does not count."""
    verifier = Verifier(policy(authority, ca_file=authority.intermediate_file))
    for faults in (Faults(missing_intermediate=True), Faults(intermediate=True)):
        assert connect(verifier, "one.test", server_context(authority.issue("one.test", **faults))) is False
        verifier.drop("one.test", PORT)
    with pytest.raises(UntrustedError):
        connect(verifier, "one.test", server_context(authority.issue("one.test")))


def test_without_ca_file_only_whole_chains_count(authority: Authority) -> None:
    """The system's store is for roots; what else lies there is not taken for one."""
    assert not Verifier(policy(authority, ca_file=None)).context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN


@pytest.mark.parametrize(
    ("names", "faults"),
    [
        (("other.test",), {}),
        (("one.test.evil.test",), {}),
        (("*.one.test",), {}),
        (("one.test",), {"self_signed": True}),
        (("one.test",), {"unknown_ca": True}),
        (("one.test",), {"expired": True}),
        (("one.test",), {"not_yet_valid": True}),
        (("one.test",), {"cn_only": True}),
        (("one.test",), {"missing_intermediate": True}),
        (("one.test",), {"client_auth_only": True}),
    ],
    ids=str,
)
@pytest.mark.parametrize("pinned", [False, True])
def test_wrong_certificate_fails_the_handshake_pinned_or_not(
    authority: Authority, names: tuple[str, ...], faults: Any, pinned: bool
) -> None:
    wrong = authority.issue(*names, **faults)
    pin = (parse_pin(wrong.pin),) if pinned else ()
    engine = Verifier(policy(authority, pin=pin)).engine("one.test", PORT)
    with pytest.raises(UntrustedError):
        shake_hands(engine, server_context(wrong))


@pytest.mark.parametrize(
    ("host", "good"), [("127.0.0.1", True), ("127.0.0.2", False), ("::1", True), ("one.test", False)]
)
def test_address_is_looked_for_among_the_addresses(authority: Authority, host: str, good: bool) -> None:
    engine = Verifier(policy(authority)).engine(host, PORT)
    context = server_context(authority.issue("127.0.0.1", "::1"))
    if good:
        assert shake_hands(engine, context)
    else:
        with pytest.raises(UntrustedError):
            shake_hands(engine, context)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
@pytest.mark.parametrize(
    ("least", "offered", "good"),
    [
        ("1.2", ssl.TLSVersion.TLSv1, False),
        ("1.2", ssl.TLSVersion.TLSv1_1, False),
        ("1.2", ssl.TLSVersion.TLSv1_2, True),
        ("1.2", ssl.TLSVersion.TLSv1_3, True),
        ("1.3", ssl.TLSVersion.TLSv1_2, False),
        ("1.3", ssl.TLSVersion.TLSv1_3, True),
    ],
)
def test_lowest_version(authority: Authority, least: str, offered: ssl.TLSVersion, good: bool) -> None:
    context = server_context(authority.issue("one.test"), EVERY_CIPHER)
    context.minimum_version = context.maximum_version = offered
    engine = Verifier(policy(authority, min_tls=least)).engine("one.test", PORT)
    if good:
        assert shake_hands(engine, context)
    else:
        with pytest.raises((ssl.SSLError, TLSError)):  # on one of the two sides
            shake_hands(engine, context)


# -- one verifier per policy ---------------------------------------------------------------------------


def target(**keys: Any) -> Target:
    return service(**{"server": Server("pop3", "one.test", PORT)} | keys).target


def test_services_with_one_policy_share_a_verifier(authority: Authority, tmp_path: Path) -> None:
    copy = tmp_path / "ca.pem"
    copy.write_bytes(authority.ca_file.read_bytes())
    verifiers = Verifiers()
    first = verifiers.of(target(ca_file=authority.ca_file))
    same = target(name="other", ca_file=authority.ca_file, server=Server("pop3", "two.test", 1995), max_sessions=1)
    assert verifiers.of(same) is first
    different: list[dict[str, Any]] = [
        {"ca_file": None},
        {"ca_file": copy},
        {"ca_file": authority.ca_file, "min_tls": "1.3"},
        {"ca_file": authority.ca_file, "pin": (ANY_PIN,)},
        {"ca_file": authority.ca_file, "server": Server("imap", "one.test", 993)},
    ]
    others = [verifiers.of(target(**keys)) for keys in different]
    assert len({id(verifier) for verifier in [first, *others]}) == 1 + len(different)


@pytest.mark.parametrize("content", [None, "", "no certificate\n", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_unusable_ca_file_is_a_mistake_of_the_configuration(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=re.escape(f"ca_file: {path} cannot be used: ")) as caught:
        Verifiers().of(target(ca_file=path))
    assert len(caught.value.mistakes) == 1


# -- tickets -------------------------------------------------------------------------------------------


def test_ticket_is_offered_again_and_again(authority: Authority, both: ssl.SSLContext) -> None:
    verifier = Verifier(policy(authority))
    assert [connect(verifier, "one.test", both) for _ in range(4)] == [False, True, True, True]


def test_ticket_of_tls_1_2_is_used_too(authority: Authority, both: ssl.SSLContext) -> None:
    both.maximum_version = ssl.TLSVersion.TLSv1_2
    verifier = Verifier(policy(authority))
    assert [connect(verifier, "one.test", both) for _ in range(3)] == [False, True, True]


def test_ticket_belongs_to_one_host_and_port(authority: Authority, both: ssl.SSLContext) -> None:
    verifier = Verifier(policy(authority))
    connect(verifier, "one.test", both)
    assert verifier.ticket("one.test", PORT) is not None
    for host, port in (("two.test", PORT), ("one.test", PORT + 1), ("one.test.", PORT), ("", PORT)):
        assert verifier.ticket(host, port) is None
    assert connect(verifier, "two.test", both) is False
    assert connect(verifier, "one.test", both, PORT + 1) is False
    assert connect(verifier, "one.test", both) is True


@pytest.mark.parametrize("other", [{"pin": (ANY_PIN,)}, {"ca_file": None}, {"min_tls": "1.3"}, {"alpn": None}], ids=str)
def test_ticket_belongs_to_one_policy(authority: Authority, both: ssl.SSLContext, other: Any) -> None:
    verifiers = [Verifier(policy(authority)), Verifier(policy(authority, **other))]
    connect(verifiers[0], "one.test", both)
    assert verifiers[1].ticket("one.test", PORT) is None


def test_why_the_ticket_must_be_kept_apart(authority: Authority) -> None:
    """What OpenSSL does with the ticket of one host under another's name: it takes the word of the first for it."""
    context = server_context(authority.issue("one.test"))
    verifier = Verifier(policy(authority))
    connect(verifier, "one.test", context)
    with pytest.raises(UntrustedError):
        shake_hands(OpenSSL(verifier.context, "two.test", verifier.ticket("two.test", PORT)), context)
    tricked = OpenSSL(verifier.context, "two.test", verifier.ticket("one.test", PORT))
    shake_hands(tricked, context)
    assert tricked.resumed


class Clock(NamedTuple):
    """In the place of the module `time`. CLOCK_MONOTONIC, which stands still while a machine sleeps, is not in it."""

    seconds: float = 0.0  # what passed since the machine was started, asleep or not
    days: float = 0.0  # what passed on the calendar

    def clock_gettime(self, which: int) -> float:
        assert which == time.CLOCK_BOOTTIME
        return 5000.0 + self.seconds

    def time(self) -> float:
        return time.time() + self.days * DAY


def test_ticket_lives_an_hour(authority: Authority, both: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(policy(authority))
    monkeypatch.setattr(tls, "time", Clock())
    connect(verifier, "one.test", both)
    monkeypatch.setattr(tls, "time", Clock(HOUR - 1))
    assert connect(verifier, "one.test", both) is True  # and using it does not make it younger
    monkeypatch.setattr(tls, "time", Clock(HOUR))
    assert connect(verifier, "one.test", both) is False
    assert connect(verifier, "one.test", both) is True  # the full handshake has earned a new one
    assert TICKET_LIFETIME == HOUR


@pytest.mark.parametrize("passed", [600.0, 0.0, 7 * DAY], ids=["time passed", "the clock was set", "the machine slept"])
def test_ticket_lives_no_longer_than_its_certificate(
    authority: Authority, both: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, passed: float
) -> None:
    leaf = authority.issue("one.test", "two.test").leaf
    left = leaf.not_valid_after_utc.timestamp() - time.time()
    verifier = Verifier(policy(authority))
    monkeypatch.setattr(tls, "time", Clock(0, (left - 600) / DAY))  # ten minutes before it runs out
    connect(verifier, "one.test", both)
    monkeypatch.setattr(tls, "time", Clock(0, (left - 60) / DAY))
    assert verifier.ticket("one.test", PORT) is not None
    monkeypatch.setattr(tls, "time", Clock(passed, (left + 60) / DAY))
    assert verifier.ticket("one.test", PORT) is None


def test_tickets_given_last_are_kept_and_no_more(
    authority: Authority, both: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "TICKETS_LIMIT", 2)
    verifier = Verifier(policy(authority))
    for port in (1, 2, 3):
        assert not connect(verifier, "one.test", both, port)
    assert [verifier.ticket("one.test", port) is not None for port in (1, 2, 3)] == [False, True, True]


def test_refused_ticket_costs_a_full_handshake_and_nothing_else(authority: Authority) -> None:
    """The server was started anew, and cannot read what it gave out before."""
    certificate = authority.issue("one.test")
    verifier = Verifier(policy(authority))
    connect(verifier, "one.test", server_context(certificate))
    assert connect(verifier, "one.test", server_context(certificate)) is False


def test_refused_ticket_still_means_a_verified_server(authority: Authority) -> None:
    verifier = Verifier(policy(authority))
    connect(verifier, "one.test", server_context(authority.issue("one.test")))
    impostor = server_context(authority.issue("one.test", self_signed=True))
    with pytest.raises(UntrustedError):
        connect(verifier, "one.test", impostor)


def test_dropped_ticket_is_gone(authority: Authority, both: ssl.SSLContext) -> None:
    verifier = Verifier(policy(authority))
    connect(verifier, "one.test", both)
    verifier.drop("two.test", PORT)
    assert verifier.ticket("one.test", PORT) is not None
    verifier.drop("one.test", PORT)
    verifier.drop("one.test", PORT)
    assert verifier.ticket("one.test", PORT) is None


def test_server_without_tickets(authority: Authority, both: ssl.SSLContext) -> None:
    both.num_tickets = 0
    both.options |= ssl.OP_NO_TICKET
    verifier = Verifier(policy(authority))
    assert [connect(verifier, "one.test", both) for _ in range(2)] == [False, False]


def unreadable(_: bytes) -> None:
    raise ValueError("a length that no certificate has")


def test_certificate_we_can_not_read_costs_the_ticket_and_not_the_session(
    authority: Authority, both: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "read_certificate", unreadable)
    verifier = Verifier(policy(authority))
    assert [connect(verifier, "one.test", both) for _ in range(2)] == [False, False]


# -- pins ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_right_pin_is_enough_resumed_or_not(authority: Authority, both: ssl.SSLContext, place: int) -> None:
    pins = [bytes([number]) * 32 for number in range(2)]
    pins.insert(place, parse_pin(authority.issue("one.test", "two.test").pin))
    verifier = Verifier(policy(authority, pin=tuple(pins)))
    assert [connect(verifier, "one.test", both) for _ in range(2)] == [False, True]


def test_wrong_pin_is_refused_with_the_key_that_was_found(authority: Authority, both: ssl.SSLContext) -> None:
    issued = authority.issue("one.test", "two.test")
    off_by_one = bytes([parse_pin(issued.pin)[0] ^ 1]) + parse_pin(issued.pin)[1:]
    verifier = Verifier(policy(authority, pin=(off_by_one,)))
    with pytest.raises(TLSFailure, match=r"public key of one\.test is not the one that was pinned") as caught:
        connect(verifier, "one.test", both)
    [shown] = re.findall(r'pin = \["(.*?)"\]', caught.value.remedy)
    assert parse_pin(shown) == parse_pin(issued.pin)
    assert verifier.ticket("one.test", PORT) is None


def test_certificate_of_another_key_is_not_the_pinned_one(authority: Authority) -> None:
    mine, other = authority.issue("one.test"), authority.issue("one.test", rsa_bits=2048)
    verifier = Verifier(policy(authority, pin=(parse_pin(mine.pin),)))
    assert pin_of(ssl.PEM_cert_to_DER_cert(mine.cert_file.read_text())) == parse_pin(mine.pin)
    with pytest.raises(TLSFailure):
        connect(verifier, "one.test", server_context(other))


def test_certificate_we_can_not_read_is_not_the_pinned_one(
    authority: Authority, both: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "pin_of", unreadable)
    verifier = Verifier(policy(authority, pin=(parse_pin(authority.issue("one.test", "two.test").pin),)))
    with pytest.raises(TLSFailure, match=r"certificate of one\.test cannot be read") as caught:
        connect(verifier, "one.test", both)
    assert "error" not in caught.value.cause
    assert caught.value.remedy
    assert verifier.ticket("one.test", PORT) is None


# -- in the gateway ------------------------------------------------------------------------------------


def resumed(gateway: Gateway) -> bool:
    """Whether the next session is."""
    return bool(gateway.serves()["resumed"])


def test_ticket_of_one_name_opens_no_other(stage: Stage) -> None:
    """One server, one key for its tickets, a certificate for one of its names: the other stays refused."""
    server = stage.server(imap, stage.authority.issue("localhost"))
    ca_file = str(stage.authority.ca_file)
    good, wrong = (
        {"listen": "127.0.0.1:0", "server": f"imaps://{host}:{server.port}", "ca_file": ca_file}
        for host in ("localhost", "127.0.0.1")
    )
    popover = stage.popover("-c", stage.config(good, wrong))
    gateway = Gateway(popover, "imap")
    assert [resumed(gateway) for _ in range(2)] == [False, True]
    other = Gateway(popover, "imap", lambda _: Wire.to(popover.addresses[1]))
    assert "is for another name" in other.told()
    assert popover.wait_for_event("session", end="no tls")


def test_refused_ticket_is_replaced_by_a_new_one(stage: Stage) -> None:
    server = stage.server(imap)
    gateway = stage.gateway(server, "imap")
    assert [resumed(gateway) for _ in range(2)] == [False, True]
    server.context = stage.context()
    assert [resumed(gateway) for _ in range(3)] == [False, True, True]


def test_reload_forgets_all_tickets(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(imap), "imap")
    assert [resumed(gateway) for _ in range(2)] == [False, True]
    gateway.popover.signal(signal.SIGHUP)
    gateway.popover.wait_for_event("reloaded")
    assert [resumed(gateway) for _ in range(2)] == [False, True]
