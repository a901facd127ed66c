#!/bin/sh
# popover with the libraries that came with it; -I: and no others.
exec /usr/bin/python3 -I /usr/share/popover "$@"
