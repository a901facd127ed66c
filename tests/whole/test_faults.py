"""The list of faults: where each of its 121 cases is tested; and those that have no other place.

`CASES` names tests by the beginning of their names. Where a case is none for popover, it says why.
"""

import ast
import re
import signal
import threading
from datetime import datetime
from pathlib import Path

import pytest

from fakes.mail import GREETINGS, message_of, pop3
from fakes.sabotage import sabotage
from fakes.scene import UNHURRIED, Stage
from fakes.tls import TLSWire
from popover.config import Target, Trust, parse_server
from popover.outside.trust import Verifiers

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED

TESTS = Path(__file__).parents[1]
SOURCE = TESTS.parent / "src" / "popover"

CASES: dict[str, tuple[str, ...]] = {
    "1-10": ("case_01_", "case_02_", "case_03_", "case_04_", "case_05_", "case_06_", "case_07_", "case_08_", "case_09_",
             "case_10_"),
    "11, 12": ("case_11_",),  # there is no key for a CRL
    "13-18": ("case_13_", "case_14_", "case_15_", "case_16_", "case_17_", "case_18_"),
    "19": ("silent_server_is_named_with_the_url_of_tls_from_the_first_octet_on",),
    "20": ("case_20_",),
    "21-25": ("cases_21_to_25_",),
    "26-36": ("case_26_", "case_27_", "case_28_", "case_29_", "case_30_", "case_31_", "case_32_", "case_33_",
              "case_34_", "case_35_", "case_36_", "u5_answer_before_the_question"),
    "37": tuple(f"u{number}_" for number in range(1, 14)),
    "38": ("handshake_that_stalls_behind_starttls_is_no_starttls_that_stalls",),
    "39": ("u11_", "u12_no_path_carries_a_login_without_tls"),
    "40-42": ("case_40_", "case_41_", "case_42_"),
    "43-46": ("cases_43_to_52_",),
    "47, 48": ("case_47_", "case_48_"),
    "49, 50": ("cases_43_to_52_", "what_is_no_number_of_64_bits_is_no_literal_of_a_server",
               "a_code_of_a_status_line_may_hold_a_literal"),
    "51-62": ("case_51_", "case_52_", "case_53_", "case_54_", "case_55_", "case_56_", "case_57_", "case_58_",
              "case_59_", "case_60_", "case_61_", "case_62_"),
    "63-66": ("case_63_", "case_64_", "case_65_", "case_66_"),
    "67, 68": ("cases_67_and_68_", "handshake_counts_as_login_time", "login_timeout_counts_over_the_whole_of_it"),
    "69": ("case_69_", "who_speaks_something_else_or_without_end_is_shown_the_door"),
    "70": ("cases_70_to_83_", "name_in_the_log_is_printable_and_short"),
    "71": ("bare_cr_ends_no_line", "nothing_but_crlf_dot_crlf_ends_a_mail"),
    "72-74": ("case_72_", "case_73_", "case_74_"),
    "75": ("s1_command_injection_is_never_heard", "starttls_where_tls_may_begin_and_nothing_behind_it_is_heard"),
    "76": ("stls_twice_or_where_there_is_none_is_refused", "s4_starttls_inside_tls_is_refused_and_never_the_servers"),
    "77": ("handshake_that_does_not_end_is_login_time", "what_stands_behind_stls_in_plain_text_is_never_heard"),
    "78, 79": ("what_is_no_login_gets_one_clean_refusal_and_the_talk_goes_on", "authenticate_may_be_given_up",
               "who_speaks_something_else_or_without_end_is_shown_the_door", "a_token_may_be_long"),
    "80": ("cases_70_to_83_",),
    "81": ("a_long_line_is_passed_on_without_being_kept_and_its_literal_is_found", "many_literals_are_too_long_in_all",
           "a_line_is_read_in_a_time_that_grows_as_it_does"),
    "82": ("case_82_",),
    "83": ("cases_70_to_83_", "a_chunk_follows_at_once_whatever_is_answered"),
    "84": ("a_refused_data_has_no_body", "a_mail_sent_without_waiting_is_commands_where_data_is_refused"),
    "85, 86": ("case_85_", "case_86_"),
    "87": (),  # thousands of idle sessions: `python -m bench`; not every machine has the descriptors for them
    "88": ("after_many_wrong_passwords_nothing_is_looked_at_until_time_has_passed",
           "wrong_logins_are_answered_later_and_later_and_then_not_at_all"),
    "89-91": ("case_89_", "cases_90_and_91_", "case_91_"),
    "92": ("case_92_",),
    "93": ("cases_93_and_97_",),
    "94": ("case_94_",),
    "95": ("case_95_",),
    "96": (),  # there is no log file: the log goes to stderr, and whoever keeps it rotates it
    "97": ("cases_93_and_97_",),
    "98": ("no_such_file", "an_unreadable_file", "a_wrong_value", "a_wrong_file"),
    "99": ("two_services_of_one_name", "two_services_at_one_place"),
    "100": ("port_in_use_names_its_holder",),
    "101": ("case_101_",),
    "102": ("service_whose_address_comes_after_the_start_serves_from_then_on",
            "all_interfaces_of_ipv4_are_not_those_of_ipv6"),
    "103": ("certificate_that_is_of_no_use_is_told_in_plain_words", "dangers_are_warned_about_at_the_start"),
    "104": ("bad_file_keeps_the_old_state_and_says_why", "certificate_is_renewed_from_disk_at_sighup"),
    "105": ("reload_adds_and_removes_listeners_while_a_mail_is_fetched", "many_reloads_at_once_end_with_the_last_file"),
    "106": ("running_sessions_may_finish", "sessions_that_do_not_finish_in_time_are_reset",
            "second_signal_ends_at_once"),
    "107": ("case_107_", "status_is_logged_when_asked_for", "descriptors_that_lead_nowhere_stop_nothing"),
    "108": ("case_108_", "ticket_lives_an_hour", "a_clock_that_jumps_costs_a_refresh_at_most"),
    "109": ("port_in_use_by_another_popover_leaves_that_one_alone",),
    "110": ("case_110_",),
    "111": ("it_becomes_the_user_for_good_and_serves", "case_111_", "a_place_that_can_not_be_written_leaves"),
    "112": ("an_update_refuses_no_connection", "two_processes_serve_one_socket_and_either_may_go"),
    "113": ("who_may_reach_a_service", "public_networks_on_the_command_line_have_to_be_meant"),
    "114": ("server_that_is_the_gateway_itself_is_found_out", "services_that_lead_to_each_other_are_found_out",
            "name_that_turns_out_to_be_this_gateway_is_found_out"),
    "115": ("a_name_names_its_server_only_where_that_is_allowed",),
    "116": ("what_could_forge_or_paint_is_escaped", "case_05_names_are_escaped", "u7_spoofed_words_for_the_screen"),
    "117": ("no_way_to_say_a_password_in_pop3_shows_it", "no_way_to_say_a_password_in_imap_shows_it",
            "no_way_to_say_a_password_in_smtp_shows_it", "no_object_shows_a_secret",
            "log_names_who_it_was_and_the_trace_has_the_talk_but_no_secret"),
    "118": ("a_server_that_repeats_it_makes_no_difference", "no_answer_shows_a_secret_that_it_repeats"),
    "119": ("hundreds_that_dawdle_keep_nobody_from_looking", "who_may_not_look_is_told_so"),
    "120": ("case_73_", "alpaca_wrong_alpn_is_refused", "browser_on_a_tls_port_is_told_apart"),
    "121": ("case_121_",),
}  # fmt: skip


