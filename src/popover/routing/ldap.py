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
from urllib.parse import urlsplit

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
from popover.routing.idle import Idle
from popover.routing.names import is_text
from popover.routing.secret import read_secret
from popover.routing.threads import Threads
from popover.routing.trusting import trusting
from popover.routing.written import split_value

_FAULTS = (LDAPException, OSError)
_WORDS = ("user", "local", "domain", "key", "client", "listen", "service", "dialect")
_FIELD = re.compile(r"\{([^{}]*)\}")
_MOST_ATTRIBUTES = 3  # server, user, password
_SUCCESS = 0  # RFC 4511 section 4.1.9
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
        self._context = trusting(source.ca_file)
        self._urls = source.urls  # the one that answered last at the front
        for url in source.urls:
            self._server(url)
        self._idle: Idle[ldap3.Connection] = Idle()
        self._threads = Threads("ldap")

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
            each = self._deadline / len(self._source.urls)  # one that is silent leaves time for the others
            return ldap3.Server(url, get_info=ldap3.NONE, connect_timeout=each, tls=self._tls(url))
        except LDAPException as fault:
            raise ConfigError(f"url: {quote(url)} cannot be used: {fault}") from None

    def _tls(self, url: str) -> ldap3.Tls:
        """TLS as ldap3 begins it, but by our context: by itself it says no name (SNI), and compares names in Python."""
        tls, context, host = ldap3.Tls(validate=ssl.CERT_REQUIRED), self._context, urlsplit(url).hostname

        def wrap_socket(connection: ldap3.Connection, do_handshake: bool = False) -> None:  # noqa: FBT001, FBT002 - ldap3's
            plain = connection.socket
            connection.socket = context.wrap_socket(plain, do_handshake_on_connect=do_handshake, server_hostname=host)

        tls.wrap_socket = wrap_socket  # type: ignore[method-assign]
        return tls

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
        used = self._idle.take()
        if used is not None:
            with contextlib.suppress(*_FAULTS):  # it was restarted meanwhile
                return self._ask_on(used, wanted)
        try:
            return self._ask_on(self._connect(), wanted)
        except _FAULTS as fault:
            return Failed(f"{self._shown}: {_reason(fault)}")

    def _ask_on(self, connection: ldap3.Connection, wanted: str) -> Answer:
        """Ask on this connection, and keep it. Raises what is one of _FAULTS."""
        is_kept = False
        try:
            answer = self._search(connection, wanted)
            is_kept = self._idle.keep(connection)
        finally:
            if not is_kept:
                _drop(connection)
        return answer

    def _connect(self) -> ldap3.Connection:
        """Connect to the first directory that answers; the next time it is the first."""
        *others, last = urls = self._urls
        for url in others:
            try:
                found = self._bound(url)
            except _FAULTS:
                continue
            self._urls = (url, *(one for one in urls if one != url))
            return found
        found = self._bound(last)
        self._urls = (last, *others)
        return found

    def _bound(self, url: str) -> ldap3.Connection:
        connection = ldap3.Connection(
            self._server(url),  # made anew: it remembers for five minutes that an address was refused
            self._source.bind,
            self._password,
            client_strategy=ldap3.SAFE_SYNC,
            raise_exceptions=True,
            auto_referrals=False,  # it would say the password to whomever a directory refers to
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
        _, result, found, _ = connection.search(self._source.base, wanted, attributes=attributes, size_limit=_ENOUGH)
        entries = [one for one in found or [] if one["type"] == "searchResEntry"]
        if len(entries) > 1:
            return Failed(f"{self._shown}: the filter finds several entries")
        if result["result"] != _SUCCESS:  # others were raised; this refers to another directory
            return Failed(f"{self._shown}: says {result['description']}, and nothing else")
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
        self._threads.close()
        for connection in self._idle.close():
            _drop(connection)


def _drop(connection: ldap3.Connection) -> None:
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
