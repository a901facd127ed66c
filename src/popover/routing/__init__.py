"""Where a login leads: tables, each with the one verb `find`."""
