"""A server that moves to another address is found there: names are resolved anew."""

from contextlib import ExitStack
from pathlib import Path

from fakes.mail import pop3
from fakes.server import FakeServer
from fakes.tls import server_context
from fakes.world import World
from parts.certificates import Authority
from parts.popover import COMMAND
from parts.routed import Routed

HOST = "mail.moves.test"


def test_a_server_behind_a_table_is_found_at_its_new_address(tmp_path: Path, authority: Authority) -> None:
    context = server_context(authority.issue(HOST))
    with ExitStack() as stack:
        world = stack.enter_context(World(tmp_path / "world", hosts=f"127.0.0.1 {HOST}"))
        here = world.listen("127.0.0.1")
        port = here.getsockname()[1]
        old = stack.enter_context(FakeServer(pop3, context, listener=here))

        class There(Routed):
            program = (*world.prefix, *COMMAND)

        table = f'name = "users"\nkind = "static"\nroutes = {{ "*" = "pop3s://{HOST}:{port}" }}'
        keys = {"ca_file": str(authority.ca_file), "warm": 0, "listen": "127.0.0.1:1110"}
        stack.enter_context(There(tmp_path, table, "pop3", **keys))

        def logs_in() -> bytes:
            with world.connect(("127.0.0.1", 1110)) as wire:
                wire.line()
                wire.ask(b"USER alice")
                return wire.ask(b"PASS wonderland")

        assert logs_in() == b"+OK\r\n"
        old.shut()
        new = stack.enter_context(FakeServer(pop3, context, listener=world.listen("127.0.0.2", port)))
        hosts = tmp_path / "world" / "hosts"
        hosts.write_text(hosts.read_text().replace(f"127.0.0.1 {HOST}", f"127.0.0.2 {HOST}"))
        assert b"+OK\r\n" in [logs_in(), logs_in()]
        assert new.accepted
