"""Who may come in. The guard is dry: addresses and times are the test's."""

import ipaddress
import json
import re
from collections import Counter
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import UNTIMED
from popover.config import PRIVATE_NETWORKS, Admission, Network, Rate, parse_hours, parse_network
from popover.errors import Refused
from popover.inside.guard import POLITE_REFUSALS, Guard, mistaken_for, plain_address

HOME = "192.168.1.7"


def nets(*words: str) -> tuple[Network, ...]:
    return tuple(map(parse_network, words))


def no_clock() -> time:
    raise AssertionError("the time of day is asked where no hours are set")


def admit(guard: Guard, address: str = HOME, now: float = 0.0) -> bool:
    refused = guard.admit(address, now, no_clock)
    if refused is not None:
        assert refused.cause
        assert refused.remedy
        assert not re.search("error", refused.cause, re.IGNORECASE)
    return refused is None


# -- networks ----------------------------------------------------------------------------------------

EDGES = {
    True: "127.0.0.0 127.255.255.255 ::1 10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 "
    "192.168.255.255 fc00:: fdff:ffff::1 169.254.0.0 169.254.255.255 fe80:: febf::1",
    False: "0.0.0.0 9.255.255.255 11.0.0.0 100.64.0.1 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 "
    "172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 224.0.0.1 255.255.255.255 :: ::2 fbff:: fe00:: fe7f::1 "
    "fec0:: ff02::1 2001:db8::1 2002:c0a8:101::1",
}


@pytest.mark.parametrize(("address", "inside"), [(a, yes) for yes, words in EDGES.items() for a in words.split()])
def test_loopback_and_private_networks_are_let_in_unless_told(address: str, inside: bool) -> None:
    assert admit(Guard(Admission()), address) == inside


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.168.2.9", True),
        ("192.168.1.9", False),  # deny is nearer
        ("192.168.1.5", True),  # allow is nearer still
        ("192.168.3.9", False),  # both as near: deny
        ("192.168.4.9", False),  # a network of deny, inside which a wider allow does not help
        ("127.0.0.1", False),  # in no list
    ],
)
def test_best_match_wins_and_deny_if_even(address: str, inside: bool) -> None:
    allow = nets("192.168.0.0/16", "192.168.1.5", "192.168.3.0/24")
    deny = nets("192.168.1.0/24", "192.168.3.0/24", "192.168.4.8/29")
    assert admit(Guard(Admission(allow=allow, deny=deny)), address) == inside


def test_deny_cuts_a_hole_into_the_private_networks() -> None:
    guard = Guard(Admission(deny=nets("192.168.1.0/24", "::1")))
    assert admit(guard, "192.168.2.1")
    assert not admit(guard, "192.168.1.1")
    assert not admit(guard, "::1")


@pytest.mark.parametrize(("allow", "stranger"), [("0.0.0.0/0", "2001:db8::1"), ("::/0", "192.0.2.1")])
def test_everybody_of_one_version_is_nobody_of_the_other(allow: str, stranger: str) -> None:
    assert not admit(Guard(Admission(allow=nets(allow))), stranger)


def test_allow_of_nobody_lets_nobody_in() -> None:
    assert not admit(Guard(Admission(allow=())), "127.0.0.1")


SMALL = st.builds(
    lambda low, bits: ipaddress.IPv4Network((f"10.0.0.{low}", bits), strict=False),
    st.integers(0, 15),
    st.integers(28, 32),
)


@UNTIMED
@given(st.lists(SMALL, max_size=5), st.lists(SMALL, max_size=5))
def test_lists_mean_what_walking_them_from_the_narrowest_on_means(
    allow: list[ipaddress.IPv4Network], deny: list[ipaddress.IPv4Network]
) -> None:
    guard = Guard(Admission(allow=tuple(allow), deny=tuple(deny)))
    walk = sorted([(-n.prefixlen, False, n) for n in deny] + [(-n.prefixlen, True, n) for n in allow])
    for low in range(16):
        address = ipaddress.IPv4Address(f"10.0.0.{low}")
        verdict = next((allowed for _, allowed, network in walk if address in network), False)
        assert admit(guard, str(address)) == verdict
        assert admit(guard, str(address)) == verdict  # and the second time, from memory


