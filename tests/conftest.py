"""What the tests share: one authority, one Dovecot and one Postfix for all tests of a process."""

import atexit
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from depth import examples
from fakes.power import CAN_MOUNT
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.dovecot_config import Introspection
from parts.oidc import LIBRARY
from parts.places import short_directory
from parts.postfix import Postfix
from parts.private import search_path
from parts.provider import Provider

os.environ["PATH"] = search_path(os.environ["PATH"])

# The one's provider runs on Node.js: tests/install-provider brings it where that is installed. The other mounts a disk.
collect_ignore = [
    f"whole/{name}"
    for name, can in (("test_oauth2_oidc.py", LIBRARY.exists()), ("test_power.py", CAN_MOUNT))
    if not can
]

# A busy machine is no reason to fail; what hangs is ended by pytest's own time-out.
hypothesis.settings.register_profile("popover", deadline=None, max_examples=examples(100))
hypothesis.settings.load_profile("popover")

# Nothing of what a gateway remembers goes to this machine's own place.
_STATES = tempfile.mkdtemp(prefix="popover-state-")
atexit.register(shutil.rmtree, _STATES, ignore_errors=True)
os.environ["STATE_DIRECTORY"] = f"{_STATES}/shared"
_NUMBERS = itertools.count()

# A shell without job control starts a program in the background with SIGINT ignored, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test's gateways remember for themselves what servers cannot: a port that is free again is another server."""
    monkeypatch.setenv("STATE_DIRECTORY", f"{_STATES}/{next(_NUMBERS)}")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whose certificates a popover started with `--ca-file authority.ca_file` trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def dovecot(authority: Authority) -> Iterator[Dovecot]:
    """A mail server for POP3 and IMAP; take `dovecot.new_user()` for a mailbox of the test's own."""
    with short_directory("dovecot") as directory, Dovecot(directory, authority) as running:
        yield running


@pytest.fixture(scope="session")
def postfix(authority: Authority, dovecot: Dovecot) -> Iterator[Postfix]:
    """A submission server that delivers to `dovecot` what its users send."""
    with short_directory("postfix") as directory, Postfix(directory, authority, dovecot) as running:
        yield running


@pytest.fixture(scope="session")
def _provider(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Provider]:
    with Provider(tmp_path_factory.mktemp("provider"), authority) as running:
        yield running


@pytest.fixture
def provider(_provider: Provider) -> Provider:
    """An OAuth2 provider in its usual mood; take `provider.new_user()` for somebody of the test's own."""
    _provider.mood()
    return _provider


@pytest.fixture(scope="session")
def token_dovecot(authority: Authority, _provider: Provider) -> Iterator[Dovecot]:
    """A mail server that takes the provider's tokens, and no password."""
    tokens = Introspection(_provider.introspection_url, _provider.ca_file)
    with short_directory("dovecot") as directory, Dovecot(directory, authority, tokens=tokens) as running:
        yield running


@pytest.fixture
def workdir(tmp_path: Path) -> Callable[[], Path]:
    """Makes an empty directory at each call, for a client to live in."""
    numbers = itertools.count()

    def make() -> Path:
        directory = tmp_path / f"work{next(numbers)}"
        directory.mkdir()
        return directory

    return make
