"""Dovecot's configuration, in the dialects of 2.3 (Debian 12, Ubuntu 24.04) and of 2.4 (Debian 13).

2.4 refuses a 2.3 file: it wants to know for which version a file was written, and renamed a good part of
the settings (doc.dovecot.org, "Upgrading Dovecot CE from 2.3 to 2.4").
"""

import grp
import os
import pwd
import re
import resource
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from parts.certificates import Certificate
from parts.places import is_root


@dataclass(frozen=True)
class Settings:
    """What one private Dovecot differs in from another."""

    directory: Path
    ports: Mapping[str, int]  # of pop3, pop3s, imap, imaps and lmtp
    certificate: Certificate
    local_names: Mapping[str, Certificate] = field(default_factory=dict)  # chosen by SNI
    program: Sequence[str | Path] = ("dovecot",)  # the command that runs it
    haproxy: bool = False  # a PROXY header is waited for before TLS, and before IMAP in plain text
    tokens: "Introspection | None" = None  # it takes OAuth2 tokens only, and no password


@dataclass(frozen=True)
class Introspection:
    """Whom Dovecot asks about a token (RFC 7662), and what in the answer names the user."""

    url: str
    ca_file: Path
    user: str = "username"


def version(program: Sequence[str | Path]) -> tuple[int, ...]:
    """This Dovecot's, as in (2, 3, 19)."""
    said = subprocess.run([*program, "--version"], check=True, capture_output=True, text=True).stdout
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", said)
    assert found, said
    return tuple(map(int, found.groups()))


def mail_owner() -> tuple[int, int]:
    """The user and group ids that own the mailboxes: nobody's mail belongs to root, says Dovecot."""
    if not is_root():
        return os.getuid(), os.getgid()
    return 8, 8  # mail:mail, the same in every Debian


def write(settings: Settings) -> Path:
    """Write the configuration file and return its path."""
    path = settings.directory / "dovecot.conf"
    installed = version(settings.program)
    parts = [_old(settings) if installed < (2, 4) else _new(settings, installed), _common(settings)]
    path.write_text("\n".join(parts))
    return path


def _common(settings: Settings) -> str:
    """The settings both dialects agree on."""
    directory, (uid, gid) = settings.directory, mail_owner()
    return f"""
        base_dir = {directory}/run
        state_dir = {directory}/state
        log_path = {directory}/dovecot.log
        listen = 127.0.0.1
        haproxy_trusted_networks = 127.0.0.0/8
        ssl = yes
        {_users()}
        mail_uid = {uid}
        mail_gid = {gid}
        first_valid_uid = 1
        mail_max_userip_connections = 100000
        # What was sent is stored as it came, line ends and all; nothing needs to outlive the test.
        mail_save_crlf = yes
        mail_fsync = never
        auth_mechanisms = {"xoauth2 oauthbearer" if settings.tokens else "plain login"}
        auth_username_chars =
        auth_failure_delay = 0
        default_client_limit = {_client_limit()}
        namespace inbox {{
          inbox = yes
        }}
        service anvil {{
          chroot =
          # Its penalty delays each login after a failed one.
          unix_listener anvil-auth-penalty {{
            mode = 0
          }}
        }}
        service stats {{
          chroot =
        }}
        service auth {{
          unix_listener {directory}/auth {{
            mode = 0666
          }}
        }}
        """


def _client_limit() -> int:
    """Sessions per login process: Dovecot's default of 1,000 is too few, and each needs a descriptor."""
    return min(16_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100)


def _users() -> str:
    """Started by root, Dovecot's processes become its own users; started by another, they stay that one."""
    if is_root():
        return ""
    user = pwd.getpwuid(os.getuid()).pw_name
    group = grp.getgrgid(os.getgid()).gr_name
    return f"default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {group}"


def _old(settings: Settings) -> str:
    """What 2.3 spells in its own way."""
    directory = settings.directory
    return f"""
        protocols = pop3 imap lmtp {"sieve" if "sieve" in settings.ports else ""}
        disable_plaintext_auth = no
        auth_username_format = %Ln
        mail_location = maildir:~/Maildir
        {_old_tokens(settings) if settings.tokens else _old_passwords(directory)}
        userdb {{
          driver = passwd-file
          args = {directory}/users
        }}
        {_tls(settings, "ssl_cert = <{0.cert_file}", "ssl_key = <{0.key_file}")}
        {_services(settings, "service_count", unlimited="0")}
        """


