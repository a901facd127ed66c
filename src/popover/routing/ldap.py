"""A table that is a directory, through ldap3 (`popover[ldap]`): pure Python, so it installs wherever popover does.

The filter is told {user}, {local}, {domain}, {key}, {client}, {listen}, {service} and {dialect}, escaped (RFC 4515).
The first attribute is the server, with several values for several of them; a second one is the name to say there, a
third the password.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import warnings
from collections.abc import Hashable
from typing import Any

with warnings.catch_warnings():  # ldap3 2.9 asks pyasn1 0.6 for names by which it was called before
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3
    from ldap3.core.exceptions import LDAPException
    from ldap3.utils.conv import escape_filter_chars

from popover.config.route_words import SERVERS_LIMIT
from popover.config.routes import LDAP
from popover.config.words import quote
from popover.errors import ConfigError
from popover.routing.answers import Answer, Entry, Failed, Missing, Query
from popover.routing.names import is_text
from popover.routing.secret import read_secret
from popover.routing.threads import THREADS, Threads
from popover.routing.written import split_value

_FAULTS = (LDAPException, OSError)
_WORDS = ("user", "local", "domain", "key", "client", "listen", "service", "dialect")
_FIELD = re.compile(r"\{([^{}]*)\}")
_MOST_ATTRIBUTES = 3  # server, user, password
_ENOUGH = 2  # entries asked for: one more than a name may have


class LDAPTable:
    """One directory, some connections that are bound already."""

    is_quick = False

    def __init__(self, source: LDAP, delimiter: str, deadline: float) -> None:
        self._source = source
        self._delimiter = delimiter
        self._deadline = deadline
        self._fields = sorted(set(_FIELD.findall(source.filter)))
        self._check()
        self._password = read_secret(source.password) if source.password else None
        for url in source.urls:
            self._server(url)
        self._idle: list[ldap3.Connection] = []
        self._threads = Threads("ldap")
        self._is_closed = False

    def _check(self) -> None:
        if strange := [one for one in self._fields if one not in _WORDS]:
            known = ", ".join(f"{{{one}}}" for one in _WORDS)
            raise ConfigError(f"filter: there is no {{{strange[0]}}}; there are {known}")
        if not 0 < len(self._source.attributes) <= _MOST_ATTRIBUTES:
            raise ConfigError("attributes: write the server's, and if there are any, the user's and the password's")
        if (self._source.bind is None) != (self._source.password is None):
            raise ConfigError("bind: goes with a password_file, and the other way round")

    def _server(self, url: str) -> ldap3.Server:
        try:
            tls = ldap3.Tls(
                validate=ssl.CERT_REQUIRED, ca_certs_file=self._source.ca_file and str(self._source.ca_file)
            )
            return ldap3.Server(url, get_info=ldap3.NONE, connect_timeout=self._deadline, tls=tls)
        except LDAPException as fault:
            raise ConfigError(f"url: {quote(url)} cannot be used: {fault}") from None

    def depends_on(self, query: Query) -> Hashable:
        """Of what the filter asks for alone."""
        return tuple(getattr(query, one) for one in self._fields)

    async def find(self, query: Query) -> Answer:
        """Ask the directory, in a thread."""
        if not is_text(query):
            return Missing(f"{self._shown}: it is no UTF-8")
        values = {one: escape_filter_chars(getattr(query, one)) for one in self._fields}
        wanted = _FIELD.sub(lambda found: values[found[1]], self._source.filter)
        return await self._threads.call(lambda: self._ask(wanted))

    def _ask(self, wanted: str) -> Answer:
        while True:
            used = self._idle.pop() if self._idle else None
            connection = used
            try:
                connection = used or self._connect()
                answer = self._search(connection, wanted)
            except _FAULTS as fault:
                _drop(connection)
                if used:  # it was restarted meanwhile
                    continue
                return Failed(f"{self._shown}: {_reason(fault)}")
            if len(self._idle) < THREADS and not self._is_closed:
                self._idle.append(connection)
            else:
                _drop(connection)
            return answer

    def _connect(self) -> ldap3.Connection:
        """Connect to the first directory that answers."""
        *others, last = self._source.urls
        for url in others:
            try:
                return self._bound(url)
            except _FAULTS:
                continue
        return self._bound(last)

    def _bound(self, url: str) -> ldap3.Connection:
        connection = ldap3.Connection(
            self._server(url),  # made anew: it remembers for five minutes that an address was refused
            self._source.bind,
            self._password,
            client_strategy=ldap3.SAFE_SYNC,
            raise_exceptions=True,
            receive_timeout=max(1, round(self._deadline)),  # it takes whole seconds only
            read_only=True,
        )
        try:
            connection.open()
            if self._source.starttls:
                connection.start_tls()
            connection.bind()
        except _FAULTS:
            _drop(connection)
            raise
        return connection

    def _search(self, connection: ldap3.Connection, wanted: str) -> Answer:
        attributes = list(self._source.attributes)
        _, _, found, _ = connection.search(self._source.base, wanted, attributes=attributes, size_limit=_ENOUGH)
        entries = [one for one in found or [] if one["type"] == "searchResEntry"]
        if len(entries) > 1:
            return Failed(f"{self._shown}: the filter finds several entries")
        values = [_values(entries[0], one) if entries else [] for one in attributes]
        if not values[0]:
            return Missing(self._shown)
        parts = [split_value(one.decode(errors="surrogateescape"), self._delimiter) for one in values[0]]
        servers = tuple(place for _, places in parts for place in places)
        users = [one.decode(errors="surrogateescape") for one in values[1]] if len(values) > 1 else []
        users += [user for user, _ in parts if user]
        password = values[2][0] if len(values) > _MOST_ATTRIBUTES - 1 and values[2] else None
        return Entry(servers[:SERVERS_LIMIT], users[0] if users else None, password, self._shown)

    @property
    def _shown(self) -> str:
        return f"directory {', '.join(self._source.urls)}"

    async def close(self) -> None:
        """Let go of threads and connections."""
        self._is_closed = True
        self._threads.close()
        while self._idle:
            _drop(self._idle.pop())


def _drop(connection: ldap3.Connection | None) -> None:
    if connection is not None:
        socket = connection.socket  # one that was refused is left open, and forgotten
        with contextlib.suppress(*_FAULTS):
            connection.unbind()
        if socket is not None:
            socket.close()


def _values(entry: dict[str, Any], attribute: str) -> list[bytes]:
    """All values of an attribute, whose name may be written in any case (RFC 4512 section 2.5)."""
    raw = {name.lower(): values for name, values in entry["raw_attributes"].items()}
    found: list[bytes] = raw.get(attribute.lower(), [])
    return found


def _reason(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {fault}"[:300]
