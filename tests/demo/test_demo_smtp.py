"""The demo's small SMTP server, line by line."""

import base64

import pytest

from popover.demo.mailbox import Mailbox
from popover.demo.smtp import SIZE, SmtpSession


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox([])


def say(session: SmtpSession, *lines: str) -> list[str]:
    """The codes of the answers."""
    return [session.answer(line.encode() + b"\r\n").decode()[:3] for line in lines]


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_letter_lies_in_the_mailbox_without_the_dots_that_were_doubled(mailbox: Mailbox) -> None:
    session = SmtpSession(mailbox)
    assert say(session, "EHLO x", "MAIL FROM:<a@b> SIZE=1", "RCPT TO:<c@d>", "DATA") == ["250", "250", "250", "354"]
    assert say(session, "Subject: x", "", "..", "..two", "QUIT", ".", "QUIT") == [""] * 5 + ["250", "221"]
    assert session.over
    assert [letter.raw for letter in mailbox.letters()] == [b"Subject: x\r\n\r\n.\r\n.two\r\nQUIT\r\n"]


def test_a_bare_line_feed_ends_no_letter_and_lies_as_a_whole_line(mailbox: Mailbox) -> None:
    session = SmtpSession(mailbox)
    say(session, "HELO x", "MAIL FROM:<>", "RCPT TO:<c@d>", "DATA")
    assert session.answer(b"a\n") + session.answer(b".\n") + session.answer(b"MAIL FROM:<x>\n") == b""
    assert say(session, ".") == ["250"]
    assert [letter.raw for letter in mailbox.letters()] == [b"a\r\n\r\nMAIL FROM:<x>\r\n"]


@pytest.mark.parametrize("lines", [["DATA"], ["RCPT TO:<a>"], ["MAIL FROM:<a>", "DATA"], ["MAIL FROM:<a>"] * 2])
def test_what_is_out_of_order_is_refused(mailbox: Mailbox, lines: list[str]) -> None:
    assert say(SmtpSession(mailbox), *lines)[-1] == "503"


@pytest.mark.parametrize(("line", "code"), [("MAIL a@b", "501"), ("WIZ", "500"), ("AUTH CRAM-MD5", "504"), ("", "500")])
def test_what_is_wrong_is_refused(mailbox: Mailbox, line: str, code: str) -> None:
    assert say(SmtpSession(mailbox), line) == [code]


@pytest.mark.parametrize(("password", "code"), [("popover", "235"), ("canary", "535")])
def test_who_signs_in_does_it_right(mailbox: Mailbox, password: str, code: str) -> None:
    plain, user, word = coded(f"\0demo\0{password}"), coded("demo@demo.example"), coded(password)
    for lines in (
        ["AUTH PLAIN " + plain],
        ["AUTH PLAIN", plain],
        ["AUTH LOGIN", user, word],
        [f"AUTH LOGIN {user}", word],
    ):
        assert say(SmtpSession(mailbox), *lines)[-1] == code


def test_what_is_no_base64_is_no_login(mailbox: Mailbox) -> None:
    assert say(SmtpSession(mailbox), "AUTH PLAIN ~", "AUTH PLAIN", "*") == ["535", "334", "535"]


def test_a_letter_that_is_too_large_is_refused_and_not_kept(mailbox: Mailbox) -> None:
    session = SmtpSession(mailbox)
    say(session, "MAIL FROM:<a>", "RCPT TO:<b>", "DATA")
    line = b"x" * 65_000 + b"\r\n"
    for _ in range(SIZE // len(line) + 1):
        session.answer(line)
    assert say(session, ".", "MAIL FROM:<a>") == ["552", "250"]
    assert mailbox.letters() == []
