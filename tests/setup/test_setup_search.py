"""Where `popover setup` looks for servers, and whom it believes: with a real DNS server and a real web server."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from fakes.mail import mail
from fakes.scene import Stage
from fakes.server import FakeServer
from fakes.wire import Talker
from fakes.world import World
from parts.certificates import Faults
from parts.dnsmasq import Dnsmasq
from parts.web import Page, Web
from popover.setup.autoconfig import READ_LIMIT

pytest_plugins = ["fakes.fixture"]

PATH = "/mail/config-v1.1.xml"
WELL_KNOWN = f"/.well-known/autoconfig{PATH}"
PLACES = ("autoconfig.example.test", "example.test")
WEB = "127.0.0.2"
HOSTS = dict.fromkeys((*PLACES, "autoconfig.hoster.test", "elsewhere.test"), WEB)

SERVER = """<{tag} type="{kind}"><hostname>{host}</hostname><port>{port}</port><socketType>SSL</socketType>
<username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></{tag}>"""


def document(host: str = "pop.example.test", port: int = 995) -> bytes:
    pop3 = SERVER.format(tag="incomingServer", kind="pop3", host=host, port=port)
    return f"<clientConfig><emailProvider><displayName>x</displayName>{pop3}</emailProvider></clientConfig>".encode()


class Net:
    """A world with a name server and web servers."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.stack = ExitStack()
        self.world = self.stack.enter_context(World(stage.directory / "world"))

    def dns(self, *options: str, hosts: dict[str, str] | None = None) -> Dnsmasq:
        """The name server."""
        named = HOSTS if hosts is None else hosts
        return self.stack.enter_context(Dnsmasq(self.world, self.stage.directory, named, *options))

    def web(self, pages: dict[str, Page], **faults: Any) -> Web:
        """A web server for all names of HOSTS."""
        wrong: Faults = faults  # type: ignore[assignment]
        certificate = self.stage.authority.issue(*HOSTS, **wrong)
        return self.stack.enter_context(Web(self.world.listen(WEB, 443), pages, certificate))

    def setup(self, *words: str, code: int | None = None, env: dict[str, str] | None = None) -> dict[str, Any]:
        """What `popover setup --json` says of somebody at example.test."""
        command = [*self.world.prefix, sys.executable, "-m", "popover", "setup", "alice@example.test", "--json"]
        command += [*self.stage.trust, "-c", str(self.stage.directory / "conf"), *words]
        ended = run(command, capture_output=True, text=True, timeout=100, check=False, env=os.environ | (env or {}))
        assert ended.stdout, ended.stderr
        assert not ended.stderr
        if code is not None:
            assert ended.returncode == code
        told: dict[str, Any] = json.loads(ended.stdout)
        return told


@pytest.fixture
def net(stage: Stage) -> Iterator[Net]:
    made = Net(stage)
    with made.stack:
        yield made


def servers(told: dict[str, Any]) -> list[str]:
    return [one["server"] for one in told["found"]["servers"]] if told["found"] else []


def outcome(told: dict[str, Any], place: str) -> str:
    [found] = [tried["outcome"] for tried in told["tried"] if place in tried["place"]]
    return str(found)


def test_a_domain_tells_its_servers_over_https(net: Net) -> None:
    net.dns("--mx-host=example.test,mx.hoster.test,10")
    web = net.web({f"{PLACES[0]}{PATH}": Page(document())})
    told = net.setup()
    assert servers(told) == ["pop3s://pop.example.test:995"]
    assert told["found"]["source"] == "autoconfig"
    assert told["found"]["servers"][0]["login"] == "alice"
    assert told["found"]["doubtful"] == []
    assert not any("alice" in asked for asked in web.asked)


def test_the_address_never_leaves_the_machine(net: Net) -> None:
    name_server = net.dns("--mx-host=example.test,mx.hoster.test,10")
    web = net.web({})
    net.setup(code=1)
    assert len(web.asked) == 3
    assert not any("alice" in asked for asked in web.asked)
    asked = name_server.asked()
    assert {("MX", "example.test"), ("SRV", "_pop3s._tcp.example.test")} <= asked
    assert not any("alice" in name for _, name in asked)


