"""A popover whose clients speak TLS, by a file of its own; and what old and odd clients say to it.

with Inside(directory, authority, dovecot.pop3s_port, tls="offer") as inside:
    answers = s_client(inside.address, "-starttls", "pop3", "-tls1", said=b"QUIT\r\n")
"""

import socket
import ssl
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from parts.certificates import Authority, Certificate
from parts.net import Address
from parts.popover import Popover

EVERY_CIPHER = "ALL:@SECLEVEL=0"


class Inside(Popover):
    """`popover run -c FILE` with one service. `keys` are further keys of it, as they stand in a file; without a
    `certificate` popover makes its own, below `directory`.
    """

    def __init__(
        self,
        directory: Path,
        authority: Authority,
        port: int,
        certificate: Certificate | None = None,
        *,
        scheme: str = "pop3s",
        **keys: Any,
    ) -> None:
        self.directory = directory
        self.state = directory / "state"
        self.file = directory / "popover.toml"
        self._head = (
            f'server = "{scheme}://localhost:{port}"\nlisten = "127.0.0.1:0"\nca_file = "{authority.ca_file}"\n'
        )
        if certificate is not None:
            keys |= {"tls_cert": certificate.cert_file, "tls_key": certificate.key_file}
        self.write(**keys)
        super().__init__("-c", self.file, env={"STATE_DIRECTORY": str(self.state)})

    def write(self, **keys: Any) -> None:
        """Write the file anew, for a reload."""
        lines = [f"{key} = {_toml(value)}" for key, value in keys.items()]
        self.file.write_text("[[service]]\n" + self._head + "\n".join(lines) + "\n")

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self.addresses[0]

    @property
    def own(self) -> Path:
        """The certificate that popover has made."""
        return self.state / "popover.pem"

    def __enter__(self) -> Self:
        super().__enter__()
        return self


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
    return f'"{value}"'


def s_client(address: Address, *words: str, said: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """`openssl s_client`, which says `said` and then nothing, to its end; what it was told is in stdout."""
    command = ["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", "-ign_eof", *words]
    return subprocess.run(command, input=said, capture_output=True, timeout=60, check=False)


def spoken(ended: subprocess.CompletedProcess[bytes]) -> tuple[str, str]:
    """What s_client says it spoke: version and cipher; `("(NONE)", ...)` for none."""
    lines = ended.stdout.decode("latin-1").splitlines()
    found = next((line for line in lines if line.startswith("New, ")), "New, (NONE), Cipher is (NONE)")
    _, version, cipher = found.split(", ")
    named = next((line.split(":")[1].strip() for line in lines if line.strip().startswith("Protocol  :")), version)
    return named, cipher.removeprefix("Cipher is ")


def trusting(place: Path, alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """A modern client's context that trusts this certificate alone."""
    context = ssl.create_default_context(cafile=place)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class Plainly:
    """A client that says what it is told to say, in plain text and then, perhaps, in TLS."""

    def __init__(self, address: Address) -> None:
        self.sock = socket.create_connection(address, timeout=30)
        self._rest = b""

    def line(self) -> bytes:
        """The next line; what is left of one at the end."""
        while b"\n" not in self._rest:
            if not (more := self.sock.recv(4096)):
                rest, self._rest = self._rest, b""
                return rest
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line + b"\n"

    def lines(self) -> list[bytes]:
        """All lines up to a dot."""
        found = [self.line()]
        while found[-1] not in {b".\r\n", b""}:
            found.append(self.line())
        return found

    def say(self, *words: bytes) -> None:
        """Say lines, in one piece."""
        self.sock.sendall(b"".join(word + b"\r\n" for word in words))

    def ask(self, word: bytes) -> bytes:
        """Say a line and give the first line of the answer."""
        self.say(word)
        return self.line()

    def secure(self, context: ssl.SSLContext, name: str = "localhost", *, strictly: bool = True) -> str:
        """Begin TLS; the version. `strictly`: nothing was said in plain text that is not read yet."""
        assert not (strictly and self._rest), "the server has said more than it was asked"
        self._rest = b""
        wrapped = context.wrap_socket(self.sock, server_hostname=name)
        self.sock = wrapped
        return wrapped.version() or ""

    def rest(self) -> bytes:
        """All that comes until the end; a reset is one."""
        got, self._rest = self._rest, b""
        try:
            while more := self.sock.recv(4096):
                got += more
        except OSError:
            pass
        return got

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with closing(self.sock):
            pass
