"""The talk of an SMTP session on a real event loop; both peers are the test's."""

import asyncio
from typing import Any

import pytest
from stage import PATIENCE, Act, Scene, play, until
from test_relay import service

from model_smtp import GREETING, TERMS
from popover.protocols import smtp
from popover.session import waiting
from popover.session.outcome import Outcome

MAIL = b"MAIL FROM:<a@x>\r\nDATA\r\n"


def on_stage(act: Act, **keys: Any) -> None:
    memory = smtp.Memory()
    play(act, service(**keys).patience, lambda client, server: smtp.Ears(client, server, TERMS, memory), GREETING)


def test_a_server_may_work_on_a_mail_for_longer_than_on_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 5321 section 4.5.3.2.6. Whoever sends a mail and half-closes (a script with netcat) has its answer, too."""
    monkeypatch.setattr(waiting, "ANSWER_WAIT", 0.05)
    monkeypatch.setattr(waiting, "GONE", 0.05)

    async def act(scene: Scene) -> None:
        await scene.passes(MAIL, b"250 ok\r\n354 go on\r\n")
        await scene.passes(b"one\r\n.\r\n")
        scene.client.half_close()
        assert await scene.server.ending() == (b"", "fin")
        await asyncio.sleep(0.5)
        await scene.server.send(b"250 queued\r\n")
        scene.server.half_close()
        ending, outcome = await asyncio.gather(scene.client.ending(), scene.over())
        assert ending == (b"250 queued\r\n", "fin")
        assert outcome == Outcome("client closed", clean=True)

    on_stage(act)


def test_anything_else_is_waited_for_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "ANSWER_WAIT", 0.05)
    monkeypatch.setattr(waiting, "GONE", 0.05)

    async def act(scene: Scene) -> None:
        await scene.passes(b"NOOP\r\n")
        scene.client.half_close()
        assert await scene.over() == Outcome("client closed", clean=False)

    on_stage(act)


def test_a_mail_said_before_a_slow_answer_to_data_is_heard_though_its_client_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A script that pipes a whole session into netcat: a wire has brought all of it before the server answers."""
    monkeypatch.setattr(waiting, "GONE", 0.05)

    async def act(scene: Scene) -> None:
        rest = b"one\r\n.\r\nQUIT\r\n"
        await scene.client.send(MAIL + rest)
        scene.client.half_close()
        assert await scene.server.hears(len(MAIL)) == MAIL
        await scene.server.send(b"250 ok\r\n")
        await asyncio.sleep(0.3)
        await scene.server.send(b"354 go on\r\n")
        assert await scene.server.hears(len(rest)) == rest

    on_stage(act)


def test_where_octets_just_pass_the_server_is_told_that_its_client_has_gone_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "GONE", 0.05)

    async def act(scene: Scene) -> None:
        await scene.passes(b"NOOP\r\n", b"hm\r\n")
        await scene.passes(b"NOOP\r\n")
        scene.client.half_close()
        async with asyncio.timeout(PATIENCE / 2):  # ANSWER_WAIT is more
            assert await scene.server.ending() == (b"", "fin")

    on_stage(act)


def test_a_mail_said_before_the_answer_to_data_is_heard_though_its_client_went_without_reading() -> None:
    """close() with answers unread is a reset; what was said before is the server's, as on a wire."""

    async def act(scene: Scene) -> None:
        rest = b"one\r\n.\r\nQUIT\r\n"
        await scene.client.send(MAIL + rest)
        assert await scene.server.hears(len(MAIL)) == MAIL
        scene.client.reset()
        await asyncio.sleep(0.05)
        await scene.server.send(b"250 ok\r\n354 go on\r\n")
        assert await scene.server.hears(len(rest)) == rest
        await scene.server.send(b"250 queued\r\n221 bye\r\n")
        assert not (await scene.over()).clean

    on_stage(act)


def test_who_needs_no_login_is_not_hurried_to_one() -> None:
    async def act(scene: Scene) -> None:
        await scene.passes(b"EHLO me\r\n", b"250 mail\r\n")
        await asyncio.sleep(0.5)
        await scene.passes(b"MAIL FROM:<a@x>\r\n", b"250 ok\r\n")

    on_stage(act, login_timeout=0.2)


def test_who_says_nothing_is() -> None:
    async def act(scene: Scene) -> None:
        assert await scene.over() == Outcome("login timeout", clean=True)

    on_stage(act, login_timeout=0.2)


def test_a_client_that_goes_in_the_middle_of_a_mail_is_told_at_once_and_no_mail_is_made_of_the_half() -> None:
    async def act(scene: Scene) -> None:
        await scene.passes(MAIL, b"250 ok\r\n354 go on\r\n")
        await scene.passes(b"half of a mail\r\n.")
        scene.client.half_close()
        assert await scene.server.ending() == (b"", "fin")

    on_stage(act)


def test_a_mail_of_any_size_passes_at_the_servers_pace() -> None:
    async def act(scene: Scene) -> None:
        await scene.passes(MAIL, b"250 ok\r\n354 go on\r\n")
        mail = b"0123456789abcde\n" * 500_000 + b"\r\n.\r\n"
        sent = asyncio.create_task(scene.client.send(mail))
        await until(lambda: bool(scene.outside.backlog))
        assert len(scene.inside.end.inbox) == 0
        assert await scene.server.hears(len(mail)) == mail
        await sent

    on_stage(act)
