"""A table that is an HTTP back end as nginx's mail proxy asks it (ngx_mail_auth_http_module): what exists serves as it
is.

    GET /auth                           Auth-Status: OK, or why not
    Auth-Method: plain                  Auth-Server: 192.0.2.1, or here also a name
    Auth-User, Auth-Pass, Auth-Protocol Auth-Port: 995
    Client-IP, Auth-Login-Attempt       Auth-User, Auth-Pass: what to say there; Auth-Error-Code: 4xx is for now

Such a back end checks the password itself. What it said is remembered for the same password only, which is not kept: a
keyed digest of it is. http.client in threads: nothing to install.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import os
import ssl
from collections.abc import Hashable
from urllib.parse import urlsplit

from popover.config.routes import HTTP
from popover.config.values import host_port
from popover.errors import ConfigError
from popover.routing.answers import Answer, Entry, Failed, Missing, Query
from popover.routing.secret import read_secret
from popover.routing.threads import THREADS, Threads

_FAULTS = (OSError, http.client.HTTPException)


class HTTPTable:
    """One back end, some connections that are kept alive."""

    is_quick = False

    def __init__(self, source: HTTP, deadline: float) -> None:
        parts = urlsplit(source.url)
        self._host, self._port = parts.hostname or "", parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._deadline = deadline
        self._context = _context(source) if parts.scheme == "https" else None
        self._secret = read_secret(source.secret) if source.secret else None
        self._shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._salt = os.urandom(32)
        self._idle: list[http.client.HTTPConnection] = []
        self._threads = Threads("http")
        self._is_closed = False

    def depends_on(self, query: Query) -> Hashable:
        """Of all that it is told."""
        digest = hmac.new(self._salt, query.password, hashlib.sha256).digest()
        return query.key, digest, query.dialect, query.client

    async def find(self, query: Query) -> Answer:
        """Ask the back end, in a thread."""
        return await self._threads.call(lambda: self._ask(query))

    def _ask(self, query: Query) -> Answer:
        headers = self._headers(query)
        while True:
            used = self._idle.pop() if self._idle else None
            connection = used or self._connect()
            try:
                connection.request("GET", self._path, headers=headers)
                response = connection.getresponse()
                response.read(_BODY_LIMIT)
            except _FAULTS as fault:
                connection.close()
                if used:  # it was restarted meanwhile
                    continue
                return Failed(f"{self._shown}: {_reason(fault)}")
            if response.isclosed() and not response.will_close and len(self._idle) < THREADS and not self._is_closed:
                self._idle.append(connection)
            else:
                connection.close()
            return self._read(response)

    def _connect(self) -> http.client.HTTPConnection:
        if self._context is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._deadline, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._deadline)

    def _headers(self, query: Query) -> dict[str, str]:
        headers = {
            "Auth-Method": "plain",
            "Auth-User": _escaped(query.key.encode(errors="surrogateescape")),
            "Auth-Pass": _escaped(query.password),
            "Auth-Protocol": query.dialect,
            "Auth-Login-Attempt": "1",
            "Client-IP": query.client,
        }
        if query.dialect == "smtp":
            headers["Client-Host"] = "[UNAVAILABLE]"  # nginx's word for a name that was not looked up
        if self._secret is not None:
            headers["Auth-Key"] = self._secret
        return headers

    def _read(self, response: http.client.HTTPResponse) -> Answer:
        status = response.getheader("Auth-Status")
        if status is None:
            return Failed(f"{self._shown}: HTTP {response.status} without Auth-Status")
        code = response.getheader("Auth-Error-Code") or ""
        if status.strip().upper() == "WAIT" or (status.strip().upper() != "OK" and code.startswith("4")):
            return Failed(f"{self._shown}: says {status} {code}".rstrip())
        if status.strip().upper() != "OK":
            return Missing(f"{self._shown}, which says: {status}")
        server, port = response.getheader("Auth-Server"), response.getheader("Auth-Port")
        if not server:
            return Failed(f"{self._shown}: says OK and no Auth-Server")
        place = server if "://" in server or not port else host_port(server, int(port) if port.isdigit() else 0)
        password = response.getheader("Auth-Pass")
        return Entry(
            (place,),
            response.getheader("Auth-User"),
            None if password is None else password.encode("latin-1"),
            self._shown,
        )

    async def close(self) -> None:
        """Let go of threads and connections."""
        self._is_closed = True
        self._threads.close()
        while self._idle:
            self._idle.pop().close()


_BODY_LIMIT = 64 * 1024
"""Octets of an answer's body, which says nothing; a longer one costs the connection."""


def _context(source: HTTP) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=source.ca_file)
    except (OSError, ssl.SSLError) as fault:
        raise ConfigError(f"ca_file: {source.ca_file} cannot be used: {fault}") from None


def _escaped(octets: bytes) -> str:
    """Write it as nginx does (NGX_ESCAPE_MAIL_AUTH): blank, percent, control characters and all beyond ASCII as %XX."""
    return "".join(f"%{octet:02X}" if octet in b" %\x7f" or not 32 <= octet < 128 else chr(octet) for octet in octets)  # noqa: PLR2004 - ASCII


def _reason(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {fault}"[:300]
