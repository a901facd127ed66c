"""TLS 1.3 records that no library would write: empty ones, a key update in the middle of a mail.

Python's `ssl` cannot be asked for them. So the server's secret is taken from the key log, and the records are
sealed here (RFC 8446, 5.2, 7.1 to 7.3) in place of OpenSSL, which goes on receiving.
"""

import ssl
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

_APPLICATION_DATA = 23
_HANDSHAKE = 22
_KEY_UPDATE = bytes.fromhex("18000001")  # message type 24, length 1; the byte that follows: 1 = "you too"
_SUITE = "TLS_AES_256_GCM_SHA384"  # OpenSSL's first choice, so also that of two OpenSSLs together


def sealable(context: ssl.SSLContext, directory: Path) -> ssl.SSLContext:
    """Make a server's context one whose connections `Sealer` can take over."""
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # each is a record under the same key, and would have to be counted
    context.keylog_filename = str(directory / "secrets")
    return context


class Sealer:
    """Seals the server's records from the first one after the handshake on; then OpenSSL must send none."""

    def __init__(self, tls: ssl.SSLObject, send: Callable[[bytes], object]) -> None:
        cipher = tls.cipher()
        assert cipher is not None
        assert cipher[0] == _SUITE
        self._send = send
        log = Path(tls.context.keylog_filename).read_text().splitlines()
        secrets = [line.split()[2] for line in log if line.startswith("SERVER_TRAFFIC_SECRET_0 ")]
        self._use(bytes.fromhex(secrets[-1]))

    def _use(self, secret: bytes) -> None:
        self._secret = secret
        self._key = AESGCM(_expand(secret, b"key", 32))
        self._iv = int.from_bytes(_expand(secret, b"iv", 12))
        self._number = 0

    def seal(self, data: bytes, kind: int = _APPLICATION_DATA) -> bytes:
        """One record, not sent; `data` may be empty and has 16 KiB at most."""
        inner = data + bytes([kind])
        head = bytes([_APPLICATION_DATA, 3, 3]) + (len(inner) + 16).to_bytes(2)
        nonce = (self._iv ^ self._number).to_bytes(12)
        self._number += 1
        return head + self._key.encrypt(nonce, inner, head)

    def send(self, data: bytes) -> None:
        """Seal one record and send it."""
        self._send(self.seal(data))

    def update_key(self, *, you_too: bool) -> None:
        """Tell the client that our key changes, and change it (RFC 8446, 4.6.3)."""
        self._send(self.key_update(you_too=you_too))

    def key_update(self, *, you_too: bool) -> bytes:
        """The record that says so, not sent; the next one is under the new key."""
        record = self.seal(_KEY_UPDATE + bytes([you_too]), _HANDSHAKE)
        self._use(_expand(self._secret, b"traffic upd", 48))
        return record


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446, 7.1)."""
    label = b"tls13 " + label
    info = length.to_bytes(2) + bytes([len(label)]) + label + b"\0"
    return HKDFExpand(hashes.SHA384(), length, info).derive(secret)
