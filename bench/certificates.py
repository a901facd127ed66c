"""The certificate of the mail server, and the authority that signed it."""

from pathlib import Path

import trustme

# All peers look for this name in the certificate.
HOST = "localhost"


def issue(directory: Path) -> tuple[Path, Path]:
    """Write `ca.pem` and `server.pem`, the latter with its key and chain; ECDSA P-256 as most have."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    server = authority.issue_cert(HOST, key_type=trustme.KeyType.ECDSA)
    ca_file = directory / "ca.pem"
    server_file = directory / "server.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    server.private_key_and_cert_chain_pem.write_to_path(str(server_file))
    return ca_file, server_file
