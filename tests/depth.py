"""How deep the tests look: `make test-deep` sets POPOVER_DEPTH=50, and each property test tries so many times more.

With one more Python (tests/each-python) it is a tenth.
"""

import os

DEPTH = float(os.environ.get("POPOVER_DEPTH", "1"))


def examples(count: int) -> int:
    """How many examples a property test tries, `count` being what the everyday suite affords."""
    return max(1, int(count * DEPTH))
