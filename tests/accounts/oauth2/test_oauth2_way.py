"""How an account comes to its tokens: the table of providers, what is configured, what a provider says of itself."""

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from popover.accounts.oauth2 import discovery, forms
from popover.accounts.oauth2.forms import Client
from popover.accounts.oauth2.providers import ALIASES, PROVIDERS
from popover.accounts.oauth2.redirect import Attempt
from popover.accounts.oauth2.way import needs_description, way_of
from popover.config import Account, DialectName, OAuth2, Server, Target
from popover.errors import ConfigError

PAGES = Path(__file__).parents[3] / "docs" / "oauth2"
ATTEMPT = Attempt("http://127.0.0.1:5/", "state", "verifier")


def account(oauth2: OAuth2, *dialects: DialectName) -> Account:
    targets = tuple(Target(Server(dialect, "mail.example", 1)) for dialect in dialects or ("imap", "smtp"))
    return Account("a", ("a",), None, targets, "a@example.com", oauth2=oauth2)


def of(provider: str, *dialects: DialectName, **more: str) -> Account:
    return account(OAuth2("id", provider=provider, **more), *dialects)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_each_provider_has_a_way(name: str) -> None:
    way = way_of(of(name))
    for url in (way.token_url, way.authorize_url, way.device_url, way.revoke_url):
        assert url is None or urlsplit(url).scheme == "https"
        assert url is None or "{" not in url
    assert "paste" in way.flows
    assert set(way.scopes) == {"imap", "smtp"}
    assert PROVIDERS[name].title.split()[0] in (PAGES / f"{way.page}.md").read_text()


def test_people_write_a_provider_as_they_know_it() -> None:
    assert all(target in PROVIDERS for target in ALIASES.values())
    assert way_of(of("Gmail")).title == "Google"
    assert way_of(of("office365")).title == "Microsoft 365"


def test_microsoft_gives_a_refresh_token_only_with_offline_access_and_each_dialect_its_own_scope() -> None:
    way = way_of(of("outlook", "pop3", "smtp"))
    assert way.asked == (
        "https://outlook.office.com/POP.AccessAsUser.All",
        "https://outlook.office.com/SMTP.Send",
        "offline_access",
    )
    assert way.token_url == "https://login.microsoftonline.com/consumers/oauth2/v2.0/token"
    assert way.flows == ("device", "browser", "paste")


def test_a_tenant_stands_in_all_of_microsofts_addresses() -> None:
    way = way_of(of("microsoft365", tenant="contoso.com"))
    for url in (way.token_url, way.authorize_url, way.device_url):
        assert url is not None
        assert "/contoso.com/oauth2/v2.0/" in url
    assert "%2F" in way_of(of("microsoft365", tenant="../evil")).token_url
    with pytest.raises(ConfigError, match="tenant"):
        way_of(of("gmail", tenant="x"))


def test_microsofts_other_clouds_have_their_own_hosts() -> None:
    for name, host in (("microsoft365-us", "outlook.office365.us"), ("microsoft365-cn", "partner.outlook.cn")):
        assert all(host in scope for scope in way_of(of(name)).asked[:-1])


def test_google_has_no_device_code_for_mail_and_is_asked_for_a_refresh_token_each_time() -> None:
    way = way_of(of("gmail", "pop3", "imap", "smtp"))
    assert way.flows == ("browser", "paste")
    query = parse_qs(urlsplit(forms.authorize_address(way, ATTEMPT, "a@example.com")).query)
    assert query["access_type"] == ["offline"]
    assert query["prompt"] == ["consent"]
    assert query["scope"] == ["https://mail.google.com/"]
    assert query["login_hint"] == ["a@example.com"]


def test_where_nobody_can_listen_the_address_is_pasted() -> None:
    assert way_of(of("yahoo")).flows == ("paste",)


def test_a_provider_without_pop_says_so() -> None:
    with pytest.raises(ConfigError, match="POP3"):
        way_of(of("yandex", "pop3"))


@pytest.mark.parametrize("grant", ["client_credentials", "jwt"])
def test_microsoft_lets_a_program_sign_in_by_client_credentials(grant: str) -> None:
    way = way_of(of("microsoft365", "pop3", grant=grant, tenant="example.com"))
    assert way.grant == "client_credentials"
    assert way.asked == ("https://outlook.office365.com/.default",)


def test_a_program_at_microsoft_is_of_one_organisation() -> None:
    """`common` has no programs of its own: Microsoft says so only in the words of AADSTS50059."""
    with pytest.raises(ConfigError, match="tenant: is missing"):
        way_of(of("microsoft365", "pop3", grant="client_credentials"))


def test_google_lets_a_program_sign_in_by_what_a_key_has_signed() -> None:
    way = way_of(of("gmail", "pop3", grant="jwt"))
    assert (way.grant, way.asked) == ("jwt", ("https://mail.google.com/",))
    with pytest.raises(ConfigError, match="by itself"):
        way_of(of("fastmail", grant="jwt"))


@pytest.mark.parametrize(
    "oauth2",
    [
        OAuth2("id"),
        OAuth2("id", provider="nobody"),
        OAuth2("id", token_url="http://example.com/token", device_url="https://example.com/d"),
        OAuth2("id", token_url="https://example.com/token"),
        OAuth2("id", token_url="https://example.com/token", device_url="ftp://example.com/d"),
        OAuth2("id", token_url="https:///token", device_url="https://example.com/d"),
        OAuth2("id", token_url="https://example.com/token", device_url="https://[example.com/d"),
    ],
)
def test_what_can_not_work_is_a_mistake_in_words(oauth2: OAuth2) -> None:
    with pytest.raises(ConfigError):
        way_of(account(oauth2))


