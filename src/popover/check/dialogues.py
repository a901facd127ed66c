"""What is asked in each dialect: capabilities, a login, what is in the mailbox, goodbye.

Passwords go to the server and nowhere else: what an answer repeats of one is not shown (`Answer.without`).
"""

from __future__ import annotations

import base64
import re
from typing import NamedTuple, Protocol

from popover.check.conceal import conceal
from popover.check.talker import Talker


class Answer(NamedTuple):
    """A server's yes or no, in its own words."""

    ok: bool
    text: str

    def without(self, user: str, password: str) -> bytes:
        """The words as they came, without what they repeat of the password."""
        name, secret = user.encode(), password.encode()
        responses = [b"\0" + name + b"\0" + secret, name + b"\0" + name + b"\0" + secret]  # PLAIN's, RFC 4616
        secrets = [secret, password.encode("latin-1", "ignore"), *responses]
        return conceal(self.text.encode("latin-1", "replace"), secrets)


class Dialogue(Protocol):
    """One dialect's questions."""

    plain_port: int
    starttls: str

    async def capabilities(self, talker: Talker) -> list[str]:
        """Ask what the server can do, as it names it; none if it does not tell."""

    async def login(self, talker: Talker, user: str, password: str) -> Answer:
        """Log in."""

    async def mailbox(self, talker: Talker) -> str:
        """Say what is there after the login; "" where the dialect has no mailbox."""

    async def leave(self, talker: Talker) -> None:
        """Say goodbye and wait for the answer."""


class Pop3:
    """RFC 1939, CAPA: RFC 2449."""

    plain_port = 110
    starttls = "STLS"

    async def capabilities(self, talker: Talker) -> list[str]:
        """CAPA; old servers answer -ERR."""
        if not (await talker.ask(b"CAPA")).startswith("+OK"):
            return []
        return await talker.lines_until(".")

    async def login(self, talker: Talker, user: str, password: str) -> Answer:
        """USER and PASS, as old clients do."""
        answer = await talker.ask(b"USER " + user.encode())
        if answer.startswith("+OK"):
            answer = await talker.ask(b"PASS " + password.encode())
        return Answer(answer.startswith("+OK"), answer)

    async def mailbox(self, talker: Talker) -> str:
        """STAT."""
        found = re.match(r"\+OK (\d+) (\d+)", await talker.ask(b"STAT"))
        return f"{int(found[1]):,} messages, {int(found[2]):,} octets" if found else ""

    async def leave(self, talker: Talker) -> None:
        """QUIT; nothing was deleted."""
        await talker.ask(b"QUIT")


class Imap:
    """RFC 9051."""

    plain_port = 143
    starttls = "STARTTLS"

    async def capabilities(self, talker: Talker) -> list[str]:
        """CAPABILITY."""
        lines, _ = await _imap(talker, b"CAPABILITY")
        found = [line.split()[2:] for line in lines if line.upper().startswith("* CAPABILITY")]
        return found[0] if found else []

    async def login(self, talker: Talker, user: str, password: str) -> Answer:
        """LOGIN with two literals: they carry every character (RFC 9051 section 4.3)."""
        first = await talker.ask(b"p LOGIN {%d}" % len(user.encode()))
        if not first.startswith("+"):
            return Answer(ok=False, text=first)
        talker.stream.write(user.encode() + b" {%d}\r\n" % len(password.encode()))
        second = await talker.line()
        if not second.startswith("+"):
            return Answer(ok=False, text=second)
        _, last = await _imap_answer(talker, password.encode())
        return Answer(last.upper().startswith("P OK"), last.partition(" ")[2])

    async def mailbox(self, talker: Talker) -> str:
        """STATUS INBOX (RFC 9051 section 6.3.11)."""
        lines, _ = await _imap(talker, b"STATUS INBOX (MESSAGES)")
        found = re.search(r"MESSAGES (\d+)", " ".join(lines))
        return f"{int(found[1]):,} messages in INBOX" if found else ""

    async def leave(self, talker: Talker) -> None:
        """LOGOUT."""
        await _imap(talker, b"LOGOUT")


