"""Who a client is: found, not found, nobody can say; in the same time, and not touching what the provider is told."""

import asyncio
import hashlib
import json
import os
import threading
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from popover.accounts.brake import FULL, LEAK, PAUSE
from popover.accounts.kept import file_name
from popover.accounts.passwords import REMEMBERED
from popover.accounts.register import LOOKED_AT, Register
from popover.accounts.scrypt import make_hash
from popover.config import Account, Desk, OAuth2, SecretSource, Server, Target
from popover.errors import Failure, SecretFailure
from popover.protocols.login import Digest, Found, Login, NotFound, Password, Proof, Route, Unsure, Visit
from services import service

PASSWORD, SECRET, TOKEN = b"canary-local", b"canary-secret", b"canary-token"
HASHED = make_hash(PASSWORD)
CHALLENGE = b"<1.2@popover>"
POP3 = (Target(Server("pop3", "pop.example.com", 995)),)
MISSING = SecretSource("file", "/nowhere/at/all")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Tokens:
    """Gives each token once more than it was refused."""

    def __init__(self) -> None:
        self.asked: list[bytes | None] = []
        self.told: list[bytes | None] = []
        self.loaded: list[str] = []

    def load(self, accounts: Iterable[Account]) -> None:
        self.loaded = [account.name for account in accounts]

    async def access_token(
        self, account: Account, *, refused: bytes | None = None, password: bytes | None = None
    ) -> bytes | None:
        assert account.oauth2 is not None
        self.asked.append(refused)
        self.told.append(password)
        return TOKEN if refused is None else TOKEN + b"-fresh" if refused == TOKEN else None