def test_what_is_configured_wins_over_the_row() -> None:
    way = way_of(account(OAuth2("id", provider="gmail", token_url="https://example.com/t", scopes=("x",))))
    assert (way.token_url, way.asked, way.revoke_url) == (
        "https://example.com/t",
        ("x",),
        "https://oauth2.googleapis.com/revoke",
    )


# -- what a provider says of itself ----------------------------------------------------------------

ISSUER = "https://id.example.com/realms/x"
DESCRIPTION = {
    "issuer": ISSUER,
    "token_endpoint": f"{ISSUER}/token",
    "authorization_endpoint": f"{ISSUER}/auth",
    "device_authorization_endpoint": f"{ISSUER}/device",
    "revocation_endpoint": f"{ISSUER}/revoke",
}


def described(**changes: object) -> bytes:
    return json.dumps(DESCRIPTION | changes).encode()


def test_a_description_is_looked_for_where_rfc_8414_and_openid_want_it() -> None:
    assert discovery.places(ISSUER) == (
        "https://id.example.com/.well-known/oauth-authorization-server/realms/x",
        "https://id.example.com/realms/x/.well-known/oauth-authorization-server",
        "https://id.example.com/.well-known/openid-configuration/realms/x",
        "https://id.example.com/realms/x/.well-known/openid-configuration",
    )
    assert len(discovery.places("https://id.example.com")) == 2


def test_a_description_gives_the_addresses() -> None:
    mine = account(OAuth2("id", issuer=ISSUER))
    assert needs_description(mine)
    way = way_of(mine, discovery.read(described(), ISSUER))
    assert way.flows == ("device", "browser", "paste")
    assert (way.token_url, way.revoke_url, way.issuer) == (f"{ISSUER}/token", f"{ISSUER}/revoke", ISSUER)
    assert not way.says_issuer
    says = described(authorization_response_iss_parameter_supported=True)
    assert way_of(mine, discovery.read(says, ISSUER)).says_issuer


@pytest.mark.parametrize(
    ("scopes", "extra"),
    [(("openid", "offline_access"), {"prompt": "consent"}), (("mail", "offline_access"), {}), (None, {})],
)
def test_openid_connect_wants_to_ask_a_person_before_anybody_goes_on_offline(
    scopes: tuple[str, ...] | None, extra: dict[str, str]
) -> None:
    mine = account(OAuth2("id", issuer=ISSUER, scopes=scopes))
    assert way_of(mine, discovery.read(described(), ISSUER)).extra == extra


@pytest.mark.parametrize(
    "body",
    [
        described(issuer="https://evil.example.com"),
        described(issuer=f"{ISSUER}/"),
        described(token_endpoint="http://id.example.com/token"),
        described(token_endpoint=None),
        described(token_endpoint="https://[id.example.com/token"),
        described(token_endpoint="https://id.example.com:99999/token"),
        b"[" * 100_000,
        b"{}",
        b"[]",
        b"<html>",
    ],
)
def test_a_description_of_somebody_else_is_not_taken(body: bytes) -> None:
    with pytest.raises(ConfigError):
        discovery.read(body, ISSUER)


def test_a_secret_goes_into_a_header_only_where_a_provider_takes_it_nowhere_else() -> None:
    mine = account(OAuth2("i d", issuer=ISSUER))
    client = Client(secret="se/cret")
    for ways, basic in (
        (["client_secret_basic"], True),
        (["client_secret_basic", "client_secret_post"], False),
        (None, False),
    ):
        found = discovery.read(described(token_endpoint_auth_methods_supported=ways), ISSUER)
        form = forms.refresh(way_of(mine, found), client, "r")
        assert (form.authorization is not None) is basic
        assert (b"se%2Fcret" in form.body()) is not basic
    assert forms.refresh(replace(way_of(mine, found), basic=True), client, "r").authorization == (
        "Basic aStkOnNlJTJGY3JldA=="  # i+d:se%2Fcret: RFC 6749 section 2.3.1 wants both encoded first
    )


def test_forms_hold_what_the_rfcs_want_and_show_nothing() -> None:
    way = way_of(of("outlook"))
    made = [
        forms.code(way, Client(secret="canary-s"), Attempt("http://x/", "canary-st", "canary-v"), "canary-c"),
        forms.refresh(way, Client(secret="canary-s"), "canary-r"),
        forms.poll(way, Client(assertion="canary-a"), "canary-d"),
    ]
    assert parse_qs(made[0].body().decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["canary-c"],
        "redirect_uri": ["http://x/"],
        "code_verifier": ["canary-v"],
        "client_id": ["id"],
        "client_secret": ["canary-s"],
    }
    assert "scope" not in parse_qs(made[1].body().decode())
    assert parse_qs(made[2].body().decode())["client_assertion"] == ["canary-a"]
    for form in made:
        assert "canary" not in repr(form)
        assert "canary" not in form.url
    assert "canary" not in repr(Client("canary-s", "canary-a"))


def test_the_address_for_a_browser_holds_no_secret() -> None:
    address = forms.authorize_address(way_of(of("gmail")), ATTEMPT, "a")
    assert "verifier" not in address
    assert parse_qs(urlsplit(address).query)["code_challenge_method"] == ["S256"]
