"""Clients that say more than one thing at a time, whatever the server offers."""

from pairs.talk import PASSWORD, Talk


async def pipelines(talk: Talk) -> None:
    """All that RFC 2449 allows, after a login step by step."""
    await talk.login()
    count = await talk.count()
    await talk.together(b"LIST", b"UIDL", b"NOOP")
    numbers = range(1, count + 1)
    await talk.together(*[b"RETR %d" % number for number in numbers])
    await talk.together(*[b"DELE %d" % number for number in numbers], b"QUIT")
    await talk.wait_for_end()


async def pipelines_in_pairs(talk: Talk) -> None:
    """RETR and DELE of each mail in one piece."""
    await talk.login()
    for number in range(1, await talk.count() + 1):
        await talk.together(b"RETR %d" % number, b"DELE %d" % number)
    await talk.quit()


async def logs_in_at_once(talk: Talk) -> None:
    """USER and PASS in one piece, and then step by step."""
    await talk.together(b"USER anna", b"PASS " + PASSWORD)
    for number in range(1, await talk.count(3) + 1):
        await talk.ask(b"RETR %d" % number)
    await talk.quit()


async def says_all_at_once(talk: Talk) -> None:
    """A whole session in one piece."""
    await talk.together(b"USER anna", b"PASS " + PASSWORD, b"STAT", b"RETR 1", b"DELE 1", b"QUIT")
    await talk.wait_for_end()


async def half_closes(talk: Talk) -> None:
    """A whole session in one piece, and FIN behind it (a shell and netcat)."""
    await _and_no_more(talk, b"USER anna", b"PASS " + PASSWORD, b"STAT", b"RETR 2", b"QUIT")


async def half_closes_without_quit(talk: Talk) -> None:
    """FIN behind a question, without QUIT: the answers still come, and nothing is deleted."""
    await talk.login()
    await talk.ask(b"DELE 1")
    await _and_no_more(talk, b"RETR 2", b"STAT")


async def empty_lines(talk: Talk) -> None:
    """One CRLF too many, now and then; an answer to it is read if there is one."""
    for command in (b"USER anna", b"PASS " + PASSWORD, b"STAT", b"RETR 1"):
        await talk.say(b"\r\n")
        answer = await talk.ask(command)
        if answer[:3].upper() != b"+OK":
            await talk.hear(command + b"\r\n")
    await talk.quit()


async def _and_no_more(talk: Talk, *commands: bytes) -> None:
    await talk.say(b"".join(command + b"\r\n" for command in commands))
    await talk.line.end()
    for command in commands:
        await talk.hear(command + b"\r\n")
    await talk.until_end()
