"""Microsoft's sign-in, Entra: AADSTS and a number, in answers to OAuth2 and on its pages."""

from popover.refusals.row import Row, Who

_SOURCE = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"
_SIGN_IN = "sign in again: popover account login NAME"
_ID = "compare client_id with the application (client) ID on the app's overview page in entra.microsoft.com"


def _row(numbers: str, who: Who, cause: str, remedy: str) -> Row:
    return Row(tuple(f"aadsts{number}" for number in numbers.split()), cause, remedy, _SOURCE, "Microsoft", who)


ROWS: tuple[Row, ...] = (
    _row("50076 50079 50074 50072 50078 50158", "person",
         "the organisation asks for a second factor, and only a person can give it",
         f"{_SIGN_IN}, and confirm it on the phone; an app password does not help here"),
    _row("65001 65004", "person", "nobody has agreed that this app may read and send the mail of this account",
         f"{_SIGN_IN}, and accept what is asked; where an administrator must agree, he does it in entra.microsoft.com, "
         "Enterprise applications, the app, Permissions"),
    _row("90094 90095", "operator", "an administrator must agree first that this app may read and send mail",
         "he does it in entra.microsoft.com, Enterprise applications, the app, Permissions: Grant admin consent"),
    _row("700082 70043 70044", "person",
         "the sign-in is too old: its refresh token was not used for 90 days, or is limited by the organisation",
         f"{_SIGN_IN}; a popover that runs renews it daily"),
    _row("700084", "person", "the sign-in has run out, as those of single-page apps do in a day",
         'in entra.microsoft.com, the app, Authentication, register it as "Mobile and desktop applications"; then '
         f"{_SIGN_IN}"),
    _row("50173 50133 50132", "person",
         "the password was changed or reset after the sign-in, so that is void", _SIGN_IN),
    _row("70000 70008 54005", "person",
         "the code or the refresh token is no longer good: used once already, or expired",
         _SIGN_IN),
    _row("7000112", "operator",
         "the app with this client_id is switched off, for all its users or in this organisation",
         "use another client_id, best one of your own (docs/oauth2); ids of other programs end like this one day"),
    _row("700016 70001", "operator", "there is no app with this client_id in this directory",
         f"{_ID}; a personal account needs an app that allows personal accounts, and the tenant `consumers` or "
         "`common`"),
    _row("7000218", "operator", "the app is not a public one, so Microsoft wants a secret with its client_id",
         'in entra.microsoft.com, the app, Authentication, set "Allow public client flows" to Yes; or set '
         "client_secret_file"),
    _row("7000215 7000222", "operator", "the client secret is wrong or has expired (they live two years at most)",
         "make a new one in entra.microsoft.com, the app, Certificates & secrets, and write its Value, not its ID, "
         "into client_secret_file"),
    _row("700025", "operator",
         "the app is a public one, and must not send a secret", "take client_secret_file out of the account"),
    _row("50011 500113 900971", "operator", "the address to come back to is not one that the app has registered",
         'in entra.microsoft.com, the app, Authentication, add the platform "Mobile and desktop applications" with '
         "http://localhost"),
    _row("53000 53001 50097", "operator", "Conditional Access wants a managed device, which a mail gateway is not",
         "the organisation's administrator must except this app or this account from that policy"),
    _row("53002", "operator", "Conditional Access knows this app as none that is approved",
         "the organisation's administrator must except this app or this account from that policy"),
    _row("53003 530003 530032 530034 530035", "operator",
         "Conditional Access blocks this sign-in: by its place, device or kind; many block the device code",
         "try the other way to sign in: popover account login NAME --browser, or --device; else the administrator sees "
         "in the sign-in log of entra.microsoft.com which policy it was"),
    _row("53004", "person",
         "the account must register for a second factor first", "sign in once at mysignins.microsoft.com"),
    _row("53010 53011", "operator", "the account is blocked because something about it looked risky to Microsoft",
         "the organisation's administrator must clear it; a personal account is cleared at account.microsoft.com"),
    _row("16000 50058", "person", "a person has to sign in, or to choose an account", _SIGN_IN),
    _row("50105", "operator", "this user may not use this app",
         'an administrator assigns the user to it in entra.microsoft.com, Enterprise applications, or sets "Assignment '
         'required" to No there'),
    _row("80012", "time", "the organisation lets nobody in at this hour", "nothing; popover tries again by itself"),
    _row("700027", "operator", "the signature with the app's certificate is not taken",
         "upload this certificate in entra.microsoft.com, the app, Certificates & secrets"),
    _row("9002346 9002331", "operator",
         "the app is for personal accounts only", 'set provider = "outlook" (tenant `consumers`)'),
    _row("900561 9002313", "operator", "the request was not understood",
         "is the app registered as \"Mobile and desktop applications\"? else this is a fault of popover's"),
    _row("50126", "person", "the user name or the password is wrong",
         "try them on the provider's web page; Microsoft takes no password for POP and IMAP in any case: "
         "popover account login NAME"),
    _row("50034 50020 51004 90072", "operator", "this account is not known in this directory",
         "check login for typing mistakes, and the tenant: `consumers` for Outlook.com, `organizations` or the "
         "organisation's own for Microsoft 365"),
    _row("50053", "time",
         "the account is locked for a while: too many wrong passwords, or from an address with a bad name",
         "wait half an hour; change the password if it was not you; look which other program has an old password"),
    _row("50055 50144", "person",
         "the password has expired", f"set a new one on the provider's web page, then {_SIGN_IN}"),
    _row("50057", "operator", "the account is switched off", "ask the organisation's administrator"),
    _row("50194 50059", "operator", "the app is for one organisation, and the sign-in names none",
         "set the organisation's own tenant in oauth2, or let the app allow accounts in any organisation"),
    _row("70016", "time", "the code was not entered yet", "type it within 15 minutes on the page that was named"),
    _row("70018 70019", "person",
         "the code has been mistyped, or has run out", f"{_SIGN_IN}, and type it within 15 minutes"),
    _row("70011 650053 28002 650057", "operator", "the app may not ask for one of these rights",
         "in entra.microsoft.com, the app, API permissions, add those of Microsoft Graph that the account "
         "needs: POP.AccessAsUser.All, IMAP.AccessAsUser.All, SMTP.Send"),
    _row("90002 50128", "operator", "there is no such tenant", "check the tenant in oauth2 for typing mistakes"),
    _row("50196 90055 90033 90006 70012", "time",
         "Microsoft's sign-in is overloaded, or has seen the same request too often",
         "nothing; popover tries again by itself"),
)  # fmt: skip
