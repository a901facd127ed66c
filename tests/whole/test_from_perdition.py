"""What there is for whom: pages for those who come from Perdition and nginx, and the examples for many."""

import re
import shutil
from pathlib import Path

import pytest

from parts.building import ROOT
from popover.config import load
from popover.config.routes import SQL

# Perdition 2.2, options.c: the names of its 69 options.
OPTIONS = """
add_domain explicit_domain strip_domain lower_case domain_delimiter username_from_database client_server_specification
query_key map_library map_library_opt outgoing_server outgoing_port authenticate_in authenticate_timeout
login_disabled ok_line server_resp_line server_ok_line bind_address no_bind_banner listen_port connection_limit
inetd_mode protocol no_lookup tcp_keepalive timeout pop_capability imap_capability managesieve_capability capability
username group no_daemon pid_file config_file help log_facility debug quiet connection_logging connect_relog
log_passwd ssl_mode ssl_ca_file ssl_ca_path ssl_ca_chain_file ssl_ca_accept_self_signed ssl_cert_file ssl_key_file
ssl_passphrase_fd ssl_passphrase_file ssl_dh_params_file ssl_cert_accept_self_signed ssl_cert_accept_expired
ssl_cert_accept_not_yet_valid ssl_cert_verify_depth ssl_no_cert_verify ssl_no_client_cert_verify ssl_no_cn_verify
ssl_listen_ciphers ssl_outgoing_ciphers ssl_listen_min_proto_version ssl_listen_max_proto_version
ssl_outgoing_min_proto_version ssl_outgoing_max_proto_version ssl_listen_compression ssl_outgoing_compression
ssl_no_cipher_server_preference
""".split()  # noqa: SIM905 - a list of 69 strings would be a page


def test_each_of_perditions_options_has_its_line() -> None:
    assert len(OPTIONS) == 69
    page = (ROOT / "docs" / "from-perdition.md").read_text()
    assert re.findall(r"(?m)^\| `(\w+)` \|", page) == OPTIONS


@pytest.mark.parametrize("page", ["from-perdition.md", "from-nginx-mail.md", "routing.md"])
def test_what_the_pages_show_can_be_loaded(tmp_path: Path, page: str) -> None:
    [text] = re.findall(r"(?s)```toml\n(.*?)```", (ROOT / "docs" / page).read_text())
    for name, head in (("cert.pem", "CERTIFICATE"), ("key.pem", "PRIVATE KEY")):
        (tmp_path / name).write_text(f"-----BEGIN {head}-----")
    file = tmp_path / "popover.toml"
    file.write_text(text)
    config = load(file)
    assert config.services[0].desk.table == config.tables[0].name == "users"


def test_the_provider_s_example_is_well_formed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "provider.toml", tmp_path)
    (tmp_path / "db-password").write_text("secret\n")
    (tmp_path / "mail.example.com.pem").write_text("-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----")
    (tmp_path / "internal-ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    config = load(tmp_path / "provider.toml")
    assert [service.dialect for service in config.services] == ["pop3", "imap", "smtp"]
    assert isinstance(config.tables[0].source, SQL)
