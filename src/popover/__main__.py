"""`python -m popover`."""

import sys

from popover.cli import main

sys.exit(main())