class Smtp:
    """RFC 5321, AUTH: RFC 4954."""

    plain_port = 587
    starttls = "STARTTLS"

    async def capabilities(self, talker: Talker) -> list[str]:
        """EHLO, without its first line, which is the server's name."""
        return [line[4:] for line in (await _smtp(talker, b"EHLO [127.0.0.1]"))[1:]]

    async def login(self, talker: Talker, user: str, password: str) -> Answer:
        """AUTH PLAIN, or LOGIN where that is all there is."""
        offered = [
            word for line in await self.capabilities(talker) if line[:5].upper() == "AUTH " for word in line.split()
        ]
        if "PLAIN" in offered or "LOGIN" not in offered:
            secret = base64.b64encode(b"\0" + user.encode() + b"\0" + password.encode())
            last = (await _smtp(talker, b"AUTH PLAIN " + secret))[-1]
        else:
            last = (await _smtp(talker, b"AUTH LOGIN"))[-1]
            for word in (user, password):
                if last.startswith("334"):
                    last = (await _smtp(talker, base64.b64encode(word.encode())))[-1]
        return Answer(last.startswith("235"), last)

    async def mailbox(self, _talker: Talker) -> str:
        """There is none."""
        return ""

    async def leave(self, talker: Talker) -> None:
        """QUIT."""
        await _smtp(talker, b"QUIT")


class Sieve:
    """RFC 5804."""

    plain_port = 4190
    starttls = "STARTTLS"

    async def capabilities(self, talker: Talker) -> list[str]:
        """CAPABILITY, without quotes: `SASL PLAIN LOGIN`."""
        return [line.replace('"', "") for line in (await _sieve(talker, b"CAPABILITY"))[0]]

    async def login(self, talker: Talker, user: str, password: str) -> Answer:
        """AUTHENTICATE PLAIN."""
        secret = base64.b64encode(b"\0" + user.encode() + b"\0" + password.encode())
        _, last = await _sieve(talker, b'AUTHENTICATE "PLAIN" "' + secret + b'"')
        return Answer(last.upper().startswith("OK"), last)

    async def mailbox(self, talker: Talker) -> str:
        """LISTSCRIPTS."""
        scripts, _ = await _sieve(talker, b"LISTSCRIPTS")
        return f"scripts: {len(scripts)}"

    async def leave(self, talker: Talker) -> None:
        """LOGOUT."""
        await _sieve(talker, b"LOGOUT")


def is_unfinished(dialect: str, line: str) -> bool:
    """Whether a greeting goes on behind this line."""
    return (dialect == "smtp" and line[3:4] == "-") or (dialect == "sieve" and line.startswith('"'))


async def _sieve(talker: Talker, command: bytes) -> tuple[list[str], str]:
    """Send a command; the lines of the answer, and the one with OK, NO or BYE."""
    talker.say(command)
    lines: list[str] = []
    while not (line := await talker.line()).upper().startswith(("OK", "NO", "BYE")) and len(lines) < 1000:  # noqa: PLR2004 - as talker.LINES_LIMIT
        lines.append(line)
    return lines, line


async def _imap(talker: Talker, command: bytes) -> tuple[list[str], str]:
    return await _imap_answer(talker, b"p " + command)


async def _imap_answer(talker: Talker, line: bytes) -> tuple[list[str], str]:
    """Send a line; the untagged lines of the answer, and the tagged one."""
    talker.say(line)
    lines = []
    while not (answer := await talker.line()).startswith("p "):
        lines.append(answer)
        if len(lines) > 1000:  # noqa: PLR2004 - as talker.LINES_LIMIT
            break
    return lines, answer


async def _smtp(talker: Talker, command: bytes) -> list[str]:
    """Send a command; the lines of the reply (RFC 5321 section 4.2.1)."""
    lines = [await talker.ask(command)]
    while lines[-1][3:4] == "-" and len(lines) < 1000:  # noqa: PLR2004 - as talker.LINES_LIMIT
        lines.append(await talker.line())
    return lines


DIALOGUES: dict[str, Dialogue] = {"pop3": Pop3(), "imap": Imap(), "smtp": Smtp(), "sieve": Sieve()}
