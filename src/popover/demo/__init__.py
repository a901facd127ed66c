"""`popover demo`: a mail server that speaks only TLS, and the gateway in front of it, in one process.

    letters.py   the messages that lie in the mailbox
    mailbox.py   the mailbox: what SMTP puts in, POP3 takes out
    pop3.py      a small POP3 server
    server.py    POP3S and SMTPS on loopback, under an authority made on the fly
    show.py      the gateway in front of them, and what to type into a client
    circle.py    `--once`: send a message and fetch it again, as a client would

Only the demo needs aiosmtpd and trustme (the extra `popover[demo]`); the gateway itself needs neither.
"""
