"""A name or a port that says another dialect than the URL is questioned; what is as usual is not."""

import pytest

from fakes.capable import capable
from fakes.mail import mail
from fakes.scene import Stage
from parts.check import Checked
from parts.net import wait_until
from popover.config import doubt, parse_server

pytest_plugins = ["fakes.fixture"]


@pytest.mark.parametrize(
    ("server", "oddity", "remedy"),
    [
        ("imap.example.com", "the name imap.example.com sounds like IMAP, but pop3s:// is POP3", "imaps://imap.exa"),
        ("smtp-mail.example.com", "sounds like SMTP, but pop3s:// is POP3", "smtps://smtp-mail.example.com for SMTP"),
        ("imaps://securepop.example.com", "sounds like POP3, but imaps:// is IMAP", "pop3s://securepop.example.com "),
        ("smtps://imap2.example.com", "sounds like IMAP, but smtps:// is SMTP", "imaps://imap2.example.com for IMAP"),
        ("mail.example.com:993", "port 993 of mail.example.com sounds like IMAP", "imaps://mail.example.com for IMAP"),
        ("mail.example.com:465", "port 465 of mail.example.com sounds like SMTP", "smtps://mail.example.com for SMTP"),
        ("mail.example.com:587", "port 587 of mail.example.com sounds like SMTP", "smtp+starttls://mail.example.com f"),
        ("imap+starttls://smtp.example.com", "sounds like SMTP, but imap+starttls:// is IMAP", "smtp+starttls://smtp."),
        ("smtps://smtp.example.com:587", "port 587 of smtp.example.com sounds like STARTTLS", "smtp+starttls://smtp."),
        ("pop3s://[2001:db8::1]:110", "but pop3s:// is TLS from the first octet on", "pop3+starttls://[2001:db8::1], "),
        ("imap+starttls://a.example:993", "sounds like TLS from the first octet on", "imaps://a.example, "),
        ("imaps://mail.example.com:995", "port 995 of mail.example.com sounds like POP3", "pop3s://mail.example.com "),
        ("pop3s://[2001:db8::1]:993", "port 993 of 2001:db8::1 sounds like IMAP", "imaps://[2001:db8::1] for IMAP"),
        ("imap.example.com:465", "port 465 of imap.example.com sounds like SMTP", "smtps://imap.example.com for SMTP"),
    ],
)
def test_another_dialect_is_questioned_with_what_to_write(server: str, oddity: str, remedy: str) -> None:
    said = doubt(parse_server(server))
    assert oddity in said[0]
    assert f"write {remedy}" in said[1]


def test_provider_without_tls_from_the_first_octet_on_is_known() -> None:
    for host in ("smtp.office365.com", "smtp-mail.outlook.com", "smtp.mail.me.com"):
        assert doubt(parse_server(f"smtps://{host}")) == (f"{host} has STARTTLS only", f"write smtp+starttls://{host}")
        assert doubt(parse_server(f"smtp+starttls://{host}")) == ("", "")


def test_the_other_choice_is_named_too() -> None:
    assert doubt(parse_server("mail.example.com:993"))[1].endswith("or pop3s://mail.example.com for POP3")
    assert doubt(parse_server("imap.example.com"))[1].endswith("or the name of the provider's POP3 server")


@pytest.mark.parametrize(
    "server",
    [
        "pop.example.com",
        "pop3.example.com:10995",
        "mail.example.com",
        "popular.example.com",
        "imaps://imap-mail.example.com",
        "imaps://imap.pop.example.com",
        "smtp+starttls://smtp.example.com",
        "smtp+starttls://smtp.example.com:2587",
        "smtps://smtp.example.com:465",
        "pop-imap.example.com",
        "imaps://pop-imap.example.com",
        "192.0.2.1",
    ],
)
def test_what_is_usual_is_not_questioned(server: str) -> None:
    assert doubt(parse_server(server)) == ("", "")


def test_run_says_so_once_and_serves(stage: Stage) -> None:
    popover = stage.popover("0=pop3s://localhost:993", *stage.trust)

    def told_so() -> list[str]:
        return [event["text"] for event in popover.events("warning") if "sounds like" in event["text"]]

    wait_until(told_so, "it is questioned")
    [told] = told_so()
    assert told.startswith("localhost: port 993 of localhost sounds like IMAP")
    assert "write imaps://localhost" in told


def test_check_says_so_and_goes_on(stage: Stage) -> None:
    server = stage.server(capable)
    check = Checked(f"0=pop3s://localhost:{server.port}", *stage.trust)
    assert not [text for text in check.texts("name") if "sounds like" in text]
    assert check.code == 0
    dumb = Checked("0=pop3s://localhost:993", *stage.trust)
    [found] = [finding for finding in dumb.findings if finding["facts"].get("outcome") == "another dialect"]
    assert found["status"] == "warn"
    assert "write imaps://localhost" in found["remedy"]


def test_a_server_that_sounds_right_is_served_without_a_word(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(mail("pop3")))
    gateway.serves()
    assert not [event for event in gateway.popover.events("warning") if "sounds like" in event["text"]]
