"""TLS between one client and us, where the certificate has gone: a reload took the service away."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from popover.config import Inside
from popover.errors import HandshakeFailure
from popover.inside.identity import Identity
from popover.protocols.reception import ClientTLS
from popover.session.sealing import Sealing
from popover.wire.stream import Scratch, Stream
from services import service

NOBODY: Identity | None = None


@pytest.fixture
def client() -> Iterator[Stream]:
    with closing(asyncio.new_event_loop()) as loop:
        ours, theirs = socket.socketpair()
        with theirs, closing(Stream(loop, ours, Scratch(), "client")) as stream:
            yield stream


@pytest.mark.parametrize(("tls", "wanted"), [("off", "off"), ("offer", "off"), ("require", "require")])
def test_tls_that_is_required_stays_so_without_a_certificate(client: Stream, tls: ClientTLS, wanted: ClientTLS) -> None:
    assert tls != "on"
    assert Sealing(replace(service(), inside=Inside(tls)), client, NOBODY).terms == wanted


@pytest.mark.parametrize("behind_starttls", [False, True])
def test_no_certificate_is_no_bug(client: Stream, *, behind_starttls: bool) -> None:
    sealing = Sealing(replace(service(), inside=Inside("require")), client, NOBODY)
    with pytest.raises(HandshakeFailure, match="no certificate"):
        asyncio.run(sealing.begin(behind_starttls=behind_starttls))
    assert not sealing.version