class Scene:
    """A register with accounts whose secrets lie in files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.tokens = folder, Clock(), Tokens()
        self.kept = folder / "accounts"
        self.register = Register(self.tokens, self.kept, self.clock)

    def secret(self, name: str, content: bytes, mode: int = 0o600) -> SecretSource:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(mode)
        return SecretSource("file", str(path))

    def account(self, *names: str, password: bytes | None = PASSWORD, **more: Any) -> Account:
        keys: dict[str, Any] = {
            "password": None if password is None else self.secret(f"{names[0]}.pw", password),
            "targets": POP3,
            "login": f"{names[0]}@example.com",
            "secret": self.secret(f"{names[0]}.secret", SECRET),
        }
        return Account(names[0], names, **(keys | more))

    def keep(self, called: str, **keys: Any) -> None:
        """As `popover account add` does it."""
        self.kept.mkdir(mode=0o700, exist_ok=True)
        table = {"name": called, "server": "pop.example.com", "login": "x@example.com", "secret": SECRET.decode()}
        draft = self.kept / ".draft"
        draft.write_text(json.dumps(table | {"password": PASSWORD.decode()} | keys))
        draft.chmod(0o600)
        draft.replace(self.kept / file_name(called))

    def find(self, user: str, proof: Proof | bytes = PASSWORD, **more: Any) -> Found:
        return asyncio.run(self.register.find(visit(user, proof, **more)))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def visit(user: str, proof: Proof | bytes = PASSWORD, **more: Any) -> Visit:
    login = Login(user, Password(proof) if isinstance(proof, bytes) else proof)
    keys: dict[str, Any] = {"dialect": "pop3", "service": "pop", "client": "192.168.1.7", "accounts": True}
    return Visit(login, **(keys | more))


def apop(password: bytes = PASSWORD) -> Digest:
    return Digest("apop", CHALLENGE, hashlib.md5(CHALLENGE + password).hexdigest().encode())


def fetched(found: Found, *, again: bool = False) -> Any:
    assert isinstance(found, Route)

    async def fetch() -> Any:
        first = await found.fetch(False)
        return await found.fetch(True) if again else first

    return asyncio.run(fetch())


def once_more(found: Found) -> Any:
    """What else there is to say, to a server that has refused."""
    assert isinstance(found, Route)
    fetch = found.fetch

    async def again() -> Any:
        return await fetch(True)

    return asyncio.run(again())


# Found


@pytest.mark.parametrize("kept", [PASSWORD, HASHED], ids=["password", "hash"])
@pytest.mark.parametrize("user", ["Grandpa", "gRANDPA", "opa", "j\u00f6rg", "J\u00d6RG", "jo\u0308rg", "j\udcf6rg"])
def test_an_account_is_found_by_each_of_its_names_in_any_case(scene: Scene, kept: bytes, user: str) -> None:
    """The last one says Latin-1."""
    scene.register.load([scene.account("Grandpa", "opa", "J\u00f6rg", password=kept)])
    found = scene.find(user)
    assert isinstance(found, Route)
    assert (found.name, found.targets) == ("Grandpa", POP3)
    credentials = fetched(found)
    assert (credentials.user, credentials.secret, credentials.kind) == ("Grandpa@example.com", SECRET, "password")
    assert credentials.is_ours  # whatever comes of it is no fault of what the client has said


def test_a_mailbox_is_whose_mail_it_is(scene: Scene) -> None:
    scene.register.load([scene.account("a", mailbox="shared@example.com")])
    assert fetched(scene.find("a")).user == "shared@example.com"


def test_apop_finds_where_the_password_itself_is_kept(scene: Scene) -> None:
    scene.register.load([scene.account("plain"), scene.account("hashed", password=HASHED)])
    assert isinstance(scene.find("plain", apop()), Route)
    found = scene.find("hashed", apop())
    assert isinstance(found, NotFound)
    assert "keeps its password as a hash, and APOP needs itself" in found.why


def test_oauth2_gives_a_token_and_a_fresh_one_once_that_was_refused(scene: Scene) -> None:
    scene.register.load([scene.account("a", secret=None, oauth2=OAuth2("id"))])
    found = scene.find("a")
    credentials = fetched(found)
    assert (credentials.secret, credentials.kind) == (TOKEN, "bearer")
    assert fetched(found, again=True).secret == TOKEN + b"-fresh"
    assert scene.tokens.asked == [None, None, TOKEN]
    assert once_more(found) is None


def test_a_secret_that_was_refused_is_said_again_only_if_it_has_changed(scene: Scene) -> None:
    scene.register.load([scene.account("a")])
    found = scene.find("a")
    assert fetched(found, again=True) is None
    scene.secret("a.secret", b"new")
    assert once_more(found).secret == b"new"


def test_a_changed_password_is_in_force_at_the_next_login(scene: Scene) -> None:
    for first, second in ((PASSWORD, b"new"), (HASHED, make_hash(b"new"))):
        scene.register.load([scene.account("a", password=first)])
        assert isinstance(scene.find("a"), Route)
        scene.secret("a.pw", second)
        assert isinstance(scene.find("a"), NotFound)
        assert isinstance(scene.find("a", b"new"), Route)


def test_the_accounts_of_a_service_alone_may_log_in_there(scene: Scene) -> None:
    scene.register.load([scene.account("anna", "a"), scene.account("berta")])
    assert isinstance(scene.find("anna", accounts=("Anna",)), Route)
    assert isinstance(scene.find("anna", accounts=("A", "x")), Route)
    found = scene.find("berta", accounts=("anna",))
    assert found == NotFound("the account is none of this service's (accounts)")
    assert isinstance(scene.find("anna", accounts=False), NotFound)


# Not found


@pytest.mark.parametrize(
    ("user", "proof", "why"),
    [
        ("nobody", PASSWORD, "unknown user"),
        ("anna", b"wrong", "wrong password"),
        ("anna", b"", "wrong password"),
        ("anna", SECRET, "wrong password"),
        ("anna", HASHED, "wrong password"),
        ("scanner", PASSWORD, "the account has no password, it is a device's"),
        ("scanner", b"", "the account has no password, it is a device's"),
        ("", b"", "unknown user"),
        ("x\r\n\udcff" + "y" * 200, b"", "unknown user"),
    ],
    ids=map(str, range(9)),  # a hash is another one in each process
)
def test_who_is_not_found_and_why(scene: Scene, user: str, proof: bytes, why: str) -> None:
    scene.register.load([scene.account("anna", password=HASHED), scene.account("scanner", password=None)])
    assert scene.find(user, proof) == NotFound(why)


class Work:
    def __init__(self) -> None:
        self.done: list[str] = []


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    seen, scrypt, digest = Work(), hashlib.scrypt, Digest.is_of

    def hashed(*words: Any, **named: Any) -> bytes:
        seen.done.append("hash")
        return scrypt(*words, **named)

    def digested(proof: Digest, password: bytes) -> bool:
        seen.done.append("digest")
        return digest(proof, password)

    monkeypatch.setattr(hashlib, "scrypt", hashed)
    monkeypatch.setattr(Digest, "is_of", digested)
    return seen


@pytest.mark.parametrize(
    ("proof", "work_of_each"), [(b"wrong", ["hash"]), (apop(b"wrong"), ["digest", "digest"])], ids=["password", "apop"]
)
def test_unknown_names_cost_the_same_work_and_are_as_late_as_wrong_passwords(
    scene: Scene, work: Work, proof: Any, work_of_each: list[str]
) -> None:
    scene.register.load([scene.account("p"), scene.account("h", password=HASHED), scene.account("d", password=None)])
    for number, user in enumerate(("nobody", "p", "h", "d", "p")):
        work.done.clear()
        accounts: Any = True if number < 4 else ("h",)
        found = scene.find(user, proof, client=f"192.168.1.{number}", accounts=accounts)
        assert isinstance(found, NotFound), user
        assert work.done == work_of_each, user
        assert found.late == PAUSE, user


def test_a_wrong_password_never_touches_what_the_provider_is_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = os.open

    def watched(path: Any, *more: Any, **named: Any) -> int:
        read.append(str(path))
        return real(path, *more, **named)

    one = scene.account("one")
    two = scene.account("two", secret=None, oauth2=OAuth2("id", client_secret=scene.secret("client", SECRET)))
    scene.register.load([one, two])
    monkeypatch.setattr(os, "open", watched)
    for user in ("one", "two", "three"):
        for proof in (b"wrong", apop(b"wrong")):
            assert isinstance(scene.find(user, proof), NotFound)
    assert any(path.endswith("one.pw") for path in read)
    assert not [path for path in read if path.endswith(("one.secret", "client"))]
    assert scene.tokens.asked == []
    assert isinstance(scene.find("two"), Route)
    assert scene.tokens.asked == []  # not even then: who fetches it is the session


# Nobody can say


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_a_password_that_others_can_read_is_our_trouble_and_no_wrong_password(scene: Scene, mode: int) -> None:
    source = scene.secret("pw", PASSWORD, mode)
    account = Account("a", ("a",), source, POP3, "a", secret=source)
    scene.register.load([account])
    for proof in (PASSWORD, b"wrong"):
        found = scene.find("a", proof)
        assert isinstance(found, Unsure)
        assert found.needs_person
        assert f"chmod 600 {source.where}" in found.remedy
        assert source.where not in found.cause


def test_a_hash_that_is_none_is_our_trouble(scene: Scene) -> None:
    scene.register.load([scene.account("a", password=HASHED[:-1])])
    found = scene.find("a")
    assert isinstance(found, Unsure)
    assert "popover account passwd --hash" in found.remedy


def test_a_server_that_an_account_has_not_is_told_to_who_knows_its_password_alone(scene: Scene) -> None:
    scene.register.load([scene.account("a")])
    found, remedy = scene.find("a", dialect="smtp"), 'name one in the account "a": servers = { smtp = "..." }'
    assert found == Unsure("this account has no SMTP server", remedy, needs_person=True)
    assert isinstance(scene.find("a", b"wrong", dialect="smtp"), NotFound)


def test_a_server_that_an_account_of_the_command_has_not_is_told_as_a_command(scene: Scene) -> None:
    scene.keep("anna")
    found = scene.find("anna", dialect="smtp")
    assert isinstance(found, Unsure)
    assert found.remedy == "popover account remove anna, and add it again with one more --server"


def test_a_secret_that_can_not_be_read_is_a_failure_without_it(scene: Scene) -> None:
    scene.register.load([scene.account("a", secret=MISSING), scene.account("b", secret=None)])
    for user in ("a", "b"):
        with pytest.raises(SecretFailure) as caught:
            fetched(scene.find(user))
        assert isinstance(caught.value, Failure)


# The brake


def test_after_many_wrong_passwords_nothing_is_looked_at_until_time_has_passed(scene: Scene, work: Work) -> None:
    scene.register.load([scene.account("anna", password=HASHED), scene.account("berta")])
    for _ in range(FULL):
        assert isinstance(scene.find("anna", b"wrong"), NotFound)
    work.done.clear()
    told = {str(scene.find(user, proof)) for user in ("anna", "berta", "no") for proof in (PASSWORD, b"wrong", apop())}
    assert len(told) == 1, "it tells right and wrong apart"
    found = scene.find("anna")
    assert isinstance(found, Unsure)
    assert found.cause == "too many wrong logins from your address, please try again in 1 minute"
    assert not found.needs_person
    assert work.done == []
    assert isinstance(scene.find("anna", client="192.168.1.8"), Route)  # a right password from elsewhere
    scene.clock.now += LEAK
    assert isinstance(scene.find("anna"), Route)


def test_who_has_been_in_from_there_is_let_in_whatever_others_try(scene: Scene) -> None:
    scene.register.load([scene.account("anna"), scene.account("berta")])
    assert isinstance(scene.find("anna"), Route)
    for _ in range(FULL):
        scene.find("berta", b"wrong")
    assert isinstance(scene.find("berta"), Unsure)
    assert isinstance(scene.find("anna"), Route)


def test_a_thousand_guesses_at_once_are_no_more_than_one_after_the_other(scene: Scene, work: Work) -> None:
    scene.register.load([scene.account("anna", password=HASHED)])

    async def attack() -> list[Found]:
        return await asyncio.gather(*(scene.register.find(visit("anna", b"%d" % number)) for number in range(1000)))

    found = asyncio.run(attack())
    assert sum(isinstance(one, NotFound) for one in found) == FULL == len(work.done)
    assert sum(isinstance(one, Unsure) for one in found) == 1000 - FULL


@pytest.mark.parametrize("tried", ["anna", "n{}"], ids=["her name", "others"])
@pytest.mark.parametrize("away", [0, 10 * REMEMBERED], ids=["remembered", "takes a hash again"])
def test_who_has_been_in_before_waits_for_nobody_who_tries(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tried: str, away: float
) -> None:
    """Not even where each of them comes from an address of its own."""
    scene.register.load([scene.account("anna", password=HASHED)])
    assert isinstance(scene.find("anna"), Route)
    scene.clock.now += away
    real, may_end = hashlib.scrypt, threading.Event()

    def slow(password: bytes, **more: Any) -> bytes:
        if password == b"wrong":
            assert may_end.wait(60)
        return real(password, **more)

    monkeypatch.setattr(hashlib, "scrypt", slow)

    async def besieged() -> Found:
        find, others = scene.register.find, range(50)
        attack = [asyncio.create_task(find(visit(tried.format(n), b"wrong", client=f"10.0.0.{n}"))) for n in others]
        await asyncio.sleep(0)
        try:
            found = await asyncio.wait_for(find(visit("anna")), 30)
            assert not any(task.done() for task in attack)
        finally:
            may_end.set()
            await asyncio.gather(*attack)
        return found

    assert isinstance(asyncio.run(besieged()), Route)


def test_a_reload_opens_nothing_to_who_was_shut_out(scene: Scene) -> None:
    accounts = [scene.account("anna")]
    scene.register.load(accounts)
    for _ in range(FULL):
        scene.find("anna", b"wrong")
    scene.register.load(accounts)
    assert isinstance(scene.find("anna"), Unsure)


def test_a_guess_counts_whether_or_not_somebody_waits_for_the_answer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hangs up while it is looked at could make us hash without end."""
    scene.register.load([scene.account("anna", password=HASHED)])
    real, may_end = hashlib.scrypt, threading.Event()

    def slow(*words: Any, **more: Any) -> bytes:
        assert may_end.wait(60)
        return real(*words, **more)

    monkeypatch.setattr(hashlib, "scrypt", slow)

    async def hang_up(number: int) -> None:
        task = asyncio.create_task(scene.register.find(visit("anna", b"%d" % number)))
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def attack() -> Found:
        for number in range(FULL):
            await hang_up(number)
        may_end.set()
        return await scene.register.find(visit("anna"))

    assert isinstance(asyncio.run(attack()), Unsure)


