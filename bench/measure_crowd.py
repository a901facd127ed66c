"""Thousands of idle sessions in one popover: all stay alive, and a new one is served as fast as the first."""

import resource
import time
from statistics import median

from bench.clients import Clients
from bench.field import Field, say
from bench.findings import POPOVER, Findings, Target
from bench.peers import Peer

# Sessions whose greeting is timed, before the crowd and in it.
_TIMED = 40
# A session takes two descriptors; what else a process needs stays below this.
_OTHER_DESCRIPTORS = 500
# "As fast as the first": medians of so few differ by that much from one moment to the next.
_AS_FAST = 1.5


def measure(field: Field) -> Findings:
    """Only popover and its variants: the others' limits are a matter of their configuration."""
    findings = Findings()
    for peer in field.peers:
        if peer.name.startswith(POPOVER):
            _crowd(field, peer, findings)
    return findings


def _crowd(field: Field, peer: Peer, findings: Findings) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(field.sizes.crowd, (limit - _OTHER_DESCRIPTORS) // 2)
    say(f"crowd: {count:,} sessions in one process of {peer.name}")
    with field.start(peer, count + 100) as running:
        before = _greeting_ms(field, running.port)
        start = time.perf_counter()
        try:
            field.clients.do(Clients.hold, running.port, count)
            seconds = time.perf_counter() - start
            within = _greeting_ms(field, running.port)
            memory = running.memory()
            alive = field.clients.do(Clients.alive)
        finally:
            field.clients.do(Clients.release)
    findings.remarks.append(
        f"{count:,} idle sessions in one process of {peer.name}: {alive:,} answered a NOOP afterwards; opened in "
        f"{seconds:.1f} s; {memory.pss / 1024:,.0f} MiB; a greeting took {before:.1f} ms before and {within:.1f} ms "
        f"among them (medians of {_TIMED})."
    )
    if peer.name == POPOVER:
        findings.targets += [
            Target(f"Alive of {count:,} idle sessions", count, alive, at_least=True),
            Target("Greeting among them, beside the first", _AS_FAST, within / before, "x"),
        ]


def _greeting_ms(field: Field, port: int) -> float:
    return median(field.clients.do(Clients.greetings, port, _TIMED)) * 1000
