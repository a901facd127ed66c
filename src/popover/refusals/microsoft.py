"""Exchange Online (Microsoft 365) and Outlook.com."""

from popover.refusals.row import Row

_NDR = "https://learn.microsoft.com/troubleshoot/exchange/email-delivery/ndr/non-delivery-reports-in-exchange-online"
_SMTP = (
    "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission"
)
_POP = "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth"
_LIMITS = "https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits"
_OAUTH = "give the account oauth2 instead of a password, and sign in: popover account login NAME"
_MAILBOX = "admin.microsoft.com, Users, the user, Mail, Manage email apps"


def _row(signs: str, cause: str, remedy: str, source: str = _NDR) -> Row:
    return Row(tuple(signs.split(" | ")), cause, remedy, source, "Microsoft")


ROWS: tuple[Row, ...] = (
    _row("5.7.139 & basic authentication is disabled | 5.7.30 | basic authentication is not supported | "
         "basicauthblocked | basic authentication is disabled",
         "Microsoft takes no passwords for this account any more, only OAuth2",
         f"{_OAUTH}; until the end of 2026 an administrator can still allow passwords for sending", _SMTP),
    _row("5.7.139 & smtpclientauthentication is disabled for the tenant | "
         "smtpclientauthentication is disabled for the tenant",
         "sending through smtp.office365.com is switched off for the whole organisation",
         "an administrator switches it on for this one mailbox, which wins over the organisation's setting: "
         f'{_MAILBOX}, "Authenticated SMTP"', _SMTP),
    _row("5.7.139 & smtpclientauthentication is disabled for the mailbox | "
         "smtpclientauthentication is disabled for the mailbox | smtpclientauthentication is disabled",
         "sending through smtp.office365.com is switched off for this mailbox",
         f'an administrator switches it on: {_MAILBOX}, "Authenticated SMTP"; it takes up to an hour', _SMTP),
    _row("5.7.139 & security defaults | security defaults policy",
         "the organisation's security defaults lock out whoever signs in with a password",
         f"{_OAUTH}; security defaults allow that", _SMTP),
    _row("5.7.139 & did not meet the criteria",
         "the organisation's rules do not let this sign-in through: most often because it came with a password, where "
         "OAuth2 or a second factor is asked for",
         f"{_OAUTH}; the sign-in log of entra.microsoft.com tells the administrator which rule it was", _SMTP),
    _row("5.7.139 & locked", "the account is locked: too many wrong passwords, or by the organisation",
         "wait half an hour, and look which other program has an old password; else ask the administrator", _SMTP),
    _row("5.7.139", "Microsoft refuses this sign-in: it takes no password here, or sending is switched off",
         f'{_OAUTH}; an administrator sees to it that {_MAILBOX}, "Authenticated SMTP" is on', _SMTP),
    _row("5.7.57", "mail was sent without a sign-in, or the sign-in before it had failed",
         "switch authentication for outgoing mail on in the client; a device that cannot gets `device = true` and an "
         "account", _SMTP),
    _row("5.7.3 & authentication unsuccessful",
         "Microsoft refuses this sign-in: the password or token is wrong, or sending is switched off for the mailbox",
         f'{_OAUTH}; if that is so, an administrator looks at {_MAILBOX}, "Authenticated SMTP"', _SMTP),
    _row("5.7.60 | 5.2.252 | sendasdenied | not allowed to send as",
         "the account may not send in the name that the mail says it is from",
         "let the client use the account's own address as the sender (a device: sender = \"...\"); or an "
         'administrator grants "Send as" on that mailbox', _SMTP),
    _row("4.3.2 & sender thread limit | 4.3.2 & concurrent connections limit",
         "this mailbox sends on more than three connections at once", "let the clients send one after the other; the "
         "mail goes out when they try again", _LIMITS),
    _row("4.3.2 & recipient thread limit", "the recipient gets too much at once", "try again later"),
    _row("5.2.2 & submission quota exceeded | submissionquotaexceeded | 5.1.90 | recipientrateexceeded",
         "the account has sent to as many recipients as it may in a day",
         "wait a day; many recipients want a service made for that", _LIMITS),
    _row("5.1.8 & access denied, bad outbound sender | bad outbound sender | 5.7.501 | 5.7.502 | 5.7.503 | "
         "outboundspamexception",
         "Microsoft has blocked the account from sending: it looked as if it sent spam",
         "change its password, sign in on the web page and confirm who you are; in an organisation an administrator "
         "unblocks it at security.microsoft.com/restrictedentities"),
    _row("5.7.705 | 5.7.708", "Microsoft takes no mail from this organisation for now: too much was sent, or it is "
         "new or on trial and sends from an address with a bad name",
         "an organisation on trial buys a licence; else its administrator asks Microsoft's support"),
    _row("5.7.750", "mail was sent from a domain that is not registered with the organisation",
         "use a sender of the organisation's own domains"),
    _row("5.7.64", "this server's address may not relay: no connector of the organisation knows it",
         "use smtp.office365.com with a sign-in, or let an administrator mend the connector"),
    _row("5.7.606 | 5.7.607 | 5.7.608 | 5.7.609 | 5.7.610 | 5.7.649 | banned sending ip",
         "this line's address is on Microsoft's list of senders of spam",
         "ask to be taken off at sender.office.com, or send through your provider's server with a sign-in"),
    _row("4.7.500 | 4.7.550 | 4.7.650 | 4.7.651 | as(201", "Microsoft slows down a sender that it does not know",
         "nothing; the mail is taken when it is sent again"),
    _row("4.7.0 & temporary server error | prx2 | prx4 | prx5 | prx6", "one of Microsoft's servers is out of order",
         "nothing; try again in some minutes"),
    _row("user is authenticated but not connected",
         "the sign-in is good, but the mailbox is not open for it: IMAP is off for it, the account has no mailbox or "
         "licence, or a shared mailbox is meant and not named",
         f'an administrator looks at {_MAILBOX}; for a shared mailbox set mailbox = "..."', _POP),
    _row("protocol error. connection is closed. 10 | protocol error. 10",
         "Microsoft's POP server takes no line as long as a token needs",
         "popover sends it in two steps; if a client of your own did this, let popover sign in for it", _POP),
    _row("logon failure: unknown user name or bad password | authentication failure: unknown user name or bad "
         "password", "Microsoft does not let this user in: it takes no passwords for POP and IMAP, only OAuth2; or the "
         "token is for another account, or POP is off",
         f"{_OAUTH}; POP must be on at outlook.com, Settings, Mail, Forwarding and IMAP (POP and IMAP)", _POP),
)  # fmt: skip
