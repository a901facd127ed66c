"""ManageSieve: how often a secret is said."""

import base64

from hearing import hear
from popover.config import Server
from popover.protocols.login import Credentials
from popover.protocols.sieve.sign_in import sign_in
from popover.talk import End

SERVER = Server("sieve", "mail.example.com", 4190, "starttls")
SECRET = base64.b64encode(b"\0anna\0correct horse")


def test_a_server_that_asks_over_and_over_hears_the_secret_once_more_and_not_again() -> None:
    me = End("mail.example.com")
    said = b'"SASL" "PLAIN"\r\nOK\r\n' + b'""\r\n' * 5 + b'NO "enough"\r\n'
    answer = hear(sign_in(me, Credentials("anna", b"correct horse"), SERVER), me, [said])
    assert (answer.accepted, answer.words) == (False, b'NO "enough"\r\n')
    assert me.outbox.count(SECRET) == 2
    assert me.outbox.count(b'"*"') == 4
