"""What is known of the big providers, for the words after a login that failed.

Hosts from Mozilla's ISPDB (autoconfig), rules from the providers' help pages, as of 2026.
"""

from __future__ import annotations

from popover.refusals import explain

_APP = "this provider takes no normal password here: make an app password in its web settings, and use that"
_OAUTH = (
    "this provider takes only OAuth2 logins, no password of any kind (docs/oauth2), and POP must be switched on in its "
    "web settings"
)

_HINTS: dict[str, str] = {
    "gmail.com": f"{_APP} (it needs two-step verification); Workspace accounts may be OAuth2 only",
    "googlemail.com": f"{_APP} (it needs two-step verification); Workspace accounts may be OAuth2 only",
    "outlook.office365.com": _OAUTH,
    "office365.com": _OAUTH,
    "outlook.com": _OAUTH,
    "hotmail.com": _OAUTH,
    "live.com": _OAUTH,
    "yahoo.com": _APP,
    "aol.com": _APP,
    "att.net": _APP,
    "me.com": f"{_APP}; the user name is only what stands before the @ for IMAP, the whole address for SMTP",
    "fastmail.com": _APP,
    "gmx.net": "POP3 and IMAP are off until they are switched on in the web settings (E-Mail, POP3/IMAP)",
    "gmx.com": "POP3 and IMAP are off until they are switched on in the web settings (E-Mail, POP3/IMAP)",
    "web.de": "POP3 and IMAP are off until they are switched on in the web settings; the user name has no @web.de",
    "mail.com": "POP3 and IMAP are off until they are switched on in the web settings, for paying users only",
    "t-online.de": "this provider wants its separate password for e-mail programs, set in its web settings",
    "comcast.net": "access by other mail programs must be allowed in the web settings (security)",
    "zoho.com": "POP and IMAP are off until they are switched on in the web settings; it may want an app password",
    "yandex.com": f"{_APP}; POP3 and IMAP must be switched on there, too",
    "mail.ru": _APP,
    "free.fr": "the user name is only what stands before the @",
}

_GENERAL = (
    "is the user name the one the provider wants (often the whole address), and the password right? "
    "many providers want an app password, or POP and IMAP switched on in their web settings"
)


def hint(host: str) -> str:
    """Say what usually stands in the way of a login at this server."""
    return known(host) or _GENERAL


def advice(host: str, said: str) -> tuple[str, str]:
    """What a refusal of this server means, if that says more than it does by itself, and what to do about it."""
    found, usual = explain(said), known(host)
    if found is None or (usual and not found.provider):
        return "", usual or _GENERAL
    return (found.cause if found.provider else ""), found.remedy


def known(host: str) -> str:
    """What is known of this server's provider; empty: nothing."""
    labels = host.split(".")
    for start in range(len(labels)):
        if found := _HINTS.get(".".join(labels[start:])):
            return found
    return ""
