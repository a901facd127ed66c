"""What a check finds: one `Finding` per step and fact, collected in a `Report`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from popover import __version__
from popover.errors import ConnectFailure, Failure, NameFailure, TLSFailure

Status = Literal["ok", "warn", "fail"]
StepName = Literal[
    "file", "name", "connect", "tls", "dialect", "login", "here", "inside", "session",
    "old clients", "accounts", "queue",
]  # fmt: skip
Fact = str | int | float | bool | None | list[str]


_STEPS: tuple[tuple[type[Failure], StepName], ...] = (
    (NameFailure, "name"),
    (ConnectFailure, "connect"),
    (TLSFailure, "tls"),
)


def step_of(failure: Failure) -> StepName:
    """Tell where on the way a session failed."""
    return next((step for kind, step in _STEPS if isinstance(failure, kind)), "dialect")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found. `text`: a sentence for people; `remedy`: what to do, where there is something to do.

    `facts`: the same for programs; their keys are stable.
    """

    step: StepName
    status: Status
    text: str
    remedy: str = ""
    facts: dict[str, Fact] = field(default_factory=dict)


@dataclass(slots=True)
class Part:
    """The findings about one service, or (without a server) about the whole machine or file."""

    name: str
    server: str = ""
    listen: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    settings: list[dict[str, Fact]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed; a warning is no failure."""
        return all(finding.status != "fail" for finding in self.findings)


Waiting = Callable[[str], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def silence(_what: str) -> AsyncIterator[None]:
    """Show nothing of the step in progress."""
    yield


class Report:
    """Collects parts and findings; `tell` is called with each finding as it comes, `begin` with each part."""

    def __init__(
        self,
        tell: Callable[[Finding], None] = lambda _finding: None,
        begin: Callable[[Part], None] = lambda _part: None,
        waiting: Waiting = silence,
    ) -> None:
        self.parts: list[Part] = []
        self.waiting = waiting
        self._tell = tell
        self._begin = begin

    def begin(self, part: Part) -> None:
        """Findings are about this part from now on."""
        self.parts.append(part)
        self._begin(part)

    def add(self, step: StepName, status: Status, text: str, remedy: str = "", **facts: Fact) -> None:
        """Note a finding."""
        finding = Finding(step, status, text, remedy, facts)
        self.parts[-1].findings.append(finding)
        self._tell(finding)

    def fail(self, step: StepName, failure: Failure, **facts: Fact) -> None:
        """Note why a session could not be, in the words that the session would have had."""
        self.add(step, "fail", failure.cause, failure.remedy, **facts)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(part.ok for part in self.parts)

    def document(self) -> dict[str, Any]:
        """Give the whole as --json prints it."""
        parts = [asdict(part) | {"ok": part.ok} for part in self.parts]
        return {"popover": __version__, "ok": self.ok, "parts": parts}
