"""From a login to a route: three outcomes, server lists, reloads."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from popover.config import Server
from popover.config.routes import USES, Chain, Names, Popmap, Static, Table
from popover.config.values import Trust
from popover.errors import ConfigError
from popover.protocols.login import Credentials, Digest, NotFound, Route, Unsure
from popover.routing import Tables, kinds
from popover.routing.answers import Answer, Entry, Failed, Missing, Query
from popover.routing.refusals import KEPT, Refusals
from popover.routing.rested import Rested
from popover.routing.static import StaticTable
from routing.stage import Stage, fetched, said, servers, service, static

ALICE = static(("alice", "pop3s://mail.a.example"), ("*@b.example", ("one.b.example", "two.b.example:1995")))


class Odd:
    """A table that answers what the test wants."""

    is_quick = False

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.asked = 0
        self.closed = False

    def depends_on(self, query: Query) -> object:
        return query.key

    async def find(self, query: Query) -> Answer:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        if query.key == "slow":
            await asyncio.Event().wait()
        return self.answer

    async def close(self) -> None:
        self.closed = True


def odd(monkeypatch: pytest.MonkeyPatch, answer: Answer | Exception) -> Odd:
    table = Odd(answer)
    monkeypatch.setattr(kinds, "StaticTable", lambda _: table)
    return table


# -- found


def test_a_login_is_led_to_its_server_with_what_the_client_said() -> None:
    found = Stage(ALICE).find_now("alice")
    assert servers(found) == ["pop3s://mail.a.example:995"]
    assert said(found) == Credentials("alice", b"secret")
    assert isinstance(found, Route)
    assert found.name == "alice"


def test_a_refused_password_has_no_other() -> None:
    found = Stage(ALICE).find_now("alice")
    assert isinstance(found, Route)
    assert asyncio.run(fetched(found, again=True)) is None


def test_no_password_stands_in_the_repr_of_a_route() -> None:
    assert "secret" not in repr(Stage(ALICE).find_now("alice"))


def test_the_service_says_how_a_server_is_reached() -> None:
    at = service()
    at = replace(at, target=replace(at.target, connect_timeout=1.5, source_address="::1"))
    found = Stage(ALICE).find_now("alice", at)
    assert isinstance(found, Route)
    [target] = found.targets
    assert (target.connect_timeout, target.source_address) == (1.5, "::1")


def test_an_entry_may_have_a_name_and_a_password_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    odd(monkeypatch, Entry(("mail.a.example",), "alice@a", b"canary"))
    stage = Stage(ALICE)
    found = stage.find_now("alice")
    assert said(found) == Credentials("alice@a", b"canary", is_passed_on=False)
    assert "canary" not in repr(found) + "".join(stage.notes)


def test_one_table_serves_all_dialects() -> None:
    table = static(("alice", ("pop3s://pop.a.example", "imaps://imap.a.example", "smtp.a.example:465")))
    stage = Stage(table)
    assert servers(stage.find_now("alice")) == ["pop3s://pop.a.example:995", "pop3s://smtp.a.example:465"]
    assert servers(stage.find_now("alice", service(dialect="imap"))) == [
        "imaps://imap.a.example:993",
        "imaps://smtp.a.example:465",
    ]


def test_who_has_no_server_of_a_dialect_is_not_found_there() -> None:
    found = Stage(ALICE).find_now("alice", service(dialect="imap"))
    assert found == NotFound("'alice' is not in routes: alice names no imap server")


def test_rules_for_names_hold_for_the_table_and_for_the_server() -> None:
    names = Names(lower_case=("lookup",), strip_domain=("login",), keys=("user", "domain"))
    stage = Stage(static(("a.example", "mail.a.example"), names=names))
    found = stage.find_now("Alice@A.Example")
    assert servers(found) == ["pop3s://mail.a.example:995"]
    assert said(found).user == "Alice"


def test_a_name_names_its_own_server_where_that_is_allowed() -> None:
    stage = Stage(static(("alice", "mail.a.example"), names=Names(named_servers=("*.b.example",))))
    found = stage.find_now("alice%mail.b.example")
    assert servers(found) == ["pop3s://mail.b.example:995"]
    assert said(found).user == "alice"
    assert isinstance(stage.find_now("alice%mail.evil.example"), NotFound)


# -- not found


def test_an_unknown_name_is_refused_as_late_as_a_wrong_password_and_no_sooner() -> None:
    stage = Stage(replace(ALICE, refuse_after=2))
    assert stage.find_now("bob") == NotFound("'bob' is not in routes")
    assert stage.late == [2]
    assert isinstance(stage.find_now("alice"), Route)
    assert stage.late == [2]


def test_it_is_refused_as_late_as_servers_have_refused_others() -> None:
    """By one of the last refusals, picked at random; of this table's servers, and over a reload."""
    stage = Stage(replace(ALICE, refuse_after=2), replace(ALICE, name="others"))
    for seconds in (3.25, 0.5, 31.0):  # the last one is none: something has hung
        found = stage.find_now("alice")
        assert isinstance(found, Route)
        found.refused(seconds)
    stage.tables.load(stage.settings)
    stage.late.clear()
    for _ in range(60):
        stage.find_now("bob")
    assert set(stage.late) == {3.25, 0.5}
    stage.late.clear()
    stage.find_now("bob", service(table="others"))
    assert stage.late == [2]


