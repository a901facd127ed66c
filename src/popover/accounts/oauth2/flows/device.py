"""A code that is typed into a page of the provider's, on any machine that has a browser (RFC 8628)."""

from __future__ import annotations

import time
from collections.abc import Callable

from popover.accounts.oauth2 import forms
from popover.accounts.oauth2.answers import (
    SLOWER,
    DeviceCode,
    Later,
    LoginNeeded,
    Pending,
    Token,
    read_device,
    read_poll,
)
from popover.accounts.oauth2.flows.sign_in import SignIn
from popover.errors import ProviderFailure, SignInNeeded

INTERVAL_LIMIT = 60.0  # seconds between two questions, however often a network fails: a person waits for the answer


def by_device(
    sign_in: SignIn,
    show: Callable[[DeviceCode], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Token:
    """Get a code, `show` it, and ask until it was typed. Raises SignInNeeded, ProviderFailure."""
    way, client = sign_in.way, sign_in.client
    code = read_device(sign_in.ask.send(forms.device_code(way, client), way))
    if not isinstance(code, DeviceCode):
        raise sign_in.failure(code)
    show(code)
    interval, until = code.interval, clock() + code.life
    while (left := until - clock()) > 0:
        sleep(min(interval, left))  # the last question stands at its end: who has typed it by then is let in
        found = _asked(sign_in, code)
        match found:
            case Token():
                return found
            case LoginNeeded():
                raise sign_in.failure(found)
            case Pending():
                interval += SLOWER if found.slower else 0
            case Later():  # RFC 8628 section 3.5: ask less often; the code is good all the same
                interval = min(interval * 2, INTERVAL_LIMIT)
    raise SignInNeeded(f"{way.title}: the code has run out before it was entered", "begin again")


def _asked(sign_in: SignIn, code: DeviceCode) -> Token | LoginNeeded | Later | Pending:
    try:
        return read_poll(sign_in.ask.send(forms.poll(sign_in.way, sign_in.client, code.device_code), sign_in.way))
    except ProviderFailure as fault:
        return Later(fault.cause, fault.remedy)
