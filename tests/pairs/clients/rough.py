"""People with telnet, programs that go away, readers that are slow."""

import asyncio

from pairs.talk import PASSWORD, Talk


async def telnet(talk: Talk) -> None:
    """Two seconds between USER and PASS, and letters one by one."""
    for octet in (b"US", b"ER an", b"na\r"):
        await talk.say(octet)
        await asyncio.sleep(0.02)
    await talk.say(b"\n")
    await talk.hear(b"USER anna\r\n")
    await asyncio.sleep(2)
    await talk.ask(b"PASS " + PASSWORD)
    await talk.ask(b"LIST")
    await talk.ask(b"RETR 1")
    await talk.quit()


async def closes(talk: Talk) -> None:
    """Deletes, and goes away without QUIT."""
    await talk.login()
    await talk.count()
    await talk.ask(b"RETR 1")
    await talk.ask(b"DELE 1")
    await talk.ask(b"DELE 2")


async def closes_before_login(talk: Talk) -> None:
    """USER, and away: a monitor."""
    await talk.ask(b"USER anna")


async def closes_at_greeting(talk: Talk) -> None:
    """A port scan."""
    await talk.leave()


async def resets_mid_answer(talk: Talk) -> None:
    """Ten octets of a mail, and RST."""
    await talk.login()
    await talk.count()
    await talk.ask(b"RETR 1")
    await talk.ask(b"DELE 1")
    await talk.say(b"RETR 3\r\n")
    await talk.inbox.more(1)
    talk.inbox.held.clear()
    await talk.reset()


async def quits_unheard(talk: Talk) -> None:
    """QUIT, and closed before its answer: the deletions count."""
    await talk.login()
    await talk.count()
    await talk.ask(b"RETR 1")
    await talk.ask(b"DELE 1")
    await talk.say(b"QUIT\r\n")


async def reads_slowly(talk: Talk) -> None:
    """Asks for all, and takes it in small sips."""
    await talk.login()
    count = await talk.count(4)
    for number in range(1, count + 1):
        await talk.say(b"RETR %d\r\n" % number)
        await asyncio.sleep(0.1)
        await talk.hear(b"RETR %d\r\n" % number)
    await talk.quit()


async def is_impatient(talk: Talk) -> None:
    """Gives up behind LIST after a moment, and comes again without it."""
    await talk.login()
    await talk.say(b"LIST\r\n")
    if not await talk.inbox.more(1.3) and talk.inbox.how is None:
        talk.inbox.held.clear()
        await talk.open()
        await talk.login()
        await talk.ask(b"STAT")
    else:
        await talk.hear(b"LIST\r\n")
    await talk.ask(b"RETR 1")
    await talk.quit()