def test_more_addresses_than_are_remembered_are_judged_right() -> None:
    guard = Guard(Admission(allow=nets("10.0.0.0/16"), max_sessions=0))
    for number in range(10_500):
        high, low = divmod(number, 256)
        assert admit(guard, f"10.0.{high}.{low}")
    assert not admit(guard, "10.1.0.1")
    assert admit(guard, "10.0.0.0")


def test_refused_address_is_told_and_how_to_let_it_in() -> None:
    refused = Guard(Admission()).admit("192.0.2.9", 0, no_clock)
    assert isinstance(refused, Refused)
    assert "192.0.2.9" in refused.cause
    assert written(refused.remedy) == {*map(str, PRIVATE_NETWORKS), "192.0.2.9"}  # allow replaces what was allowed
    assert "unsafe_public" in refused.remedy


def written(remedy: str) -> set[str]:
    """The networks that a remedy says to write."""
    return set(json.loads(remedy[remedy.index("[") : remedy.index("]") + 1]))


def test_what_the_remedy_says_lets_the_client_in_and_keeps_the_others() -> None:
    guard = Guard(Admission(allow=nets("192.168.0.0/24", "127.0.0.1")))
    refused = guard.admit("192.168.7.7", 0, no_clock)
    assert isinstance(refused, Refused)
    assert "unsafe" not in refused.remedy
    guard.becomes(Admission(allow=nets(*written(refused.remedy))))
    assert all(admit(guard, address) for address in ("192.168.7.7", "192.168.0.9", "127.0.0.1"))


def test_who_stands_in_deny_is_told_that_not_to_add_to_allow() -> None:
    refused = Guard(Admission(deny=nets("127.0.0.9"))).admit("127.0.0.9", 0, no_clock)
    assert isinstance(refused, Refused)
    assert "deny names it" in refused.remedy
    assert "write allow" not in refused.remedy


def test_a_long_list_is_not_repeated_in_the_remedy() -> None:
    refused = Guard(Admission(allow=nets(*(f"10.0.{n}.0/24" for n in range(40))))).admit("10.1.0.1", 0, no_clock)
    assert isinstance(refused, Refused)
    assert 'add "10.1.0.1" to allow' in refused.remedy


