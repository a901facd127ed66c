"""How a person signs in: at a real provider, with a browser of the standard library."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pytest

from oauth2_stage import SECRET_FILE, Stage, read_secret
from parts.provider import Provider
from popover.accounts.oauth2 import forms
from popover.accounts.oauth2.answers import Answer, DeviceCode, Token
from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.flows import browser, device
from popover.accounts.oauth2.flows.browser import by_browser
from popover.accounts.oauth2.flows.device import by_device
from popover.accounts.oauth2.flows.paste import TRIES, by_paste
from popover.accounts.oauth2.flows.sign_in import SignIn
from popover.accounts.oauth2.flows.sign_out import sign_out
from popover.accounts.oauth2.forms import Form
from popover.accounts.oauth2.kept import Kept
from popover.accounts.oauth2.post import Post
from popover.accounts.oauth2.redirect import begin, read_back
from popover.accounts.oauth2.refresh import renew
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.way import Way
from popover.cli.account.login import flow_of
from popover.config import SecretSource
from popover.errors import Failure, ProviderFailure, SecretFailure, SignInNeeded, StartError


@pytest.fixture
def stage(provider: Provider, tmp_path: Path) -> Stage:
    """A user of the test's own, and where his tokens are kept."""
    return Stage.of(provider, tmp_path)


