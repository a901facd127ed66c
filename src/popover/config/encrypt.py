"""`encrypt = true` of an account's `oauth2`: where it cannot be, and why (accounts/oauth2/vault.py does it)."""

from importlib import import_module


def misfits_of_encrypt(oauth2: object, *, has_password: bool) -> list[str]:
    """Say why an account's tokens cannot be sealed by its local password, where its table wants that, a line each."""
    if not isinstance(oauth2, dict) or oauth2.get("encrypt") is not True:
        return []
    mistakes = []
    if not has_password:
        mistakes.append("oauth2: encrypt: the key is made of the local password, and a device's account has none")
    if oauth2.get("grant", "user") != "user":
        mistakes.append(
            'oauth2: encrypt: is for what a person has signed in to (grant = "user"); a program gets its tokens by a '
            "secret, which lies there in clear"
        )
    if not _can_encrypt():
        mistakes.append(
            'oauth2: encrypt: needs a library: pip install "popover[vault]", or the package python3-cryptography'
        )
    return mistakes


def _can_encrypt() -> bool:
    """Whether the library is there. It is loaded now: later we may be a user who may not read it."""
    try:
        import_module("cryptography.hazmat.primitives.ciphers.aead")
    except ImportError:
        return False
    return True