def test_the_well_known_place_will_do(net: Net) -> None:
    net.dns()
    net.web({f"{PLACES[1]}{WELL_KNOWN}": Page(document())})
    told = net.setup()
    assert servers(told) == ["pop3s://pop.example.test:995"]
    assert WELL_KNOWN in told["found"]["where"]


def test_a_redirect_is_gone_after_where_it_is_https(net: Net) -> None:
    net.dns()
    there = Page(status=301, location="https://elsewhere.test/x.xml")
    net.web({f"{PLACES[0]}{PATH}": there, "elsewhere.test/x.xml": Page(document())})
    assert servers(net.setup()) == ["pop3s://pop.example.test:995"]


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://autoconfig.example.test/mail/config-v1.1.xml", "not https"),
        ("https://elsewhere.test:8443/x", "not https"),
        ("//elsewhere.test/x", "not https"),
        ("file:///etc/passwd", "not https"),
        ("https://user@elsewhere.test/x", "not https"),
        (PATH, "one place to the next"),
    ],
)
def test_a_redirect_to_anything_else_is_not(net: Net, location: str, why: str) -> None:
    net.dns()
    plain = Web(net.world.listen(WEB, 80), {f"{PLACES[0]}{PATH}": Page(document("pop.evil.test"))})
    net.stack.enter_context(plain)
    net.web({f"{PLACES[0]}{PATH}": Page(status=302, location=location)})
    told = net.setup(code=1)
    assert told["found"] is None
    assert why in outcome(told, PLACES[0])
    assert plain.asked == []


def test_what_comes_without_tls_is_not_even_asked_for(net: Net) -> None:
    net.dns()
    plain = Web(net.world.listen(WEB, 80), {f"{PLACES[0]}{PATH}": Page(document("pop.evil.test"))})
    net.stack.enter_context(plain)
    told = net.setup(code=1)
    assert told["found"] is None
    assert plain.asked == []


@pytest.mark.parametrize("fault", ["expired", "self_signed", "unknown_ca"])
def test_a_web_server_that_does_not_prove_who_it_is_is_not_believed(net: Net, fault: str) -> None:
    net.dns()
    web = net.web({f"{PLACES[0]}{PATH}": Page(document())}, **{fault: True})
    told = net.setup(code=1)
    assert told["found"] is None
    assert "certificate" in outcome(told, PLACES[0])
    assert web.asked == []


BOMB = b'<!DOCTYPE x [<!ENTITY a "' + b"ha" * 1000 + b'"><!ENTITY b "' + b"&a;" * 1000 + b'">]>' + document("&b;")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (BOMB, "document type"),
        (b" " * 5_000_000, f"more than {READ_LIMIT:,} octets"),
        (b"<html>Welcome to nginx!</html>", "is no description"),
        (document().replace(b"SSL", b"plain"), "names no server with TLS"),
        (b"", "is no XML"),
    ],
)
def test_a_document_that_is_none_is_told(net: Net, body: bytes, why: str) -> None:
    net.dns()
    net.web({f"{PLACES[0]}{PATH}": Page(body), f"{PLACES[1]}{WELL_KNOWN}": Page(document())})
    told = net.setup()
    assert why in outcome(told, PLACES[0])
    assert servers(told) == ["pop3s://pop.example.test:995"]


def test_a_server_that_never_ends_is_given_up(net: Net) -> None:
    """Neither one that says nothing, nor one that drips, nor one that pours without end, holds it up for good."""
    net.dns()
    left = threading.Event()

    def pours(wire: Talker) -> None:
        if PLACES[0].encode() in wire.line() + wire.line():
            wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
            while not left.wait(0.2):
                wire.send(b" ")
        else:
            wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                wire.send(b" " * 100_000)

    context = net.stage.context(net.stage.authority.issue(*HOSTS))
    net.stack.enter_context(FakeServer(pours, context, listener=net.world.listen(WEB, 443)))
    net.stack.callback(left.set)
    told = net.setup(code=1)
    assert "not answered within 10 seconds" in outcome(told, f"https://{PLACES[0]}")
    assert "more than" in outcome(told, f"https://{PLACES[1]}")


