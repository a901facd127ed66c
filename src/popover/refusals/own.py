"""What popover itself says to mail programs and devices: no server has refused anything."""

from popover.refusals.row import Row

_TEMPORARY = ("[sys/temp]", "[unavailable]", "^454", "^421")


_UNREACHED = (
    "there is no server with the name",
    "could not be looked up",
    "refuses connections on port",
    "does not answer on port",
    "cannot be reached from here",
)


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
    Row(("devices may not write to this address",),
        "the device's service lets it write only to whom `recipients` names",
        "add the address to `recipients` in popover's file, or take that key out", "docs/devices.md", "popover"),
)  # fmt: skip
