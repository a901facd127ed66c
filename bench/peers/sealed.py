"""TLS on both sides: popover's `tls = "implicit"`, and two services of one stunnel, the one leading to the other."""

from bench.certificates import HOST
from bench.peers import stunnel
from bench.peers.base import Place, free_port
from bench.peers.popover import Popover
from bench.peers.stunnel import Stunnel

_TLS = """\
tls = "implicit"
tls_cert = "{cert}"
"""
_ACCEPTS = """
[sealed-{listen}]
accept = 127.0.0.1:{listen}
connect = 127.0.0.1:{inner}
cert = {cert}
"""


class SealedPopover(Popover):
    """popover, the mail server's own certificate shown to its clients."""

    name = "popover"
    sealed = True

    def command(self, place: Place) -> list[str]:  # noqa: D102
        command = super().command(place)
        config = place.directory / "popover.toml"
        config.write_text(config.read_text() + _TLS.format(cert=place.ca_file.with_name("server.pem")))
        return command


class SealedStunnel(Stunnel):
    """One stunnel that the clients come to by TLS, and that goes to the server by TLS."""

    name = "stunnel to stunnel"
    sealed = True

    def command(self, place: Place) -> list[str]:  # noqa: D102
        way, inner = place.way(), free_port()
        cert = place.ca_file.with_name("server.pem")
        accepts = _ACCEPTS.format(listen=way.listen, inner=inner, cert=cert)
        leads = stunnel.SERVICE.format(listen=inner, server=way.server, ca_file=place.ca_file, host=HOST)
        config = place.directory / "stunnel.conf"
        config.write_text(stunnel.CONFIG + accepts + leads)
        return ["stunnel4", str(config)]