SRV = (
    "--srv-host=_pop3s._tcp.example.test,pop.example.test,995",
    "--srv-host=_submissions._tcp.example.test,smtp.example.test,465",
)


def test_srv_records_name_the_servers(net: Net) -> None:
    net.dns(*SRV, "--srv-host=_imaps._tcp.example.test")
    told = net.setup()
    assert told["found"]["source"] == "srv"
    assert servers(told) == ["pop3s://pop.example.test:995", "smtps://smtp.example.test:465"]
    assert told["found"]["doubtful"] == []


def test_srv_records_come_before_the_mx(net: Net) -> None:
    net.dns(*SRV, "--mx-host=example.test,aspmx.l.google.com,10")
    assert net.setup()["found"]["source"] == "srv"


def test_a_forged_srv_does_not_pick_the_server(net: Net) -> None:
    net.dns("--srv-host=_pop3s._tcp.example.test,pop.evil.test,995")
    told = net.setup("--yes", code=1)
    assert told["found"]["doubtful"] == ["pop.evil.test"]
    assert not told["ok"]
    assert "check" not in told
    assert not (net.stage.directory / "conf").exists()


@pytest.mark.parametrize("yes", [(), ("--yes",)])
def test_a_forged_mx_does_not_pick_the_server(net: Net, yes: tuple[str, ...]) -> None:
    """Neither one that leads to another provider of the table, nor one whose domain names its own servers."""
    net.dns("--mx-host=example.test,aspmx.l.google.com,10")
    told = net.setup(*yes, code=1)
    assert told["found"]["source"] == "mx"
    assert told["found"]["doubtful"] == ["pop.gmail.com", "imap.gmail.com", "smtp.gmail.com"]
    assert "check" not in told


def test_the_domain_of_an_mx_may_tell_the_servers_but_somebody_must_say_yes(net: Net) -> None:
    net.dns("--mx-host=example.test,mx.hoster.test,10", hosts=HOSTS | {"pop.hoster.test": "127.0.0.3"})
    net.web({f"autoconfig.hoster.test{PATH}": Page(document("pop.hoster.test"))})
    certificate = net.stage.authority.issue("pop.hoster.test")
    listener = net.world.listen("127.0.0.3", 995)
    net.stack.enter_context(FakeServer(mail("pop3"), net.stage.context(certificate), listener=listener))
    told = net.setup("--yes", code=1)
    assert told["found"]["doubtful"] == ["pop.hoster.test"]
    assert "mx.hoster.test" in told["found"]["where"]
    told = net.setup("--yes", "--accept", "pop.hoster.test", code=0)
    assert told["written"]
    assert "pop3s://pop.hoster.test:995" in Path(told["file"]).read_text()


def test_what_the_domain_says_over_https_comes_before_its_dns(net: Net) -> None:
    net.dns("--srv-host=_pop3s._tcp.example.test,pop.evil.test,995", "--mx-host=example.test,aspmx.l.google.com,10")
    net.web({f"{PLACES[1]}{WELL_KNOWN}": Page(document())})
    told = net.setup()
    assert told["found"]["source"] == "autoconfig"


def test_without_any_network_it_says_so(net: Net) -> None:
    """No name server, no route; and one of the table's providers is found all the same."""
    told = net.setup(code=1)
    assert told["found"] is None
    assert "does not answer" in outcome(told, "SRV")
    assert "does not answer" in outcome(told, "MX")


def test_without_dnspython_the_rest_works_and_it_is_told(net: Net, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['dns'] = None\n")
    env = {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    net.dns(*SRV)
    told = net.setup(env=env, code=1)
    assert "popover[setup]" in outcome(told, "DNS")
    net.web({f"{PLACES[0]}{PATH}": Page(document())})
    assert servers(net.setup(env=env)) == ["pop3s://pop.example.test:995"]
