"""What is signed in a secret's place: verified as a provider would."""

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from parts.certificates import Authority
from popover.accounts.oauth2 import assertion
from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.way import way_of
from popover.config import Account, OAuth2, SecretSource, Server, Target
from popover.errors import SignInNeeded

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
NOW = 1_800_000_000.0
FILE = SecretSource("file", "key.pem")


def account(**oauth2: Any) -> Account:
    targets = (Target(Server("imap", "mail.example", 993)),)
    return Account("a", ("a",), None, targets, "me@example.com", "shared@example.com", oauth2=OAuth2("id", **oauth2))


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims, once the signature was found to be the key's."""
    head, claims, signature = token.split(".")
    KEY.public_key().verify(_octets(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return json.loads(_octets(head)), json.loads(_octets(claims))


def _octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_googles_service_account_asks_in_the_name_of_the_mailbox() -> None:
    mine = account(provider="gmail", grant="jwt")
    key = assertion.Key.read(json.dumps({"private_key": PEM.decode(), "private_key_id": "k1"}).encode(), None)
    header, claims = read(assertion.of_account(way_of(mine), key, mine, NOW))
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert (claims["iss"], claims["sub"]) == ("id", "shared@example.com")
    assert claims["aud"] == "https://oauth2.googleapis.com/token"
    assert claims["scope"] == "https://mail.google.com/"
    assert claims["iat"] < NOW < claims["exp"] <= claims["iat"] + 3600


def test_microsofts_client_is_known_by_its_certificate(authority: Authority) -> None:
    issued = authority.issue("client.example", rsa_bits=2048)
    pem = issued.key_file.read_bytes() + issued.cert_file.read_bytes()
    mine = account(provider="microsoft365", tenant="contoso", grant="client_credentials", key=FILE)
    client = Ask(lambda _: pem, lambda: NOW).client(mine, way_of(mine))
    assert client.assertion is not None
    head, body, signature = client.assertion.split(".")
    key = load_pem_private_key(issued.key_file.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    key.public_key().verify(_octets(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
    header, claims = json.loads(_octets(head)), json.loads(_octets(body))
    der = x509.load_pem_x509_certificate(issued.cert_file.read_bytes()).public_bytes(Encoding.DER)
    assert _octets(header["x5t#S256"]) == hashlib.sha256(der).digest()
    assert claims["iss"] == claims["sub"] == "id"
    assert claims["aud"] == "https://login.microsoftonline.com/contoso/oauth2/v2.0/token"


def test_no_assertion_is_made_twice() -> None:
    mine = account(provider="gmail", grant="jwt")
    key = assertion.Key(PEM)
    assert len({assertion.of_account(way_of(mine), key, mine, NOW) for _ in range(20)}) == 20


@pytest.mark.parametrize("octets", [b"", b"canary", b"{}", b'{"private_key": 1}', b"{", b"-----BEGIN PRIVATE KEY-----",
                                    b"-----BEGIN CERTIFICATE-----\ncanar\n-----END CERTIFICATE-----"])  # fmt: skip
def test_a_key_that_is_none_is_told_without_showing_it(octets: bytes) -> None:
    mine = account(provider="gmail", grant="jwt")
    with pytest.raises(SignInNeeded) as caught:
        assertion.of_account(way_of(mine), assertion.Key.read(octets, None), mine, NOW)
    assert "canary" not in f"{caught.value.cause} {caught.value.remedy}"
    assert caught.value.remedy.startswith("key: ")


def test_a_key_does_not_show() -> None:
    assert "PRIVATE" not in repr(assertion.Key(PEM))
