"""`popover setup --account`: an own login, for whom the provider's password, or OAuth2, is popover's business."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fakes.scene import Stage
from parts.account import Account, run
from parts.dovecot import Dovecot
from parts.net import own_address
from parts.popover import Popover, run_popover
from parts.postfix import Postfix
from parts.provider import Provider as SignInProvider
from parts.screen import on_terminal
from parts.senders import send_by_curl
from popover.config import Address, Server, Trust, load
from popover.config.providers import PROVIDERS
from popover.setup import table
from popover.setup.address import parse_address
from popover.setup.found import Found, Offer, Provider, asked_for
from popover.setup.own import OwnLogin, login_of, provider_of, ways_of
from popover.setup.place import Place
from popover.setup.plan import Plan, make_own_plan, make_plan

pytest_plugins = ["fakes.fixture"]

ADDRESS = "anna@mail.example.test"


def found_for(domain: str) -> Found:
    provider = table.of_domain(domain)
    assert provider is not None
    return Found(provider, "table", "", domain)


def planned(domain: str, place: Place) -> Plan:
    return make_plan(found_for(domain), "127.0.0.1", place.taken(), Trust(), lambda _place: True)


@pytest.mark.parametrize(
    ("domain", "name"),
    [("gmail.com", "gmail"), ("outlook.com", "outlook"), ("office365.com", "microsoft365"), ("gmx.net", "gmx"),
     ("yahoo.com", "yahoo"), ("me.com", "icloud"), ("web.de", "web.de"), ("mit.edu", None)],
)  # fmt: skip
def test_large_providers_are_called_by_the_name_that_accounts_know(domain: str, name: str | None) -> None:
    found = found_for(domain)
    assert provider_of(found) == name
    keys = OwnLogin("anna", "anna@x", "password").table(found, None)
    assert keys.get("provider") == name
    assert ("servers" in keys) is (name is None)


def test_servers_of_ones_own_stand_in_the_account_with_whom_to_trust(tmp_path: Path) -> None:
    servers = (Server("pop3", "pop.example.com", 995), Server("smtp", "smtp.example.com", 587, "starttls"))
    own = OwnLogin("anna", "anna@example.com", "oauth2", "an-id", "a-tenant", "https://id.example.com")
    assert own.table(asked_for(servers, "example.com"), tmp_path / "ca.pem") == {
        "name": "anna",
        "login": "anna@example.com",
        "servers": {"pop3": "pop3s://pop.example.com:995", "smtp": "smtp+starttls://smtp.example.com:587"},
        "ca_file": str(tmp_path / "ca.pem"),
        "oauth2": {"client_id": "an-id", "tenant": "a-tenant", "issuer": "https://id.example.com"},
    }


def test_who_signs_in_and_how_is_what_all_servers_take() -> None:
    address = parse_address("anna@example.com")
    local, whole = "%EMAILLOCALPART%", "%EMAILADDRESS%"
    one = Offer(Server("pop3", "pop.example.com", 995), local, ("oauth2", "password"))
    two = Offer(Server("smtp", "smtp.example.com", 465), local, ("password",))
    other = Offer(Server("smtp", "smtp.example.com", 465), whole, ("oauth2",))
    assert login_of(Found(Provider("", (one, two)), "table", "", ""), address) == "anna"
    assert login_of(Found(Provider("", (one, other)), "table", "", ""), address) == "anna@example.com"
    assert ways_of(Found(Provider("", (one, two)), "table", "", "")) == ("password",)
    assert ways_of(Found(Provider("", (one, other)), "table", "", "")) == ("oauth2",)


def test_a_service_that_asks_is_shared_by_all_own_logins(tmp_path: Path) -> None:
    file = tmp_path / "popover.toml"
    place = Place(file, file)
    first = make_own_plan(planned("gmail.com", place), place.desks())
    file.write_text(first.text())
    assert load(file).services[0].desk.accounts is True
    assert place.desks() == {
        "pop3": Address("127.0.0.1", 1110),
        "imap": Address("127.0.0.1", 1143),
        "smtp": Address("127.0.0.1", 1587),
    }
    second = make_own_plan(planned("gmx.net", place), place.desks())
    assert second.text() == ""
    assert [row.listen.port for row in second.rows] == [1110, 1143, 1587]


def test_a_service_for_some_own_logins_only_is_not_shared(tmp_path: Path) -> None:
    file = tmp_path / "popover.toml"
    file.write_text('[[service]]\ndialect = "smtp"\naccounts = ["scanner"]\ndevice = true\nallow = ["192.168.1.5"]\n')
    place = Place(file, file)
    assert place.desks() == {}
    assert [str(at) for at in place.taken()] == ["127.0.0.1:1587"]


def test_the_names_of_providers_are_known() -> None:
    """So that a table of accounts which is renamed is noticed here."""
    assert {"gmail", "outlook", "microsoft365", "icloud"} <= PROVIDERS.keys()


class House:
    """Real mail servers, a directory of files, a state directory of the test's own."""

    def __init__(self, stage: Stage, dovecot: Dovecot, postfix: Postfix, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dovecot = dovecot
        self.directory = stage.directory
        self.state = stage.directory / "state"
        self.conf = stage.directory / "conf"
        self.user = dovecot.new_user()
        monkeypatch.setenv("STATE_DIRECTORY", str(self.state))
        servers = (
            f"pop3s://localhost:{dovecot.pop3s_port}",
            f"imaps://localhost:{dovecot.imaps_port}",
            f"smtps://localhost:{postfix.port}",
        )
        named = [word for server in servers for word in ("--server", server)]
        self.words = ["setup", f"{self.user}@mail.example.test", *named, *stage.trust, "-c", str(self.conf), "--yes"]
        self.words += ["--listen", own_address()]
        self.local, self.secret = stage.directory / "local", stage.directory / "secret"
        self.local.write_text("a password of the house\n")
        self.secret.write_text(f"{dovecot.password}\n")

    def setup(self, *words: str, code: int = 0, **options: Any) -> dict[str, Any]:
        ended = run_popover(*self.words, "--json", *words, **options)
        assert ended.returncode == code, ended.stdout + ended.stderr
        told: dict[str, Any] = json.loads(ended.stdout)
        return told

    @property
    def files(self) -> list[str]:
        return ["--password-file", str(self.local), "--secret-file", str(self.secret)]


@pytest.fixture
def house(stage: Stage, dovecot: Dovecot, postfix: Postfix, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(stage, dovecot, postfix, monkeypatch)


def test_an_own_login_is_checked_with_the_provider_and_kept(house: House) -> None:
    told = house.setup("--account", "anna", *house.files)
    logins = [find for part in told["check"]["parts"] for find in part["findings"] if find["step"] == "login"]
    assert sum("is logged in" in find["text"] for find in logins) == 3
    assert [service.desk.accounts for service in load(house.conf).services] == [True, True, True]
    kept = house.state / "accounts" / "anna.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    account = json.loads(kept.read_text())
    assert account["login"] == f"{house.user}@mail.example.test"
    assert account["password"].startswith("$scrypt$")
    assert account["secret"] == house.dovecot.password
    assert house.dovecot.password not in json.dumps(told)
    assert "a password of the house" not in json.dumps(told)


def test_what_is_set_up_serves_the_mail_program_with_the_local_password(house: House, postfix: Postfix) -> None:
    """curl sends and reads with a name and a password of the house; the provider gets its own."""
    house.setup("--account", "anna", *house.files)
    with Popover("-c", house.conf) as popover:
        places = dict(zip(("pop3", "imap", "smtp"), popover.addresses, strict=True))
        anna = {kind: Account(place, "anna", "a password of the house") for kind, place in places.items()}
        message = b"Subject: hello\r\n\r\nWorld\r\n"
        send_by_curl(anna["smtp"], house.directory, postfix.mailbox(house.user), message)
        house.dovecot.wait_for_messages(house.user, 1)
        for kind, path in (("pop3", "1"), ("imap", "INBOX;MAILINDEX=1")):
            account = anna[kind]
            where = f"{kind}://{account.host}:{account.port}/{path}"
            secret = f"{account.user}:{account.password}"
            assert run(house.directory, "curl", "-q", "-sS", "--user", secret, where).endswith(b"World\r\n")
        told = json.dumps(popover.log_lines())
        assert house.dovecot.password not in told
        assert "a password of the house" not in told


def test_the_secrets_may_come_by_stdin_and_are_not_shown(house: House) -> None:
    ended = run_popover(*house.words, "--account", "anna", stdin=None, input=f"ours\n{house.dovecot.password}\n")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "the user name is anna, the password the local one" in ended.stdout
    assert house.dovecot.password not in ended.stdout + ended.stderr


def test_somebody_at_a_terminal_is_asked_for_it_and_sees_no_password(house: House) -> None:
    house.words.remove("--yes")
    secret = house.dovecot.password
    answers = {
        "Set these up?": "y",
        "Shall the mail program": "y",
        "Its name:": "",
        "Local password": "said-by-the-client",
        "Once more": "said-by-the-client",
        "at the provider": secret,
        "Write this into": "y",
        "Shall systemd": "n",
    }
    seen, code = on_terminal(*house.words, answers=answers)
    assert code == 0, seen
    assert f"the user name is {house.user}, the password the local one" in seen
    assert secret not in seen
    assert "said-by-the-client" not in seen
    assert (house.state / "accounts" / f"{house.user}.json").exists()


def test_a_second_own_login_changes_no_file(house: House) -> None:
    house.setup("--account", "anna", *house.files)
    [file] = house.conf.iterdir()
    before = file.read_bytes()
    told = house.setup("--account", "otto", *house.files)
    assert told["written"] is None
    assert file.read_bytes() == before
    assert (house.state / "accounts" / "otto.json").exists()


def test_a_password_that_the_provider_does_not_take_ends_it(house: House) -> None:
    house.secret.write_text("wrong\n")
    told = house.setup("--account", "anna", *house.files, code=1)
    assert not told["check"]["ok"]
    assert not house.conf.exists()
    assert not (house.state / "accounts").exists()


def test_a_name_that_is_taken_is_told_before_any_password_is_asked_for(house: House) -> None:
    house.setup("--account", "anna", *house.files)
    ended = run_popover(*house.words, "--account", "Anna")
    assert ended.returncode == 1
    assert "there is an account" in ended.stderr


def test_a_provider_that_takes_oauth2_only_needs_an_own_login(house: House) -> None:
    ended = run_popover("setup", "anna@outlook.com", "--yes", "-c", house.conf)
    assert ended.returncode == 1
    assert ended.stdout.count("takes OAuth2 only") == 1
    assert "--account NAME --client-id ID" in ended.stdout
    ended = run_popover("setup", "anna@outlook.com", "--yes", "-c", house.conf, "--account", "anna")
    assert ended.returncode == 2
    assert "client id of your own" in ended.stderr
    assert not house.conf.exists()


def test_with_oauth2_the_next_command_signs_in(house: House) -> None:
    issuer = "https://login.example.test"
    words = ("--account", "anna", "--client-id", "an-id", "--password-file", str(house.local))
    told = house.setup(*words, "--issuer", issuer)
    assert told["next"][-1].endswith("account login anna")
    account = json.loads((house.state / "accounts" / "anna.json").read_text())
    assert account["oauth2"] == {"client_id": "an-id", "issuer": issuer}
    assert "secret" not in account


def test_a_provider_that_nobody_knows_needs_its_issuer(house: House) -> None:
    """Before anybody is asked for a password, and before anything is written."""
    ended = run_popover(*house.words, "--yes", "--account", "anna", "--client-id", "an-id")
    assert ended.returncode == 2
    assert "issuer (--issuer)" in ended.stderr
    assert not (house.state / "accounts").exists()


def test_from_an_address_to_mail_by_oauth2(
    stage: Stage, provider: SignInProvider, token_dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes tokens only, a person who signs in at a browser elsewhere, and curl with a local password."""
    user, state, conf = provider.new_user(), stage.directory / "state", stage.directory / "conf"
    token_dovecot.wipe(user)
    token_dovecot.deliver(user, b"Subject: hello\r\n\r\nWorld\r\n")
    monkeypatch.setenv("STATE_DIRECTORY", str(state))
    monkeypatch.setenv("SSL_CERT_FILE", str(provider.ca_file))
    monkeypatch.delenv("DISPLAY", raising=False)
    typed: list[str] = []

    def pastes(seen: str) -> str:
        address = re.search(r"\n    (https://\S+)\r?\n", seen)
        if "paste it here" not in seen or address is None or typed:
            return ""
        typed.append(provider.say_yes(address[1], user))
        return f"{typed[0]}\n"

    answers = {"Set these up?": "y", "Local password": "ours", "Once more": "ours", "Write this into": "y",
               "Shall systemd": "n", "Sign in with the provider now": "y"}  # fmt: skip
    named = [f"pop3s://localhost:{token_dovecot.pop3s_port}", f"imaps://localhost:{token_dovecot.imaps_port}"]
    seen, code = on_terminal(
        "setup", f"{user}@example.test", *(word for one in named for word in ("--server", one)), *stage.trust,
        "-c", conf, "--listen", own_address(), "--account", user, "--login", user,
        "--client-id", "popover-code", "--issuer", provider.issuer, answers=answers, types=pastes,
    )  # fmt: skip
    assert code == 0, seen
    assert "is signed in" in seen
    with Popover("-c", conf) as popover:
        host, port = popover.addresses[0]
        words = ("--user", f"{user}:ours", f"pop3://{host}:{port}/1")
        assert run(stage.directory, "curl", "-q", "-sS", *words).endswith(b"World\r\n")


def test_looking_asks_for_no_password_and_keeps_nothing(house: House) -> None:
    house.words.remove("--yes")
    told = house.setup("--account", "anna")
    assert told["account"]["name"] == "anna"
    assert told["written"] is False
    assert not house.state.exists() or not (house.state / "accounts").exists()
    assert not house.conf.exists()
