"""Clients that wait for each answer before they go on."""

from pairs.talk import Talk


async def looks(talk: Talk) -> None:
    """Is there mail? STAT and QUIT."""
    await talk.login()
    await talk.count()
    await talk.quit()


async def steps(talk: Talk) -> None:
    """poplib: one of each, all mails, nothing deleted."""
    await talk.login()
    count = await talk.count()
    await talk.ask(b"LIST")
    await talk.ask(b"UIDL")
    for number in range(1, count + 1):
        await talk.ask(b"RETR %d" % number)
    await talk.quit()


async def fetches_and_deletes(talk: Talk) -> None:
    await talk.login()
    for number in range(1, await talk.count() + 1):
        await talk.ask(b"RETR %d" % number)
        await talk.ask(b"DELE %d" % number)
    await talk.quit()


async def fetches_then_deletes(talk: Talk) -> None:
    """The strict kind: only CRLF.CRLF is an end."""
    talk.strict = True
    await talk.login()
    count = await talk.count()
    await talk.ask(b"LIST")
    for number in range(1, count + 1):
        await talk.ask(b"RETR %d" % number)
    for number in range(1, count + 1):
        await talk.ask(b"DELE %d" % number)
    await talk.quit()


async def leaves_on_server(talk: Talk) -> None:
    """CAPA, UIDL, LIST, the head of each mail, and the last mail whole."""
    await talk.ask(b"CAPA")
    await talk.login()
    await talk.ask(b"CAPA")
    count = await talk.count()
    await talk.ask(b"UIDL")
    await talk.ask(b"LIST")
    for number in range(1, count + 1):
        await talk.ask(b"TOP %d 0" % number)
    await talk.ask(b"RETR %d" % count)
    await talk.quit()


async def asks_for_each(talk: Talk) -> None:
    """LIST n and UIDL n before each mail, last mail first."""
    await talk.login()
    for number in range(await talk.count(8), 0, -1):
        await talk.ask(b"LIST %d" % number)
        await talk.ask(b"UIDL %d" % number)
        await talk.ask(b"RETR %d" % number)
    await talk.quit()


async def here_and_there(talk: Talk) -> None:
    """No order, mails twice, mails that are not there."""
    await talk.login()
    for number in (3, 1, 2, 2, 99, 1, 2, 3):
        await talk.ask(b"RETR %d" % number)
    await talk.ask(b"TOP 1 1")
    await talk.ask(b"RETR 0")
    await talk.ask(b"NOOP")
    await talk.quit()


async def changes_its_mind(talk: Talk) -> None:
    """DELE, RSET, DELE again; what is left is counted each time."""
    await talk.login()
    await talk.ask(b"STAT")
    for command in (b"DELE 1", b"DELE 2", b"STAT", b"LIST", b"RETR 1", b"RSET", b"STAT", b"RETR 1"):
        await talk.ask(command)
    for command in (b"DELE 3", b"DELE 3", b"LIST 3", b"UIDL", b"LIST", b"DELE 77", b"STAT"):
        await talk.ask(command)
    await talk.quit()


async def comes_again(talk: Talk) -> None:
    """Three sessions, each at once after the other's QUIT."""
    for turn in range(3):
        if turn:
            await talk.open()
        await talk.login()
        await talk.count()
        if turn == 1:
            await talk.ask(b"RETR 1")
        await talk.quit()


async def deletes_and_comes_again(talk: Talk) -> None:
    """What one session deletes, the next does not see."""
    for turn in range(2):
        if turn:
            await talk.open()
        await talk.login()
        await talk.count()
        await talk.ask(b"UIDL")
        await talk.ask(b"RETR 1")
        await talk.ask(b"DELE 1")
        await talk.quit()


async def mistypes(talk: Talk) -> None:
    """The wrong password, then the right one, in one connection."""
    await talk.login(b"guess")
    await talk.login()
    await talk.ask(b"STAT")
    await talk.ask(b"RETR 1")
    await talk.quit()


async def does_not_know_it(talk: Talk) -> None:
    """Two wrong passwords and QUIT."""
    await talk.login(b"guess")
    await talk.login(b"again")
    await talk.quit()
