"""OAuth2: how popover comes to the tokens that an account signs in with, and how it keeps them.

Dry, bytes and times in, values out:

    providers.py   what is known of each provider: addresses, scopes, flows; way.py: what holds for one account
    discovery.py   the same from a provider's own description
    forms.py       what is sent; assertion.py: signed with a key in a secret's place
    redirect.py    PKCE, state, and what the browser brings back
    answers.py     what comes: Token | LoginNeeded | Later; codes.py: what a provider's codes mean

Wet:

    post.py        one form to a provider, over verified TLS
    ask.py         a form out, an answer in
    store.py       one file an account, and its lock: one refresh at a time, whoever else is at it
    disk.py        how such a file is opened, written and made to last
    refresh.py     lock, read, ask, write: a token that is good for a while
    tokens.py      what the register asks: a token, now (held.py: of one account); renewal.py: before anybody asks
    facts.py       what there is, for people
    flows/         how a person signs in: device, browser, paste

No library: what is needed is a handful of forms and JSON back, and the core of popover has to fit a router. Sources:
RFC 6749, 7523, 7636, 8252, 8414, 8628, 9207.
"""
