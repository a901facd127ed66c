"""The login, where one was asked for. The password goes to the verified server, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field

from popover.check.dialogues import DIALOGUES
from popover.check.providers import advice
from popover.check.report import Report
from popover.check.talker import Talker, greet
from popover.config import Service
from popover.outside.dial import Dialled
from popover.protocols import printable

_USUAL = "wrong password, or login not allowed"


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in; its repr has no secret."""

    user: str
    password: str = field(repr=False)


async def check_login(report: Report, service: Service, dialled: Dialled, login: Login) -> None:
    """Log in, look what is there, and leave without a change. Raises Failure."""
    server, dialogue = service.server, DIALOGUES[service.server.dialect]
    talker = Talker(dialled.stream, server.host)
    await greet(service, dialled)
    async with report.waiting(f"logging in as {login.user}"):
        answer = await dialogue.login(talker, login.user, login.password)
    said = printable(answer.without(login.user, login.password), 300)
    if not answer.ok:
        means, remedy = advice(server.host, said)
        report.add(
            "login",
            "fail",
            f"{server.host} does not let {login.user} in ({means or _USUAL}); it says: {said}",
            remedy,
            user=login.user,
            answer=said,
        )
        return
    async with report.waiting("looking into the mailbox"):
        there = await dialogue.mailbox(talker)
        can = [printable(word.encode("latin-1"), 200) for word in await dialogue.capabilities(talker)]
        await dialogue.leave(talker)
    text = f"{login.user} is logged in" + (f": {there}" if there else "")
    report.add("login", "ok", text, user=login.user, answer=said, mailbox=there)
    pipelining = any(word.upper() == "PIPELINING" for word in can)
    offers = f"after login it offers: {', '.join(can)}" if can else "it does not tell what it offers after login"
    report.add("login", "ok", offers, capabilities=can, pipelining=pipelining)