def numbers_of(cases: str) -> list[int]:
    found: list[int] = []
    for part in cases.split(", "):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def test_every_case_of_the_list_has_its_place() -> None:
    assert [number for cases in CASES for number in numbers_of(cases)] == list(range(1, 122))


def test_every_test_that_is_named_exists() -> None:
    names = set(re.findall(r"(?m)^def test_(\w+)", "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))))
    named = {beginning for tests in CASES.values() for beginning in tests}
    assert not [beginning for beginning in named if not any(name.startswith(beginning) for name in names)]


# -- those that have no other place ----------------------------------------------------------------


def test_case_11_revocation_is_not_looked_up_and_the_pages_say_so() -> None:
    context = Verifiers().of(Target(parse_server("pop3s://mail.example.com"), Trust())).context
    assert not context.verify_flags & 0xC  # X509_V_FLAG_CRL_CHECK, X509_V_FLAG_CRL_CHECK_ALL
    docs = TESTS.parent / "docs" / "troubleshooting.md"
    assert "popover asks no revocation list (CRL) and no OCSP responder" in docs.read_text()
    assert "Revocation of certificates is not looked up" in (TESTS.parent / "README.md").read_text()


def test_case_94_a_hundred_handshakes_at_once_do_not_stop_a_transfer(stage: Stage) -> None:
    """A hundred clients come, and come again, until of a mail without an end more has come than the kernel could hold
    on its way (4 MB to the client, 6 MB to popover: tcp(7)). If handshakes came first, that would never be.
    """
    piece, enough, is_over = message_of(1_000_000), 16_000_000, threading.Event()
    at_work, handshakes = threading.Barrier(101), [0] * 100

    def sends(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        while line := wire.line():
            while line == b"RETR 1\r\n" and not is_over.is_set():
                wire.send(piece)

    gateway = stage.gateway(stage.server(sends), max_sessions_per_client=0)

    def comes(number: int) -> None:
        at_work.wait()
        while not is_over.is_set():
            gateway.greeted().close()
            handshakes[number] += 1

    with gateway.greeted() as client:
        client.send(b"RETR 1\r\n")
        client.exactly(len(piece))
        threads = [threading.Thread(target=comes, args=(number,)) for number in range(100)]
        for thread in threads:
            thread.start()
        at_work.wait()
        try:
            client.exactly(enough)
        finally:
            is_over.set()
        for thread in threads:
            thread.join()
    assert all(handshakes)


@pytest.mark.parametrize(
    "number", [signal.SIGPIPE, signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG, signal.SIGCONT], ids=lambda one: one.name
)
def test_case_107_signal_without_a_meaning_stops_nothing(stage: Stage, number: signal.Signals) -> None:
    gateway = stage.gateway(stage.server(pop3))
    with gateway.greeted() as client:
        gateway.popover.signal(number)
        gateway.status()
        assert client.ask(b"NOOP") == b"+OK\r\n"
        gateway.serves(client)


LEAPING_CLOCK = """
import time
real = time.time
def leaping():
    try:
        with open({leap!r}) as file:
            return real() + float(file.read() or 0)
    except OSError:
        return real()
time.time = leaping
"""


@pytest.mark.parametrize("leap", [86400, -86400], ids=["a day ahead", "a day back"])
def test_case_108_a_clock_that_jumps_ends_nothing_and_is_in_no_duration(stage: Stage, leap: int) -> None:
    """The log's own times jump with it: so it is seen that it has."""
    file = stage.directory / "leap"
    env = sabotage(stage.directory / "site", LEAPING_CLOCK.format(leap=str(file)))
    gateway = stage.gateway(stage.server(pop3), env=env, warm=1, max_rate="1000/1h")

    def now() -> datetime:
        return datetime.fromisoformat(gateway.status()["time"])

    with gateway.greeted() as client:
        client.ask(b"USER alice")
        client.ask(b"PASS hunter2")
        before = now()
        file.write_text(str(leap))
        assert abs((now() - before).total_seconds() - leap) < 3600
        assert client.ask(b"NOOP") == b"+OK\r\n"
        durations = [gateway.serves()["seconds"], gateway.serves(client)["seconds"], gateway.serves()["seconds"]]
    assert all(0 <= seconds < 3600 for seconds in durations)


WALL = re.compile(
    r"\btime\.time\b|\bfrom time import\b|\bdatetime\.(?:now|today|utcnow)\b|\btime\.(?:localtime|gmtime|ctime)\b"
    r"|\.fromtimestamp\(|\bCLOCK_REALTIME\b|\bdate\.today\b"
)


def test_case_108_nothing_that_waits_looks_at_the_wall_clock() -> None:
    """It jumps. Who may look at it, because a date or an hour is meant."""
    may_look = {
        "log.py": "when it was",
        "accounts/shelf.py": "has a file changed just now? files have the wall's time, and in doubt it is read again",
        "accounts/oauth2/ask.py": "a provider says until when its tokens are good",
        "accounts/oauth2/facts.py": "likewise, for people",
        "accounts/oauth2/flows/sign_in.py": "likewise",
        "accounts/oauth2/tokens.py": "likewise; a clock that jumps costs a refresh at most",
        "inside/selfmade.py": "from when to when a certificate of ours is good",
        "outside/dial.py": "is a certificate good today?",
        "outside/reasons/shown.py": "likewise",
        "outside/trust.py": "the last day of a ticket's certificate",
        "protocols/pop3/memory.py": "what servers have failed in is forgotten after a month",
        "protocols/smtp/memory.py": "likewise",
        "session/device.py": "the Date of a mail",
        "session/memories.py": "what servers have failed in is forgotten after a month",
        "session/ways.py": "a challenge is another each time",
        "process/clients.py": "`hours`",
        "process/gateway.py": "when it began",
        "process/identities.py": "is our own certificate good for long?",
        "process/ledger.py": "when something happened, for people",
        "process/queue/rounds.py": "when a mail is tried again, over a restart; what is too far away is due (has_come)",
        "process/queue/store.py": "likewise",
        "process/status/page.py": "when something happened, for people",
    }
    looks = {str(path.relative_to(SOURCE)) for path in rooms_that_serve() if WALL.search(path.read_text())}
    assert looks == may_look.keys()


def rooms_that_serve() -> list[Path]:
    """All that may run while a client is served; not what a person types, and looks at."""
    typed = {"cli", "check", "setup", "demo"}
    return [path for path in sorted(SOURCE.rglob("*.py")) if path.relative_to(SOURCE).parts[0] not in typed]


HOMELESS = """
import os, pwd
for name in ("HOME", "STATE_DIRECTORY", "XDG_STATE_HOME"):
    os.environ.pop(name, None)
os.geteuid = lambda: 54321
def nobody(_):
    raise KeyError
pwd.getpwuid = nobody
"""


def test_case_111_without_a_home_a_name_or_a_locale_it_serves(stage: Stage) -> None:
    """As a container's user is, who stands in no /etc/passwd. What servers have failed in is kept nowhere then."""
    env = sabotage(stage.directory / "site", HOMELESS) | {"LC_ALL": "nowhere", "LANG": "nowhere", "TZ": "Nowhere/None"}
    gateway = stage.gateway(stage.server(pop3), env=env)
    gateway.serves()


def test_case_121_no_line_of_ours_for_a_client_says_error() -> None:
    """Apple Mail 2 takes the word for a failure, even in a +OK. `fakes.scene.farewell` sees to it in every line that
    tests read; and so that none is missed: no text and no octets that could become one have it.
    """
    theirs = {"refusals"}  # what servers say, to be found in it
    rooms = [path for path in rooms_that_serve() if path.relative_to(SOURCE).parts[0] not in theirs]
    assert [(path.name, text) for path in rooms for text in texts_of(path) if re.search("(?i)error", text)] == []


def texts_of(path: Path) -> list[str]:
    """What may be said: sentences, which hold a blank, and octets; no comments on the code and no patterns."""
    tree = ast.parse(path.read_text())
    patterns = [one for call in ast.walk(tree) if isinstance(call, ast.Call) and ast.unparse(call.func) == "re.compile"
                for one in ast.walk(call)]  # fmt: skip
    silent = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)} | {id(one) for one in patterns}
    values = [one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and id(one) not in silent]
    octets = [value.decode("latin-1") for value in values if isinstance(value, bytes)]
    return octets + [value for value in values if isinstance(value, str) and " " in value]


def test_case_121_a_refused_login_has_the_server_s_own_words_and_a_good_one_no_error(stage: Stage) -> None:
    refusal = b"-ERR [AUTH] Error: wrong password (error 7)\r\n"

    def judges(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        while line := wire.line():
            wire.send(refusal if line == b"PASS wrong\r\n" else b"+OK no Error, 0 errors\r\n")

    gateway = stage.gateway(stage.server(judges), soften=True)
    with gateway.greeted() as client:
        assert b"error" not in client.ask(b"USER alice").lower()
        assert client.ask(b"PASS wrong") == refusal
        client.ask(b"USER alice")
        assert client.ask(b"PASS right").lower() == b"+ok no fault, 0 faults\r\n"
