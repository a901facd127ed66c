"""The relay between two sockets on a real event loop; both peers are the test's."""

import asyncio
import socket
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stage import KIB, PATIENCE, Act, Peer, Scene, play, tcp_pair, until

from depth import examples
from fakes.tls import TLSWire, server_context
from fakes.wire import Ending, Wire
from hearing import cut, pieces
from parts.certificates import Authority
from popover.config import Service, Trust
from popover.outside.trust import Policy, Verifier
from popover.protocols import plain
from popover.session import waiting
from popover.session.outcome import Outcome
from popover.session.relay import Relay
from popover.wire.finish import finish
from popover.wire.stream import CHUNK, Scratch, Secured, Stream
from services import service as flat_service

GREETING = b"+OK ready\r\n"


def service(**keys: Any) -> Service:
    return flat_service("imap", **keys)


def pretended(server: Stream) -> Secured:
    """A connection that is plain, for a relay: how it ends has nothing to do with TLS here."""
    return Secured(server)


def unheard(client: Stream) -> plain.Plain:
    """Ears that listen to nothing, as IMAP's."""
    return plain.Plain(client.end)


def on_stage(act: Act, **keys: Any) -> None:
    play(act, service(**keys).patience, lambda client, _: plain.Plain(client), GREETING)


def test_what_the_server_has_said_before_anybody_listened_is_heard() -> None:
    async def main() -> None:
        scene = Scene(service().patience, lambda client, _: plain.Plain(client))
        scene.outside.end.inbox += b"* 7 EXISTS\r\n"
        async with scene.set(GREETING):
            await scene.client_gets(b"* 7 EXISTS\r\n")
            await scene.passes(b"a NOOP\r\n", b"a OK\r\n")

    asyncio.run(main())


async def fill(scene: Scene) -> int:
    """Let the server send until the client, which reads nothing, keeps some of it waiting; how many octets it was."""
    await scene.client.send(b"a FETCH 1 BODY[]\r\n")
    assert await scene.server.hears(18)
    told = 0
    while not scene.inside.backlog:
        await scene.server.send(b"x" * 64 * KIB)
        told += 64 * KIB
        await until(lambda: scene.relay.bytes_out >= told or scene.inside.backlog)  # noqa: B023 - it is awaited here
        await asyncio.sleep(0.05)  # the kernel may still take it
    return told


# -- data ----------------------------------------------------------------------------------------------

CHUNKS = st.lists(st.binary(min_size=1, max_size=2000), max_size=12)


@settings(max_examples=examples(60), deadline=None)
@given(CHUNKS, CHUNKS)
def test_bytes_pass_unchanged_both_ways(said: list[bytes], answered: list[bytes]) -> None:
    """The first word is a mail client's; what begins as a web browser's would end the session."""
    said = [b"a NOOP\r\n", *said]

    async def act(scene: Scene) -> None:
        async def speak(peer: Peer, words: list[bytes]) -> None:
            for word in words:
                await peer.send(word)

        all_said, all_answered = b"".join(said), b"".join(answered)
        came = await asyncio.gather(
            scene.server.hears(len(all_said)),
            scene.client.hears(len(all_answered)),
            speak(scene.client, said),
            speak(scene.server, answered),
        )
        assert came[0] == all_said
        assert came[1] == all_answered
        scene.server.half_close()
        assert await scene.talk == Outcome("server closed", clean=True)
        assert scene.relay.bytes_in == len(all_said)
        assert scene.relay.bytes_out == len(GREETING) + len(all_answered)

    on_stage(act)


