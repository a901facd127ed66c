"""Other providers, and servers that many of them run."""

from popover.refusals.row import Row

_YAHOO = "https://help.yahoo.com/kb/SLN15241.html"
_GMX = "https://hilfe.gmx.net/pop-imap/einschalten.html"
_DOVECOT = "https://doc.dovecot.org"
_POSTFIX = "https://www.postfix.org/postconf.5.html"


def _row(provider: str, signs: str, cause: str, remedy: str, source: str) -> Row:
    return Row(tuple(signs.split(" | ")), cause, remedy, source, provider)


ROWS: tuple[Row, ...] = (
    _row("Yahoo", "#auth005 | too many bad auth attempts",
         "the password is not taken (too often): Yahoo and AOL want an app password",
         "wait an hour, make an app password in the account's security settings on the web page, and use that", _YAHOO),
    _row("Yahoo", "#mbr1212 | #mbr1236 | #mbr1240 | #auth002", "the password is not taken: Yahoo and AOL want an app "
         "password", "make an app password in the account's security settings on the web page, and use that", _YAHOO),
    _row("Yahoo", "login rate limit hit | limit & login rate limit", "there were too many logins in a short time",
         "wait an hour, and let the client ask less often", _YAHOO),
    _row("Yahoo", "[tss04] | [tss09] | unexpected volume or user complaints",
         "Yahoo puts mail from this line's address off", "send through your provider's server with a sign-in; else "
         "try later", "https://senders.yahooinc.com/smtp-error-codes/"),
    _row("Apple", "from address is not one of your addresses", "iCloud sends only in the names that the account has",
         "let the client use the account's own address or one of its aliases as the sender",
         "https://support.apple.com/102525"),
    _row("mail.ru", "neobhodim parol prilozheniya | application password is required",
         "the account's own password is not taken from mail programs",
         "make a password for external applications in the account's security settings, and use that",
         "https://help.mail.ru/mail/security/protection/external"),
    _row("Yandex", "invalid credentials or imap is disabled | does not have access rights to this service",
         "the password is not taken, or access by mail programs is off",
         "on the web page: Settings, Email clients: allow IMAP and POP3 with app passwords; then make one and use it",
         "https://yandex.com/support/mail/mail-clients/others.html"),
    _row("GMX, WEB.DE, IONOS", "535 authentication credentials invalid",
         "the password is not taken, or POP3 and IMAP are off for this mailbox (they are until somebody switches them "
         "on, and again after a time without use)",
         "on the web page: E-Mail, Settings, POP3/IMAP: allow access; with two-factor authentication, an "
         "application password is wanted", _GMX),
    _row("GMX, WEB.DE", "pop3/imap & must be switched on | pop3/imap & activate | pop3/imap & aktivier | "
         "pop3/imap & deaktiviert | pop3/imap & disabled | pop3/imap & not enabled", "POP3 and IMAP are off for this "
         "mailbox", "on the web page: E-Mail, Settings, POP3/IMAP: allow access", _GMX),
    _row("Zoho", "yet to enable imap | imap access is disabled | pop access is disabled | enable pop",
         "POP or IMAP is off for this mailbox", "on the web page: Settings, Mail Accounts, switch it on",
         "https://www.zoho.com/mail/help/imap-access.html"),
    _row("Zoho", "relaying disallowed as | 553 & sender is not allowed to relay",
         "the account may not send in the name that the mail says it is from",
         "let the client use the account's own address as the sender", "https://www.zoho.com/mail/help/zoho-smtp.html"),
    _row("NetEase", "unsafe login", "163 and 126 want to know which program asks (IMAP's ID), and their authorization "
         "code for a password", "make an authorization code on the web page and use POP3, which asks for no ID",
         "https://help.mail.163.com"),
    _row("Tencent", "login fail. please using weixin | authorization code | please using authorized code | "
         "err.login.passerr", "the account's own password is not taken from mail programs",
         "on the web page: Settings, Account: switch POP3/SMTP on, make an authorization code and use that",
         "https://service.mail.qq.com"),
    _row("Dovecot", "plaintext authentication disallowed | cleartext authentication disallowed",
         "the server takes no password before TLS", "write the server with s:// or +starttls://; to a client of "
         "popover's this is never said by a server that popover has reached over TLS", _DOVECOT),
    _row("Dovecot", "maximum number of connections from user+ip exceeded | too many connections from",
         "more connections of this user are open than the server allows",
         "close mail programs on other machines; the server's own limit is mail_max_userip_connections", _DOVECOT),
    _row("Postfix", "not owned by user | sender address rejected: not logged in",
         "the account may not send in the name that the mail says it is from",
         "let the client use the account's own address as the sender (a device: sender = \"...\")", _POSTFIX),
    _row("Postfix", "relay access denied | relaying denied | relay not permitted | we do not relay",
         "the server takes mail to others only from those who have signed in",
         "switch authentication for outgoing mail on in the client, and use port 465 or 587, not 25", _POSTFIX),
    _row("Postfix", "helo command rejected", "the server does not like the name that the client gives to itself",
         "use the server's port 465 or 587 with a sign-in, where that is seldom looked at", _POSTFIX),
    _row("Postfix", "sender address rejected: domain not found", "the domain of the sender's address does not exist",
         "mend the sender's address in the client", _POSTFIX),
)  # fmt: skip