def test_many_right_logins_at_once_are_all_let_in(scene: Scene) -> None:
    scene.register.load([scene.account("anna", password=HASHED)])

    async def family() -> list[Found]:
        return await asyncio.gather(*(scene.register.find(visit("anna")) for _ in range(100)))

    assert all(isinstance(one, Route) for one in asyncio.run(family()))


def test_a_session_that_ends_while_its_password_is_looked_at_leaves_nothing_behind(scene: Scene) -> None:
    scene.register.load([scene.account("anna", password=HASHED)])

    async def impatient() -> None:
        tasks = [asyncio.create_task(scene.register.find(visit("anna", b"%d" % number))) for number in range(10)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(impatient())
    assert scene.register._turns._known == {}  # noqa: SLF001 - what is held is the promise
    assert scene.register._passwords._turns._known == {}  # noqa: SLF001
    assert isinstance(scene.find("anna"), Route)


# Accounts of the command


def test_an_account_that_the_command_adds_changes_or_removes_is_so_at_the_next_login(scene: Scene) -> None:
    scene.register.load([])
    assert isinstance(scene.find("anna"), NotFound)
    for number in range(30):  # within one tick of the kernel's clock, most likely
        scene.keep("anna", login=f"anna{number}@example.com")
        assert fetched(scene.find("ANNA")).user == f"anna{number}@example.com"
        scene.keep("anna", password="other")
        assert isinstance(scene.find("anna", client=f"10.0.0.{number}"), NotFound)
    assert scene.tokens.loaded == ["anna"]
    (scene.kept / file_name("anna")).unlink()
    assert isinstance(scene.find("anna"), NotFound)


def test_a_change_within_one_tick_of_the_clock_is_seen(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder's times are the same before and after it."""
    scene.keep("anna")
    real, before = Path.stat, scene.kept.stat()
    monkeypatch.setattr(Path, "stat", lambda path, **more: before if path == scene.kept else real(path, **more))
    assert fetched(scene.find("anna")).user == "x@example.com"
    scene.keep("anna", login="new@example.com")
    assert fetched(scene.find("anna")).user == "new@example.com"
    (scene.kept / file_name("anna")).unlink()
    assert isinstance(scene.find("anna"), NotFound)


def test_a_login_costs_one_stat_where_nothing_has_changed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.keep("anna")
    for path in (scene.kept / file_name("anna"), scene.kept):
        os.utime(path, (1e9, 1e9))
    monkeypatch.setattr("popover.accounts.shelf.SETTLED", -1e9)
    scene.register.load([])
    scandir, looks = os.scandir, []

    def counted(path: Any) -> Any:
        looks.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    for _ in range(10):
        assert isinstance(scene.find("anna"), Route)
    assert looks == []


def test_a_change_of_one_account_reads_that_one_alone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = os.open

    def watched(path: Any, *more: Any, **named: Any) -> int:
        read.append(Path(path).name)
        return real(path, *more, **named)

    for number in range(5):
        scene.keep(f"a{number}")
    later = time.time() + 60  # as the clock will be
    monkeypatch.setattr(time, "time", lambda: later)
    scene.register.load([])
    scene.keep("a3", login="new@example.com")
    monkeypatch.setattr(os, "open", watched)
    scene.register.account("a0")
    assert read == ["a3.json"]


def test_trouble_with_the_folder_costs_no_more_at_each_login(scene: Scene) -> None:
    scene.kept.write_text("no folder")
    scene.register.load([scene.account("anna")])
    version = scene.register._index.version  # noqa: SLF001 - what is made anew is the promise
    for _ in range(5):
        assert isinstance(scene.find("anna"), Route)
        assert isinstance(scene.find("nobody"), Unsure)
    assert scene.register._index.version == version  # noqa: SLF001


def test_the_configurations_accounts_come_first(scene: Scene) -> None:
    scene.keep("anna", name=["Anna", "other"])
    scene.keep("berta", name=["berta", "A"])
    scene.register.load([scene.account("ANNA", "a")])
    assert fetched(scene.find("anna")).user == "ANNA@example.com"
    assert isinstance(scene.find("other"), NotFound)
    assert fetched(scene.find("a")).user == "ANNA@example.com"
    assert fetched(scene.find("berta")).user == "x@example.com"
    assert scene.register.doubts([]) == [
        'the command\'s account "Anna" is not in force: another one is called so',
        'the command\'s account "berta" is not called "A": another one has that name',
    ]
    assert [one.name for one in scene.register.accounts()] == ["ANNA", "berta"]


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        ("{", 0o600, "is no account's file any more"),
        ('{"name": "anna"}', 0o600, "login: is missing"),
        ('{"name": "berta", "login": "x", "server": "m", "secret": "s"}', 0o600, "is called for another account"),
        ("{}", 0o644, "chmod 600"),
        ("x" * 70000, 0o600, "has more than"),
    ],
)
def test_a_broken_file_of_an_account_is_our_trouble_and_nobody_elses(
    scene: Scene, content: str, mode: int, told: str
) -> None:
    scene.keep("berta")
    (scene.kept / "anna.json").write_text(content)
    (scene.kept / "anna.json").chmod(mode)
    (scene.kept / ".draft").write_text("{")
    (scene.kept / "README").write_text("{")
    found = scene.find("Anna")
    assert isinstance(found, Unsure)
    assert told in found.remedy
    assert isinstance(scene.find("berta"), Route)
    assert isinstance(scene.find("nobody"), NotFound)
    assert [scene.register.knows(name) for name in ("anna", "BERTA", "nobody")] == [True, True, False]
    assert [told in line for line in scene.register.doubts([])] == [True]