def _old_passwords(directory: Path) -> str:
    return f"""
        # Even with auth_failure_delay = 0 a wrong password waits for the next half second, unless a lookup
        # before the one that fails has said nodelay.
        passdb {{
          driver = static
          args = nopassword=y noauthenticate=y nodelay=y
        }}
        passdb {{
          driver = passwd-file
          args = {directory}/users
        }}
        """


def _old_tokens(settings: Settings) -> str:
    """Each token is asked about: what was revoked a moment ago is refused."""
    assert settings.tokens
    path = settings.directory / "oauth2.conf.ext"
    path.write_text(
        f"""
        introspection_mode = post
        introspection_url = {settings.tokens.url}
        tls_ca_cert_file = {_vouching(settings.tokens, settings.directory)}
        username_attribute = {settings.tokens.user}
        active_attribute = active
        active_value = true
        scope = mail
        force_introspection = yes
        """
    )
    return f"""
        passdb {{
          driver = oauth2
          mechanisms = xoauth2 oauthbearer
          args = {path}
        }}
        """


def _vouching(tokens: Introspection, directory: Path) -> Path:
    """A copy of its `ca_file` that Dovecot's own users may read."""
    path = directory / "provider-ca.pem"
    path.write_bytes(tokens.ca_file.read_bytes())
    path.chmod(0o644)
    return path


def _new_passwords(directory: Path) -> str:
    return f"""
        passdb passwd-file {{
          passwd_file_path = {directory}/users
        }}
        """


def _new_tokens(settings: Settings) -> str:
    assert settings.tokens
    return f"""
        oauth2 {{
          introspection_mode = post
          introspection_url = {settings.tokens.url}
          username_attribute = {settings.tokens.user}
          active_attribute = active
          active_value = true
          scope = mail
          force_introspection = yes
          ssl_client_ca_file = {_vouching(settings.tokens, settings.directory)}
        }}
        passdb oauth2 {{
          mechanisms_filter = xoauth2 oauthbearer
        }}
        """


def _new(settings: Settings, installed: tuple[int, ...]) -> str:
    """What 2.4 spells in its own way; its two version settings have to come first."""
    directory = settings.directory
    number = ".".join(map(str, installed))
    return f"""
        dovecot_config_version = {number}
        dovecot_storage_version = {number}
        protocols {{
          pop3 = yes
          imap = yes
          lmtp = yes
        }}
        auth_allow_cleartext = yes
        auth_username_format = %{{user | username | lower}}
        mail_driver = maildir
        mail_path = ~/Maildir
        {_new_tokens(settings) if settings.tokens else _new_passwords(directory)}
        userdb passwd-file {{
          passwd_file_path = {directory}/users
        }}
        {_tls(settings, "ssl_server_cert_file = {0.cert_file}", "ssl_server_key_file = {0.key_file}")}
        {_services(settings, "restart_request_count", unlimited="unlimited")}
        """


def _tls(settings: Settings, *templates: str) -> str:
    """The certificate and key settings, once for everybody and once for each name asked for by SNI."""
    lines = [template.format(settings.certificate) for template in templates]
    for name, certificate in settings.local_names.items():
        lines += [f"local_name {name} {{", *(template.format(certificate) for template in templates), "}"]
    return "\n".join(lines)


def _services(settings: Settings, count: str, unlimited: str) -> str:
    """Listeners, and processes that stay for the next session: a fork per login would be most of a test."""
    ports = settings.ports
    blocks = []
    for dialect in ("pop3", "imap"):
        plain, tls = dialect, f"{dialect}s"
        blocks.append(f"""
        service {dialect}-login {{
          chroot =
          {count} = {unlimited}
          process_min_avail = 1
          process_limit = 2
          inet_listener {plain} {{
            port = {ports[plain]}
            haproxy = {"yes" if settings.haproxy and dialect == "imap" else "no"}
          }}
          inet_listener {tls} {{
            port = {ports[tls]}
            ssl = yes
            haproxy = {"yes" if settings.haproxy else "no"}
          }}
        }}
        service {dialect} {{
          {count} = 1000
          process_min_avail = 1
          process_limit = 3000
        }}""")
    if "sieve" in ports:
        blocks.append(f"""
        service managesieve-login {{
          chroot =
          inet_listener sieve {{
            port = {ports["sieve"]}
          }}
          inet_listener sieves {{
            port = {ports["sieves"]}
            ssl = yes
          }}
        }}
        plugin {{
          sieve = file:~/sieve;active=~/.dovecot.sieve
        }}""")
    blocks.append(f"""
        service lmtp {{
          inet_listener lmtp {{
            port = {ports["lmtp"]}
          }}
        }}""")
    return "\n".join(blocks)