@pytest.mark.parametrize(
    ("peer", "plain"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:192.168.1.7", HOME),
        ("::1", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%3", "fe80::1"),
        ("::ffff:0:1", "::ffff:0:1"),
        ("2001:db8::ffff:1", "2001:db8::ffff:1"),
    ],
)
def test_address_is_written_in_one_way(peer: str, plain: str) -> None:
    assert plain_address(peer) == plain
    assert admit(Guard(Admission()), plain) in {True, False}  # it is one that the guard can read


# -- limits ------------------------------------------------------------------------------------------


def test_ipv6_network_of_one_house_is_one_client() -> None:
    guard = Guard(Admission(allow=nets("2001:db8::/32"), max_sessions_per_client=2))
    assert admit(guard, "2001:db8:0:1::1")
    assert admit(guard, "2001:db8:0:1:ffff:ffff:ffff:ffff")
    assert not admit(guard, "2001:db8:0:1:8::")
    assert admit(guard, "2001:db8:0:2::1")
    guard.leave("2001:db8:0:1:ffff:ffff:ffff:ffff")
    assert admit(guard, "2001:db8:0:1:8::")


@pytest.mark.parametrize("network", ["fd12:3456:789a:1::", "fc00::", "fe80::", "febf:ffff::"])
def test_machines_of_a_private_ipv6_network_are_clients_of_their_own(network: str) -> None:
    guard = Guard(Admission(max_sessions_per_client=1))
    assert all(admit(guard, f"{network}{host:x}") for host in range(1, 31))
    assert not admit(guard, f"{network}1e")
    guard.leave(f"{network}1e")
    assert admit(guard, f"{network}1e")
    assert guard.inside == 30


def test_ipv4_neighbours_are_clients_of_their_own() -> None:
    guard = Guard(Admission(max_sessions_per_client=1))
    assert admit(guard, "192.168.1.1")
    assert admit(guard, "192.168.1.2")
    assert not admit(guard, "192.168.1.1")


@pytest.mark.parametrize("rules", [Admission(max_sessions=3), Admission(max_sessions_per_client=3)])
def test_limit_is_reached_and_left_again(rules: Admission) -> None:
    guard = Guard(rules)
    assert [admit(guard) for _ in range(5)] == [True, True, True, False, False]
    guard.leave(HOME)
    assert [admit(guard) for _ in range(2)] == [True, False]
    assert guard.inside == 3


def test_session_that_goes_on_without_its_client_counts_for_the_service_alone() -> None:
    guard = Guard(Admission(max_sessions_per_client=1, max_sessions=2))
    assert admit(guard)
    guard.leave_alone(HOME)
    assert admit(guard)
    assert not admit(guard)
    guard.leave_alone(HOME)
    assert guard.inside == 2
    assert not admit(guard)  # for there are two, be they anybody's
    guard.leave(HOME)
    assert admit(guard)


def test_zero_is_no_limit() -> None:
    guard = Guard(Admission(max_sessions=0, max_sessions_per_client=0))
    assert all(admit(guard) for _ in range(5000))
    assert guard.inside == 5000


CLIENTS = ("127.0.0.1", HOME, "192.0.2.1", "fe80::1", "2001:db8::1", "2001:db8::2")


@UNTIMED
@given(st.lists(st.tuples(st.sampled_from(CLIENTS), st.booleans()), max_size=80), st.integers(0, 6), st.integers(0, 3))
def test_counts_are_those_who_are_inside(steps: list[tuple[str, bool]], most: int, per_client: int) -> None:
    """Never negative, nothing left behind: whoever was let in and leaves makes room for just one other."""
    allow = nets("127.0.0.1", HOME, "fe80::/10", "2001:db8::/64")
    guard = Guard(Admission(allow=allow, max_sessions=most, max_sessions_per_client=per_client))
    inside: Counter[str] = Counter()
    for address, comes in steps:
        group = "2001:db8::9" if address.startswith("2001:") else address
        full = (most and inside.total() >= most) or (per_client and inside[group] >= per_client)
        if comes:
            assert admit(guard, address) == (address != "192.0.2.1" and not full)
            inside[group] += address != "192.0.2.1" and not full
        elif inside[group]:
            guard.leave(address)
            inside[group] -= 1
        assert guard.inside == inside.total()
    for group in inside.elements():
        guard.leave(group)
    assert guard.inside == 0
    room = min(most or 9, per_client or 9)
    assert sum(admit(guard) for _ in range(9)) == room


# -- hours, rates, floods ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "moment", "open_"),
    [
        ("07:00-23:00", time(6, 59, 59, 999_999), False),
        ("07:00-23:00", time(7), True),
        ("07:00-23:00", time(22, 59, 59, 999_999), True),
        ("07:00-23:00", time(23), False),
        ("22:00-06:00", time(23), True),
        ("22:00-06:00", time(5, 59), True),
        ("22:00-06:00", time(12), False),
        ("08:00-12:00 13:00-24:00", time(12, 30), False),
        ("08:00-12:00 13:00-24:00", time(23, 59, 59), True),
    ],
)
def test_hours_are_the_clock_on_the_wall(hours: str, moment: time, open_: bool) -> None:
    refused = Guard(Admission(hours=parse_hours(hours))).admit(HOME, 0, lambda: moment)
    assert (refused is None) == open_
    if refused is not None:
        assert hours in refused.cause


def test_rate_is_refused_until_the_window_has_slid_on() -> None:
    guard = Guard(Admission(max_rate=Rate(2, 10)))
    come = [
        (0, True),
        (4, True),
        (5, False),
        (9.99, False),
        (10, True),
        (10, False),
        (14, True),
        (19.9, False),
        (20, True),
    ]
    assert [admit(guard, now=now) for now, _ in come] == [let_in for _, let_in in come]