def test_a_folder_where_others_can_write_is_not_believed(scene: Scene) -> None:
    scene.keep("anna")
    scene.kept.chmod(0o770)
    scene.register.load([scene.account("berta")])
    found = scene.find("anna")
    assert isinstance(found, Unsure)
    assert f"chmod 700 {scene.kept}" in found.remedy
    assert isinstance(scene.find("berta"), Route)
    scene.kept.chmod(0o700)
    assert isinstance(scene.find("anna"), Route)


def test_a_folder_that_can_not_be_read_is_our_trouble(scene: Scene) -> None:
    scene.kept.write_text("no folder")
    found = scene.find("anna")
    assert isinstance(found, Unsure)
    assert "cannot be read (Not a directory)" in found.remedy
    scene.kept.unlink()
    assert isinstance(scene.find("anna"), NotFound)


# What else is asked


def test_digests_are_offered_where_each_password_itself_is_kept(scene: Scene) -> None:
    """A mail program takes the strongest way that it sees, and would fail where a hash is kept."""
    plain, hashed = scene.account("plain"), scene.account("hashed", password=HASHED)
    device = scene.account("device", password=None)
    scene.register.load([hashed, device])
    assert not scene.register.offers_digests(True)
    scene.register.load([plain, hashed, device])
    assert not scene.register.offers_digests(True)
    assert scene.register.offers_digests(("PLAIN", "device"))
    assert not scene.register.offers_digests(("plain", "hashed"))
    assert not scene.register.offers_digests(("device", "nobody"))
    assert not scene.register.offers_digests(False)
    scene.secret("hashed.pw", PASSWORD)
    scene.clock.now += LOOKED_AT
    assert scene.register.offers_digests(True)
    scene.secret("hashed.pw", PASSWORD, 0o644)  # nobody can log in as that one at all
    scene.clock.now += LOOKED_AT
    assert scene.register.offers_digests(True)
    scene.keep("kept", password=HASHED.decode())
    assert not scene.register.offers_digests(True)
    scene.keep("kept")
    assert scene.register.offers_digests(True)


