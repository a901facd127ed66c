"""Why a client and we have not come to TLS: each in words, with what to do."""

import pytest

from popover.inside.hello import Hello
from popover.inside.reasons import UNTRUSTED, explain, no_tls, silent, wrong_alpn
from popover.wire.engine import TLSError

NEW, OLD, ANCIENT = Hello(0x304), Hello(0x301), Hello(0x300)


@pytest.mark.parametrize(
    ("fault", "hello", "legacy", "cause", "remedy"),
    [
        *((TLSError(reason, ""), NEW, False, "does not trust", "IMPORT IT") for reason in sorted(UNTRUSTED)),
        (TLSError("", "", is_cut=True), NEW, False, "went away", "IMPORT IT"),
        (TLSError("UNSUPPORTED_PROTOCOL", ""), OLD, False, "speaks TLS 1.0 at most", "legacy = true"),
        (TLSError("SOMETHING_NEW", ""), OLD, False, "speaks TLS 1.0 at most", "legacy = true"),
        (TLSError("UNSUPPORTED_PROTOCOL", ""), ANCIENT, True, "speaks SSL 3 at most", "OpenSSL cannot"),
        (TLSError("NO_SHARED_CIPHER", ""), NEW, False, "RSA key exchange", "legacy = true"),
        (TLSError("NO_SHARED_CIPHER", ""), OLD, True, "RSA key exchange", "OpenSSL can do none"),
        (TLSError("SOMETHING_NEW", ""), NEW, False, "SOMETHING_NEW", ""),
        (TLSError("", "in OpenSSL's words"), NEW, False, "in OpenSSL's words", ""),
    ],
)
def test_failed_handshake_is_explained(fault: TLSError, hello: Hello, legacy: bool, cause: str, remedy: str) -> None:
    found = explain(fault, hello, "IMPORT IT", legacy=legacy)
    assert cause in found.cause
    assert remedy in found.remedy


def test_what_is_no_tls_is_told_what_to_set() -> None:
    assert "switch SSL on" in no_tls(b"CAPA\r\n", behind_starttls=False).cause
    assert "command injection" in no_tls(b"CAPA\r\n", behind_starttls=True).remedy
    assert "web server" in no_tls(b"GET / HTTP/1.1\r\n", behind_starttls=False).cause
    assert "switch SSL on" in silent(60).cause


def test_names_that_a_client_asks_for_are_shown_short_and_printable() -> None:
    words = wrong_alpn(Hello(0x304, (b"h2", b"\x1b[2J\r\n" + b"x" * 200)), "pop3").cause
    assert "h2" in words
    assert words.isprintable()
    assert len(words) < 120


def test_no_cause_holds_the_word_that_old_programs_take_for_a_failed_login() -> None:
    for found in (no_tls(b"x", behind_starttls=False), no_tls(b"x", behind_starttls=True), silent(1)):
        assert "error" not in found.cause.lower()
