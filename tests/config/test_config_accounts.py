"""`[[account]]` in a file: what is right becomes an Account, what is wrong one line each."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from parts.certificates import Authority
from popover.config import (
    Account,
    Config,
    Desk,
    OAuth2,
    SecretSource,
    Server,
    Target,
    Trust,
    doubt,
    fold,
    load,
    unknown_accounts,
)
from popover.config.account_fields import ACCOUNT, OAUTH2
from popover.config.providers import OTHER_NAMES, PROVIDERS, servers_of
from popover.errors import ConfigError

EXAMPLES = Path(__file__).parents[2] / "examples"
POP3 = '[[service]]\nname = "pop"\naccounts = true\ndialect = "pop3"\n'
DEVICE = '[[service]]\nname = "scan"\naccounts = ["s"]\ndialect = "smtp"\ndevice = true\nallow = "192.168.1.50"\n'
REST = 'login = "a@example.com"\npassword_file = "pw"\nserver = "mail.example.com"\nsecret_file = "secret"\n'
ACCOUNT_A = f'[[account]]\nname = "a"\n{REST}'

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "popover.toml"
        path.write_text(text)
        return path

    return write


def account(path: Path) -> Account:
    (found,) = load(path).accounts
    return found


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert all(line.isprintable() for line in caught.value.mistakes)
    return [line.removeprefix(f"{path}: ") for line in caught.value.mistakes]


def without(key: str) -> str:
    return re.sub(rf"(?m)^{key} = .*\n", "", ACCOUNT_A)


# What is right


def test_the_shortest_account(write: Write, tmp_path: Path) -> None:
    assert account(write(POP3 + ACCOUNT_A)) == Account(
        name="a",
        names=("a",),
        password=SecretSource("file", str(tmp_path / "pw")),
        targets=(Target(Server("pop3", "mail.example.com", 995)),),
        login="a@example.com",
        secret=SecretSource("file", str(tmp_path / "secret")),
    )


def test_every_key_of_an_account(write: Write, authority: Authority, tmp_path: Path) -> None:
    text = f"""{POP3}[[account]]
        name = ["Grandpa", "g"]
        password_credential = "local"
        servers = {{ pop3 = "pop.example.com:1", imap = "imaps://imap.example.com", smtp = "smtp+starttls://s" }}
        login = "grandpa@example.com"
        mailbox = "shared@example.com"
        ca_file = "{authority.ca_file}"
        min_tls = "1.3"
        pin = "sha256:{"00" * 32}"
        certificate_name = "mx.example.com"
        [account.oauth2]
        client_id = "id"
        client_secret_env = "S"
        tenant = "t"
        issuer = "https://i.example/"
        scopes = ["a", "b"]
        authorize_url = "https://i.example/a"
        token_url = "https://i.example/t"
        device_url = "https://i.example/d"
        redirect_url = "http://127.0.0.1/x"
        grant = "jwt"
        key_file = "key.pem"
        key_id = "k"
        ca_file = "ca.pem"
        provider = "microsoft365"
    """
    trust = Trust(Path(authority.ca_file), "1.3", (bytes(32),), "mx.example.com")
    servers = (
        Server("pop3", "pop.example.com", 1),
        Server("imap", "imap.example.com", 993),
        Server("smtp", "s", 587, "starttls"),
    )
    assert account(write(text)) == Account(
        name="Grandpa",
        names=("Grandpa", "g"),
        password=SecretSource("credential", "local"),
        targets=tuple(Target(server, trust) for server in servers),
        login="grandpa@example.com",
        mailbox="shared@example.com",
        oauth2=OAuth2(
            client_id="id",
            provider="microsoft365",
            tenant="t",
            issuer="https://i.example/",
            authorize_url="https://i.example/a",
            token_url="https://i.example/t",
            device_url="https://i.example/d",
            scopes=("a", "b"),
            redirect_url="http://127.0.0.1/x",
            client_secret=SecretSource("environment", "S"),
            grant="jwt",
            key=SecretSource("file", str(tmp_path / "key.pem")),
            key_id="k",
            ca_file=tmp_path / "ca.pem",
        ),
    )


def test_a_provider_by_its_name_has_its_servers_and_its_way_to_sign_in(write: Write) -> None:
    text = without("server").replace('secret_file = "secret"', 'oauth2 = { client_id = "x" }')
    found = account(write(f'{POP3}{text}provider = "Hotmail"\n'))
    assert [str(target.server) for target in found.targets] == [
        "pop3s://outlook.office365.com:995",
        "imaps://outlook.office365.com:993",
        "smtp+starttls://smtp-mail.outlook.com:587",
    ]
    assert found.oauth2 is not None
    assert found.oauth2.provider == "outlook"


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_servers_are_one_a_dialect_and_nothing_about_them_is_odd(name: str) -> None:
    servers = servers_of(name)
    assert len({server.dialect for server in servers}) == len(servers) > 0
    assert [doubt(server) for server in servers] == [("", "")] * len(servers)


def test_the_page_names_every_provider() -> None:
    page = (EXAMPLES.parent / "docs" / "accounts.md").read_text()
    named = page.partition("`--provider` knows where the mail is: ")[2].partition(" Anywhere else")[0]
    assert set(re.findall(r"[a-z][a-z0-9.-]+[a-z0-9]", named)) - {"and"} == PROVIDERS.keys()


def test_other_names_of_providers_lead_to_one_that_is_known() -> None:
    assert OTHER_NAMES.keys().isdisjoint(PROVIDERS)
    assert set(OTHER_NAMES.values()) <= PROVIDERS.keys()


def test_accounts_of_all_files_of_a_directory_are_one_list(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(POP3)
    (tmp_path / "b.toml").write_text(ACCOUNT_A + ACCOUNT_A.replace('"a"', '"b"'))
    assert [one.name for one in load(tmp_path).accounts] == ["a", "b"]
    (tmp_path / "c.toml").write_text(ACCOUNT_A.replace('"a"', '["x", "A"]'))
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    (found,) = caught.value.mistakes
    places = tmp_path / "c.toml", tmp_path / "b.toml"
    assert found.startswith(f'{places[0]}: account "x": name: "A" is taken, {places[1]}: account "a" has it; capitals')


def test_a_device_service_has_one_account_that_needs_no_password(write: Write) -> None:
    config = load(write(DEVICE + '[[account]]\nname = "S"\nlogin = "a"\nsecret_env = "X"\nserver = "smtps://m"\n'))
    assert config.services[0].desk == Desk("smtp", ("s",), device=True)
    assert config.accounts[0].password is None


def test_the_example_for_a_family_is_well_formed() -> None:
    config = load(EXAMPLES / "family.toml")
    assert len(config.accounts) > 1
    assert not unknown_accounts(config.services, [name for one in config.accounts for name in one.names])
    assert {service.dialect for service in config.services} == {"pop3", "imap", "smtp"}


def test_the_example_shows_every_key_of_an_account() -> None:
    text = (EXAMPLES / "popover.toml").read_text()
    shown = re.sub(r"(?m)^# ?", "", text.partition("# [[account]]")[2])
    for key in {*ACCOUNT, *OAUTH2}:
        assert re.search(rf"(?m)(?:^|[{{ ]){key} = ", shown), key


def test_the_examples_account_can_be_taken_as_it_stands(write: Write, tmp_path: Path) -> None:
    (tmp_path / "my-ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    text = "# [[account]]" + (EXAMPLES / "popover.toml").read_text().partition("# [[account]]")[2]
    first, oauth2 = re.sub(r"(?m)^# (?=\[|\w+ = )", "", text).split("[account.oauth2]")
    others = re.compile(r"(?m)^(?=(?:password_credential|password_env|servers|provider|secret_credential|secret_env|"
                        r"client_secret_credential|client_secret_env|key_credential|key_env) = )")  # fmt: skip
    found = account(write(POP3 + others.sub("# ", first)))
    assert (found.name, len(found.targets)) == ("grandpa", 1)
    without_secret = first.replace("secret_file", "# secret_file")
    found = account(write(others.sub("# ", f"{POP3}{without_secret}[account.oauth2]{oauth2}")))
    assert found.oauth2 is not None
    assert found.oauth2.token_url == "https://login.example.com/token"


# What is wrong


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("name", 'account 1: name: is missing; write name = "grandpa"'),
        ("login", 'account "a": login: is missing; write login = "you@example.com", who signs in with the provider'),
        (
            "server",
            'account "a": server: is missing; write server = "pop3s://mail.example.com", or provider = "gmail"',
        ),
        (
            "secret_file",
            'account "a": secret_file: is missing; write secret_file = "FILE" (what the provider takes), or',
        ),
        ("password_file", 'account "a": password_file: is missing; write into a file what the mail program will send'),
    ],
)
def test_what_an_account_needs(write: Write, key: str, told: str) -> None:
    (found,) = mistakes(write(POP3 + without(key)))
    assert found.startswith(told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('provider = "gmail"', "server, provider: one of them is enough"),
        ('secret_env = "X"', "secret_file, secret_env: one of them is enough"),
        ('oauth2 = { client_id = "x" }', "secret_file, oauth2: one of them is enough"),
        ('password_env = "X"', "password_file, password_env: one of them is enough"),
        (
            'password = "hunter2"',
            'password: no secret stands in this file; write it into one of its own, and password_file = "FILE"',
        ),
        (
            'secret = "hunter2"',
            'secret: no secret stands in this file; write it into one of its own, and secret_file = "FILE"',
        ),
        ('user = "x"', "user: unknown; did you mean login?"),
        ('listen = "110"', "listen: belongs to a service; write it below a line [[service]]"),
        ("mailbox = 5", "mailbox: must be a text in quotes; is 5"),
        ('mailbox = "a\\nb"', 'mailbox: must be at most 254 characters, all printable; is "a\\u000ab"'),
        ('min_tls = "1.1"', 'min_tls: must be "1.2" or "1.3"; is "1.1"'),
        ('colour = "x"', "colour: unknown; known are name, password_file, "),
    ],
)
def test_a_wrong_key_of_an_account(write: Write, line: str, told: str) -> None:
    (found,) = mistakes(write(f"{POP3}{ACCOUNT_A}{line}\n"))
    assert found.startswith(f'account "a": {told}')
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("name = []", "name: must not be empty"),
        ('name = ["a", "A"]', 'name: "A" stands there twice; capitals make no difference'),
        ('password_credential = "hunter2 abcd"', "password_credential: must be the name of a systemd credential"),
        ('secret_env = "hunter2 !"', "secret_env: must be the name of a variable of the environment, which holds"),
        ('provider = "gmial"', 'provider: "gmial" is none that popover knows; did you mean gmail?'),
        ('provider = "xyz"', 'provider: "xyz" is none that popover knows; known are gmail, outlook, '),
        ("servers = {}", 'servers: must be a table: { pop3 = "pop.example.com"'),
        ('servers = "mail"', 'servers: must be a table: { pop3 = "pop.example.com"'),
        ('servers = { pop = "mail" }', 'servers: "pop": unknown; known are pop3, imap, smtp'),
        (
            'servers = { pop3 = "imaps://m" }',
            "servers: pop3: imaps://m:993 speaks another dialect; write it as imap = ...",
        ),
        ('servers = { imap = "me:hunter2@m" }', "servers: imap: a server holds no user name or password"),
        ('oauth2 = "hunter2"', 'oauth2: must be a table: { client_id = "..." }'),
        ("oauth2 = {}", "oauth2: client_id: is missing; docs/oauth2/README.md tells who gives you one"),
        (
            'oauth2 = { client_id = "x", client_secret = "hunter2" }',
            "oauth2: client_secret: no secret stands in this file",
        ),
        ('oauth2 = { client_id = "x", token_url = "http://x" }', "oauth2: token_url: must be an address that begins"),
        ('oauth2 = { client_id = "x", token_url = "https://[x/t" }', "oauth2: token_url: must be an address that"),
        ('oauth2 = { client_id = "x", issuer = "https://me@x/" }', "oauth2: issuer: must be an address that begins"),
        ('oauth2 = { client_id = "x", redirect_url = "http://x:99999" }', "oauth2: redirect_url: must be an address"),
        ('oauth2 = { client_id = "x", grant = "x" }', 'oauth2: grant: must be "user", "client_credentials" or "jwt"'),
        ('oauth2 = { client_id = "x", key_env = "A", key_file = "b" }', "oauth2: key_env, key_file: one of them"),
    ],
)
def test_a_wrong_value_of_an_account(write: Write, line: str, told: str) -> None:
    key = line.split(" ", maxsplit=1)[0]
    stem = {"servers": "server", "provider": "server", "oauth2": "secret_file"}.get(key, key)
    stem = re.sub("_(credential|env)$", "_file", stem)
    (found,) = mistakes(write(f"{POP3}{without(stem)}{line}\n"))
    place = 'account "a"' if key != "name" else "account 1"
    assert found.startswith(f"{place}: {told}") or (key == "name" and f": {told}" in found)
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("service", "told"),
    [
        (DEVICE.replace('["s"]', "true"), "device: needs the one account that sends for it"),
        (DEVICE.replace('["s"]', '["s", "a"]'), "device: needs the one account that sends for it"),
        (DEVICE.replace('"smtp"', '"imap"'), 'device: only sends; write dialect = "smtp"'),
        (DEVICE.replace('allow = "192.168.1.50"\n', ""), "allow: is missing; whoever it lets in sends as that account"),
        (DEVICE + 'table = "x"\n', "table: a device has the server of its account; leave it out"),
        (POP3 + 'ca_file = "x"\n', "ca_file: belongs to the account, which has the server"),
        (POP3 + 'min_tls = "1.3"\n', "min_tls: belongs to the account, which has the server"),
        (POP3.replace('dialect = "pop3"\n', ""), "dialect: is missing; write dialect"),
        (POP3.replace("true", '["a"]').replace("pop3", "imap"), 'accounts: "a" has no server for imap, which this'),
    ],
)
def test_a_service_that_does_not_fit_its_accounts(write: Write, service: str, told: str) -> None:
    found = mistakes(write(service + ACCOUNT_A))
    name = "scan" if "scan" in service else "pop"
    assert [line for line in found if line.startswith(f'service "{name}": {told}')]


def test_an_account_without_a_password_is_a_devices_only(write: Write) -> None:
    text = '[[account]]\nname = "s"\nlogin = "a"\nsecret_env = "X"\nserver = "m"\n'
    listed = POP3.replace("true", '["s"]')
    first, second = mistakes(write(listed + text))
    assert first.startswith('service "pop": accounts: "s" has no password of its own')
    assert second.startswith('account "s": password_file: is missing')


def test_all_mistakes_of_accounts_are_told_at_once(write: Write) -> None:
    found = mistakes(write(f"{POP3}[[account]]\n[[account]]\nname = 5\ncolour = 1\n{ACCOUNT_A}ca_file = 'nowhere'\n"))
    starts = ["account 1: name: is", "account 1: login", "account 1: server", "account 1: secret", "account 2: login"]
    assert [line for start in starts for line in found if line.startswith(start)] == found[:5]
    assert [line for line in found if line.startswith("account 2: name: must be")]
    assert [line for line in found if line.startswith("account 2: colour: unknown")]


def test_a_ca_file_of_an_account_is_looked_at(write: Write, tmp_path: Path) -> None:
    told = f'account "a": ca_file: "{tmp_path / "nowhere"}" does not exist; '
    [mistake] = mistakes(write(f'{POP3}{ACCOUNT_A}ca_file = "nowhere"\n'))
    assert mistake.startswith(told)


def test_accounts_that_stand_in_one_pair_of_brackets(write: Write) -> None:
    assert mistakes(write(f"{POP3}[account]\n{REST}")) == ["account: write it in two pairs of brackets: [[account]]"]


def test_a_mistake_at_the_top_hides_no_mistake_of_an_account(write: Write) -> None:
    assert len(mistakes(write(f"drain_timeout = -1\n{POP3}{ACCOUNT_A}colour = 1\n"))) == 2


def test_an_account_that_nobody_has_is_no_mistake_but_told(write: Write) -> None:
    """The command may have removed it: that must not keep the gateway from starting."""
    config = load(write(POP3.replace("true", '["a", "grandma", "aa"]') + ACCOUNT_A))
    assert isinstance(config, Config)
    assert unknown_accounts(config.services, ["a", "Grandma "]) == [
        'service "pop": accounts: there is no account "grandma"; did you mean "Grandma "?',
        'service "pop": accounts: there is no account "aa"; did you mean "a"?',
    ]
    assert unknown_accounts(config.services, ["A", "GRANDMA", "aa"]) == []


# Names


@settings(max_examples=examples(200))
@given(st.text(max_size=20))
def test_a_folded_name_is_its_own_fold(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@pytest.mark.parametrize(("one", "other"), [("Anna", "aNNA"), ("J\u00f6rg", "JO\u0308RG"), ("STRASSE", "stra\u00dfe")])
def test_names_are_the_same_whatever_their_case_and_composition(one: str, other: str) -> None:
    assert fold(one) == fold(other)


ACCOUNT_S = ACCOUNT_A.replace('"a"', '"s"').replace("mail.example.com", "smtps://mail.example.com")


def test_whom_a_public_network_would_let_send_is_told(write: Write) -> None:
    device = DEVICE.replace("192.168.1.50", "0.0.0.0/0") + 'listen = "0.0.0.0:25"\n'
    found = mistakes(write(device + ACCOUNT_S))
    assert any("whoever comes from there sends as this account, without a password" in line for line in found)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ('sender = "scans"', "is no mail address"),
        ('sender = "a b@example.com"', "is no mail address"),
        ("recipients = []", "lets it write to nobody"),
        ('recipients = ["*@*.example.com"]', "is no host name"),
        ('recipients = ["b*@example.com"]', "a * stands alone before the @"),
        ("max_recipients = 0", "must be a whole number, 1 to 1000"),
        ('queue = "always"', 'must be "off" or "when-down"'),
    ],
)
def test_what_is_wrong_with_a_devices_keys_is_told(write: Write, key: str, told: str) -> None:
    assert any(told in line for line in mistakes(write(DEVICE + key + "\n" + ACCOUNT_S)))


def test_what_belongs_to_a_device_goes_with_one(write: Write) -> None:
    found = mistakes(write(POP3 + 'sender = "a@example.com"\n' + ACCOUNT_A))
    assert any("sender: belongs to a device; write device = true" in line for line in found)


def test_a_devices_keys_are_read(write: Write) -> None:
    keys = 'sender = "Scans@Example.com"\nrecipients = ["*@Example.com", "Bob@example.net"]\nqueue = "when-down"\n'
    (found,) = load(write(DEVICE + keys + ACCOUNT_S)).services
    assert found.rules.sender == "Scans@example.com"
    assert found.rules.recipients == ("*@example.com", "bob@example.net")
    assert (found.rules.max_recipients, found.rules.queue) == (20, "when-down")
    assert found.bare_lf == "normalize"
    (kept,) = load(write(DEVICE + 'bare_lf = "pass"\n' + ACCOUNT_S)).services
    assert kept.bare_lf == "pass"
