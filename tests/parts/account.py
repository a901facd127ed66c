"""What a mail client is told, and how a test runs one."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from parts.net import Address

TIMEOUT = 60  # seconds, only for a test never to hang


@dataclass(frozen=True)
class Account:
    """Where to sign in and as whom.

    Without `ca_file` the client speaks in plain text, as an old one does to the gateway. With it the client
    speaks TLS from the first byte, calls the server `localhost` and trusts that authority: the direct way; or, with
    `starttls`, begins it by STLS or STARTTLS and does not go on without.
    """

    address: Address
    user: str
    password: str
    ca_file: Path | None = None
    starttls: bool = False

    @property
    def host(self) -> str:
        """The name the client is told."""
        return "localhost" if self.ca_file else self.address[0]

    @property
    def port(self) -> int:
        """The port the client is told."""
        return self.address[1]


class ClientError(Exception):
    """A client program ended with another exit code than 0; holds it, and all the program wrote."""

    def __init__(self, program: str, code: int, output: str) -> None:
        super().__init__(f"{program}: exit code {code}: {output}")
        self.code = code
        self.output = output


def run(workdir: Path, *command: str | Path, stdin: bytes = b"", limit: float = TIMEOUT) -> bytes:
    """Run a client to its end with `workdir` as its home, so that nobody's settings reach it; its stdout. Raises
    TimeoutExpired after `limit` seconds.
    """
    env = {"HOME": str(workdir), "PATH": os.environ["PATH"], "LANG": "C", "FETCHMAILHOME": str(workdir)}
    env["TMPDIR"] = tempfile.gettempdir()
    ended = subprocess.run(command, cwd=workdir, env=env, input=stdin, capture_output=True, timeout=limit, check=False)
    if ended.returncode:
        words = (ended.stderr + ended.stdout).decode(errors="backslashreplace")
        raise ClientError(str(command[0]), ended.returncode, words)
    return ended.stdout


@contextmanager
def suppress_code(code: int) -> Iterator[None]:
    """Let a program end with this exit code, too."""
    try:
        yield
    except ClientError as error:
        if error.code != code:
            raise


def write(workdir: Path, name: str, content: str) -> Path:
    """A file for the client's eyes only: several refuse settings that others could read."""
    path = workdir / name
    path.touch(mode=0o600)
    path.write_text(content)
    return path
