"""The metrics: OpenMetrics by a strict reading of its standard, and the older form by Prometheus's own judge."""

import math
import re
import subprocess
from dataclasses import replace
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from popover.log import escape
from popover.process.status import metrics
from popover.process.status.figures import DAY, Figures, Mails, Picture

NOW = 1_800_000_000.0
BUSY = Figures(
    "a", "pop3s://a:995", ("127.0.0.1:1110",), 3, 4, {"no tls": 2, "no address": 1}, 5, 6, 7, 8,
    NOW - 1, NOW - 2.5, NOW - 3, None, None, "TLSv1.3", NOW + DAY, saved=9.25,
)  # fmt: skip
NEW = Figures("b", "imaps://b:993")


def picture(*services: Figures) -> Picture:
    return Picture("1.2.3", NOW, NOW - DAY, ready=True, sessions=3, ceiling=9968, services=services)


def openmetrics(shown: Picture) -> str:
    return "\n".join([*metrics.openmetrics(shown), ""])


def classic(shown: Picture) -> str:
    return "\n".join([*metrics.classic(shown), ""])


class Sample(NamedTuple):
    family: str
    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = rf'{_NAME}="(?:[^"\\\n]|\\[\\"n])*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)?\}})? (\S+)")
_SUFFIXES = {"gauge": ("",), "counter": ("_total", "_created"), "info": ("_info",)}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def read(text: str) -> list[Sample]:
    """OpenMetrics 1.0, sections "ABNF" and "Overall Structure", as far as it is needed here; all else is an error."""
    assert text.endswith("# EOF\n")
    *lines, _, last = text.split("\n")
    assert last == ""
    found: list[Sample] = []
    described: dict[str, dict[str, str]] = {}
    current = ""
    for line in lines:
        if line.startswith("# "):
            _, word, name, meaning = line.split(" ", 3)
            assert re.fullmatch(_NAME, name)
            assert word in ("TYPE", "UNIT", "HELP")
            if name != current:  # a family's lines stand together, and come once
                assert name not in described
                current, described[name] = name, {}
            assert word not in described[name]
            assert not any(sample.family == name for sample in found)
            described[name][word] = meaning
            continue
        match = _SAMPLE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        kind = described[current]["TYPE"]
        assert name in {current + suffix for suffix in _SUFFIXES[kind]}
        assert _NUMBER.fullmatch(value)
        pairs = re.findall(rf'({_NAME})="((?:[^"\\]|\\.)*)"', labels or "")
        assert len({label for label, _ in pairs}) == len(pairs)
        unquoted = tuple(
            (label, re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), words)) for label, words in pairs
        )
        sample = Sample(current, name, unquoted, float(value))
        assert all(one[:3] != sample[:3] for one in found)
        if kind == "counter":
            assert sample.value >= 0
        if kind == "info":
            assert sample.value == 1
        found.append(sample)
    for name, words in described.items():
        assert words.keys() >= {"TYPE", "HELP"}
        assert not any(name.endswith(suffix) for suffix in ("_total", "_created", "_info", "_bucket", "_count", "_sum"))
        if "UNIT" in words:
            assert name.endswith("_" + words["UNIT"])
    return found


def test_openmetrics_are_as_the_standard_has_them() -> None:
    found = {(one.name, one.labels): one.value for one in read(openmetrics(picture(BUSY, NEW)))}
    a, b = (("service", "a"),), (("service", "b"),)
    assert found["popover_build_info", (("version", "1.2.3"),)] == 1
    assert found["popover_start_time_seconds", ()] == NOW - DAY
    assert found["popover_ready", ()] == 1
    assert found["popover_sessions_limit", ()] == 9968
    assert [found["popover_sessions", one] for one in (a, b)] == [3, 0]
    assert found["popover_ended_sessions_total", a] == 4
    assert found["popover_failed_sessions_total", (*a, ("end", "no tls"))] == 2
    assert found["popover_refused_clients_total", a] == 5
    assert found["popover_warm_sessions_total", a] == 6
    assert [found["popover_saved_seconds_total", one] for one in (a, b)] == [9.25, 0]
    assert found["popover_from_clients_bytes_total", a] == 7
    assert found["popover_to_clients_bytes_total", a] == 8
    assert found["popover_session_timestamp_seconds", a] == NOW - 1
    assert found["popover_server_reached_timestamp_seconds", a] == NOW - 2.5
    assert found["popover_server_reachable", a] == 1
    assert found["popover_certificate_end_timestamp_seconds", a] == NOW + DAY


def test_what_is_not_known_is_not_told() -> None:
    told = [one.name for one in read(openmetrics(picture(NEW))) if ("service", "b") in one.labels]
    assert not [name for name in told if "reach" in name or "timestamp" in name or "failed" in name]
    lost = {one.name: one.value for one in read(openmetrics(picture(replace(NEW, unreached=NOW))))}
    assert lost["popover_server_reachable"] == 0


@given(
    st.lists(st.text(max_size=30), min_size=1, max_size=3, unique_by=escape),
    st.text(max_size=30),
    st.integers(0, 2**62),
)
@example(['"} 1\n# EOF\n', "\\"], "\r\n\ud800\u202e", 1)
def test_names_can_not_break_out_of_their_quotes(names: list[str], end: str, number: int) -> None:
    services = [replace(BUSY, name=name, failed={end: number}, octets_in=number) for name in names]
    found = read(openmetrics(picture(*services)))
    sessions = [dict(one.labels)["service"] for one in found if one.name == "popover_sessions"]
    assert sessions == [escape(name) for name in names]
    assert len(found) == len(
        read(openmetrics(picture(*[replace(BUSY, name=str(n), failed={"x": 1}) for n in range(len(names))])))
    )
    assert len(classic(picture(*services)).splitlines()) == len(openmetrics(picture(*services)).splitlines()) - 1 - len(
        re.findall("(?m)^# UNIT", openmetrics(picture(*services)))
    )


@given(st.floats(0, 1e12))
def test_moments_are_numbers_that_can_be_read_back(at: float) -> None:
    found = {one.name: one.value for one in read(openmetrics(picture(replace(NEW, reached=at))))}
    assert math.isclose(found["popover_server_reached_timestamp_seconds"], at)


def test_promtool_finds_nothing_wrong() -> None:
    """What Prometheus's own judge says to the older form, in which it reads."""
    text = classic(picture(BUSY, NEW, replace(BUSY, name='a "quoted" \\ name')))
    judged = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, "", "")


def test_mails_of_devices_are_counted_where_some_are_kept() -> None:
    assert "_mails" not in openmetrics(picture(BUSY))
    told = openmetrics(replace(picture(BUSY), mails=Mails(3, 2)))
    assert "\npopover_waiting_mails 3\n" in told
    assert "\npopover_failed_mails 2\n" in told
