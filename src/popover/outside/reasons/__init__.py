"""Why there is no session, in plain words: codes of libraries on one side, sentences for people on the other."""

from popover.outside.reasons.tls import ALPN_REFUSED, explain_ending, explain_tls
from popover.outside.reasons.way import NOT_CONNECTED, Step, leads_back, no_address, no_connection

__all__ = [
    "ALPN_REFUSED",
    "NOT_CONNECTED",
    "Step",
    "explain_ending",
    "explain_tls",
    "leads_back",
    "no_address",
    "no_connection",
]
