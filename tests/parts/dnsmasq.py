"""A real DNS server, dnsmasq, for a world of the test's own.

with Dnsmasq(world, directory, {"pop.example.test": "127.0.0.2"}, "--mx-host=example.test,mx.example.test,10"):
    ...
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from fakes.world import World
from parts.program import Program


class Dnsmasq(Program):
    """Answers on 127.0.0.1:53 of the world for all below .test: what it is not told does not exist there."""

    def __init__(self, world: World, directory: Path, hosts: Mapping[str, str], *options: str) -> None:
        named = [f"--host-record={name},{address}" for name, address in hosts.items()]
        super().__init__(
            *world.prefix,
            "dnsmasq",
            "--no-daemon",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
            "--listen-address=127.0.0.1",
            "--local=/test/",
            "--log-queries",
            "--log-facility=-",
            *named,
            *options,
            output=directory / "dnsmasq.log",
        )

    def __enter__(self) -> Self:
        self.wait_until(lambda: "started, version" in self.output(), "dnsmasq")
        return self

    def asked(self) -> set[tuple[str, str]]:
        """The kind and the name of each question so far."""
        words = [line.split() for line in self.output().splitlines() if "query[" in line]
        found = [(line[at], line[at + 1]) for line in words for at, word in enumerate(line) if "query[" in word]
        return {(kind.removeprefix("query[").rstrip("]"), name.lower()) for kind, name in found}
