"""A real Chromium without a screen, driven over a pipe (chromedevtools.github.io/devtools-protocol).

with Chromium(directory, trusted=(certificate.pin,)) as browser:
    page = browser.open("https://login.example.test/")
    page.fill(username="anna", password="x")
    page.click("button")
    assert "Welcome" in page.wait_for("document.body.innerText")

It comes by tests/install-browser, where the machine has none.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_BROUGHT = Path(__file__).parents[2] / ".parts/browser"
_NAMES = ("chromium", "chromium-browser", "google-chrome")

PATIENCE = 60.0  # seconds for a page to become what is waited for

# It reads commands from descriptor 3, and writes to 4.
_START = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(word), fcntl.F_DUPFD, 10) for word in sys.argv[1:3]]
for number, end in enumerate(ends, 3):
    os.dup2(end, number)
    os.close(end)
os.execv(sys.argv[3], sys.argv[3:])
"""

_FILL = """
(fields => {
    for (const [name, value] of Object.entries(fields)) {
        const input = document.querySelector(`input[name="${name}"]`);
        input.focus();
        input.value = value;
        input.dispatchEvent(new Event("input", {bubbles: true}));
    }
})(%s)
"""


class Chromium:
    """From `__init__` to the end of the `with` block. `trusted`: pins of certificates that it takes for good, as
    `Certificate.pin` has them.
    """

    def __init__(self, directory: Path, trusted: Iterable[str] = ()) -> None:
        keys = ",".join(pin.removeprefix("sha256:") for pin in trusted)
        words = [
            "--headless",
            "--no-sandbox",  # root, and containers, have none
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            f"--user-data-dir={directory}",
            f"--ignore-certificate-errors-spki-list={keys}",
            "--remote-debugging-pipe",
        ]
        theirs, self._commands = os.pipe()
        self._answers, others = os.pipe()
        program, env = _program()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(theirs), str(others), str(program), *words],
            pass_fds=(theirs, others),
            env=os.environ | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(others)
        self._numbers = itertools.count(1)
        self._rest = b""

    def open(self, address: str) -> "Page":
        """Open an address in a page of its own."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session)
        page.go(address)
        return page

    def call(self, method: str, params: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        """Say a command; what it answers. What it tells of by itself is passed over."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while (told := self._told()).get("id") != number:
            pass
        assert "error" not in told, (method, told)
        found: dict[str, Any] = told["result"]
        return found

    def _told(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._answers, 65536)
            assert piece, "Chromium has ended"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(30)
        os.close(self._commands)
        os.close(self._answers)


class Page:
    """One page. A page that is left while it is asked answers nothing: then it is asked again."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session

    def go(self, address: str) -> None:
        """Go somewhere else."""
        self._browser.call("Page.navigate", {"url": address}, self._session)

    def wait_for(self, expression: str) -> Any:
        """The value of an expression of JavaScript, as soon as that is true."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            said = self._browser.call("Runtime.evaluate", {"expression": expression}, self._session)
            if "exceptionDetails" not in said and (found := said["result"].get("value")):
                return found
            time.sleep(0.05)
        seen = self._browser.call("Runtime.evaluate", {"expression": "document.body.innerText"}, self._session)
        raise AssertionError(f"{expression}: it never became so; the page says {seen}")

    def fill(self, **fields: str) -> None:
        """Fill in a form, as soon as it is there."""
        for name in fields:
            self.wait_for(f"document.querySelector('input[name=\"{name}\"]') !== null")
        self.wait_for(f"({_FILL.strip() % json.dumps(fields)}, true)")

    def click(self, selector: str) -> None:
        """Click on what a CSS selector finds, as soon as it is there."""
        self.wait_for(f"document.querySelector({json.dumps(selector)})?.click() === undefined && "
                      f"document.querySelector({json.dumps(selector)}) !== null")  # fmt: skip


def _program() -> tuple[Path, dict[str, str]]:
    """The program, and what it needs in its environment."""
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found), {}
    program = _BROUGHT / "usr/lib/chromium/chromium"
    assert program.exists(), "tests/install-browser has not run"
    folders = [path for path in _BROUGHT.glob("usr/lib/*-linux-gnu*") if path.is_dir()]
    folders += [folder / "pulseaudio" for folder in folders] + [program.parent]
    return program, {"LD_LIBRARY_PATH": ":".join(map(str, folders))}
