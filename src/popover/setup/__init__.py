"""`popover setup`: from an address to a working set-up.

    address.py    the address; only its domain is ever asked about (dry)
    found.py      what can be found: a provider, its servers, who says so (dry)
    table.py      the shipped table, ispdb.json: Thunderbird's, under its own licence, ispdb.LICENSE (dry)
    autoconfig.py the XML that a domain tells its servers by (dry)
    records.py    the same from DNS: SRV, MX (dry)
    web.py        one HTTP answer, bounded (dry); fetch.py gets it over verified TLS
    dns.py        asks DNS; the one room that knows dnspython, the extra popover[setup]
    search.py     all of these, in order of trust
    own.py        an own login for it, where the mail program shall not say the provider's password (dry)
    plan.py       services, as they stand in a file (dry)
    place.py      where that file is; none is ever overwritten
    unit.py       the systemd unit that starts it

What is found is shown. A server that only unsigned DNS names, and that is none of the address's own domain, is taken
only if somebody says yes to its name: whoever can forge an answer of DNS could send the password anywhere else.
"""
