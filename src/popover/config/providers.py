"""Where the mail of large providers is, by the name that `provider = "..."` gives them (their help pages, and
Thunderbird's table, as of 2026).
"""

from typing import Final

from popover.config.places import parse_server
from popover.config.values import Server

PROVIDERS: Final[dict[str, tuple[str, ...]]] = {
    "gmail": ("pop3s://pop.gmail.com", "imaps://imap.gmail.com", "smtps://smtp.gmail.com"),
    "outlook": (
        "pop3s://outlook.office365.com",
        "imaps://outlook.office365.com",
        "smtp+starttls://smtp-mail.outlook.com",
    ),
    "microsoft365": (
        "pop3s://outlook.office365.com",
        "imaps://outlook.office365.com",
        "smtp+starttls://smtp.office365.com",
    ),
    "microsoft365-us": (
        "pop3s://outlook.office365.us",
        "imaps://outlook.office365.us",
        "smtp+starttls://smtp.office365.us",
    ),
    "microsoft365-cn": (
        "pop3s://partner.outlook.cn",
        "imaps://partner.outlook.cn",
        "smtp+starttls://smtp.partner.outlook.cn",
    ),
    "fastmail": ("pop3s://pop.fastmail.com", "imaps://imap.fastmail.com", "smtps://smtp.fastmail.com"),
    "yahoo": ("pop3s://pop.mail.yahoo.com", "imaps://imap.mail.yahoo.com", "smtps://smtp.mail.yahoo.com"),
    "aol": ("pop3s://pop.aol.com", "imaps://imap.aol.com", "smtps://smtp.aol.com"),
    "att": ("pop3s://inbound.att.net", "imaps://imap.mail.att.net", "smtps://smtp.mail.att.net"),
    "icloud": ("imaps://imap.mail.me.com", "smtp+starttls://smtp.mail.me.com"),
    "gmx": ("pop3s://pop.gmx.net", "imaps://imap.gmx.net", "smtps://mail.gmx.net"),
    "web.de": ("pop3s://pop3.web.de", "imaps://imap.web.de", "smtps://smtp.web.de"),
    "t-online": (
        "pop3s://securepop.t-online.de",
        "imaps://secureimap.t-online.de",
        "smtps://securesmtp.t-online.de",
    ),
    "mail.ru": ("pop3s://pop.mail.ru", "imaps://imap.mail.ru", "smtps://smtp.mail.ru"),
    "yandex": ("pop3s://pop.yandex.com", "imaps://imap.yandex.com", "smtps://smtp.yandex.com"),
    "seznam": ("pop3s://pop3.seznam.cz", "imaps://imap.seznam.cz", "smtps://smtp.seznam.cz"),
    "comcast": ("pop3s://mail.comcast.net", "imaps://imap.comcast.net", "smtps://smtp.comcast.net"),
    "thundermail": ("imaps://mail.thundermail.com", "smtps://mail.thundermail.com"),
    "posteo": ("pop3s://posteo.de", "imaps://posteo.de", "smtps://posteo.de"),
    "mailbox.org": ("pop3s://pop3.mailbox.org", "imaps://imap.mailbox.org", "smtps://smtp.mailbox.org"),
}

OTHER_NAMES: Final = {
    "google": "gmail",
    "googlemail": "gmail",
    "hotmail": "outlook",
    "live": "outlook",
    "outlook.com": "outlook",
    "office365": "microsoft365",
    "me.com": "icloud",
    "gmx.net": "gmx",
}
"""What people call them, too."""


def servers_of(provider: str) -> tuple[Server, ...]:
    """Give a provider's servers, one a dialect; none for a name that is not in the table."""
    return tuple(map(parse_server, PROVIDERS.get(provider, ())))
