"""Dovecot 2.4 takes tokens, too, and says no in other words than 2.3."""

import json
import os
from pathlib import Path

import pytest

from fakes.wire import Wire
from oauth2_stage import Stage
from parts.certificates import Authority
from parts.dovecot_config import Introspection
from parts.dovecot_new import NewDovecot
from parts.places import short_directory
from parts.popover import Popover
from parts.provider import Provider


@pytest.mark.parametrize("is_refused", [False, True])
def test_an_old_client_logs_in_at_dovecot_2_4(
    provider: Provider, authority: Authority, tmp_path: Path, *, is_refused: bool
) -> None:
    tokens = Introspection(provider.introspection_url, provider.ca_file)
    stage = Stage.of(provider, tmp_path)
    stage.signed_in()
    if is_refused:  # it gets another at the same connection
        path = stage.directory / f"{stage.user}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"access_token": "revoked"}))
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_text("simsalabim")
    with short_directory("dovecot") as directory, NewDovecot(directory, authority, tokens=tokens) as dovecot:
        dovecot.wipe(stage.user)
        dovecot.deliver(stage.user, b"Subject: hello\r\n\r\nworld\r\n")
        (tmp_path / "popover.toml").write_text(
            f"""
            [[service]]
            accounts = true
            dialect = "pop3"
            listen = "127.0.0.1:0"
            [[account]]
            name = "{stage.user}"
            password_file = "password"
            server = "pop3s://localhost:{dovecot.port}"
            login = "{stage.user}"
            ca_file = "{provider.ca_file}"
            [account.oauth2]
            client_id = "popover-device"
            token_url = "{provider.token_url}"
            device_url = "{provider.device_url}"
            scopes = ["mail"]
            ca_file = "{provider.ca_file}"
            """
        )
        env = {"STATE_DIRECTORY": str(stage.directory.parent)}
        with (
            Popover("-c", tmp_path / "popover.toml", env=os.environ | env) as popover,
            Wire.to(popover.addresses[0], "127.0.0.1") as client,
        ):
            client.line()
            client.ask(b"USER " + stage.user.encode())
            assert client.ask(b"PASS simsalabim").startswith(b"+OK")
            assert client.ask(b"STAT").startswith(b"+OK 1 ")
    assert stage.refusals() == []
