"""How long words are kept that a client says before its AUTHENTICATE is answered."""

from __future__ import annotations

import math

HURRY = 0.2
"""Seconds that words are kept which a client says before its AUTHENTICATE is answered: they may be the response for
which the server waits without a challenge, as over a wire it could. From then on octets just pass, which does no harm
to a login that only takes long."""


class Hurry:
    """That of one session."""

    def __init__(self) -> None:
        self._since = math.inf

    def see(self, now: float, *, hurries: bool) -> None:
        """See whether something waits for that answer now."""
        self._since = min(self._since, now) if hurries else math.inf

    @property
    def due(self) -> float:
        """When it is kept no longer; infinity: there is none."""
        return self._since + HURRY
