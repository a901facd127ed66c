"""One mail under way: who gets it, and who has it in hand."""

from __future__ import annotations

from popover.protocols.device import DeviceTerms, Envelope

_ABOUT_THE_MAIL = (b"BODY=", b"SMTPUTF8")  # parameters that a kept mail keeps


class Letter:
    """From MAIL to the verdict. `taken`: recipients that the server has accepted; `kept`: those that we accept for it,
    to send it later. `is_live`: the server has heard its MAIL.
    """

    def __init__(self, sender: bytes, parameters: tuple[bytes, ...]) -> None:
        self.sender = sender
        self.parameters = parameters
        self.is_live = False
        self.taken: list[bytes] = []
        self.kept: list[bytes] = []

    @property
    def recipients(self) -> list[bytes]:
        """All."""
        return [*self.taken, *self.kept]

    def take_over(self) -> None:
        """The server is out of it: all is to be sent later."""
        self.is_live = False
        self.kept, self.taken = self.recipients, []

    def envelope(self, terms: DeviceTerms, recipients: list[bytes], *, is_doubtful: bool) -> Envelope:
        """What is kept beside it. `is_doubtful`: the server may have it already."""
        about = [word for word in self.parameters if word.upper().startswith(_ABOUT_THE_MAIL)]
        return Envelope(
            terms.account,
            terms.service,
            _text(self.sender),
            tuple(map(_text, recipients)),
            tuple(map(_text, about)),
            is_doubtful,
        )


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
