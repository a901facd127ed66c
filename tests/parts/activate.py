"""systemd's socket activation without systemd: `systemd-socket-activate` listens, and starts on demand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from parts.net import LOOPBACK, free_port, is_listening
from parts.program import Program


@contextmanager
def systemd_socket_activate(
    output: Path, *command: str | Path, fdnames: Sequence[str] = ("",), inetd: bool = False
) -> Iterator[tuple[list[int], Program]]:
    """Listens on a port of loopback for each name; the first client starts the command, which gets them all.

    The command finds them as fd 3 and following by LISTEN_FDS and LISTEN_FDNAMES (sd_listen_fds(3)). With
    `inetd` each client starts the command anew, with its connection as stdin and stdout. Yields the ports in
    the order of the names, and the program, whose output is all the command writes that no client gets.
    """
    ports = [free_port() for _ in fdnames]
    options = [f"--listen={LOOPBACK}:{port}" for port in ports]
    if any(fdnames):
        options.append(f"--fdname={':'.join(fdnames)}")
    if inetd:
        options += ["--inetd", "--accept"]
    with Program("systemd-socket-activate", *options, *command, output=output) as program:
        program.wait_until(lambda: all(map(is_listening, ports)), "systemd-socket-activate listens")
        yield ports, program
