"""The real parts the tests run against: mail servers, mail clients, supervisors, and popover itself.

Each part is started by a context manager, listens on loopback only, keeps its files below a directory the
test names, and ends with the test. Nothing here knows how popover works inside.
"""
