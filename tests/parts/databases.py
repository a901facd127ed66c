"""Real databases with users in them: PostgreSQL, MariaDB, and OpenLDAP's slapd, each with its data in a private folder.

    database = Postgres(directory)
    with Running(database) as running:
        Users(database).add("alice", "mail.example.com")
        url = database.url              # for a [[table]], with PASSWORD
        running.stop(), running.start()

They come from below .parts on every machine, and run as root's `mail`, or as the ordinary user that runs the tests.
"""

import os
import signal
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol, Self

from parts.certificates import Certificate
from parts.dovecot_config import mail_owner
from parts.net import LOOPBACK as HOST
from parts.net import free_port, is_listening
from parts.places import is_root
from parts.private import OWN, inside
from parts.program import Program

USER = "popover"
PASSWORD = "open sesame"

_OWN = Path(__file__).parents[2] / ".parts" / OWN


def _command(*words: str | Path) -> list[str | Path]:
    """The command within its root; PostgreSQL and MariaDB do not want to be root."""
    if not is_root():
        return inside(OWN, *words)
    uid, gid = mail_owner()
    return inside(OWN, "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *words)


class Kind(Protocol):
    """One kind of database: how its data are made, how it is started, and when it answers."""

    directory: Path
    ending: ClassVar[signal.Signals]  # ends it, with all that it serves

    def make(self) -> None:
        """Make its data, in its directory."""

    def words(self) -> list[str | Path]:
        """The command that runs it."""

    def answers(self) -> bool:
        """Whether it does; listening alone may be too early."""


class Running:
    """A database of any kind. Runs from `__enter__` to `__exit__`, and may be stopped and started meanwhile."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._program: Program | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._program is not None
        return self._program.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        kind = self._kind
        self._program = Program(*_command(*kind.words()), output=kind.directory / "output.txt").up(
            kind.answers, f"{type(kind).__name__} answers"
        )

    def stop(self) -> None:
        """Stop it, with all that it serves."""
        if self._program is not None:
            os.kill(self._program.pid, self._kind.ending)
            self._program.end()
            self._program = None

    def __enter__(self) -> Self:
        if is_root():
            os.chown(self._kind.directory, *mail_owner())
        self._kind.make()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _run(*words: str | Path, said: str = "") -> None:
    done = subprocess.run(_command(*words), input=said, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class SQL(Kind, Protocol):
    """One that takes statements; `%s` stands for a value."""

    @property
    def url(self) -> str:
        """Without the password."""

    def execute(self, statement: str, *values: str | None) -> None:
        """Do it."""


class Users:
    """The one table of such a database that runs: users (name, server, port, login, password, nr)."""

    def __init__(self, database: SQL) -> None:
        self._execute = database.execute
        self._execute(
            "create table users (name varchar(200), server varchar(200), port int, login varchar(200), "
            "password varchar(200), nr int)"
        )

    def add(self, name: str, *servers: str, login: str | None = None) -> None:
        """More servers of this name, or its first ones."""
        row = "insert into users select %s, %s, null, %s, null, (select count(*) from users)"
        for server in servers:
            self._execute(row, name, server, login)


class Postgres:
    """PostgreSQL."""

    ending: ClassVar = signal.SIGINT  # SIGTERM lets those that are connected go on

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.directory = directory

    @property
    def url(self) -> str:
        """Without the password."""
        return f"postgresql://{USER}@{HOST}:{self.port}/postgres"

    def make(self) -> None:
        """With one user, who may do anything."""
        secret = self.directory / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        [found] = _OWN.glob("usr/lib/postgresql/*/bin/initdb")
        self._bin = Path("/") / found.parent.relative_to(_OWN)
        options = ["-U", USER, "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--locale=C", "-EUTF8"]
        _run(self._bin / "initdb", "-D", self.directory / "data", *options)

    def words(self) -> list[str | Path]:
        """Nothing is kept over a power cut: it is for tests."""
        settings = {"listen_addresses": HOST, "port": self.port, "unix_socket_directories": "", "fsync": "off",
                    "log_min_messages": "fatal"}  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self._bin / "postgres", "-D", self.directory / "data", *options]

    def answers(self) -> bool:
        """Whether it takes a statement."""
        if not is_listening(self.port):
            return False
        return _quietly(lambda: self.execute("select 1"))

    def execute(self, statement: str, *values: str | None) -> None:
        """On a connection of its own."""
        import psycopg  # noqa: PLC0415 - the tests of databases alone need it

        with psycopg.connect(host=HOST, port=self.port, user=USER, password=PASSWORD, dbname="postgres") as connection:
            connection.execute(statement.encode(), values)


_SYSTEM_TABLES = ("system_tables", "performance_tables", "system_tables_data")


class MariaDB:
    """MariaDB, asked as MySQL is."""

    ending: ClassVar = signal.SIGTERM

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.directory = directory

    @property
    def url(self) -> str:
        """Without the password."""
        return f"mysql://{USER}@{HOST}:{self.port}/mail"

    def make(self) -> None:
        """What mariadb-install-db does, which wants more of the packages."""
        data = self.directory / "data"
        data.mkdir()
        if is_root():
            os.chown(data, *mail_owner())
        scripts = [next(_OWN.glob(f"usr/share/mysql/m*_{name}.sql")) for name in _SYSTEM_TABLES]
        begin = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\nSET @skip_auth_anonymous=1;\n"
        end = f"""FLUSH PRIVILEGES;
CREATE DATABASE mail;
CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON mail.* TO '{USER}'@'%';
"""
        said = begin + "\n".join(one.read_text() for one in scripts) + end
        # Its temporary tables have names that another one's may have, too.
        places = (f"--datadir={data}", f"--tmpdir={data}")
        _run("mariadbd", "--no-defaults", *places, "--bootstrap", said=said)

    def words(self) -> list[str | Path]:
        """Likewise."""
        data = self.directory / "data"
        options = [f"--datadir={data}", f"--tmpdir={data}", f"--bind-address={HOST}", f"--port={self.port}",
                   f"--socket={self.directory / 'socket'}", f"--pid-file={self.directory / 'pid'}",
                   "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve"]  # fmt: skip
        return ["mariadbd", "--no-defaults", *options]

    def answers(self) -> bool:
        """Likewise."""
        return is_listening(self.port) and _quietly(lambda: self.execute("select 1"))

    def execute(self, statement: str, *values: str | None) -> None:
        """Likewise."""
        import pymysql  # noqa: PLC0415 - likewise

        with (
            pymysql.connect(
                host=HOST, port=self.port, user=USER, password=PASSWORD, database="mail", autocommit=True
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, values)


class Slapd:
    """OpenLDAP's server, with people of inetLocalMailRecipient: uid, mailHost, mailRoutingAddress. `certificate`: what
    it shows where TLS begins; without one it has none.
    """

    base = "ou=people,dc=example,dc=test"
    bind = "cn=popover,dc=example,dc=test"
    ending: ClassVar = signal.SIGTERM

    def __init__(self, directory: Path, certificate: Certificate | None = None) -> None:
        self.port = free_port()
        self.directory = directory
        self.secure_port = free_port()
        self._certificate = certificate

    @property
    def url(self) -> str:
        """Of the server itself."""
        return f"ldap://{HOST}:{self.port}"

    def _tls(self) -> str:
        if self._certificate is None:
            return ""
        for name, path in (("cert", self._certificate.cert_file), ("key", self._certificate.key_file)):
            (self.directory / name).write_bytes(path.read_bytes())
            (self.directory / name).chmod(0o644)
        return f"TLSCertificateFile {self.directory}/cert\nTLSCertificateKeyFile {self.directory}/key\n"

    def make(self) -> None:
        """With the two levels below which people are."""
        (self.directory / "data").mkdir()
        self._config = self.directory / "slapd.conf"
        schemas = "\n".join(f"include /etc/ldap/schema/{one}.schema" for one in ("core", "cosine", "misc"))
        self._config.write_text(f"""{schemas}
pidfile {self.directory}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
{self._tls()}disallow bind_anon
database mdb
suffix dc=example,dc=test
rootdn {self.bind}
rootpw "{PASSWORD}"
directory {self.directory}/data
dbnosync
index uid eq
""")
        start = "dn: dc=example,dc=test\nobjectClass: domain\ndc: example\n\n"
        start += f"dn: {self.base}\nobjectClass: organizationalUnit\nou: people\n"
        if is_root():
            os.chown(self.directory / "data", *mail_owner())
        _run("slapadd", "-f", self._config, said=start)

    def words(self) -> list[str | Path]:
        """With a port of its own for TLS, where it has a certificate."""
        secure = f" ldaps://{HOST}:{self.secure_port}/" if self._certificate is not None else ""
        return ["slapd", "-d", "0", "-f", self._config, "-h", f"{self.url}/{secure}"]

    def answers(self) -> bool:
        """Whether it listens, which it does once it is ready."""
        return is_listening(self.port)

    def add(self, name: str, *servers: str, login: str | None = None) -> None:
        """A person, with these servers: mailHost has but one value."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pyasn1's, of names that ldap3 uses
            import ldap3  # noqa: PLC0415 - likewise

        words: dict[str, object] = {"uid": name, "mailHost": ",".join(servers)} if servers else {"uid": name}
        if login is not None:
            words["mailRoutingAddress"] = login
        with ldap3.Connection(self.url, self.bind, PASSWORD) as connection:
            classes = ["account", "inetLocalMailRecipient"]
            done = connection.add(f"uid={name},{self.base}", classes, words)  # type: ignore[no-untyped-call]
            assert done, connection.result

    def refer(self, name: str, url: str) -> str:
        """Say of what is below this name that another directory has it; the name, as a base."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import ldap3  # noqa: PLC0415 - likewise

        base = f"ou={name},dc=example,dc=test"
        with ldap3.Connection(self.url, self.bind, PASSWORD) as connection:
            classes, words = ["referral", "extensibleObject"], {"ou": name, "ref": url}
            done = connection.add(base, classes, words)  # type: ignore[no-untyped-call]
            assert done, connection.result
        return base


def _quietly(act: Callable[[], object]) -> bool:
    try:
        act()
    except Exception:  # noqa: BLE001 - it is not there yet
        return False
    return True