def test_slow_sides_cost_little_and_lose_nothing() -> None:
    """Four MB each way at once, and each peer takes its time: neither side's bytes pile up with us."""
    size = 4000 * KIB
    to_server, to_client = b"a " + b"c" * (size - 2), b"s" * size

    async def act(scene: Scene) -> None:
        most = 0

        async def slowly(peer: Peer) -> bytes:
            nonlocal most
            heard = []
            for _ in range(size // (200 * KIB)):
                await asyncio.sleep(0)
                most = max(most, scene.inside.backlog, scene.outside.backlog)
                heard.append(await peer.hears(200 * KIB))
            return b"".join(heard)

        came = await asyncio.gather(
            slowly(scene.server), slowly(scene.client), scene.client.send(to_server), scene.server.send(to_client)
        )
        assert came[0] == to_server
        assert came[1] == to_client
        assert 0 < most <= CHUNK <= 256 * KIB

    on_stage(act)


@pytest.mark.parametrize("side", ["client", "server"])
def test_side_that_takes_nothing_stops_the_other(side: str) -> None:
    async def act(scene: Scene) -> None:
        speaker = scene.server if side == "client" else scene.client
        speaking = asyncio.create_task(speaker.send(b"x" * 3000 * KIB))
        stream = scene.inside if side == "client" else scene.outside
        await until(lambda: stream.backlog)
        for _ in range(20):
            await asyncio.sleep(0.01)
            assert stream.backlog <= CHUNK
        assert not speaking.done()
        speaking.cancel()

    on_stage(act)


# -- ends ----------------------------------------------------------------------------------------------


def test_server_that_ends_has_all_its_words_delivered_first() -> None:
    words = b"x" * 3000 * KIB

    async def act(scene: Scene) -> None:
        await scene.client.send(b"a LOGOUT\r\n")
        sending = asyncio.create_task(scene.server.send(words))
        sending.add_done_callback(lambda _: scene.server.half_close())
        ending, outcome = await asyncio.gather(scene.client.ending(), scene.over())
        assert ending == (words, "fin")
        assert outcome == Outcome("server closed", clean=True)
        assert await scene.server.ending() == (b"a LOGOUT\r\n", "fin")

    on_stage(act)


def test_server_that_ended_before_the_talk_is_a_short_talk() -> None:
    async def main() -> None:
        loop, scratch = asyncio.get_running_loop(), Scratch()
        socks = [*tcp_pair(), *tcp_pair()]
        inside, outside = Stream(loop, socks[0], scratch, "client"), Stream(loop, socks[2], scratch, "server")
        socks[3].shutdown(socket.SHUT_WR)
        await outside.more()
        outcome = await Relay(loop, service().patience, inside, pretended(outside), unheard(inside)).talk(GREETING)
        assert outcome == Outcome("server closed", clean=True)
        await finish(inside, 0)
        outside.leave()
        assert await Peer(socks[1]).ending() == (GREETING, "fin")
        for sock in socks:
            sock.close()

    asyncio.run(main())


def test_server_that_resets_resets_the_client() -> None:
    async def act(scene: Scene) -> None:
        await scene.server.send(b"half of ")
        assert await scene.client.hears(8) == b"half of "
        scene.server.reset()
        outcome = await scene.over()
        assert (outcome.end, outcome.clean) == ("server reset", False)
        assert outcome.failure is not None
        assert "reset" in outcome.failure.cause
        assert await scene.client.ending() == (b"", "reset")

    on_stage(act)


def test_client_that_is_done_frees_the_server_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is owed no answer: FIN to the server without a QUIT, and the end as soon as the server ends."""
    monkeypatch.setattr(plain, "QUIET", 0.05)

    async def act(scene: Scene) -> None:
        scene.client.half_close()
        assert await scene.server.ending() == (b"", "fin")
        scene.server.half_close()
        assert await scene.over() == Outcome("client closed", clean=True)
        assert await scene.client.ending() == (b"", "fin")

    on_stage(act)


def test_server_that_ignores_our_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LINGER", 0.05)
    monkeypatch.setattr(plain, "QUIET", 0.05)

    async def act(scene: Scene) -> None:
        scene.client.half_close()
        assert await scene.over() == Outcome("client closed", clean=True)

    on_stage(act)


def test_client_that_half_closes_in_the_middle_of_an_answer_gets_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server spoke last, but was not done: a server that hears the end may drop what it had to say."""
    monkeypatch.setattr(plain, "QUIET", 3 * PATIENCE)

    async def act(scene: Scene) -> None:
        await scene.client.send(b"a FETCH 1 BODY[]\r\nb LOGOUT\r\n")
        assert await scene.server.hears(28)
        await scene.server.send(b"* 1 FETCH (BODY[] {9}\r\n")
        assert await scene.client.hears(23)
        scene.client.half_close()
        await until(lambda: scene.inside.ending)
        with pytest.raises(BlockingIOError):  # no FIN
            scene.server.sock.recv(1)
        await scene.server.send(b"all of it)\r\na OK\r\nb OK\r\n")
        scene.server.half_close()
        ending, outcome = await asyncio.gather(scene.client.ending(), scene.over())
        assert ending == (b"all of it)\r\na OK\r\nb OK\r\n", "fin")
        assert outcome == Outcome("client closed", clean=True)

    on_stage(act)


def test_slow_client_that_has_ended_does_not_keep_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes its last answer long after its end; then nobody waits for anything any more."""
    monkeypatch.setattr(plain, "QUIET", 0.05)

    async def act(scene: Scene) -> None:
        told = await fill(scene)
        scene.client.half_close()
        await until(lambda: scene.inside.ending)
        await asyncio.sleep(0.2)  # longer than QUIET: nothing more comes
        assert await scene.client.hears(told) == b"x" * told
        assert await scene.server.ending() == (b"", "fin")
        scene.server.half_close()
        assert await scene.over() == Outcome("client closed", clean=True)

    on_stage(act)


@pytest.mark.parametrize("closes", [True, False])
def test_half_closed_client_gets_the_answers_it_waits_for(monkeypatch: pytest.MonkeyPatch, closes: bool) -> None:
    monkeypatch.setattr(plain, "ANSWER_GAP", 0.3)

    async def act(scene: Scene) -> None:
        await scene.client.send(b"a FETCH 1 BODY[]\r\nb LOGOUT\r\n")
        scene.client.half_close()
        heard = await scene.server.hears(28)
        assert heard == b"a FETCH 1 BODY[]\r\nb LOGOUT\r\n"
        await asyncio.sleep(0.4)  # longer than the gap between two answers: the first takes its time
        await scene.server.send(b"x" * 500_000)
        await asyncio.sleep(0)
        await scene.server.send(b"a OK\r\nb OK\r\n")
        if closes:
            scene.server.half_close()
        ending, outcome = await asyncio.gather(scene.client.ending(), scene.over())
        assert ending == (b"x" * 500_000 + b"a OK\r\nb OK\r\n", "fin")
        assert outcome == Outcome("client closed", clean=True)
        assert await scene.server.ending() == (b"", "fin")

    on_stage(act)


def test_half_closed_client_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "ANSWER_WAIT", 0.05)

    async def act(scene: Scene) -> None:
        await scene.client.send(b"a NOOP\r\n")
        scene.client.half_close()
        outcome = await scene.over()
        assert outcome.end == "client closed"
        assert not outcome.clean  # an answer was owed
        assert (await scene.client.ending()).how == "reset"

    on_stage(act)


@pytest.mark.parametrize("said", [b"", b"a FETCH 1 BODY[]\r\n", b"a FETCH"])
def test_client_that_vanishes_says_nothing_to_the_server(said: bytes) -> None:
    """No QUIT, no LOGOUT: nothing is deleted that the client did not mean to delete."""

    async def act(scene: Scene) -> None:
        await scene.client.send(said)
        assert await scene.server.hears(len(said)) == said
        scene.client.reset()
        assert await scene.over() == Outcome("client reset", clean=False)
        assert await scene.server.ending() == (b"", "fin")

    on_stage(act)


def test_client_that_vanishes_in_mid_mail() -> None:
    async def act(scene: Scene) -> None:
        await scene.client.send(b"a FETCH 1 BODY[]\r\n")
        sending = asyncio.create_task(scene.server.send(b"x" * 3000 * KIB))
        await until(lambda: scene.inside.backlog)
        scene.client.reset()
        assert await scene.over() == Outcome("client reset", clean=False)
        sending.cancel()
        assert (await scene.server.ending()).words == b"a FETCH 1 BODY[]\r\n"

    on_stage(act)


# -- cut by somebody on the way ------------------------------------------------------------------------


def cut_after(authority: Authority, said: list[bytes], *, answer: bytes = b"+OK half of ") -> tuple[Outcome, Ending]:
    """The client says these pieces, one segment each; the server answers and is cut: FIN without a close_notify."""

    async def main() -> tuple[Outcome, Ending]:
        loop, scratch = asyncio.get_running_loop(), Scratch()
        inner, client_sock = tcp_pair()
        outer, server_sock = tcp_pair()
        verifier = Verifier(Policy(Trust(authority.ca_file), None))
        wire = Wire(server_sock)
        server = TLSWire(wire, server_context(authority.issue("localhost")))
        shaking = asyncio.to_thread(server.handshake)
        outside, inside = Stream(loop, outer, scratch, "localhost"), Stream(loop, inner, scratch, "client")
        _, secured = await asyncio.gather(shaking, outside.secure(verifier.engine("localhost", 993)))
        relay = Relay(loop, service().patience, inside, secured, unheard(inside))
        talk = asyncio.create_task(relay.talk(GREETING))
        client = Peer(client_sock)
        await client.hears(len(GREETING))
        wanted = 0
        for piece in filter(None, said):
            wanted += len(piece)
            await client.send(piece)
            await until(lambda: relay.bytes_in == wanted)  # noqa: B023 - it is waited for at once
        server.send(answer)
        assert await client.hears(len(answer)) == answer
        wire.half_close()
        outcome = await talk
        outside.leave()
        if outcome.clean:
            _, ending = await asyncio.gather(finish(inside, 0.1), client.ending())
        else:
            inside.reset()
            ending = await client.ending()
        wire.close()
        client_sock.close()
        return outcome, ending

    async def bounded() -> tuple[Outcome, Ending]:
        async with asyncio.timeout(PATIENCE):
            return await main()

    return asyncio.run(bounded())


@pytest.mark.parametrize(
    ("said", "answer"),
    [(said, b"+OK half of ") for said in (b"", b"RETR 1\r\n", b"QUIT\r\nRETR 1\r\n", b"QUITE\r\n", b"TOP 1 1\r\n")]
    # To what stood before a goodbye in one piece with it.
    + [(b"MAIL FROM:<a@x>\r\nDATA\r\nQUIT\r\n", b"250 ok\r\n252 by the way\r\n"), (b"QUIT\r\n", b"")]
    + [(b"a LOGOUTS\r\n", b"a OK\r\n"), (b"a FETCH 1 ALL\r\nb LOGOUT\r\n", b"a OK done\r\n")],
)
def test_cut_server_resets_the_client(authority: Authority, said: bytes, answer: bytes) -> None:
    outcome, ending = cut_after(authority, [said], answer=answer)
    assert (outcome.end, outcome.clean) == ("server cut", False)
    assert outcome.failure is not None
    assert ending.how == "reset"


@settings(max_examples=examples(25), deadline=None)
@given(
    st.data(),
    st.sampled_from([
        (b"QUIT\r\n", b"+OK bye\r\n"), (b"quit\n", b"+ok\n"), (b"DELE 1\r\nQUIT\r\n", b"-ERR not all\r\n"),
        (b"QUIT \r\n", b"221 bye"), (b"RSET\r\nQUIT\r\n", b"250 ok\r\n221-so\r\n221 long\r\n"),
        (b"a7 LOGOUT\r\n", b"* BYE\r\na7 OK bye\r\n"), (b"a7 logout \n", b"* BYE so long\r\n"),
        (b"LOGOUT\r\n", b'OK "bye"\r\n'),
    ]),
)  # fmt: skip
def test_after_the_goodbye_a_cut_is_a_clean_end(
    authority: Authority, data: st.DataObject, talk: tuple[bytes, bytes]
) -> None:
    """However the client's goodbye comes: many servers just close then, and the client has what it wanted."""
    said, answer = talk
    outcome, ending = cut_after(authority, data.draw(pieces(said)), answer=answer)
    assert outcome == Outcome("server closed", clean=True)
    assert ending == (b"", "fin")


@pytest.mark.parametrize("place", range(1, 6))
def test_goodbye_in_two_segments_is_a_goodbye(authority: Authority, place: int) -> None:
    outcome, ending = cut_after(authority, cut(b"QUIT\r\n", place), answer=b"+OK bye\r\n")
    assert outcome == Outcome("server closed", clean=True)
    assert ending.how == "fin"


# -- strangers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x05\x01\x00"])
def test_no_octet_of_a_stranger_reaches_the_server(first: bytes) -> None:
    async def act(scene: Scene) -> None:
        await scene.client.send(first)
        await scene.client.send(b"more of it\r\n")
        outcome = await scene.talk
        assert (outcome.end, outcome.clean) == ("misdialled", True)
        assert outcome.failure is not None
        scene.outside.leave()
        assert await scene.server.ending() == (b"", "fin")
        assert scene.relay.bytes_in == 0

    on_stage(act)


@settings(max_examples=examples(30), deadline=None)
@given(st.binary(min_size=1, max_size=40))
@example(b"\r\n")
def test_what_looks_like_a_stranger_later_on_is_mail(words: bytes) -> None:
    async def act(scene: Scene) -> None:
        await scene.client.send(b"a APPEND x {99}\r\n")
        await scene.server.hears(17)
        for odd in (b"\x16\x03\x01", b"GET / HTTP/1.1\r\n", words):
            await scene.client.send(odd)
            assert await scene.server.hears(len(odd)) == odd

    on_stage(act)


# -- silence -------------------------------------------------------------------------------------------


def test_silence_of_both_ends_the_session() -> None:
    async def act(scene: Scene) -> None:
        await scene.client.send(b"a NOOP\r\n")
        assert (await scene.over()).end == "idle timeout"
        assert (await scene.server.ending()).words == b"a NOOP\r\n"

    on_stage(act, idle_timeout=0.1, login_timeout=60)


def test_client_that_never_speaks() -> None:
    async def act(scene: Scene) -> None:
        assert await scene.over() == Outcome("login timeout", clean=True)
        assert await scene.server.ending() == (b"", "fin")

    on_stage(act, login_timeout=0.1)


def test_half_a_line_is_no_word() -> None:
    async def act(scene: Scene) -> None:
        await scene.client.send(b"a LOG")
        assert (await scene.over()).end == "login timeout"

    on_stage(act, login_timeout=0.1)


@pytest.mark.parametrize("said", [[b"a NOOP\r\n"], [b"a NO", b"OP\n"]])
def test_client_that_spoke_may_stay(said: list[bytes]) -> None:
    async def act(scene: Scene) -> None:
        for piece in said:
            await scene.client.send(piece)
            await scene.server.hears(len(piece))
        await asyncio.sleep(0.5)
        assert not scene.talk.done()

    on_stage(act, login_timeout=0.2)


@pytest.mark.parametrize("speaker", ["client", "server"])
def test_one_side_that_speaks_keeps_the_session(speaker: str) -> None:
    async def act(scene: Scene) -> None:
        await scene.client.send(b"a IDLE\r\n")
        for _ in range(8):
            await (scene.client if speaker == "client" else scene.server).send(b"* 1 EXISTS\r\n")
            await asyncio.sleep(0.2)
        assert not scene.talk.done()

    on_stage(act, idle_timeout=1)


@pytest.mark.parametrize("side", ["client", "server"])
def test_side_that_takes_nothing_any_more_is_given_up(side: str) -> None:
    async def act(scene: Scene) -> None:
        speaker = scene.server if side == "client" else scene.client
        speaking = asyncio.create_task(speaker.send(b"x" * 3000 * KIB))
        assert await scene.talk == Outcome(f"{side} stalled", clean=False)
        assert not speaking.done()
        speaking.cancel()

    on_stage(act, stall_timeout=0.3)


def test_slow_side_that_takes_a_little_is_not_given_up() -> None:
    async def act(scene: Scene) -> None:
        size = 2400 * KIB
        sending = asyncio.create_task(scene.server.send(b"x" * size))
        for _ in range(12):
            await scene.client.hears(200 * KIB)
            await asyncio.sleep(0.15)
        await sending
        assert not scene.talk.done()

    on_stage(act, stall_timeout=1)
