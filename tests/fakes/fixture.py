"""The fixture `stage`; a test module that wants it says `pytest_plugins = ["fakes.fixture"]`.

A module may set SERVICE_KEYS, configuration keys that all services have which its tests make by `stage.gateway`.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakes.scene import Stage
from parts.certificates import Authority


@pytest.fixture
def stage(authority: Authority, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The stage of one test."""
    with ExitStack() as stack:
        yield Stage(authority, tmp_path, stack, getattr(request.module, "SERVICE_KEYS", None))
