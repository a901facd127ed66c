"""POP over TLS, for mail clients that can't."""

__version__ = "0.1.0"
