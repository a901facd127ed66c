"""What stands below the options in each command's help: what it is about, and examples."""

from __future__ import annotations

SERVER = """\
SERVER is a URL, or a bare host name, which means pop3s://:
  pop3s://host[:995]   imaps://host[:993]   smtps://host[:465]
or, for a server that has TLS only after STARTTLS:
  pop3+starttls://host[:110]   imap+starttls://host[:143]   smtp+starttls://host[:587]
and for editors of mail rules (ManageSieve): sieve://host[:4190], with STARTTLS, too.
It is always verified, and no login goes out without TLS."""

SERVICE = f"""\
{SERVER}
LISTEN is PORT, ADDRESS:PORT, [IPv6]:PORT or systemd:NAME; without an address it is 127.0.0.1,
without LISTEN port 1110, 1143, 1587 or 5190 of it, by the dialect (POP3, IMAP, SMTP, ManageSieve)."""

RUN = f"""\
{SERVICE}

examples:
  popover run pop.example.com
      POP3 on 127.0.0.1:1110 for the mail program on this machine
  popover run 192.168.1.2:110=pop.example.com 192.168.1.2:25=smtps://smtp.example.com --user nobody
      for the old machines and the printer of the house
  popover run 192.168.1.2:995=pop.example.com --tls implicit --legacy
      for a mail program that insists on its old SSL
  popover run -c /etc/popover.toml
      what the file says (a directory: all its *.toml); SIGHUP reads it again
  popover run -c /etc/popover.toml --check
      0 if it could, 2 and a line for each mistake if not: ask this before a SIGHUP
"""

INETD = f"""\
{SERVER}

examples:
  server = /usr/local/bin/popover      in a file of /etc/xinetd.d, with wait = no:
  server_args = inetd pop3s://pop.example.com
  fetchmail --plugin 'popover inetd pop.example.com' ...
  popover inetd -c /etc/popover.toml house
      as the service "house" of that file: with its accounts or its table, too
With wait = yes, xinetd hands over the listening socket, and this one process serves all clients.
Clients of private networks only are served, whatever xinetd's only_from says, unless --allow names others; pipes
and Unix sockets count as this machine.
Log lines go to stderr; where that is the client itself (xinetd), to syslog.
exit: 0 the client has seen the end of its session, 1 it was cut (what came may be half a mail), 2 wrong use
"""

CHECK = f"""\
{SERVICE}

Each step of a session is tried and shown as it happens: ok, warn or FAIL; the end says what to do.
The password for --login is asked for, or taken from the variable POPOVER_PASSWORD.

examples:
  popover check pop.example.com
      does it work from here, and if not, why?
  popover check pop.example.com smtps://smtp.example.com --login alice@example.com
      with a login: what the provider says to it, and how much mail there is
  popover check --save-certificate mail.pem mail.example.com
      a server of your own, with a certificate of its own making: save that, and check again with it
  popover check -c /etc/popover.toml --json
      every service of the file, and the file itself, for a program to read
exit: 0 all is well, 1 something failed, 2 wrong use or configuration
"""

ROUTE = """\
Which table answers for a name, what it says and why, and where a login would lead; for each service with a table.
For a back end that checks passwords (kind = "http"), the password is asked for, or taken from POPOVER_PASSWORD.

examples:
  popover route alice@example.com -c /etc/popover.toml
      where is her mail?
  popover route alice -c /etc/popover.toml --service imap --dial
      and do those servers answer? TLS and greeting, no login
exit: 0 it leads somewhere at each service, 1 it does not, 2 wrong use or configuration
"""

QUEUE = """\
Mails of devices whose service has queue = "when-down" wait while their server cannot be reached: they are tried again
after a minute, and then at longer intervals, for four days. What a server refuses for good lies in failed/, until
it is dropped or tried again. NAME is what `popover queue list` shows.

examples:
  popover queue list
  popover queue retry
      try all that wait, within seconds
  popover queue retry 9f2c11aa
      one that waits, or has failed: the fault has been mended
  popover queue drop 9f2c11aa
exit: 0 it is done, 1 it could not be, 2 wrong use
"""

DEMO = """\
A small mail server that speaks only TLS, with some letters in it, and the gateway in front of it: what an old
mail program sends by SMTP, it can fetch by POP3. Nothing goes out to the internet.

examples:
  popover demo
      for a mail program on this machine; prints what to type into it
  popover demo --listen 0.0.0.0
      for an old machine in the same house
  popover demo --once
      the smoke test of an installation: sends a letter, fetches it, and exits with 0
"""


SETUP = """\
Finds the servers for an address: in the table that comes with popover, by what the domain itself says over HTTPS, by
its DNS. Only the domain leaves this machine, no name and no password. What is found is shown, checked, and written only
after a yes. SERVER is as for `popover check`; it names one that you know yourself, and nothing is looked for then.

examples:
  popover setup alice@example.com
      asks, step by step
  popover setup alice@example.com --listen 192.168.1.2 -c /etc/popover
      for the old machines of the house, into a directory of files
  popover setup alice@outlook.com --account alice --client-id 01234567-89ab-cdef-0123-456789abcdef
      with an own login: the mail program says a password of this house, popover signs in with the provider
  popover setup alice@example.com --json
      only looks, and shows what would be written; with --yes, too, it is written
exit: 0 it is set up, 1 it is not, 2 wrong use
"""

EXPLAIN = """\
REFUSAL is what the server said, as it came: from the mail program's window, a log, `popover check`. Without one it is
read from stdin. Nothing of it is kept or sent anywhere.

examples:
  popover explain "535 5.7.139 Authentication unsuccessful, basic authentication is disabled"
      what Microsoft means by that, and what to do
  popover explain AADSTS50076
      a code alone often is enough
  popover explain --json < answer.txt
      for a program to read
exit: 0 it is known, 1 it is not
"""