def meanwhile(act: Callable[[], object]) -> Callable[[], None]:
    """Let it happen beside us; gives what waits for its end, and raises what it raised."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as fault:  # noqa: BLE001 - raised again below
            faults.append(fault)

    thread = threading.Thread(target=run)
    thread.start()

    def join() -> None:
        thread.join()
        if faults:
            raise faults[0]

    return join


# -- which way -------------------------------------------------------------------------------------

SCREEN = {"DISPLAY": ":0"}


@pytest.mark.parametrize(
    ("client_id", "wished", "environ", "taken"),
    [
        ("popover-device", "", {}, "device"),  # it works from anywhere
        ("popover-device", "browser", {}, "browser"),
        ("popover-code", "", SCREEN, "browser"),
        ("popover-code", "", {"WAYLAND_DISPLAY": "wayland-0"}, "browser"),
        ("popover-code", "", {}, "paste"),
        ("popover-code", "", SCREEN | {"SSH_CONNECTION": "1"}, "paste"),  # the screen is another machine's
        ("popover-code", "paste", SCREEN, "paste"),
    ],
)
def test_the_easiest_way_that_works_from_here_is_taken_unless_another_is_wished(
    stage: Stage, client_id: str, wished: str, environ: dict[str, str], taken: str
) -> None:
    arguments = Namespace(**{flow: flow == wished for flow in ("device", "browser", "paste")})
    way = stage.sign_in(stage.account(client_id)).way
    assert flow_of(arguments, way, environ) == taken


def test_a_way_that_a_provider_has_not_is_told_with_those_that_it_has(stage: Stage) -> None:
    way = stage.sign_in(stage.account("popover-code")).way
    with pytest.raises(StartError, match="--browser, --paste"):
        flow_of(Namespace(device=True, browser=False, paste=False), way, {})


# -- device ----------------------------------------------------------------------------------------


def test_a_device_code_is_shown_asked_about_and_ends_with_tokens_on_disk(stage: Stage) -> None:
    sign_in = stage.sign_in(stage.account())
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:  # nobody has entered it so far
            stage.enter(shown[0].user_code)

    shown: list[DeviceCode] = []
    kept = sign_in.keep(by_device(sign_in, shown.append, pause))
    assert shown[0].address == stage.provider.device_page
    assert len(pauses) == 3
    assert stage.kept() == kept
    assert kept.refresh
    assert kept.scopes == ("mail",)
    assert {asked["method"] for asked in stage.provider.asked()} == {"POST"}
    assert {asked["query"] for asked in stage.provider.asked()} == {""}


def test_a_person_who_says_no_ends_it(stage: Stage) -> None:
    sign_in = stage.sign_in(stage.account())
    with pytest.raises(SignInNeeded, match="said no"):
        by_device(sign_in, lambda code: stage.enter(code.user_code, deny=True), lambda _: None)


def test_a_provider_in_trouble_is_asked_less_often_and_the_code_stays_good(stage: Stage) -> None:
    sign_in = stage.sign_in(stage.account())
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        stage.provider.mood(status=503 if len(pauses) < 4 else 200)

    assert by_device(sign_in, lambda code: stage.enter(code.user_code), pause)
    assert pauses == [1, 2, 4, 8]


def test_slow_down_adds_five_seconds(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in = stage.sign_in(stage.account())
    pauses: list[float] = []
    send = Ask.send
    answers = iter([b'{"error": "slow_down"}', b'{"error": "slow_down"}', b'{"error": "authorization_pending"}'])

    def slow(ask: Ask, form: Form, way: Way) -> Answer:
        answer = send(ask, form, way)
        return replace(answer, body=body) if answer.status == 400 and (body := next(answers, None)) else answer

    monkeypatch.setattr(Ask, "send", slow)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 4:
            stage.enter(codes[0].user_code)

    codes: list[DeviceCode] = []
    assert by_device(sign_in, codes.append, pause)
    assert pauses == [1, 6, 11, 11]


def test_a_provider_that_wants_to_be_asked_once_a_year_is_asked_once_at_the_codes_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in = stage.sign_in(stage.account())
    code = DeviceCode("d", "U", "https://x", None, life=900.0, interval=1e7)
    monkeypatch.setattr(device, "read_device", lambda _answer: code)
    now = [0.0]
    asked = stage.asked()
    with pytest.raises(SignInNeeded):
        by_device(sign_in, lambda _: None, lambda seconds: now.append(now[-1] + seconds), lambda: now[-1])
    assert now[-1] == 900
    assert stage.asked() == asked + 1


def test_a_code_that_runs_out_ends_it(stage: Stage) -> None:
    sign_in = stage.sign_in(stage.account())
    times = iter(float(number * 600) for number in range(100))
    with pytest.raises(SignInNeeded, match="run out"):
        by_device(sign_in, lambda _: None, lambda _: None, lambda: next(times))


# -- paste -----------------------------------------------------------------------------------------


def by_hand(stage: Stage, sign_in: SignIn, *pasted: Callable[[str], str]) -> tuple[Kept, list[str]]:
    """Sign in, each of `pasted` making what is pasted of the right address."""
    right: list[str] = []
    complaints: list[str] = []
    words = iter(pasted or [lambda text: text])
    token = by_paste(
        sign_in,
        lambda address: right.append(stage.provider.say_yes(address, stage.user)),
        lambda: next(words)(right[0]),
        complaints.append,
    )
    return sign_in.keep(token), complaints


def test_an_address_that_is_pasted_ends_with_tokens_on_disk(stage: Stage) -> None:
    kept, complaints = by_hand(stage, stage.sign_in(stage.account("popover-code")))
    assert not complaints
    assert stage.kept() == kept
    assert kept.refresh


def test_a_wrong_state_is_refused_and_the_right_one_still_taken(stage: Stage) -> None:
    def other_state(address: str) -> str:
        parts = urlsplit(address)
        code = parse_qs(parts.query)["code"][0]
        return urlunsplit(parts._replace(query=f"code={code}&state=another"))

    _, complaints = by_hand(stage, stage.sign_in(stage.account("popover-code")), other_state, lambda text: text)
    assert len(complaints) == 1
    assert "another attempt" in complaints[0]


def test_rubbish_is_asked_for_again_and_not_for_ever(stage: Stage) -> None:
    with pytest.raises(SignInNeeded):
        by_hand(stage, stage.sign_in(stage.account("popover-code")), *[lambda _: "yes"] * TRIES)


def test_an_answer_of_another_issuer_is_refused(stage: Stage) -> None:
    """The provider says `iss` (RFC 9207)."""
    for issuer, good in ((stage.provider.issuer, True), ("https://elsewhere.example", False)):
        sign_in = stage.sign_in(stage.account("popover-code", issuer=issuer))
        if good:
            by_hand(stage, sign_in)
        else:
            with pytest.raises(SignInNeeded):
                by_hand(stage, sign_in, *[lambda text: text] * TRIES)


def test_a_code_without_its_verifier_is_worth_nothing(stage: Stage) -> None:
    sign_in = stage.sign_in(stage.account("popover-code"))
    ours, thiefs = begin(sign_in.way.redirect), begin(sign_in.way.redirect)
    address = stage.provider.say_yes(forms.authorize_address(sign_in.way, ours, stage.user), stage.user)
    code = read_back(address, ours, sign_in.way)
    with pytest.raises(Failure):
        sign_in.redeem(thiefs, code)


def test_a_client_with_a_secret_signs_in(stage: Stage) -> None:
    assert by_hand(stage, stage.sign_in(stage.account("popover-secret", client_secret=SECRET_FILE)))[0].refresh
    with pytest.raises(SignInNeeded, match="or its secret is wrong"):
        by_hand(stage, stage.sign_in(stage.account("popover-secret")))


def test_a_provider_that_describes_itself_needs_no_addresses(stage: Stage) -> None:
    issuer = stage.provider.issuer
    account = stage.account("popover-code", token_url=None, authorize_url=None, issuer=issuer)
    sign_in = stage.sign_in(account)
    assert sign_in.way.token_url == stage.provider.token_url
    assert sign_in.way.revoke_url == stage.provider.revoke_url


# -- browser ---------------------------------------------------------------------------------------


def described_by(answers: dict[str, Answer], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A provider that says this of itself, by the end of the address, else that there is nothing; who was asked."""
    asked: list[str] = []

    def fetch(_self: Post, url: str, _ca_file: Path | None) -> Answer:
        asked.append(url)
        return next((found for end, found in answers.items() if url.endswith(end)), Answer(404, b""))

    monkeypatch.setattr(Post, "fetch", fetch)
    return asked