SEALED = OAuth2("id", encrypt=True)


def test_the_password_goes_on_to_who_opens_tokens_with_it_and_to_nobody_else(scene: Scene) -> None:
    sealed = scene.account("sealed", password=HASHED, secret=None, oauth2=SEALED)
    scene.register.load([sealed, scene.account("open", secret=None, oauth2=OAuth2("id"))])
    for user, told in (("sealed", [PASSWORD, None]), ("open", [None, None])):
        scene.tokens.told.clear()
        found = scene.find(user)
        assert fetched(found, again=True) is not None
        assert scene.tokens.told == told
    assert isinstance(scene.find("sealed", b"canary-wrong"), NotFound)
    assert scene.tokens.told == [None, None]


def test_apop_opens_no_token_and_is_not_offered_even_where_the_password_itself_is_kept(scene: Scene) -> None:
    scene.register.load([scene.account("sealed", secret=None, oauth2=SEALED), scene.account("plain")])
    assert not scene.register.offers_digests(True)
    assert scene.register.offers_digests(("plain",))
    found = scene.find("sealed", apop())
    assert isinstance(found, NotFound)
    assert found.why.startswith("the account's tokens are encrypted by its password, which APOP does not say: switch")
    assert isinstance(scene.find("sealed"), Route)


def test_what_encrypts_nothing_is_doubted(scene: Scene) -> None:
    """A password that lies beside what it encrypts, and a device, which says none."""
    beside = scene.account("beside", secret=None, oauth2=SEALED)
    hashed = scene.account("hashed", password=HASHED, secret=None, oauth2=SEALED)
    scene.register.load([beside, hashed])
    scan = service("smtp", name="scan", accounts=("Hashed",), device=True, allow="127.0.0.1")
    first, second = scene.register.doubts([scan, service("pop3", accounts=True)])
    assert first.startswith('account "beside": its tokens are encrypted by its password, and that lies beside them')
    assert second.startswith('service "scan": the account "Hashed" encrypts its tokens by a password, which a device')


