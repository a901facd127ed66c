"""Looking names up: a system's resolver of the test's own, each of whose answers comes when the test says so."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from aiohappyeyeballs import AddrInfoType

from popover.outside import resolve
from popover.outside.resolve import KEPT_LIMIT, LIFETIME, Resolver

PATIENCE = 15.0  # seconds, only for a test never to hang
PORT = 995
Play = Callable[[Resolver, "System"], Coroutine[Any, Any, None]]


def found(*hosts: str, port: int = PORT) -> list[AddrInfoType]:
    """What getaddrinfo gives for IPv4 addresses."""
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)) for host in hosts]


class System:
    """Stands in for getaddrinfo. A name in `held` is not answered before its event is set."""

    def __init__(self) -> None:
        self.answers: dict[str, list[AddrInfoType] | Exception] = {}
        self.held: dict[str, threading.Event] = {}
        self.asked: Counter[str] = Counter()
        self.threads: set[str] = set()
        self.now = 1000.0

    def hold(self, host: str) -> threading.Event:
        return self.held.setdefault(host, threading.Event())

    def getaddrinfo(self, host: str, port: int, **how: object) -> list[AddrInfoType]:
        assert how == {"type": socket.SOCK_STREAM}
        assert port in {PORT, 110}
        self.asked[host] += 1
        self.threads.add(threading.current_thread().name)
        if event := self.held.get(host):
            event.wait(PATIENCE)
        answer = self.answers[host]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    made = System()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    monkeypatch.setattr(resolve, "time", made)
    yield made
    for event in made.held.values():
        event.set()


def play(system: System, act: Play) -> None:
    async def main() -> None:
        async with asyncio.timeout(PATIENCE):
            await act(Resolver(asyncio.get_running_loop()), system)

    asyncio.run(main())


async def until(true: Callable[[], object]) -> None:
    while not true():  # noqa: ASYNC110 - another thread is waited for
        await asyncio.sleep(0.001)


def test_slow_name_does_not_delay_others(system: System) -> None:
    system.answers["fast"] = found("192.0.2.1")
    for number in range(100):
        system.answers[f"slow{number}"] = found("192.0.2.9")

    async def act(resolver: Resolver, system: System) -> None:
        slow = [asyncio.create_task(resolver.addresses(f"slow{number}", PORT)) for number in range(100)]
        await until(lambda: system.asked.total() == 100)
        assert await resolver.addresses("fast", PORT) == found("192.0.2.1")
        assert not any(task.done() for task in slow)
        for event in system.held.values():
            event.set()
        assert await asyncio.gather(*slow) == [found("192.0.2.9")] * 100

    for number in range(100):
        system.hold(f"slow{number}")
    play(system, act)


def test_all_who_wait_for_a_name_share_one_look_up(system: System) -> None:
    system.answers["mail"] = found("192.0.2.1", "192.0.2.2")
    go = system.hold("mail")

    async def act(resolver: Resolver, system: System) -> None:
        waiters = [asyncio.create_task(resolver.addresses("mail", PORT)) for _ in range(50)]
        await until(lambda: system.asked["mail"])
        go.set()
        assert await asyncio.gather(*waiters) == [system.answers["mail"]] * 50
        assert await resolver.addresses("mail", PORT) == system.answers["mail"]
        assert system.asked["mail"] == 1
        assert system.threads == {"look up mail"}

    play(system, act)


def test_the_port_belongs_to_the_answer(system: System) -> None:
    async def act(resolver: Resolver, system: System) -> None:
        system.answers["mail"] = found("192.0.2.1")
        await resolver.addresses("mail", PORT)
        system.answers["mail"] = found("192.0.2.1", port=110)
        assert await resolver.addresses("mail", 110) == found("192.0.2.1", port=110)
        assert await resolver.addresses("mail", PORT) == found("192.0.2.1")

    play(system, act)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), socket.EAI_NONAME),
        (socket.gaierror(socket.EAI_AGAIN, "later"), socket.EAI_AGAIN),
        (UnicodeError("label too long"), socket.EAI_NONAME),
        (OSError(24, "Too many open files"), 24),
        (LookupError("unknown encoding: idna"), socket.EAI_NONAME),
    ],
    ids=repr,
)
def test_failure_reaches_all_who_wait_and_is_not_kept(system: System, fault: Exception, code: int) -> None:
    system.answers["mail"] = fault
    go = system.hold("mail")

    async def act(resolver: Resolver, system: System) -> None:
        waiters = [asyncio.create_task(resolver.addresses("mail", PORT)) for _ in range(3)]
        await until(lambda: system.asked["mail"])
        go.set()
        came = await asyncio.gather(*waiters, return_exceptions=True)
        assert [one.errno for one in came if isinstance(one, OSError)] == [code] * 3
        system.answers["mail"] = found("192.0.2.1")
        assert await resolver.addresses("mail", PORT) == found("192.0.2.1")
        assert system.asked["mail"] == 2

    play(system, act)


def test_name_whose_thread_could_not_start_is_asked_again(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    system.answers["mail"] = found("192.0.2.1")

    def unwilling(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")  # what CPython says at RLIMIT_NPROC

    async def act(resolver: Resolver, system: System) -> None:
        with monkeypatch.context() as crowded:
            crowded.setattr(threading.Thread, "start", unwilling)
            for _ in range(2):
                with pytest.raises(socket.gaierror) as caught:
                    await resolver.addresses("mail", PORT)
                assert caught.value.errno == socket.EAI_AGAIN
        assert await resolver.addresses("mail", PORT) == found("192.0.2.1")
        assert system.asked["mail"] == 1

    play(system, act)


def test_answer_is_used_for_its_lifetime_and_no_longer(system: System) -> None:
    system.answers["mail"] = found("192.0.2.1")

    async def act(resolver: Resolver, system: System) -> None:
        await resolver.addresses("mail", PORT)
        system.answers["mail"] = found("192.0.2.2")
        system.now += LIFETIME - 0.001
        assert await resolver.addresses("mail", PORT) == found("192.0.2.1")
        system.now += 0.001
        assert await resolver.addresses("mail", PORT) == found("192.0.2.2")
        assert system.asked["mail"] == 2

    play(system, act)


def test_last_answers_are_kept_and_no_more(system: System) -> None:
    """A table may lead to as many names as its users can think of."""

    async def act(resolver: Resolver, system: System) -> None:
        for number in range(KEPT_LIMIT + 1):
            host = f"mail{number}.example.com"
            system.answers[host] = found("192.0.2.1")
            await resolver.addresses(host, PORT)
        for number in (0, KEPT_LIMIT):
            await resolver.addresses(f"mail{number}.example.com", PORT)

    play(system, act)
    assert system.asked["mail0.example.com"] == 2
    assert system.asked[f"mail{KEPT_LIMIT}.example.com"] == 1


def test_forgotten_answer_is_asked_anew(system: System) -> None:
    system.answers = {"mail": found("192.0.2.1"), "other": found("192.0.2.5")}

    async def act(resolver: Resolver, system: System) -> None:
        await resolver.addresses("mail", PORT)
        await resolver.addresses("other", PORT)
        system.answers["mail"] = found("192.0.2.2")
        resolver.forget("mail", PORT)
        resolver.forget("mail", PORT)
        resolver.forget("nobody", PORT)
        assert await resolver.addresses("mail", PORT) == found("192.0.2.2")
        await resolver.addresses("other", PORT)
        assert system.asked == {"mail": 2, "other": 1}

    play(system, act)


@pytest.mark.parametrize("answer", [found("192.0.2.1"), socket.gaierror(socket.EAI_AGAIN, "later")], ids=["ok", "no"])
@pytest.mark.parametrize("leave", [1, 2, 3])
def test_whoever_gives_up_waiting_takes_nothing_from_the_others(
    system: System, leave: int, answer: list[AddrInfoType] | Exception
) -> None:
    system.answers["mail"] = answer
    go = system.hold("mail")

    async def act(resolver: Resolver, system: System) -> None:
        complaints: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        waiters = [asyncio.create_task(resolver.addresses("mail", PORT)) for _ in range(3)]
        await until(lambda: system.asked["mail"])
        for waiter in waiters[:leave]:
            waiter.cancel()
        await asyncio.sleep(0)
        late = asyncio.create_task(resolver.addresses("mail", PORT))
        await asyncio.sleep(0)
        go.set()
        came = await asyncio.gather(*waiters, late, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in came] == [True] * leave + [False] * (4 - leave)
        assert came[leave:] == [answer] * (4 - leave)
        assert system.asked["mail"] == 1
        assert not complaints  # a look-up that fails is no bug, whoever has gone meanwhile

    play(system, act)


def test_look_up_that_outlives_the_loop_harms_nobody(system: System) -> None:
    system.answers["mail"] = found("192.0.2.1")
    go = system.hold("mail")

    async def act(resolver: Resolver, system: System) -> None:
        waiter = asyncio.create_task(resolver.addresses("mail", PORT))
        await until(lambda: system.asked["mail"])
        waiter.cancel()

    play(system, act)
    [thread] = [thread for thread in threading.enumerate() if thread.name == "look up mail"]
    assert thread.daemon  # the exit of the process does not wait for it
    go.set()
    thread.join(PATIENCE)  # what it raised, pytest would make a failure of
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("host", "family", "place"),
    [
        ("192.0.2.1", socket.AF_INET, ("192.0.2.1", PORT)),
        ("2001:db8::1", socket.AF_INET6, ("2001:db8::1", PORT, 0, 0)),
        ("::1", socket.AF_INET6, ("::1", PORT, 0, 0)),
    ],
)
def test_address_is_not_looked_up(system: System, host: str, family: int, place: tuple[object, ...]) -> None:
    async def act(resolver: Resolver, system: System) -> None:
        for _ in range(2):
            [info] = await resolver.addresses(host, PORT)
            assert (info[0], info[4]) == (family, place)
            resolver.forget(host, PORT)
        assert not system.asked

    play(system, act)
