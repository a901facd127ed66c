"""`popover demo`: a mail server that speaks only TLS, and the gateway in front of it, in one process.

    letters.py      the messages that lie in the mailbox
    mailbox.py      the mailbox: what SMTP puts in, POP3 takes out
    pop3.py         a small POP3 server
    smtp.py         a small SMTP server
    serving.py      one connection to either of them
    certificate.py  theirs, made on the fly by the program `openssl`
    server.py       POP3S and SMTPS on loopback
    show.py         the gateway in front of them, and what to type into a client
    circle.py       `--once`: send a message and fetch it again, as a client would

It needs no library that the gateway does not need, so that it works wherever popover does: from the zipapp, too.
"""