def test_what_is_known_of_refusals_is_bounded_and_the_last_ones_count() -> None:
    refusals = Refusals(max)
    for seconds in range(30):
        refusals.note(seconds)
    for _ in range(KEPT):
        refusals.note(1.5)
    assert refusals.seconds(2) == 1.5


def test_the_time_of_the_look_up_is_part_of_that(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(replace(ALICE, refuse_after=2))
    real = Tables.lead

    async def slow(self: Tables, *words: object) -> object:
        led = await real(self, *words)  # type: ignore[arg-type]
        stage.now += 1.5
        return led

    monkeypatch.setattr(Tables, "lead", slow)
    stage.find_now("bob")
    assert stage.late == [0.5]


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 1000])
def test_a_name_that_can_be_nobodys_is_not_found(name: str) -> None:
    stage = Stage(ALICE)
    assert isinstance(stage.find_now(name), NotFound)
    assert stage.late == [2]


def test_with_a_default_server_nobody_is_unknown() -> None:
    at = service(Server("pop3", "rest.example", 995))
    stage = Stage(replace(ALICE, names=Names(strip_domain=("login",))))
    found = stage.find_now("bob@c.example", at)
    assert servers(found) == ["pop3s://rest.example:995"]
    assert said(found).user == "bob"
    assert servers(stage.find_now("alice", at)) == ["pop3s://mail.a.example:995"]


# -- failed


def test_a_table_that_can_not_be_asked_is_no_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    odd(monkeypatch, Failed("the database is down"))
    found = Stage(ALICE).find_now("alice", service(Server("pop3", "rest.example", 995)))
    assert found == Unsure(
        "where this mailbox is cannot be looked up just now, please try again in a minute",
        'table "users": the database is down',
    )


def test_no_failure_reaches_a_client_in_words_that_it_takes_for_a_failed_login(monkeypatch: pytest.MonkeyPatch) -> None:
    odd(monkeypatch, ZeroDivisionError("canary"))
    found = Stage(ALICE).find_now("alice")
    assert isinstance(found, Unsure)
    assert "error" not in found.cause.lower()
    assert "canary" not in found.cause + found.remedy


def test_a_look_up_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    odd(monkeypatch, Failed("never"))
    found = Stage(replace(ALICE, deadline=0.01)).find_now("slow")
    assert isinstance(found, Unsure)
    assert found.remedy == 'table "users": no answer within 0.01 s (deadline)'


def test_an_entry_that_names_no_server_is_the_operators_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    odd(monkeypatch, Entry(("ftp://mail.a.example",), where="users"))
    found = Stage(ALICE).find_now("alice")
    assert isinstance(found, Unsure)
    assert found.needs_person
    assert '"ftp" is no kind of mail server' in found.remedy


