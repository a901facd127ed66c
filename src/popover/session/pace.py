"""Backpressure, which is the absence of reading: from each side as much as the other can take, and no more than is
wanted.
"""

from __future__ import annotations

from popover.protocols import Ears
from popover.session.peer import Peer
from popover.wire.stream import Secured


def pace(client: Peer, server: Secured, ears: Ears) -> None:
    """Have each side read, or not, as it stands now. A client that reads nothing is still listened to, for its end,
    where what it can ask meanwhile is limited.
    """
    if ears.wants_tls:  # what comes from now on is not this talk's
        client.pause()
        server.pause()
        return
    if ears.wants_client and not server.backlog:
        client.resume()
    else:
        client.pause()
    if ears.wants_server and not client.backlog:
        server.resume()
    else:
        server.pause()
