"""Real programs that send mail: each signs in and hands over one message of whole CRLF lines.

The sender is `user@example.test`. What a program itself changes in the message is in its docstring; all
were told to change nothing.
"""

from pathlib import Path

from parts.account import Account, run, write


def send_by_curl(account: Account, workdir: Path, mailbox: str, message: bytes) -> None:
    """With AUTH PLAIN, and the message as it is."""
    (workdir / "message").write_bytes(message)
    scheme = "smtps" if account.ca_file and not account.starttls else "smtp"
    url = f"{scheme}://{account.host}:{account.port}/client.example.test"
    trust = ["--ssl-reqd", "--cacert", str(account.ca_file)] if account.ca_file else []
    secret = ["--user", f"{account.user}:{account.password}"]
    envelope = ["--mail-from", sender(account), "--mail-rcpt", mailbox]
    run(workdir, "curl", "-q", "-sS", *secret, *trust, *envelope, "-T", workdir / "message", url)


def send_by_msmtp(account: Account, workdir: Path, mailbox: str, message: bytes, *, auth: str = "plain") -> None:
    """With AUTH PLAIN, or another. msmtp takes LF or CRLF line ends and sends CRLF."""
    starttls = "on" if account.starttls else "off"
    tls = f"tls on\ntls_starttls {starttls}\ntls_trust_file {account.ca_file}" if account.ca_file else "tls off"
    settings = f"""
        account default
        host {account.host}
        port {account.port}
        {tls}
        auth {auth}
        user {account.user}
        password {account.password}
        from {sender(account)}
        domain client.example.test
        set_from_header off
        set_date_header off
        set_msgid_header off
        remove_bcc_headers off
    """
    run(workdir, "msmtp", "-C", write(workdir, "msmtprc", settings), mailbox, stdin=message)


def send_by_swaks(account: Account, workdir: Path, mailbox: str, message: bytes) -> None:
    """With AUTH LOGIN, and the message as it is, dots stuffed here (RFC 5321, 4.5.2).

    swaks's own TLS does not look at the certificate's name; where TLS comes first, its `--pipe` lets
    `openssl s_client` speak it.
    """
    stuffed = message.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    (workdir / "message").write_bytes(stuffed + b".\r\n")
    server = ["--server", account.host, "--port", str(account.port)]
    if account.starttls:
        server += ["--tls", "--tls-verify", "--tls-ca-path", str(account.ca_file)]
    elif account.ca_file:
        trust = f"-CAfile {account.ca_file} -verify_return_error -verify_hostname {account.host}"
        server = ["--pipe", f"openssl s_client -quiet -connect {account.host}:{account.port} {trust}"]
    secret = ["--auth", "LOGIN", "--auth-user", account.user, "--auth-password", account.password]
    envelope = ["--helo", "client.example.test", "--from", sender(account), "--to", mailbox]
    data = ["--data", "@message", "--no-data-fixup"]
    run(workdir, "swaks", *server, *secret, *envelope, *data, "--silent", "2")


def sender(account: Account) -> str:
    """The envelope's sender."""
    return f"{account.user}@example.test"
