"""Dovecot's submission server, of Debian 13: it signs its users in, and hands what they send to Postfix.

with DovecotSubmission(directory, authority, postfix) as submission:
    send((submission.host, submission.submissions_port), user, submission.password, ...)
    [stored] = dovecot.wait_for_messages(user, 1)  # that of `postfix`
"""

from pathlib import Path

from parts.certificates import Authority
from parts.dovecot_new import NewDovecot
from parts.net import free_port
from parts.postfix import Postfix


class DovecotSubmission(NewDovecot):
    """By TLS from the first octet on at `submissions_port`, by STARTTLS at `submission_port`."""

    def __init__(self, directory: Path, authority: Authority, postfix: Postfix) -> None:
        super().__init__(directory, authority)
        self.submission_port, self.submissions_port = free_port(), free_port()
        self.ports |= {"submission": self.submission_port, "submissions": self.submissions_port}
        self.further = f"""
            protocols {{
              submission = yes
            }}
            hostname = submission.example.test
            submission_relay_host = {postfix.host}
            submission_relay_port = {postfix.submission_port}
            submission_relay_ssl = starttls
            submission_relay_ssl_verify = no
            submission_relay_user = alice
            submission_relay_password = {self.password}
            service submission-login {{
              chroot =
              inet_listener submission {{
                port = {self.submission_port}
              }}
              inet_listener submissions {{
                port = {self.submissions_port}
                ssl = yes
              }}
            }}
            """