def test_a_proof_can_not_be_passed_on_and_none_is_offered() -> None:
    stage = Stage(ALICE)
    assert not stage.tables.finder(service()).takes_digests
    found = stage.find_now("alice", proof=Digest("apop", b"<1@x>", b"0" * 32))
    assert isinstance(found, Unsure)
    assert found.needs_person


def test_a_finder_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(ALICE)
    monkeypatch.setattr(Tables, "lead", None)
    assert isinstance(stage.find_now("alice"), Unsure)


# -- chains


def test_the_first_table_that_knows_a_name_answers() -> None:
    stage = Stage(
        static(("alice", "one.example"), name="first"),
        static(("alice", "two.example"), ("bob", "three.example"), name="second"),
        Table("users", Chain(("first", "second"))),
    )
    assert servers(stage.find_now("alice")) == ["pop3s://one.example:995"]
    assert servers(stage.find_now("bob")) == ["pop3s://three.example:995"]
    assert stage.find_now("carol") == NotFound("'carol' is not in routes, routes")


def test_behind_a_table_that_is_down_nobody_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = StaticTable
    down = Odd(Failed("down"))
    monkeypatch.setattr(kinds, "StaticTable", lambda source: real(source) if source.routes else down)
    stage = Stage(
        Table("first", Static(())),
        static(("alice", "two.example"), name="second"),
        Table("users", Chain(("first", "second"))),
    )
    assert isinstance(stage.find_now("alice"), Unsure)


def test_each_table_of_a_chain_has_its_own_rules() -> None:
    stage = Stage(
        static(("alice", "one.example"), name="first"),
        static(("alice@a", "two.example"), name="second", names=Names(lower_case=USES)),
        Table("users", Chain(("first", "second"))),
    )
    found = stage.find_now("Alice@A")
    assert (servers(found), said(found).user) == (["pop3s://two.example:995"], "alice@a")


# -- server lists


def test_a_dead_server_rests_and_is_tried_last_until_its_time_is_over() -> None:
    stage = Stage(ALICE)
    found = stage.find_now("x@b.example")
    assert isinstance(found, Route)
    one, two = servers(found)
    found.tell(found.targets[0], False)
    assert servers(stage.find_now("y@b.example")) == [two, one]
    stage.now += 29
    assert servers(stage.find_now("y@b.example")) == [two, one]
    stage.now += 1
    assert servers(stage.find_now("y@b.example")) == [one, two]


def test_a_server_that_answers_rests_no_more() -> None:
    stage = Stage(ALICE)
    found = stage.find_now("x@b.example")
    assert isinstance(found, Route)
    found.tell(found.targets[0], False)
    found.tell(found.targets[0], True)
    assert servers(stage.find_now("x@b.example")) == servers(found)


def test_if_all_are_dead_all_are_tried() -> None:
    stage = Stage(ALICE)
    found = stage.find_now("x@b.example")
    assert isinstance(found, Route)
    for target in found.targets:
        found.tell(target, False)
    assert len(servers(stage.find_now("x@b.example"))) == 2


def test_round_robin_goes_round_and_passes_over_the_dead() -> None:
    stage = Stage(static(("*", ("a.example", "b.example", "c.example")), balance="round_robin"))
    firsts = [servers(stage.find_now("x"))[0] for _ in range(4)]
    assert firsts == [f"pop3s://{letter}.example:995" for letter in "abca"]
    stage.tables.rested.failed(Server("pop3", "b.example", 995), 30)
    for _ in range(6):
        found = servers(stage.find_now("x"))
        assert found[-1] == "pop3s://b.example:995"
        assert len(found) == 3


def test_what_is_known_of_the_dead_is_bounded() -> None:
    rested = Rested(lambda: 0.0)
    for number in range(3000):
        rested.failed(Server("pop3", f"{number}.example", 995), 30)
        rested.in_order([Server("pop3", f"{number}.example", 995), Server("pop3", "x", 995)], in_turn=True)
    assert rested.is_resting(Server("pop3", "2999.example", 995))
    assert not rested.is_resting(Server("pop3", "1.example", 995))


# -- reloads


