"""Old mail programs, and what they are known for."""

import asyncio

from pairs.talk import PASSWORD, Talk


async def outlook(talk: Talk) -> None:
    """`AUTH `, with a blank, before all else."""
    await talk.ask(b"AUTH ")
    await talk.login()
    count = await talk.count()
    await talk.ask(b"UIDL")
    await talk.ask(b"LIST")
    for number in range(1, count + 1):
        await talk.ask(b"RETR %d" % number)
        await talk.ask(b"DELE %d" % number)
    await talk.quit()


async def thunderbird(talk: Talk) -> None:
    """CAPA, bare AUTH, UIDL or XTND XLST, TOP."""
    await talk.ask(b"CAPA")
    await talk.ask(b"AUTH")
    await talk.login()
    count = await talk.count()
    await talk.ask(b"LIST")
    if not (await talk.ask(b"UIDL")).startswith(b"+OK"):
        await talk.ask(b"XTND XLST Message-Id")
    for number in range(1, count + 1):
        await talk.ask(b"RETR %d" % number)
    await talk.quit()


async def newton(talk: Talk) -> None:
    """TOP n in place of RETR, all of them."""
    await talk.login()
    for number in range(1, await talk.count() + 1):
        await talk.ask(b"TOP %d 20" % number)
    await talk.quit()


async def asks_last(talk: Talk) -> None:
    """LAST (RFC 1460), and what comes behind it."""
    await talk.login()
    await talk.ask(b"STAT")
    await talk.ask(b"LAST")
    await talk.ask(b"RETR 1")
    await talk.ask(b"RETR 2")
    await talk.ask(b"LAST")
    await talk.ask(b"RETR 3")
    await talk.ask(b"LAST")
    await talk.quit()


async def small_letters(talk: Talk) -> None:
    """Lower case, and LF for CRLF."""
    for command in (b"user anna", b"pass " + PASSWORD, b"stat", b"list", b"retr 1", b"retr 2", b"dele 2", b"quit"):
        await talk.ask(command, b"\n")
    talk.record.end = "done"


async def pads(talk: Talk) -> None:
    """Blanks behind what it says, and in between."""
    for command in (
        b"USER anna  ",
        b"PASS %s" % PASSWORD,
        b"STAT ",
        b"LIST ",
        b"RETR  1",
        b"RETR 2 ",
        b"RETR 03",
        b"QUIT ",
    ):
        await talk.ask(command)
    talk.record.end = "done"


async def unknown_words(talk: Talk) -> None:
    """Commands of the last century."""
    await talk.ask(b"HELP")
    await talk.login()
    await talk.ask(b"XTND XLST")
    await talk.ask(b"RETR 1")
    await talk.ask(b"RPOP anna")
    await talk.ask(b"RETR 2")
    await talk.ask(b"DELE 2")
    await talk.quit()


async def one_unknown_word(talk: Talk) -> None:
    """A single bad command, which every server forgives."""
    await talk.login()
    await talk.ask(b"XTND XLST")
    for number in range(1, await talk.count(5) + 1):
        await talk.ask(b"RETR %d" % number)
    await talk.quit()


async def fetchmail(talk: Talk) -> None:
    """CAPA, and STLS although nobody offered it."""
    await talk.ask(b"CAPA")
    await talk.ask(b"STLS")
    await talk.login()
    count = await talk.count()
    await talk.ask(b"LIST")
    for number in range(1, count + 1):
        await talk.ask(b"RETR %d" % number)
        await talk.ask(b"DELE %d" % number)
    await talk.quit()


async def sasl(talk: Talk) -> None:
    """AUTH PLAIN in two steps; USER and PASS where that is refused."""
    answer = await talk.ask(b"AUTH PLAIN")
    if answer.startswith(b"+ "):
        await talk.ask(b"AGFubmEAc2VjcmV0")
    else:
        await talk.login()
    await talk.count()
    await talk.ask(b"RETR 1")
    await talk.ask(b"RETR 2")
    await talk.quit()


async def idles(talk: Talk) -> None:
    """Takes its time over each mail (a slow disk, a filter)."""
    await talk.login()
    for number in range(1, min(await talk.count(), 3) + 1):
        await talk.ask(b"RETR %d" % number)
        await asyncio.sleep(0.7)
        await talk.ask(b"DELE %d" % number)
    await talk.quit()