def test_a_device_is_the_one_account_of_its_service(scene: Scene) -> None:
    scene.register.load([scene.account("scanner", password=None), scene.account("b")])

    def come(accounts: Any, dialect: Any = "pop3") -> Found:
        seen = Visit(None, dialect, "scan", "192.168.1.7", accounts=accounts)
        return asyncio.run(scene.register.find(seen))

    assert fetched(come(("Scanner",))).user == "scanner@example.com"
    for accounts in (True, False, (), ("scanner", "b"), ("nobody",)):
        found = come(accounts)
        assert isinstance(found, Unsure), accounts
        assert found.needs_person
    assert isinstance(come(("scanner",), "smtp"), Unsure)


def test_doubts_name_all_that_is_not_as_it_is_meant(scene: Scene) -> None:
    loose = scene.secret("loose", SECRET, 0o644)
    one = scene.account("one", secret=loose, password=HASHED[:-1])
    two = scene.account("two", secret=None, oauth2=OAuth2("id", client_secret=MISSING, key=MISSING))
    scene.register.load([one, two, scene.account("three", secret=SecretSource("environment", "NOT_SET"))])
    services = [service("pop3", accounts=("oen",))]
    assert services[0].desk == Desk(accounts=("oen",))
    lines = scene.register.doubts(services)
    wanted = ['there is no account "oen"; did you mean "one"?', 'account "one": a password begins with',
              f'account "one": the file "{loose.where}" can be read by others', 'account "two": the file',
              'account "two": the file', 'account "three": the variable "NOT_SET" is not set']  # fmt: skip
    assert [want in line for want, line in zip(wanted, lines, strict=True)] == [True] * 6


