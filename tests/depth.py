"""How deep the tests look: `make test-deep` sets POPOVER_DEPTH=50, and each property test tries so many times more."""

import os

DEPTH = int(os.environ.get("POPOVER_DEPTH", "1"))


def examples(count: int) -> int:
    """How many examples a property test tries, `count` being what the everyday suite affords."""
    return count * DEPTH
