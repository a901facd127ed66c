"""What popover itself says to mail programs and devices: no server has refused anything."""

from popover.refusals.row import Row

_TEMPORARY = ("[sys/temp]", "[unavailable]", "^454", "^421")


_UNREACHED = (
    "there is no server with the name",
    "could not be looked up",
    "refuses connections on port",
    "does not answer on port",
    "cannot be reached from here",
    "leads back to this gateway itself",
    "did not greet within",
    "closed the connection before its greeting",
    "does not greet as a mail server does",
)
_NO_TLS = (
    "does not speak tls on that port",
    "did not come to starttls within",
    "but tls was not ready within",
    "closed the connection during the tls handshake",
    "offers only versions of tls that are too old",
    "shares no safe tls cipher with us",
    "wants a client certificate, and popover has none",
)
_LOG = "popover's log has a line about it, with what to do"


def _before(*words: str) -> tuple[str, ...]:
    return tuple(f"{code} & {said}" for code in _TEMPORARY for said in words)


ROWS: tuple[Row, ...] = (
    Row(_before("the certificate of"),
        "popover has not let the login out of the house: the server's certificate is not good; nothing is wrong with "
        "the password",
        "popover check SERVER says what is wrong with it and what to do, and so does popover's log",
        "docs/troubleshooting.md", "popover"),
    Row(_before(*_UNREACHED),
        "popover does not reach the server; nothing is wrong with the password",
        "popover check SERVER says how far it comes and what to do, and so does popover's log",
        "docs/troubleshooting.md", "popover"),
    Row(_before(*_NO_TLS),
        "popover does not come to TLS with the server, so no login has left the house; nothing is wrong with the "
        "password",
        "popover check SERVER says what is in the way and what to do, and so does popover's log",
        "docs/troubleshooting.md", "popover"),
    Row(("this gateway does not serve the address",),
        "popover serves this machine and private networks only, or those in `allow`; the client comes from elsewhere",
        "if that address is one of yours, add it to `allow` (--allow); popover's log says how",
        "docs/troubleshooting.md", "popover"),
    Row(("this gateway is open at",),
        "the service's `hours` do not let anybody in at this time", "change `hours` in popover's file, or wait",
        "examples/popover.toml", "popover"),
    Row(("too many connections to this gateway", "too many connections from your address, please close some",
         "too many connections in a short time, please try again in a moment"),
        "a limit of popover's own is reached: `max_sessions`, `max_sessions_per_client` or `max_rate`",
        "close some, or wait; popover's log says which limit it was, and popover's file can raise it",
        "examples/popover.toml", "popover"),
    Row(("too many wrong logins from your address, please try again in",),
        "so many wrong passwords of own logins came from there that popover looks at none for a while",
        "look which program there still has an old password; it passes by itself, one more try each half minute",
        "docs/accounts.md", "popover"),
    Row(("this service wants stls first", "not without tls: say starttls first"),
        'popover takes no login here before TLS, for the service has tls = "require"',
        'switch STARTTLS (TLS) on in the mail program, or write tls = "offer" in the [[service]]',
        "docs/clients/tls.md", "popover"),
    Row(("too many recipients for one mail of a device",),
        "a device's mail may go to `max_recipients` only, 20 unless the service says otherwise",
        "send to fewer at once, or write max_recipients in the [[service]]", "docs/devices.md", "popover"),
    Row(("popover cannot sign in at & its operator must mend that",),
        "popover's sign-in at the provider is refused for the reason in that line; the local password is right",
        "popover's log has what to do about it at the provider; nobody needs to sign in again", "docs/oauth2/README.md",
        "popover"),
    Row(("on popover's machine, type: popover account login",),
        "popover has to sign in at the provider, for the reason in that line; the local password is right",
        "type on popover's machine what the line says: popover account login NAME", "docs/oauth2/README.md", "popover"),
    Row(("the gateway cannot read what it needs for this account",),
        "popover cannot read a file with a secret of this account; nothing is wrong with the password",
        "popover's log names the file, and what mends it", "docs/accounts.md", "popover"),
    Row(("wrong user name or password of the gateway's account",),
        "the device has logged in at popover, which it need not, and with another name or password than the account's",
        "switch authentication off in the device; or type the account's name and its local password into it",
        "docs/devices.md", "popover"),
    Row(("this gateway does not know the device's account",),
        "the account that a device's service names is not there", _LOG, "docs/devices.md", "popover"),
    Row(("this gateway is not set up right",),
        "popover inetd has wrong options, or cannot use a file that they name",
        "popover's log names it; under xinetd that is syslog, facility mail", "docs/troubleshooting.md", "popover"),
    Row(_before("the gateway failed", "the gateway cannot", "the gateway has nothing to say", "the gateway is busy",
                "the gateway is being stopped", "the gateway does not use a token", "the gateway lacks a part"),
        "popover has a trouble of its own; nothing is wrong with the password", _LOG, "docs/troubleshooting.md",
        "popover"),
    Row(("the gateway cannot keep the mail",),
        "popover's queue has no room for a mail of the device: the disk is full, or out of order", _LOG,
        "docs/devices.md", "popover"),
    Row(("devices may not write to this address",),
        "the device's service lets it write only to whom `recipients` names",
        "add the address to `recipients` in popover's file, or take that key out", "docs/devices.md", "popover"),
)  # fmt: skip