@UNTIMED
@given(
    st.lists(st.integers(0, 12), max_size=60),
    st.builds(Rate, st.integers(1, 4), st.sampled_from([1.0, 7.5, 10.0])),
)
def test_rate_holds_in_every_window_and_refuses_nobody_without_need(gaps: list[int], rate: Rate) -> None:
    guard = Guard(Admission(max_rate=rate, max_sessions_per_client=0))
    now, let_in = 1000.0, list[float]()
    for gap in gaps:
        now += gap / 4
        crowd = sum(now - earlier < rate.seconds for earlier in let_in)
        assert admit(guard, now=now) == (crowd < rate.sessions)
        if crowd < rate.sessions:
            let_in.append(now)


def test_refused_for_another_reason_does_not_count_for_the_rate() -> None:
    guard = Guard(Admission(max_rate=Rate(1, 10), max_sessions=1))
    assert not any(admit(guard, "192.0.2.1") for _ in range(5))
    assert admit(guard)
    guard.leave(HOME)
    assert not admit(guard, now=9)
    assert admit(guard, now=10)
    assert not admit(guard, now=30)  # max_sessions; so at 30 nobody came in
    guard.leave(HOME)
    assert admit(guard, now=31)


def test_flood_is_refused_without_words_and_later_ones_get_them_again() -> None:
    guard = Guard(Admission())
    assert [guard.is_polite(5.0) for _ in range(POLITE_REFUSALS + 5)] == [True] * POLITE_REFUSALS + [False] * 5
    assert not guard.is_polite(5.99)
    assert guard.is_polite(6.0)


@UNTIMED
@given(st.lists(st.integers(0, 40), max_size=120))
def test_no_second_has_more_polite_refusals_than_promised(gaps: list[int]) -> None:
    guard = Guard(Admission())
    now, polite = 0.0, list[float]()
    for gap in gaps:
        now += gap / 128
        in_this_second = sum(now - earlier < 1 for earlier in polite)
        assert guard.is_polite(now) == (in_this_second < POLITE_REFUSALS)
        if in_this_second < POLITE_REFUSALS:
            polite.append(now)


# -- reload ------------------------------------------------------------------------------------------


def test_reload_keeps_who_is_inside_and_takes_the_new_rules() -> None:
    guard = Guard(Admission(max_sessions=10))
    assert all(admit(guard) for _ in range(4))
    guard.becomes(Admission(max_sessions=5, max_sessions_per_client=9))
    assert [admit(guard) for _ in range(2)] == [True, False]
    guard.becomes(Admission(max_sessions=3))
    for _ in range(3):
        assert not admit(guard)
        guard.leave(HOME)
    assert guard.inside == 2
    assert [admit(guard) for _ in range(2)] == [True, False]


def test_reload_keeps_the_counts_of_each_client_and_the_rate() -> None:
    guard = Guard(Admission(max_rate=Rate(2, 10)))
    assert admit(guard)
    assert admit(guard)
    guard.becomes(Admission(max_sessions_per_client=2))
    assert not admit(guard, now=100)
    guard.leave(HOME)
    guard.becomes(Admission(max_rate=Rate(2, 10)))
    assert not admit(guard, now=9)
    assert admit(guard, now=10)


def test_reload_judges_known_addresses_anew() -> None:
    guard = Guard(Admission())
    assert admit(guard)
    assert not admit(guard, "192.0.2.1")
    guard.becomes(Admission(allow=nets("192.0.2.0/24")))
    assert not admit(guard)
    assert admit(guard, "192.0.2.1")


# -- strangers ---------------------------------------------------------------------------------------

