"""The examples for many: HAProxy before two gateways, and gateways in a Kubernetes cluster."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from parts.building import ROOT
from parts.net import free_port
from parts.popover import Popover

HAPROXY = ROOT / "examples" / "haproxy"
MANIFEST = ROOT / "examples" / "kubernetes" / "popover.yaml"


def said(*words: str | Path) -> str:
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def checked(file: Path) -> None:
    """popover itself finds nothing wrong with it."""
    assert "well-formed" in said(sys.executable, "-m", "popover", "run", "-c", file, "--check")


# -- HAProxy


def test_haproxy_takes_its_file_and_warns_of_nothing() -> None:
    assert "[WARNING]" not in said("haproxy", "-c", "-f", HAPROXY / "haproxy.cfg")


def test_haproxy_says_for_whom_it_comes_and_asks_whether_it_may() -> None:
    text = (HAPROXY / "haproxy.cfg").read_text()
    assert re.search(r'default-server send-proxy-v2 check agent-check agent-port 8110 agent-send "agent\\n"', text)
    sections = re.findall(r"(?ms)^listen (\w+)$(.*?)(?=^listen|\Z)", text)
    for _, lines in sections:
        assert "track-sc0 src table clients" in lines
        assert re.findall(r"server \w+ (\S+):(\d+) agent-addr (\S+)", lines)
        assert len(re.findall(r"(?m)^    server ", lines)) == 2
    assert [name for name, _ in sections] == ["pop3", "imap", "smtp"]


def test_gateways_listen_where_haproxy_looks_for_them() -> None:
    checked(HAPROXY / "popover.toml")
    balancer, gateway = (HAPROXY / "haproxy.cfg").read_text(), (HAPROXY / "popover.toml").read_text()
    for address in re.findall(r"server one (\S+) ", balancer):
        assert f'listen = "{address}"' in gateway
    assert gateway.count('proxy_from = ["192.168.1.3"]') == gateway.count("[[service]]") == 3
    assert 'listen = "192.168.1.4:8110"' in gateway


# -- Kubernetes


def manifest() -> dict[str, Any]:
    """What is in the manifest, by its kind."""
    return {each["kind"]: each for each in yaml.safe_load_all(MANIFEST.read_text())}


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = manifest()["Deployment"]["spec"]["template"]["spec"]
    return spec


def test_kubernetes_takes_the_manifest() -> None:
    said(sys.executable, "-m", "kubernetes_validate", "--strict", MANIFEST)


def test_pod_is_ready_only_while_clients_are_taken_and_lives_while_they_finish(tmp_path: Path) -> None:
    config = manifest()["ConfigMap"]["data"]["popover.toml"]
    (tmp_path / "popover.toml").write_text(config)
    checked(tmp_path / "popover.toml")
    spec, [container] = pod(), pod()["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert (container["readinessProbe"]["httpGet"], container["livenessProbe"]["httpGet"]) == (
        {"path": "/ready", "port": "status"},
        {"path": "/live", "port": "status"},
    )
    assert f'listen = "0.0.0.0:{ports["status"]}"' in config
    assert f'listen = "0.0.0.0:{ports["pop3"]}"' in config
    [drain] = re.findall(r"drain_timeout = (\d+)", config)
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] >= int(drain) + before + 10
    assert manifest()["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_pod_may_do_nothing_but_serve() -> None:
    spec, [container] = pod(), pod()["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    image = (ROOT / "packaging" / "image").read_text()
    assert f"--user {spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}" in image
    # What the image writes to, and where it looks for its file, is what is mounted.
    assert {each["mountPath"] for each in container["volumeMounts"]} == {"/etc/popover", "/var/lib/popover"}
    assert "STATE_DIRECTORY=/var/lib/popover" in image
    assert "/etc/popover/popover.toml" in image
    # Who connects is seen by its own address, and no password comes from outside the house.
    service = manifest()["Service"]["spec"]
    assert service["externalTrafficPolicy"] == "Local"
    assert service["loadBalancerSourceRanges"]


@pytest.mark.parametrize("page", ["haproxy", "kubernetes"])
def test_examples_are_told_of(page: str) -> None:
    assert f"(../examples/{page}" in (ROOT / "docs" / "operations.md").read_text()


# -- a container


def test_compose_asks_the_page_that_its_first_lines_have_switched_on(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "compose.yaml").read_text()
    container = yaml.safe_load(text)["services"]["popover"]
    assert container["ports"] == ["192.168.1.2:110:1110"]
    told = re.sub(r"(?m)^#   ", "", text)
    assert '\n[status]\nlisten = "127.0.0.1:8110"\n' in told
    assert 'listen = "0.0.0.0:1110"' in told
    kind, program, *words, code = container["healthcheck"]["test"]
    assert (kind, program, words) == ("CMD", "python3", ["-c"])
    port = free_port()
    code = re.sub(r"\b8110\b", str(port), code)
    settings = (
        f'[status]\nlisten = "127.0.0.1:{port}"\n[[service]]\nserver = "pop3s://localhost:9"\nlisten = "127.0.0.1:0"\n'
    )
    (tmp_path / "popover.toml").write_text(settings)
    with Popover("-c", tmp_path / "popover.toml", listeners=1):
        assert subprocess.run((sys.executable, "-c", code), check=False).returncode == 0
    ended = subprocess.run((sys.executable, "-c", code), stderr=subprocess.DEVNULL, check=False)
    assert ended.returncode == 1


# -- a scanner


def test_the_scanners_example_is_what_its_page_shows(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "scanner.toml").read_text()
    (tmp_path / "scans.secret").write_text("secret")
    (tmp_path / "scanner.toml").write_text(text)
    checked(tmp_path / "scanner.toml")
    shown = re.sub(r"(?m)^    ", "", (ROOT / "docs" / "devices.md").read_text())
    for line in text.splitlines():
        if not line.startswith("#"):
            assert line.partition("  #")[0].rstrip() in shown
