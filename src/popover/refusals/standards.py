"""What any server may say: reply codes, enhanced codes, response codes. The more special stands first."""

from popover.refusals.row import Row

_CODES = "RFC 3463"
_AUTH = "RFC 4954 section 6"
_SMTP = "RFC 5321 section 4.2.3"
_IMAP = "RFC 5530 section 3"
_LOOK = (
    "is the user name the one the provider wants (often the whole address), and the password right? many providers "
    "want an app password, or POP and IMAP switched on in their web settings"
)
_LATER = "try again later; if it lasts, ask whoever runs the server"
_ADMIN = "ask whoever runs the server"


def _row(signs: str, cause: str, remedy: str, source: str) -> Row:
    return Row(tuple(signs.split(" | ")), cause, remedy, source)


_LOGIN = (
    _row("app password & required | app-specific password | app password is required | application password | "
         "use an app password | application-specific password | app passwords",
         "the account's own password is not taken from mail programs",
         "make an app password in the account's security settings on the provider's web page, and use that",
         "the server's own words"),
    _row("[authenticationfailed] | [auth]", "the server does not take this user name with this password", _LOOK,
         "RFC 5530 section 3, RFC 3206 section 4"),
    _row("[authorizationfailed]", "the password is right, but this login may not use that mailbox",
         "look whose mailbox is asked for: login and mailbox are two things", _IMAP),
    _row("[expired]", "the password has expired", "set a new one on the provider's web page", _IMAP),
    _row("[privacyrequired]", "the server takes no password before TLS",
         "write the server with s:// or +starttls://", _IMAP),
    _row("[contactadmin]", "the server wants its administrator to be asked", _ADMIN, _IMAP),
    _row("[login-delay]", "the mailbox was opened a moment ago, and the server wants a pause between two logins",
         "let the client ask less often", "RFC 2449 section 8.1.1"),
    _row("[in-use] | [inuse]", "the mailbox is open elsewhere: POP3 lets one in at a time",
         "close the other mail program, or wait some minutes for a session that was cut",
         "RFC 2449 section 8.1.2, RFC 5530 section 3"),
    _row("[sys/temp] | [unavailable]",
         "something behind the server is out of order; nothing is wrong with the password",
         _LATER, "RFC 3206 section 4, RFC 5530 section 3"),
    _row("[sys/perm]", "something about this mailbox is out of order at the server, and does not mend itself", _ADMIN,
         "RFC 3206 section 4"),
    _row("4.7.12 | ^432", "the server wants a password that is set anew before it takes this way to log in",
         "log in once on the provider's web page or with a plain password, or set a new one", _AUTH),
    _row("454 4.7.0 | ^454", "the server cannot check logins at the moment", _LATER, _AUTH),
    _row("5.7.11 | ^538", "the server takes this login only over TLS", "write the server with s:// or +starttls://",
         _AUTH),
    _row("5.7.9 | ^534", "the server wants a safer way to log in: no password of this kind, an app password or OAuth2",
         _LOOK, _AUTH),
    _row("must issue a starttls", "the server takes nothing before TLS", "write the server with s:// or +starttls://",
         "RFC 3207 section 4"),
    _row("530 5.7.0 | ^530", "mail was sent without a login",
         "switch authentication for outgoing mail on in the client", _AUTH),
    _row("5.7.8 | ^535", "the server does not take this user name with this password", _LOOK, _AUTH),
    _row("5.5.6", "the login was longer than the server takes", "a token of this size needs two steps; popover sends "
         "it so", _AUTH),
)  # fmt: skip

_MAILBOX = (
    _row("[overquota]", "the mailbox is full", "delete mail, or empty the trash, on the provider's web page", _IMAP),
    _row("[limit]", "the server's limit for this is reached", "less at once, fewer connections, or later", _IMAP),
    _row("[noperm]", "this login may not do that in this mailbox", _ADMIN, _IMAP),
    _row("[cannot] | [clientbug]", "the server does not do what the client asked for", "another setting of the client "
         "may avoid it; the trace shows what it asked: popover run --trace", _IMAP),
    _row("[nonexistent]", "there is no mailbox of that name", "look into the client's settings for its folders", _IMAP),
    _row("[corruption] | [serverbug]", "something is broken at the server", _ADMIN, _IMAP),
)  # fmt: skip

