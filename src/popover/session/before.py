"""What was said to a server that has not heard it: said once more, to another connection.

The client has had answers of the gateway's own to some of it, and must not get them twice. The ears of the new talk
hear the same words in the same order, and so give the same answers, which are thrown away. Where they do not, the
session ends as the connection has.
"""

from __future__ import annotations

from typing import NamedTuple

from popover.outside.spare import Opened
from popover.protocols import Ears
from popover.talk import End


class Before(NamedTuple):
    """`said`: by the client; `told`: octets of the answers that it has had; `ready`: what the dead connection had
    told while it waited.
    """

    said: bytes
    told: int
    ready: bytes

    def say_to(self, ears: Ears, opened: Opened, client: End, server: End, now: float) -> bool:
        """Begin a talk with it. Whether the client has had just the answers that it would get now."""
        client.inbox.clear()  # what the dead connection's ears had not heard of it, half a line for instance
        ears.start(opened.greeting, self.ready, now)
        client.outbox.clear()
        server.outbox += ears.client_said(self.said, now)
        is_same = len(client.outbox) == self.told
        client.outbox.clear()
        return is_same
