"""Real databases with users in them: PostgreSQL, MariaDB, and OpenLDAP's slapd, each with its data in a private folder.

    with Postgres(directory) as database:
        database.add("alice", "mail.example.com")
        url = database.url              # for a [[table]], the password stands in `password`
        database.stop(), database.start()

They come from below .parts on every machine, and run as root's `mail`, or as the ordinary user that runs the tests.
"""

import os
import signal
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from parts.certificates import Certificate
from parts.dovecot_config import mail_owner
from parts.net import LOOPBACK, free_port, is_listening
from parts.places import is_root
from parts.private import OWN, inside
from parts.program import Program

_OWN = Path(__file__).parents[2] / ".parts" / OWN


def _command(*words: str | Path) -> list[str | Path]:
    """The command within its root; PostgreSQL and MariaDB do not want to be root."""
    if not is_root():
        return inside(OWN, *words)
    uid, gid = mail_owner()
    return inside(OWN, "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *words)


class Database:
    """Runs from `__enter__` to `__exit__`, and may be stopped and started meanwhile."""

    host = LOOPBACK
    user = "popover"
    password = "open sesame"
    _ending: ClassVar = signal.SIGTERM

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._program: Program | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._program is not None
        return self._program.pid

    def _make(self) -> None:
        raise NotImplementedError

    def _words(self) -> list[str | Path]:
        raise NotImplementedError

    def _answers(self) -> bool:
        """Whether it does; listening alone may be too early."""
        return is_listening(self.port)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._program = Program(*_command(*self._words()), output=self._directory / "output.txt")
        try:
            self._program.wait_until(self._answers, f"{type(self).__name__} answers")
        except BaseException as fault:
            fault.add_note(self._program.output())
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it, with all that it serves."""
        if self._program is not None:
            os.kill(self._program.pid, self._ending)
            self._program.end()
            self._program = None

    def __enter__(self) -> Self:
        if is_root():
            os.chown(self._directory, *mail_owner())
        self._make()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, *words: str | Path, said: str = "") -> None:
        done = subprocess.run(_command(*words), input=said, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


class _SQL(Database):
    """With one table: users (name, server, port, login, password)."""

    def _execute(self, statement: str, *values: str | int | None) -> None:
        raise NotImplementedError

    def _begin(self) -> None:
        self._execute(
            "create table users (name varchar(200), server varchar(200), port int, login varchar(200), "
            "password varchar(200), nr int)"
        )

    def add(
        self, name: str, server: str, port: int | None = None, login: str | None = None, password: str | None = None
    ) -> None:
        """Another server of this name, or its first."""
        self._execute(
            "insert into users select %s, %s, %s, %s, %s, (select count(*) from users)",
            *(name, server, port, login, password),
        )

    def forget(self, name: str) -> None:
        """Nobody of this name any more."""
        self._execute("delete from users where name = %s", name)

    def __enter__(self) -> Self:
        super().__enter__()
        self._begin()
        return self


class Postgres(_SQL):
    """PostgreSQL."""

    _ending = signal.SIGINT  # SIGTERM lets those that are connected go on

    @property
    def url(self) -> str:
        """Without the password."""
        return f"postgresql://{self.user}@{self.host}:{self.port}/postgres"

    def _make(self) -> None:
        secret = self._directory / "secret"
        secret.write_text(self.password)
        secret.chmod(0o644)
        [found] = _OWN.glob("usr/lib/postgresql/*/bin/initdb")
        self._bin = Path("/") / found.parent.relative_to(_OWN)
        options = ["-U", self.user, "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--locale=C", "-EUTF8"]
        self._run(self._bin / "initdb", "-D", self._directory / "data", *options)

    def _words(self) -> list[str | Path]:
        settings = {"listen_addresses": self.host, "port": self.port, "unix_socket_directories": "", "fsync": "off",
                    "log_min_messages": "fatal"}  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self._bin / "postgres", "-D", self._directory / "data", *options]

    def _answers(self) -> bool:
        if not is_listening(self.port):
            return False
        return _quietly(lambda: self._execute("select 1"))

    def _execute(self, statement: str, *values: str | int | None) -> None:
        import psycopg  # noqa: PLC0415 - the tests of databases alone need it

        with psycopg.connect(
            host=self.host, port=self.port, user=self.user, password=self.password, dbname="postgres"
        ) as connection:
            connection.execute(statement.encode(), values)


_SYSTEM_TABLES = ("system_tables", "performance_tables", "system_tables_data")


class MariaDB(_SQL):
    """MariaDB, asked as MySQL is."""

    @property
    def url(self) -> str:
        """Without the password."""
        return f"mysql://{self.user}@{self.host}:{self.port}/mail"

    def _make(self) -> None:
        data = self._directory / "data"
        data.mkdir()
        if is_root():
            os.chown(data, *mail_owner())
        # What mariadb-install-db does, which wants more of the packages.
        scripts = [next(_OWN.glob(f"usr/share/mysql/m*_{name}.sql")) for name in _SYSTEM_TABLES]
        begin = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\nSET @skip_auth_anonymous=1;\n"
        end = f"""FLUSH PRIVILEGES;
CREATE DATABASE mail;
CREATE USER '{self.user}'@'%' IDENTIFIED BY '{self.password}';
GRANT ALL ON mail.* TO '{self.user}'@'%';
"""
        said = begin + "\n".join(one.read_text() for one in scripts) + end
        # Its temporary tables have names that another one's may have, too.
        places = (f"--datadir={data}", f"--tmpdir={data}")
        self._run("mariadbd", "--no-defaults", *places, "--bootstrap", said=said)

    def _words(self) -> list[str | Path]:
        data = self._directory / "data"
        options = [f"--datadir={data}", f"--tmpdir={data}", f"--bind-address={self.host}", f"--port={self.port}",
                   f"--socket={self._directory / 'socket'}", f"--pid-file={self._directory / 'pid'}",
                   "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve"]  # fmt: skip
        return ["mariadbd", "--no-defaults", *options]

    def _answers(self) -> bool:
        return is_listening(self.port) and _quietly(lambda: self._execute("select 1"))

    def _execute(self, statement: str, *values: str | int | None) -> None:
        import pymysql  # noqa: PLC0415 - likewise

        with (
            pymysql.connect(
                host=self.host, port=self.port, user=self.user, password=self.password, database="mail", autocommit=True
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, values)


class Slapd(Database):
    """OpenLDAP's server, with people of inetLocalMailRecipient: uid, mailHost, mailRoutingAddress. `certificate`: what
    it shows where TLS begins; without one it has none.
    """

    base = "ou=people,dc=example,dc=test"
    bind = "cn=popover,dc=example,dc=test"

    def __init__(self, directory: Path, certificate: Certificate | None = None) -> None:
        super().__init__(directory)
        self.secure_port = free_port()
        self._certificate = certificate

    @property
    def url(self) -> str:
        """Of the server itself."""
        return f"ldap://{self.host}:{self.port}"

    def _tls(self) -> str:
        if self._certificate is None:
            return ""
        for name, path in (("cert", self._certificate.cert_file), ("key", self._certificate.key_file)):
            (self._directory / name).write_bytes(path.read_bytes())
            (self._directory / name).chmod(0o644)
        return f"TLSCertificateFile {self._directory}/cert\nTLSCertificateKeyFile {self._directory}/key\n"

    def _make(self) -> None:
        (self._directory / "data").mkdir()
        self._config = self._directory / "slapd.conf"
        schemas = "\n".join(f"include /etc/ldap/schema/{one}.schema" for one in ("core", "cosine", "misc"))
        self._config.write_text(f"""{schemas}
pidfile {self._directory}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
{self._tls()}disallow bind_anon
database mdb
suffix dc=example,dc=test
rootdn {self.bind}
rootpw "{self.password}"
directory {self._directory}/data
dbnosync
index uid eq
""")
        start = "dn: dc=example,dc=test\nobjectClass: domain\ndc: example\n\n"
        start += f"dn: {self.base}\nobjectClass: organizationalUnit\nou: people\n"
        if is_root():
            os.chown(self._directory / "data", *mail_owner())
        self._run("slapadd", "-f", self._config, said=start)

    def _words(self) -> list[str | Path]:
        secure = f" ldaps://{self.host}:{self.secure_port}/" if self._certificate is not None else ""
        return ["slapd", "-d", "0", "-f", self._config, "-h", f"{self.url}/{secure}"]

    def add(self, name: str, *servers: str, login: str | None = None) -> None:
        """A person, with these servers: mailHost has but one value."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pyasn1's, of names that ldap3 uses
            import ldap3  # noqa: PLC0415 - likewise

        words: dict[str, object] = {"uid": name, "mailHost": ",".join(servers)} if servers else {"uid": name}
        if login is not None:
            words["mailRoutingAddress"] = login
        with ldap3.Connection(self.url, self.bind, self.password) as connection:
            classes = ["account", "inetLocalMailRecipient"]
            done = connection.add(f"uid={name},{self.base}", classes, words)  # type: ignore[no-untyped-call]
            assert done, connection.result

    def refer(self, name: str, url: str) -> str:
        """Say of what is below this name that another directory has it; the name, as a base."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import ldap3  # noqa: PLC0415 - likewise

        base = f"ou={name},dc=example,dc=test"
        with ldap3.Connection(self.url, self.bind, self.password) as connection:
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
