"""`popover check` as a process, and what it found."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parts.popover import COMMAND

Finding = dict[str, Any]
PASSWORD = "POPOVER_PASSWORD"


class Checked:
    """What `popover check --json` said; with `prefix`, run by that command."""

    def __init__(
        self, *args: str | Path, prefix: tuple[str, ...] = (), password: str | None = None, timeout: float = 60
    ) -> None:
        env = os.environ | ({} if password is None else {PASSWORD: password})
        self.ended = run_check("--json", *args, prefix=prefix, env=env, timeout=timeout)
        self.code = self.ended.returncode
        assert self.code in {0, 1}, self.ended.stderr
        self.document: dict[str, Any] = json.loads(self.ended.stdout)
        self.parts: list[dict[str, Any]] = [part for part in self.document["parts"] if part["server"]]
        assert self.document["ok"] is (self.code == 0)

    @property
    def findings(self) -> list[Finding]:
        """Those about the first server."""
        found: list[Finding] = self.parts[0]["findings"]
        return found

    def texts(self, step: str) -> list[str]:
        """What the findings of a step say."""
        return [finding["text"] for finding in self.findings if finding["step"] == step]

    def fact(self, name: str) -> Any:
        """The first fact of this name."""
        return next(finding["facts"][name] for finding in self.findings if name in finding["facts"])

    def failed(self, step: str, *causes: str, remedy: str = "") -> Finding:
        """The first failure: in this step, with all of `causes`, and a remedy that does not turn verification off."""
        assert self.code == 1
        found = next(finding for finding in self.findings if finding["status"] == "fail" and finding["remedy"])
        assert found["step"] == step
        for cause in causes:
            assert cause.lower() in found["text"].lower()
        assert remedy.lower() in found["remedy"].lower()
        assert "verif" not in found["remedy"].lower()
        assert "insecure" not in found["remedy"].lower()
        return found


def run_check(
    *args: str | Path, prefix: tuple[str, ...] = (), env: Mapping[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """`popover check ARGS` to its end: its exit code and its words."""
    return subprocess.run(
        [*prefix, *COMMAND, "check", *map(str, args)],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