def test_a_provider_that_answers_all_with_its_first_page_is_asked_in_the_other_place(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = stage.account(token_url=None, authorize_url=None, device_url=None, issuer="https://id.example.com")
    whole = {"issuer": "https://id.example.com", "token_endpoint": "https://id.example.com/token",
             "authorization_endpoint": "https://id.example.com/a"}  # fmt: skip
    page = Answer(200, b"<html>Welcome</html>")
    answers = {"oauth-authorization-server": page, "openid-configuration": Answer(200, json.dumps(whole).encode())}
    described_by(answers, monkeypatch)
    assert Ask(read_secret).way(account).token_url == "https://id.example.com/token"


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_provider_that_can_not_describe_itself_now_may_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Nobody is told that the account is set up wrong."""
    account = stage.account(token_url=None, authorize_url=None, device_url=None, issuer="https://id.example.com")
    asked = described_by({"": Answer(status, b"")}, monkeypatch)
    with pytest.raises(ProviderFailure):
        Ask(read_secret).way(account)
    assert len(asked) == 1


def test_a_browser_comes_back_and_ends_with_tokens_on_disk(stage: Stage) -> None:
    sign_in = stage.sign_in(stage.account("popover-code"))
    joins = []
    kept = sign_in.keep(
        by_browser(sign_in, lambda url: joins.append(meanwhile(lambda: stage.provider.say_yes(url, stage.user))))
    )
    joins[0]()
    assert stage.kept() == kept


def listener_of(address: str) -> tuple[str, str]:
    """Where a browser is sent back to, and the state."""
    query = parse_qs(urlsplit(address).query)
    return query["redirect_uri"][0], query["state"][0]


def status_of(address: str) -> int:
    try:
        with urllib.request.urlopen(address) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code


def test_the_listener_takes_one_answer_at_one_path_for_one_attempt(stage: Stage) -> None:
    sign_in = stage.sign_in(stage.account("popover-code"))
    found: list[int] = []
    hosts: list[str] = []

    def visit(url: str) -> None:
        back, state = listener_of(url)
        hosts.append(urlsplit(back).netloc)
        wrong = (f"{back}favicon.ico", f"{back}?code=x&state=no", f"{back}?state={state}")
        found.extend(map(status_of, wrong))
        with socket.create_connection((urlsplit(back).hostname or "", urlsplit(back).port or 0)) as silent:
            silent.sendall(b"GET /" + b"x" * 40_000)
            assert silent.recv(1) == b""  # too much: shown the door
        with socket.create_connection((urlsplit(back).hostname or "", urlsplit(back).port or 0)) as poster:
            poster.sendall(f"POST /?code=x&state={state} HTTP/1.1\r\n\r\n".encode())
            assert b" 404 " in poster.recv(1000)
        stage.provider.say_yes(url, stage.user)

    joins = []
    by_browser(sign_in, lambda url: joins.append(meanwhile(lambda: visit(url))))
    joins[0]()
    assert found == [404, 400, 400]
    assert hosts[0].startswith("127.0.0.1:")
    with pytest.raises(ConnectionRefusedError):  # and nobody listens any more
        socket.create_connection(("127.0.0.1", int(hosts[0].rpartition(":")[2])))


def test_a_connection_that_a_browser_has_opened_ahead_is_not_waited_for(stage: Stage) -> None:
    sign_in = stage.sign_in(stage.account("popover-code"))
    ahead: list[socket.socket] = []

    def come_back(url: str) -> None:
        back, state = listener_of(url)
        ahead.append(socket.create_connection(("127.0.0.1", urlsplit(back).port or 0)))
        assert status_of(f"{back}?error=access_denied&state={state}") == 200

    began = time.monotonic()
    with pytest.raises(SignInNeeded, match="said no"):
        by_browser(sign_in, lambda url: [meanwhile(lambda: come_back(url))].clear())
    assert time.monotonic() - began < browser.READ_PATIENCE / 2
    ahead[0].close()


def test_a_person_who_says_no_in_the_browser_is_heard(stage: Stage) -> None:
    sign_in = stage.sign_in(stage.account("popover-code"))

    def refuse(url: str) -> None:
        back, state = listener_of(url)
        assert status_of(f"{back}?error=access_denied&state={state}") == 200

    with pytest.raises(SignInNeeded, match="said no"):
        by_browser(sign_in, lambda url: [meanwhile(lambda: refuse(url))].clear())


def test_nobody_is_waited_for_for_ever(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "PATIENCE", 0.05)
    with pytest.raises(SignInNeeded, match="nobody came back"):
        by_browser(stage.sign_in(stage.account("popover-code")), lambda _: None)


def test_where_popover_can_not_listen_the_words_say_paste(stage: Stage) -> None:
    sign_in = stage.sign_in(stage.account("popover-code", redirect_url="https://127.0.0.1/"))
    with pytest.raises(SignInNeeded) as caught:
        by_browser(sign_in, lambda _: None)
    assert "--paste" in caught.value.remedy


# -- logout ----------------------------------------------------------------------------------------


def test_logout_gives_the_sign_in_back_and_forgets_it(stage: Stage) -> None:
    account = stage.account("popover-code", token_url=None, authorize_url=None, issuer=stage.provider.issuer)
    sign_in = stage.sign_in(account)
    by_hand(stage, sign_in)
    refresh = stage.kept().refresh
    assert sign_out(account, stage.directory, sign_in.ask) == (True, True)
    assert sign_out(account, stage.directory, sign_in.ask) == (False, False)
    sign_in.keep(Token(b"old", 0.0001, refresh))
    with pytest.raises(SignInNeeded):
        renewed(stage, sign_in)


def test_logout_forgets_also_where_the_provider_takes_nothing_back(stage: Stage) -> None:
    account = stage.signed_in()
    assert sign_out(account, stage.directory, Ask(read_secret)) == (True, False)
    assert sign_out(account, stage.directory, Ask(read_secret)) == (False, False)


def test_logout_forgets_also_where_the_provider_is_down_or_the_account_can_not_ask_it(stage: Stage) -> None:
    """Its description cannot be had, its client's secret is gone, it is set up as it cannot be."""

    def gone(_source: SecretSource) -> bytes:
        raise SecretFailure("no", "it is gone")

    account = stage.signed_in()
    kept, by_itself = stage.kept(), {"token_url": None, "device_url": None}
    for change, answered in (
        ({**by_itself, "issuer": "https://localhost:1/"}, None),
        ({**by_itself, "issuer": stage.provider.issuer, "client_secret": SECRET_FILE}, None),
        (by_itself, None),
    ):
        stage.keep(kept)
        odd = replace(account, oauth2=replace(account.oauth2, **change))  # type: ignore[type-var]
        assert sign_out(odd, stage.directory, Ask(gone)) == (True, answered)
        assert TokenFile(stage.directory, stage.user).read() is None


def test_logout_shows_a_sign_in_to_no_other_provider(stage: Stage) -> None:
    account = stage.account("popover-code", token_url=None, authorize_url=None, issuer=stage.provider.issuer)
    by_hand(stage, stage.sign_in(account))
    stage.keep(replace(stage.kept(), issuer="https://elsewhere.example"))
    assert sign_out(account, stage.directory, Ask(read_secret)) == (True, False)


def renewed(stage: Stage, sign_in: SignIn) -> Kept:
    file = TokenFile(stage.directory, stage.user)
    return renew(sign_in.account, sign_in.ask, file, lambda kept: kept.access != b"old", lambda: 2e9)


def test_a_provider_that_is_not_there_is_told_as_that(stage: Stage) -> None:
    account = stage.account(device_url="https://localhost:1/device")
    with pytest.raises(ProviderFailure, match="cannot be reached"):
        by_device(stage.sign_in(account), lambda _: None, lambda _: None)
