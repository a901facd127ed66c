"""Gmail and Google Workspace."""

from popover.refusals.row import Row, Who

_SMTP = "https://support.google.com/a/answer/3726730"
_APP = "https://support.google.com/accounts/answer/185833"
_POP = "https://support.google.com/mail/answer/7104828"
_LIMITS = "https://support.google.com/a/answer/166852"
_MAKE_ONE = (
    "switch two-step verification on, make an app password at myaccount.google.com/apppasswords, and use its 16 "
    "letters; where an organisation allows none: oauth2, and popover account login NAME"
)


def _row(signs: str, cause: str, remedy: str, source: str = _SMTP, who: Who | None = None) -> Row:
    return Row(tuple(signs.split(" | ")), cause, remedy, source, "Google", who)


ROWS: tuple[Row, ...] = (
    _row("application-specific password required | 5.7.9 & application-specific password | invalidsecondfactor",
         "the account's own password is not taken from mail programs", _MAKE_ONE, _APP),
    _row("534 5.7.14 | 534-5.7.14 | webloginrequired | web login required | please log in via your web browser | "
         "webalert", "Google doubts that it is you, and wants a sign-in in a web browser",
         "sign in to Gmail in a browser, best on this line, and confirm what is asked; then use an app password "
         "(myaccount.google.com/apppasswords), not the account's own", _APP),
    _row("5.7.8 & username and password not accepted | username and password not accepted | p=badcredentials",
         "user name and password are not taken; the account's own password never is", _MAKE_ONE, _APP),
    _row("invalid credentials (failure)", "user name and password are not taken; the account's own password never is, "
         "and a token may have ended", f"{_MAKE_ONE}, which also renews a token", _APP),
    _row("not enabled for pop access", "POP is off for this account",
         "in Gmail in a browser: Settings, Forwarding and POP/IMAP, enable POP", _POP),
    _row("not enabled for imap | imap access is disabled for your domain",
         "IMAP is off for this account or its organisation",
         "in Gmail in a browser: Settings, Forwarding and POP/IMAP; in an organisation its administrator: Apps, Gmail, "
         "End User Access", _POP),
    _row("5.4.5 | daily user sending | daily sending quota", "the account has sent as much as it may in a day",
         "wait a day (500 recipients with Gmail, 2,000 with Workspace); many recipients want a service made for that",
         _LIMITS),
    _row("too many login attempts", "there were too many logins in a short time", "wait some hours, and let the "
         "client ask less often: every 10 minutes"),
    _row("too many simultaneous connections", "more than 15 IMAP connections of this account are open",
         "close mail programs on other machines, or let them use fewer connections",
         "https://support.google.com/mail/answer/7126229"),
    _row("exceeded command or bandwidth limits | exceeded bandwidth limits",
         "more was fetched in a day than Google allows (IMAP 2,500 MB, POP 1,250 MB)",
         "wait a day, and fetch a large mailbox in parts", "https://support.google.com/a/answer/1071518"),
    _row("lockdown in sector", "Google has locked the account for a while: too much was asked of it",
         "wait a day", "https://support.google.com/a/answer/1071518"),
    _row("5.7.0 & this message was blocked because its content", "something attached may do harm, thinks Google: "
         "programs, or an archive of them", "send it another way"),
    _row("5.2.3 & message exceeded google | message exceeded size limits",
         "the mail is larger than Gmail takes: 25 MB with all attachments in their larger form", "send less at once"),
    _row("5.7.1 & invalid credentials for relay", "Workspace's relay does not know this line's address",
         "an administrator adds it: Apps, Gmail, Routing, SMTP relay service; or use smtp.gmail.com with a sign-in"),
    _row("invalid device flow scope", "Google has no sign-in by device code for mail",
         "popover account login NAME --browser, or --paste",
         "https://developers.google.com/identity/protocols/oauth2", "operator"),
    _row("admin_policy_enforced", "the organisation does not allow this app", "its administrator allows it: Security, "
         "API controls, App access control", "https://support.google.com/a/answer/7281227", "operator"),
    _row("redirect_uri_mismatch", "the address to come back to does not belong to this client_id",
         'make a client_id of the type "Desktop app" at console.cloud.google.com',
         "https://developers.google.com/identity/protocols/oauth2/native-app", "operator"),
    _row("org_internal", "the app is for its own organisation only",
         "in console.cloud.google.com, Audience, make the user type External", "https://support.google.com/cloud/answer/15549945",
         "operator"),
    _row("this app is blocked", "Google does not let this app at mail", "check client_id, and that its project asks "
         'for https://mail.google.com/ and is "In production"', "https://support.google.com/cloud/answer/15549945"),
)  # fmt: skip
