"""Sets of switches: everything on, everything off, each feature alone, and everything on for clients inside TLS."""

import json

_OFF: dict[str, object] = {
    "warm": 0,
    "ask_ahead": False,
    "read_ahead": False,
    "user_at_once": False,
    "dele_at_once": False,
    "quit_at_once": False,
    "keep_alive": 0,
    "soften": False,
}

# A NOOP after one second in place of 45, so that it is met.
_ON: dict[str, object] = {"keep_alive": 1}

FEATURES: dict[str, dict[str, object]] = {
    "on": _ON,
    "off": _OFF,
    **{name: {**_OFF, name: _ON.get(name, 1 if name == "warm" else True)} for name in _OFF},
    "sealed": {**_ON, "tls": "implicit"},
}

# What the fuzzers play besides: each feature off alone, and messages read ahead of every client.
MORE: dict[str, dict[str, object]] = {
    **{f"but {name}": {**_ON, name: off} for name, off in _OFF.items()},
    "always": {**_ON, "read_ahead": "always"},
}
_ALL = FEATURES | MORE


def toml(features: str) -> str:
    """The keys of this set for a service."""
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in _ALL[features].items())


def is_sealed(features: str) -> bool:
    """Whether the clients come by TLS."""
    return "tls" in _ALL[features]


def has(features: str, name: str) -> bool:
    """Whether this set has that switch on; what a set does not name has its default, which is on."""
    return bool(_ALL[features].get(name, True))
