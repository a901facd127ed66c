"""`popover check` on the way to the server: names, addresses, ports; in a network of the test's own."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fakes.capable import capable
from fakes.dns import FakeDNS
from fakes.evil import Behind
from fakes.scene import Stage
from fakes.tls import server_context
from fakes.wire import Talker
from fakes.world import World
from parts.check import Checked
from parts.net import free_port

pytest_plugins = ["fakes.fixture"]

NAME = "mail.fake.test"
HERE, HERE_SIX = "192.0.2.1", "2001:db8::1"
NOBODY = "192.0.2.99"


@pytest.fixture
def world(stage: Stage) -> Iterator[World]:
    with ExitStack() as stack:
        world = stack.enter_context(World(stage.directory / "world"))
        world.blackhole(f"{HERE}/24")
        yield world


def good_server(stage: Stage, world: World, host: str = HERE) -> int:
    return stage.server(capable, stage.authority.issue(NAME), listener=world.listen(host)).port


def checked(stage: Stage, world: World, port: int, **keys: object) -> Checked:
    service = {"listen": "127.0.0.1:0", "server": f"pop3s://{NAME}:{port}", "ca_file": str(stage.authority.ca_file)}
    return Checked("-c", stage.config(service | keys), prefix=world.prefix)


def test_name_that_does_not_exist(stage: Stage, world: World) -> None:
    with FakeDNS(world, {}):
        checked(stage, world, 995).failed("name", f"no server with the name {NAME}", remedy="DNS")


def test_name_server_that_keeps_silent(stage: Stage, world: World) -> None:
    with FakeDNS(world, {NAME: "silence"}):
        check = checked(stage, world, 995, connect_timeout=0.5)
        check.failed("name", "looked up", "0.5 seconds", remedy="resolv.conf")


def test_closed_port(stage: Stage, world: World) -> None:
    port = free_port()
    with FakeDNS(world, {NAME: [HERE]}):
        check = checked(stage, world, port)
        check.failed("connect", "refuses", str(port), remedy=HERE)
        assert check.fact("outcome") == "refused"


def test_filtered_port(stage: Stage, world: World) -> None:
    with FakeDNS(world, {NAME: [NOBODY]}):
        check = checked(stage, world, 995, connect_timeout=0.5)
        check.failed("connect", "does not answer", "995", remedy="firewall")
        assert check.fact("outcome") == "filtered"


def test_unreachable_network(stage: Stage, world: World) -> None:
    with FakeDNS(world, {NAME: ["198.51.100.1"]}):
        check = checked(stage, world, 995)
        check.failed("connect", "not be reached", remedy="network")
        assert check.fact("outcome") == "unreachable"


def test_ipv6_only_name_without_ipv6(stage: Stage, world: World) -> None:
    with FakeDNS(world, {NAME: ["2001:db8:1::1"]}):
        check = checked(stage, world, 995)
        check.failed("connect", "has only IPv6 addresses", "no IPv6 connection", remedy="IPv4")


def test_each_address_is_tried_by_itself(stage: Stage, world: World) -> None:
    with FakeDNS(world, {NAME: [NOBODY, HERE]}):
        check = checked(stage, world, good_server(stage, world), connect_timeout=1)
        assert check.code == 0
        outcomes = {f["facts"]["address"]: f["facts"]["outcome"] for f in check.findings if f["step"] == "connect"}
        assert outcomes == {NOBODY: "filtered", HERE: "connected"}
        [warning] = [finding for finding in check.findings if finding["status"] == "warn"]
        assert NOBODY in warning["text"]


def plain_text(stage: Stage, world: World) -> str:
    """What a check says of port 110."""
    with FakeDNS(world, {NAME: [HERE]}):
        check = checked(stage, world, good_server(stage, world))
        assert check.code == 0
        [text] = [text for text in check.texts("dialect") if text.startswith("port 110")]
        outcome = next(found["facts"]["outcome"] for found in check.findings if "plain_port" in found["facts"])
        return f"{check.fact('plain_port')} {outcome}: {text}"


def test_no_plain_port_is_why_popover_is_there(stage: Stage, world: World) -> None:
    assert plain_text(stage, world).startswith("110 closed: ")


@pytest.mark.parametrize(("address", "said"), [(HERE, "is closed, too"), (NOBODY, "does not answer, either")])
def test_plain_port_of_a_server_that_can_not_be_reached_at_all(
    stage: Stage, world: World, address: str, said: str
) -> None:
    with FakeDNS(world, {NAME: [address]}):
        check = checked(stage, world, 995, connect_timeout=0.5)
        assert check.texts("dialect") == [f"port 110 (without TLS) {said}"]


def test_starttls_port_that_can_not_be_reached_is_told_once(stage: Stage, world: World) -> None:
    with FakeDNS(world, {NAME: [HERE]}):
        check = checked(stage, world, 110, server=f"pop3+starttls://{NAME}")
        check.failed("connect", "refuses", "110", remedy=HERE)
        assert check.texts("dialect") == []


def plain_server(stage: Stage, world: World, *capabilities: bytes) -> None:
    """A server on port 110 that can do this."""

    def lists(wire: Talker) -> None:
        wire.send(b"+OK\r\n")
        wire.line()
        wire.send(b"\r\n".join([b"+OK", *capabilities, b".", b""]))

    stage.server(lists, plain=True, listener=world.listen(HERE, 110))


def test_plain_port_that_takes_no_login_without_tls(stage: Stage, world: World) -> None:
    plain_server(stage, world, b"STLS", b"TOP")
    text = plain_text(stage, world)
    assert text.startswith("110 no plain login: ")
    assert "offers STLS" in text


def test_plain_port_with_logins_in_plain_text(stage: Stage, world: World) -> None:
    plain_server(stage, world, b"USER")
    text = plain_text(stage, world)
    assert text.startswith("110 plain login: ")
    assert "does not offer STLS" in text


def test_tls_server_on_the_plain_port(stage: Stage, world: World) -> None:
    stage.server(capable, listener=world.listen(HERE, 110))
    assert plain_text(stage, world).startswith("110 tls: ")


def test_port_of_ours_that_something_else_has(stage: Stage, world: World) -> None:
    with FakeDNS(world, {NAME: [HERE]}), world.listen("127.0.0.1") as taken:
        port = taken.getsockname()[1]
        check = checked(stage, world, good_server(stage, world), listen=f"127.0.0.1:{port}")
        check.failed("here", f"cannot listen on 127.0.0.1:{port}", remedy="choose another port")


def test_address_that_is_not_of_this_machine(stage: Stage, world: World) -> None:
    with FakeDNS(world, {NAME: [HERE]}):
        check = checked(stage, world, good_server(stage, world), listen="203.0.113.9:1110")
        check.failed("here", "cannot listen", remedy="not an address of this machine")


def test_a_server_that_is_this_gateway_itself_is_found_out(stage: Stage, world: World) -> None:
    with FakeDNS(world, {NAME: [HERE]}):
        port = good_server(stage, world)
        check = checked(stage, world, port, listen=f"{HERE}:{port}")
        check.failed("connect", "leads back to this gateway itself", remedy="provider")


def test_server_with_starttls_only_is_named_with_the_url_that_works(stage: Stage, world: World) -> None:
    """Nothing at 465, STARTTLS at 587, as with Microsoft and Apple: `check` names what to write, and that works."""
    certificate = stage.authority.issue(NAME)
    stage.server(Behind("smtp", server_context(certificate)), plain=True, listener=world.listen(HERE, 587))
    with FakeDNS(world, {NAME: [HERE]}):
        keys = {"ca_file": str(stage.authority.ca_file), "listen": "127.0.0.1:0"}
        check = Checked("-c", stage.config({"server": f"smtps://{NAME}"} | keys), prefix=world.prefix)
        check.failed("connect", "refuses", "465", remedy=f"STARTTLS only, write smtp+starttls://{NAME}:587")
        [found] = [finding for finding in check.findings if "plain_port" in finding["facts"]]
        assert found["remedy"] == f"this server has no other TLS than that: write smtp+starttls://{NAME}:587"
        works = Checked("-c", stage.config({"server": f"smtp+starttls://{NAME}"} | keys), prefix=world.prefix)
        assert works.code == 0, works.document
