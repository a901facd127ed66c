"""A login that nobody stands behind: that of a device's account, said on a connection before anybody talks there."""

from __future__ import annotations

import asyncio

from popover.config import Target
from popover.errors import OurFailure, SignInFailure
from popover.outside.converse import converse
from popover.outside.spare import Opened
from popover.protocols import DIALECTS
from popover.protocols.dialect import sentence
from popover.protocols.login import Credentials, Route
from popover.protocols.reception import Offer, SignedIn
from popover.refusals import explain
from popover.talk import End


async def log_in(route: Route, target: Target, opened: Opened, patience: float) -> None:
    """Sign in as the route wants it; where the server refuses, and there are other credentials, once more with them.
    `patience`: seconds for each. Raises Failure; SignInFailure where the server gives no answer, or a no.
    """
    credentials = await route.fetch(False)
    if credentials is None:
        raise OurFailure("the gateway has nothing to say to the server for this account", "the route gives nothing")
    answer = await _say(credentials, target, opened, patience)
    if not answer.accepted and (other := await route.fetch(True)) is not None:
        answer = await _say(other, target, opened, patience)
    if not answer.accepted:
        said = sentence(answer.words.decode("latin-1"))
        raise SignInFailure(
            f"{target.server.host} refuses the sign-in of {route.name}: {said}",
            meaning(said) or "look at what is said to the server for this account",
            needs_person=True,
        )


def meaning(said: str) -> str:
    """What a server's refusal means and what to do, for the log; empty: nobody knows."""
    known = explain(said)
    return "" if known is None else f"{known.cause}: {known.remedy}"


async def _say(credentials: Credentials, target: Target, opened: Opened, patience: float) -> SignedIn:
    """Say the login. The talk begins with a greeting, each time."""
    stream, server = opened.dialled.stream, target.server
    stream.collect()
    stream.end.inbox[:0] = opened.greeting
    reception = DIALECTS[server.dialect].reception(End(""), Offer())
    try:
        async with asyncio.timeout(patience):
            return await converse(reception.sign_in(stream.end, credentials, server), {stream.end: stream})
    except TimeoutError:
        raise SignInFailure(f"{server.host} did not answer the login within {patience:g} seconds") from None
