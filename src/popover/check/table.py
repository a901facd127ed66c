"""Findings as lines for people: status, step, sentence; at the end what to do."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import textwrap
import time
from collections.abc import AsyncIterator, Mapping
from typing import TextIO

from popover.check.report import Finding, Part, Report, Status
from popover.log import escape

_WORDS: dict[Status, str] = {"ok": "ok", "warn": "warn", "fail": "FAIL"}
_COLOURS: dict[Status, str] = {"ok": "32", "warn": "33", "fail": "1;31"}  # green, yellow, bold red (ECMA-48 SGR)
_HEAD = 18  # columns of status and step
_WIDEST = 110  # longer lines are hard to read
_PATIENCE = 0.4
"""Seconds of silence after which the step in progress is shown; below that it would only flicker."""


def _is_news(finding: Finding, part: Part) -> bool:
    """Whether there is something to do about it that no other finding of its part says as well."""
    others = (other.remedy for other in part.findings if other is not finding)
    said = any(finding.remedy in remedy and finding.remedy != remedy for remedy in others)
    return bool(finding.remedy) and not said


class Table:
    """Writes a report to `out` as it comes. Colours and the step in progress only on a terminal."""

    def __init__(self, out: TextIO, environ: Mapping[str, str]) -> None:
        self._out = out
        self._live = out.isatty() and environ.get("TERM") != "dumb"
        self._colour = self._live and not environ.get("NO_COLOR")  # https://no-color.org
        self._width = min(shutil.get_terminal_size().columns, _WIDEST) if self._live else 0

    def report(self) -> Report:
        """Make the report that is written here."""
        return Report(self._finding, self._part, self._waiting)

    def say(self, text: str) -> None:
        """Write a line as it is."""
        self._out.write(f"{text}\n")
        self._out.flush()

    def _part(self, part: Part) -> None:
        where = f"   (listens on {', '.join(part.listen)})" if part.listen else ""
        self.say(f"\n{part.server or part.name}{where}")

    def _finding(self, finding: Finding) -> None:
        word = f"{_WORDS[finding.status]:<5}"
        if self._colour:
            word = f"\x1b[{_COLOURS[finding.status]}m{word}\x1b[0m"
        self.say(f"{word} {finding.step:<12}{self._wrapped(finding.text)}")

    def _wrapped(self, text: str, indent: int = _HEAD) -> str:
        shown = escape(text)
        if not self._width:
            return shown
        lines = textwrap.wrap(shown, max(self._width - indent, 30), break_long_words=False, break_on_hyphens=False)
        return ("\n" + " " * indent).join(lines)

    @contextlib.asynccontextmanager
    async def _waiting(self, what: str) -> AsyncIterator[None]:
        """Show what is being waited for, with the seconds that passed, until it has come."""
        if not self._live:
            yield
            return
        shows = asyncio.create_task(self._show(escape(what)))
        try:
            yield
        finally:
            shows.cancel()
            self._out.write("\r\x1b[K")

    async def _show(self, what: str) -> None:
        since = time.monotonic()
        while True:
            await asyncio.sleep(_PATIENCE)
            self._out.write(f"\r\x1b[K...   {what} ({time.monotonic() - since:.0f} s)")
            self._out.flush()

    def conclude(self, report: Report, command: str = "") -> None:
        """Say what to do about each finding that is not as it should be; where nothing failed, the next `command`."""
        self._say_what_to_do(report)
        if report.ok and command:
            self.say(f"\nThe next command:\n  {command}")

    def _say_what_to_do(self, report: Report) -> None:
        todo = [(part, finding) for part in report.parts for finding in part.findings if _is_news(finding, part)]
        todo.sort(key=lambda entry: entry[1].status != "fail")  # what keeps mail from coming is first to be mended
        if not todo:
            self.say("\nAll is well.")
            return
        several = sum(1 for part in report.parts if part.server) > 1
        self.say("\nWhat to do:" if not report.ok else "\nIt works. Worth a look:")
        for number, (part, finding) in enumerate(todo, 1):
            about = f"{part.server}: " if several else ""
            what = finding.text.removesuffix(".")  # a server's own words end as they like
            self.say(f"  {number}. {self._wrapped(f'{about}{what}: {finding.remedy}', 5)}")
