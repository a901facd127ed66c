"""The status page: how the gateway is, for people, for Prometheus, and for who starts and stops it.

    figures.py   what is told: the gateway's numbers at one moment (dry)
    page.py      as a page that any web browser shows (dry)
    metrics.py   for Prometheus (dry)
    request.py   the little of HTTP that it takes, and HAProxy's agent line (dry)
    answers.py   what is answered to what (dry)
    writing.py   writes the pages a few lines at a time
    server.py    listens, answers, and lets nobody hold it up
    served.py    imports all this where a configuration asks for it

Nothing here counts: the numbers are those of `process/ledger.py`, and cost something only while somebody looks.
"""
