"""Fakes: what the other sides of a gateway do when they do wrong, on demand.

    wire      one TCP connection in a test's hands, down to how it ends: FIN or RST
    tls       TLS on such a wire, whose records can be cut, bent and held back
    records   TLS 1.3 records that no TLS library would write: empty ones, key updates
    server    a server whose behaviour is a function of the connection
    mail      such functions: small mail servers
    renegotiating  a server that renegotiates TLS 1.2 in the middle, by `openssl s_server`
    tap       a tap in the line to a server
    fixture   the fixture `stage`, to make all of this with
    scene     popover between a fake server and a client of the test's, and what to expect of it
    world     a network of its own, with addresses, routes, names and losses as the test wants them
    dns       a name server for it
    link      a slow and lossy cable between two worlds
    sabotage  faults of the machine, put into popover's process from outside
    clockwork an event loop whose clock the test moves, with a gateway's warm connections on it

The real parts are in `parts`; a fake is for what no real part does when asked.
"""

import pytest

pytest.register_assert_rewrite("fakes.scene")