STRANGERS = [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS or SSL"),
    (b"\x16\x03", "TLS or SSL"),
    (b"\x80\x2e\x01\x03\x00\x00\x15", "TLS or SSL"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "web"),
    (b"POST /x HTTP/1.0\r\n", "web"),
    (b"OPTIONS * HTTP/1.1\r\n", "web"),
    (b"CONNECT mail.example.com:25 HTTP/1.1\r\n", "web"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "web"),
    (b"POST /" + b"a" * 600, "web"),  # the version is yet to come
    (b"POST /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\n", "web"),
    (b"GET http://mail.example.com/ HTTP/1.1\r\n", "web"),
    (b"HEAD /\r\n", "web"),
    (b"PUT /x HTTP/1.1\r\n", "web"),
    (b"CONNECT [2001:db8::1]:25 HTTP/1.1\r\n", "web"),
    (b"OPTIONS sip:nm SIP/2.0\r\n", "web"),
    (b"\x05\x01\x00", "SOCKS"),
    (b"\x04\x01\x00\x19\xc0\x00\x02\x01\x00", "SOCKS"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY"),
    (b"PROXY UNKNOWN\r\n", "PROXY"),
    (b"\r\n\r\n\0\r\nQUIT\n\x21\x11", "PROXY"),
]


@pytest.mark.parametrize(("first", "word"), STRANGERS, ids=repr)
def test_who_speaks_no_mail_is_told_apart(first: bytes, word: str) -> None:
    found = mistaken_for(first)
    assert found is not None
    cause, remedy = found
    assert word in cause
    assert remedy
    assert "error" not in cause.lower()


@pytest.mark.parametrize(
    ("tls", "word"), [("off", "switch it off"), ("offer", "STARTTLS"), ("require", "STARTTLS"), ("on", "already")]
)
def test_tls_where_there_is_none_to_begin_is_told_by_what_there_is(tls: str, word: str) -> None:
    found = mistaken_for(b"\x16\x03\x01", tls)
    assert found is not None
    assert word in found[0]


@pytest.mark.parametrize(
    "first",
    [
        *(b"USER alice\r\n", b"CAPA\r\n", b"AUTH\r\n", b"DELE 1\r\n", b"QUIT\r\n", b"NOOP\r\n", b"XTND\r\n"),
        *(b"a1 CAPABILITY\r\n", b"GET LOGIN a b\r\n", b"PUT NOOP\r\n", b"DELETE SELECT INBOX\r\n", b"1 DELETE x\r\n"),
        *(b"EHLO HTTP\r\n", b"HELO printer\r\n", b"MAIL FROM:<a@example.com>\r\n", b"RSET\r\n", b"PROXY LOGIN a b\r\n"),
        *(b"POST LOGIN a /b\r\n", b"CONNECT LOGIN a@example.com b:c\r\n", b"OPTIONS STATUS * (MESSAGES)\r\n"),
        *(b"POS", b"POST", b"POST ", b"GET htt", b"CONNECT mail.example.com", b"GET\r\nHost: x\r\n"),
        *(b"USER /GET\r\n", b"PASS GET /\r\n", b"POSTS /x\r\n", b"get LOGIN a b\r\n"),
        *(b"\r\n", b"\n", b"U", b"", b"\xff\xf4\xff\xfd\x06", "é\r\n".encode(), b"\x16", b"G", b"\r\n\r\nQUIT\r\n"),
    ],
    ids=repr,
)
def test_who_may_speak_mail_is_not_mistaken(first: bytes) -> None:
    assert mistaken_for(first) is None


@UNTIMED
@given(st.sampled_from([first for first, _ in STRANGERS]), st.integers(0, 60))
def test_octets_that_come_one_by_one_end_in_the_same_verdict(first: bytes, size: int) -> None:
    """A piece of the first line gives the verdict of the whole line, or none yet; it is never taken back."""
    whole = mistaken_for(first)
    assert mistaken_for(first[:size]) in {None, whole}
    assert mistaken_for(first + b"x") == whole


@UNTIMED
@given(st.binary(max_size=32))
def test_any_octets_can_be_asked_about(first: bytes) -> None:
    found = mistaken_for(first)
    assert found is None or all(words.isprintable() for words in found)