def test_a_reload_reads_files_anew(tmp_path: Path) -> None:
    file = tmp_path / "popmap"
    file.write_text("alice:one.example\n")
    table = Table("users", Popmap(file))
    stage = Stage(table)
    file.write_text("alice:two.example\n")
    assert servers(stage.find_now("alice")) == ["pop3s://one.example:995"]
    stage.tables.load([table])
    assert servers(stage.find_now("alice")) == ["pop3s://two.example:995"]


def test_a_reload_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "popmap"
    file.write_text("alice:one.example\n")
    stage = Stage(Table("users", Popmap(file)), static(("bob", "b.example"), name="others"))
    file.write_text("alice:pop3://one.example\nbob:\n")
    with pytest.raises(ConfigError) as caught:
        stage.tables.load([Table("users", Popmap(file)), Table("others", Popmap(tmp_path / "none"))])
    assert [line.partition(":")[0] for line in caught.value.mistakes] == [
        'table "users"', 'table "users"', 'table "others"']  # fmt: skip
    assert servers(stage.find_now("alice")) == ["pop3s://one.example:995"]
    assert servers(stage.find_now("bob", service(table="others"))) == ["pop3s://b.example:995"]


def test_a_session_that_began_before_its_table_went_is_told_to_come_again() -> None:
    stage = Stage(ALICE)
    stage.tables.load([])
    assert isinstance(stage.find_now("alice"), Unsure)


def test_the_steps_are_told_for_a_person() -> None:
    stage = Stage(static(("alice", "one.example"), names=Names(keys=("domain", "user"))))
    stage.find_now("alice@x")
    assert stage.notes == [
        "table \"users\": 'x': not found in routes",
        "table \"users\": 'alice@x': not found in routes",
    ]


def test_a_table_may_say_how_some_of_its_servers_prove_who_they_are() -> None:
    trusts = (("mail.a.example", Trust(min_tls="1.3")), ("*.b.example", Trust(certificate_name="mx.b.example")))
    at = service()
    at = replace(at, target=replace(at.target, trust=Trust(ca_file=Path("ours.pem"))))
    stage = Stage(replace(ALICE, trust=trusts))

    def trusted(user: str) -> list[Trust]:
        found = stage.find_now(user, at)
        assert isinstance(found, Route)
        return [target.trust for target in found.targets]

    assert trusted("alice") == [Trust(min_tls="1.3")]
    assert trusted("anna@b.example") == [Trust(certificate_name="mx.b.example")] * 2
    stage = Stage(replace(ALICE, trust=trusts[1:]))
    assert trusted("alice") == [Trust(ca_file=Path("ours.pem"))]


def test_who_is_being_looked_up_at_a_reload_has_his_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the table that was asked; another has taken its place meanwhile, and it is let go of behind him."""
    go_on = asyncio.Event()

    class Slow(Odd):
        async def find(self, query: Query) -> Answer:
            self.asked += 1
            assert not self.closed
            await go_on.wait()
            return Entry((f"{query.key}.example",)) if query.key == "a" else Missing("here")

    made = [Slow(Missing("here")), Slow(Missing("here"))]
    rest = iter(made)
    monkeypatch.setattr(kinds, "StaticTable", lambda _: next(rest))

    async def run() -> None:
        stage = Stage(static(names=Names(keys=("user", "domain"))))
        waiting = asyncio.ensure_future(stage.find("alice@a"))
        for _ in range(5):
            await asyncio.sleep(0)
        stage.tables.load([static(("bob", "b.example"))])
        await asyncio.sleep(0)
        assert (made[0].asked, made[0].closed) == (1, False)
        go_on.set()
        assert servers(await waiting) == ["pop3s://a.example:995"]
        await stage.tables.close()
        assert [one.closed for one in made] == [True, True]

    asyncio.run(run())


def test_who_is_being_looked_up_when_the_gateway_ends_is_not_cancelled_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    odd(monkeypatch, Entry(("a.example",)))

    async def run() -> None:
        stage = Stage(static())
        waiting = asyncio.ensure_future(stage.find("slow"))
        for _ in range(5):
            await asyncio.sleep(0)
        await stage.tables.close()
        assert isinstance(await waiting, Unsure)

    asyncio.run(run())
