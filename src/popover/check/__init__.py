"""`popover check`: walk the way of a session step by step, say what is found, and what to do about it.

    report.py     findings, and the document that --json gives
    table.py      findings as lines for people, and the step in progress
    walk.py       one service from its name to a whole session, in order
    way.py        name, connect
    tls.py        TLS, the certificate, the trust store, resumption
    talker.py     a line-wise conversation over a session's own stream
    dialogues.py  what is asked in each dialect: capabilities, login, mailbox
    conceal.py    what of a server's words may be shown after a login
    dialect.py    greeting, capabilities, and what the port without TLS says
    save.py       --save-certificate: what makes a server of one's own trusted
    login.py      the login, and in providers.py what is known of the big providers
    here.py       this side: may the port be bound, and a whole session through an own gateway
    old_tls.py    which old TLS this machine can still speak
    settings.py   what to type into the mail client

The steps use the gateway's own dialler, dialects and sessions: what is diagnosed is what runs. What none of
them ever proposes is to verify less.
"""
