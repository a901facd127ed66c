"""A login that the gateway says for a client, on a server's connection that is the test's."""

import asyncio
import gc
import weakref
from typing import Any

import pytest
from stage import PATIENCE, Peer, tcp_pair

from popover.log import Log
from popover.outside.dial import Dialled
from popover.outside.spare import Opened
from popover.protocols import pop3
from popover.protocols.login import Credentials
from popover.protocols.reception import Offer
from popover.session import sign_in as room
from popover.session.case import Case
from popover.session.sign_in import SignIn
from popover.session.stand_in import StandIn
from popover.session.ways import Way
from popover.wire.stream import Scratch, Secured, Stream
from services import service as flat_service

NOBODY: Any = None  # who is not asked here


def test_who_stood_in_for_a_client_is_freed_without_the_garbage_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its work was a tenth of what a login costs."""
    made: list[weakref.ref[StandIn]] = []

    def watched(*parts: Any) -> StandIn:
        stand_in = StandIn(*parts)
        made.append(weakref.ref(stand_in))
        return stand_in

    monkeypatch.setattr(room, "StandIn", watched)

    async def main() -> None:
        loop, scratch, socks = asyncio.get_running_loop(), Scratch(), [*tcp_pair(), *tcp_pair()]
        service, server = flat_service("pop3"), Peer(socks[3])
        inside, outside = (Stream(loop, sock, scratch, "x") for sock in (socks[0], socks[2]))
        case = Case(loop, Log(lambda *_: None), service, inside, "127.0.0.1", 1)
        opened = Opened(Dialled(Secured(outside), ("127.0.0.1", 995), NOBODY, NOBODY, 0.0), b"+OK hi\r\n")
        login = SignIn(case, NOBODY, Way(service, pop3.memory()), opened)
        reception, credentials = pop3.reception(inside.end, Offer()), Credentials("anna", b"secret")
        said = asyncio.create_task(login.say(lambda me: reception.sign_in(me, credentials, service.server)))
        async with asyncio.timeout(PATIENCE):
            for line, answer in ((b"USER anna\r\n", b"+OK\r\n"), (b"PASS secret\r\n", b"+OK in\r\n")):
                assert await server.hears(len(line)) == line
                await server.send(answer)
            assert (await said).accepted
        login.over()
        inside.close()
        for sock in socks:
            sock.close()

    gc.disable()
    try:
        asyncio.run(main())
        assert [one() for one in made] == [None]
    finally:
        gc.enable()
