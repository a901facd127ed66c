"""How long `popover --version` takes: what a person at a keyboard feels of every command."""

import os
import subprocess
import time
from statistics import median

from bench.field import Field, say
from bench.findings import POPOVER, Findings, Target
from bench.peers import Peer

# Milliseconds.
_LIMIT = 200


def measure(field: Field) -> Findings:
    """Only popover; a variant differs in what it does later."""
    findings = Findings()
    for peer in field.peers:
        if peer.name == POPOVER:
            say("version")
            times = [_milliseconds(peer) for _ in range(field.sizes.versions)]
            findings.targets.append(Target("popover --version", _LIMIT, median(times), "ms"))
    return findings


def _milliseconds(peer: Peer) -> float:
    start = time.perf_counter()
    subprocess.run(
        peer.version_command(),
        env=os.environ | peer.environment(),
        stdout=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    return (time.perf_counter() - start) * 1000