# Secrets


def test_no_secret_shows_in_a_repr_a_log_line_or_a_traceback(scene: Scene) -> None:
    scene.register.load([scene.account("a"), scene.account("b", secret=None, oauth2=OAuth2("id"))])
    shown: list[str] = []
    for user in ("a", "b", "nobody"):
        for proof in (PASSWORD, b"canary-wrong", apop(), apop(b"canary-wrong")):
            asked, found = visit(user, proof), scene.find(user, proof)
            shown += [repr(asked), str(asked), repr(found), str(found)]
            if isinstance(found, Route):
                shown.append(repr(fetched(found)))
                shown.append(repr(found.fetch))
    scene.secret("a.secret", b"canary\ncanary")
    try:
        fetched(scene.find("a"))
    except SecretFailure as failure:
        shown += traceback.format_exception(failure)
    shown += [repr(scene.register.accounts()), repr(scene.register.__dict__), repr(scene.register.doubts([]))]
    assert not [text for text in shown if "canary" in text]


@settings(max_examples=examples(50))
@given(st.text(max_size=30), st.binary(max_size=30))
def test_whatever_a_client_says_it_gets_an_answer(
    tmp_path_factory: pytest.TempPathFactory, user: str, octets: bytes
) -> None:
    scene = Scene(tmp_path_factory.mktemp("scene"))
    scene.register.load([scene.account("anna")])
    for name in (user, octets.decode("utf-8", "surrogateescape")):
        found = scene.find(name, octets)
        assert isinstance(found, NotFound)
        assert found.why.isprintable()