_SENDING = (
    _row("5.6.11 | bare linefeeds | bare lf | bare <lf> | bare newlines",
         "the client ends lines of the mail with LF alone, where CRLF is wanted, and the server does not take that",
         'let popover make CRLF of them: bare_lf = "normalize" in the [[service]]', "RFC 5321 section 2.3.8"),
    _row("5.1.1 | 5.1.10 | ^551", "there is no such recipient", "look at the address for typing mistakes", _CODES),
    _row("5.1.2 | 5.4.4", "the recipient's domain does not exist, or takes no mail",
         "look at the address for typing mistakes", _CODES),
    _row("5.1.3 | 5.1.0 | ^553", "the server does not take one of the addresses",
         "look at recipient and sender for typing mistakes; many servers want the account's own address as the sender",
         _CODES),
    _row("5.1.7 | 5.1.8 | 4.1.8", "the server does not take the sender's address",
         "let the client use the account's own address as the sender", _CODES),
    _row("5.2.1 | 4.2.1", "the recipient's mailbox takes no mail: switched off, or too much at once", _LATER, _CODES),
    _row("5.2.2 | 4.2.2", "a mailbox is full", "delete mail there, or ask the recipient to", _CODES),
    _row("5.2.3 | 5.3.4", "the mail is larger than the server takes", "send less at once", _CODES),
    _row("4.3.1 | ^452", "the server has no room, or this is too much at once", _LATER, _CODES),
    _row("4.3.2", "the server takes nothing for now", _LATER, _CODES),
    _row("5.3.2", "the server takes no mail at all", _ADMIN, _CODES),
    _row("5.5.3 | 4.5.3", "these are more recipients than the server takes at once", "send to fewer at once", _CODES),
    _row("5.5.1 | 5.5.2 | 5.5.4 | ^500 | ^501 | ^502 | ^503 | ^504",
         "the server did not understand, or not at this moment, what the client said",
         "the trace shows what that was: popover run --trace", _SMTP),
    _row("5.6.0 | 5.6.1 | 5.6.3 | 5.6.7", "the server does not take the mail's form: an address or text that is not "
         "ASCII, a broken attachment", "send it from another client, or with plain addresses", _CODES),
    _row("5.7.26 | 5.7.27 | 5.7.20 | 5.7.23 | unauthenticated email from",
         "the sender's domain does not show that the mail is from it (SPF, DKIM)",
         "send it through the server of that domain's own provider, with a login", "RFC 7372 section 3"),
    _row("5.7.1 | 5.7.0 | 5.7.2", "the server's rules do not allow it: no login, a sender that is not the account's, "
         "or contents that it takes for spam",
         "switch authentication on, use the account's own address as the sender; the server's words say more", _CODES),
    _row("4.7.0 | 4.7.1 | ^450 | ^451", "the server does not take it now, but may later", _LATER, _CODES),
    _row("4.4.1 | 4.4.2 | 4.4.5 | 4.4.7 | ^421", "the server is too busy, or closes the connection", _LATER, _SMTP),
    _row("^552", "the mail is too large, or the mailbox is full", "send less at once, or delete mail", _SMTP),
    _row("^550 | ^554", "the server does not take this mail",
         "look at recipient and sender; the server's own words say why", _SMTP),
)  # fmt: skip

_ANY = (
    _row("[alert]", "the server wants a person to read its words", "do what they say", "RFC 9051 section 7.1"),
    _row("login failed | authentication failed | invalid login | login incorrect | bad password | invalid password | "
         "authentication failure | password incorrect | incorrect password | incorrect username or password",
         "the server does not take this user name with this password", _LOOK, "the server's own words"),
    _row("mailbox is locked | maildrop is locked | lock busy | unable to lock maildrop | maildrop already locked",
         "the mailbox is open elsewhere: POP3 lets one in at a time",
         "close the other mail program, or wait some minutes for a session that was cut", "RFC 1939 section 4"),
)  # fmt: skip

ROWS: tuple[Row, ...] = (*_LOGIN, *_MAILBOX, *_SENDING, *_ANY)
