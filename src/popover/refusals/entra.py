"""Microsoft's sign-in, Entra: AADSTS and a number, in answers to OAuth2 and on its pages."""

from popover.refusals.row import Row

_SOURCE = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"
_SIGN_IN = "sign in again: popover account login NAME"
_ID = "compare client_id with the application (client) ID on the app's overview page in entra.microsoft.com"


def _row(numbers: str, cause: str, remedy: str) -> Row:
    return Row(tuple(f"aadsts{number}" for number in numbers.split()), cause, remedy, _SOURCE, "Microsoft")


ROWS: tuple[Row, ...] = (
    _row("50076 50079 50074 50072 50078 50158",
         "the organisation asks for a second factor, and only a person can give it",
         f"{_SIGN_IN}, and confirm it on the phone; an app password does not help here"),
    _row("65001 65004 90094 90095", "nobody has agreed that this app may read and send the mail of this account",
         f"{_SIGN_IN}, and accept what is asked; where an administrator must agree, he does it in entra.microsoft.com, "
         "Enterprise applications, the app, Permissions"),
    _row("700082 70043 70044 700084",
         "the sign-in is too old: its refresh token was not used for 90 days, or is limited by the organisation",
         f"{_SIGN_IN}; a popover that runs renews it daily"),
    _row("50173 50133 50132", "the password was changed or reset after the sign-in, so that is void", _SIGN_IN),
    _row("70000 70008 54005", "the code or the refresh token is no longer good: used once already, or expired",
         _SIGN_IN),
    _row("7000112 7000114", "the app with this client_id is switched off, for all its users or in this organisation",
         "use another client_id, best one of your own (docs/oauth2); ids of other programs end like this one day"),
    _row("700016 70001", "there is no app with this client_id in this directory",
         f"{_ID}; a personal account needs an app that allows personal accounts, and the tenant `consumers` or "
         "`common`"),
    _row("7000218", "the app is not a public one, so Microsoft wants a secret with its client_id",
         'in entra.microsoft.com, the app, Authentication, set "Allow public client flows" to Yes; or set '
         "client_secret_file"),
    _row("7000215 7000222", "the client secret is wrong or has expired (they live two years at most)",
         "make a new one in entra.microsoft.com, the app, Certificates & secrets, and write its Value, not its ID, "
         "into client_secret_file"),
    _row("700025", "the app is a public one, and must not send a secret", "take client_secret_file out of the account"),
    _row("50011 500113 900971", "the address to come back to is not one that the app has registered",
         'in entra.microsoft.com, the app, Authentication, add the platform "Mobile and desktop applications" with '
         "http://localhost"),
    _row("53000 53001", "Conditional Access wants a managed device, which a mail gateway is not",
         "the organisation's administrator must except this app or this account from that policy"),
    _row("53002", "Conditional Access knows this app as none that is approved",
         "the organisation's administrator must except this app or this account from that policy"),
    _row("53003 530003 530032 530034 530035",
         "Conditional Access blocks this sign-in: by its place, device or kind; many block the device code",
         "try the other way to sign in: popover account login NAME --browser, or --device; else the administrator sees "
         "in the sign-in log of entra.microsoft.com which policy it was"),
    _row("53004", "the account must register for a second factor first", "sign in once at mysignins.microsoft.com"),
    _row("53010 53011", "the account is blocked because something about it looked risky to Microsoft",
         "the organisation's administrator must clear it; a personal account is cleared at account.microsoft.com"),
    _row("16000 50058", "a person has to sign in, or to choose an account", _SIGN_IN),
    _row("50105", "this user may not use this app",
         'an administrator assigns the user to it in entra.microsoft.com, Enterprise applications, or sets "Assignment '
         'required" to No there'),
    _row("80012", "the organisation lets nobody in at this hour", "nothing; popover tries again by itself"),
    _row("700027", "the signature with the app's certificate is not taken",
         "upload this certificate in entra.microsoft.com, the app, Certificates & secrets"),
    _row("9002346 9002331", "the app is for personal accounts only", 'set provider = "outlook" (tenant `consumers`)'),
    _row("900561 9002313", "the request was not understood",
         "is the app registered as \"Mobile and desktop applications\"? else this is a fault of popover's"),
    _row("50126", "the user name or the password is wrong",
         "try them on the provider's web page; Microsoft takes no password for POP and IMAP in any case: "
         "popover account login NAME"),
    _row("50034 50020 51004", "this account is not known in this directory",
         "check login for typing mistakes, and the tenant: `consumers` for Outlook.com, `organizations` or the "
         "organisation's own for Microsoft 365"),
    _row("50053", "the account is locked for a while: too many wrong passwords, or from an address with a bad name",
         "wait half an hour; change the password if it was not you; look which other program has an old password"),
    _row("50055 50144", "the password has expired", f"set a new one on the provider's web page, then {_SIGN_IN}"),
    _row("50057", "the account is switched off", "ask the organisation's administrator"),
    _row("50194 50059", "the app is for one organisation, and the sign-in names none",
         "set the organisation's own tenant in oauth2, or let the app allow accounts in any organisation"),
    _row("70016 70018 70019",
         "the sign-in with the code has not ended yet, or the code has been mistyped or is used up",
         f"type the code within 15 minutes; else {_SIGN_IN}"),
    _row("70011 70012 650053 28002 650057", "the app may not ask for one of these rights",
         "in entra.microsoft.com, the app, API permissions, add those of Office 365 Exchange Online that the account "
         "needs: POP.AccessAsUser.All, IMAP.AccessAsUser.All, SMTP.Send"),
    _row("90002 90072 50128", "there is no such tenant", "check the tenant in oauth2 for typing mistakes"),
    _row("50196 90055 90033 90006 50097", "Microsoft's sign-in is overloaded, or has seen the same request too often",
         "nothing; popover tries again by itself"),
)  # fmt: skip
