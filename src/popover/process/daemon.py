"""The life of the process: start, signals, reload, stop; what systemd is told meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable

from popover.config import Activated, Config, doubt
from popover.errors import ConfigError, StartError
from popover.inside.listen import shown
from popover.log import Log
from popover.process.awaited import Awaited
from popover.process.first_look import FirstLook
from popover.process.gateway import Gateway
from popover.process.handover import Predecessor, hand_over
from popover.process.privileges import become, is_root, session_ceiling
from popover.process.state import state_file
from popover.process.status.served import StatusPage
from popover.process.supervisor import Notifier, inherited_sockets

Load = Callable[[], Config]
Inherited = dict[str, list[socket.socket]]


class Daemon:
    """Runs a gateway until it is told to stop. `load` reads the configuration anew, for SIGHUP; None: it cannot. What a
    person has started without a file on a terminal ends when that is closed: else it would hold its ports unseen.
    """

    def __init__(
        self, config: Config, log: Log, load: Load | None, inherited: Inherited, predecessor: Predecessor | None = None
    ) -> None:
        self._predecessor = predecessor or Predecessor({})
        self._successor: asyncio.Task[None] | None = None
        self._is_succeeded = False
        self._config = config
        self._log = log
        self._load = load
        self._ends_with_terminal = load is None and os.isatty(0)  # nohup gives another stdin
        self._notify = Notifier()
        self._stop = asyncio.Event()
        self._now = asyncio.Event()
        self._ceiling = session_ceiling()
        self._inherited = inherited
        self._user = config.user  # as whom we run is decided once, at the start
        self._awaited = Awaited(asyncio.get_running_loop(), log)
        self._gateway = Gateway(log, self._ceiling, inherited, state_file())
        self._status = StatusPage(asyncio.get_running_loop(), log, self._gateway, inherited)
        self._first_look = FirstLook(log, self._gateway.look_up)

    async def run(self, announce: Callable[[str], None]) -> None:
        """Serve. `announce` gets a line per address once it accepts. Raises ConfigError, StartError."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._report)
        lines = self._put_in_force(self._config)
        if self._config.user:
            from popover.process.at_hand import have_at_hand  # noqa: PLC0415 - few become somebody else

            have_at_hand(self._config.user)
            become(self._config.user)
        self._warn_of(self._config)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR1, self._gateway.log_status)
        loop.add_signal_handler(signal.SIGUSR2, self._give_way)
        for line in lines:
            announce(line)
        gc.freeze()  # what is here now stays: the collector need not look at it again and again
        for name in [name for name in self._inherited if ":" in name]:  # a predecessor's, and nobody listens there now
            for sock in self._inherited.pop(name):
                sock.close()
        self._notify.ready()
        self._predecessor.ready()
        if self._notify.watchdog_interval:
            self._alive()
        await self._stop.wait()
        await self._drain()
        signal.set_wakeup_fd(-1)  # who signals now comes too late, and would be told of in a loop that is being closed

    def _put_in_force(self, config: Config) -> list[str]:
        with self._status.changing(config.status) as lines:
            return self._gateway.load(config) + lines

    def _alive(self) -> None:
        self._notify.alive()
        asyncio.get_running_loop().call_later(self._notify.watchdog_interval, self._alive)

    def _stopped(self) -> None:
        if self._stop.is_set():
            self._now.set()
        self._stop.set()

    async def _drain(self) -> None:
        """Let running sessions finish for `drain_timeout` seconds, or until the second signal; then cut them. Behind a
        successor nobody waits for us to end, and they have all the time they want (nginx's old workers do so, too).
        """
        if self._successor is not None:  # it is not there yet, and whoever stops us means it, too
            self._successor.cancel()
        self._notify.stopping()
        self._gateway.stop_accepting()
        if left := self._gateway.sessions:
            self._log.event("notice", "stopping", f"waiting for {left} session{'s' if left > 1 else ''} to finish")
        waits = [asyncio.create_task(self._gateway.drained()), asyncio.create_task(self._now.wait())]
        patience = None if self._is_succeeded else self._config.drain_timeout
        await asyncio.wait(waits, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await self._gateway.cut()
        self._status.close()

    def _give_way(self) -> None:
        """SIGUSR2: let another popover take our place, started as we were; of the same version or of a newer one."""
        if self._stop.is_set() or self._successor is not None:
            return
        why_not = ""
        if os.getpid() == 1:
            why_not = (
                "popover is the first process of its container, which ends with it; let another container take over"
            )
        elif self._ends_with_terminal:
            why_not = "popover was started on a terminal, without a file; stop it and start it again"
        if why_not:
            self._warn(f"SIGUSR2: {why_not}")
        else:
            self._successor = asyncio.get_running_loop().create_task(self._hand_over())

    async def _hand_over(self) -> None:
        sockets = dict(self._inherited)
        for name, some in (*self._gateway.sockets(), *self._status.by_name()):
            sockets[name] = [*sockets.get(name, ()), *(one for one in some if one not in sockets.get(name, ()))]
        try:
            pid = await hand_over(sockets, self._notify.environment)
        except StartError as fault:
            self._warn(f"SIGUSR2: no successor, so this popover stays: {fault}")
            return
        finally:
            self._successor = None
        self._log.event("notice", "succeeded", f"process {pid} takes over: sessions are finished here", pid=pid)
        self._notify.succeeded_by(pid)
        self._status.close()
        self._is_succeeded = True
        self._stop.set()

    def _reload(self) -> None:
        if self._load is None and self._ends_with_terminal:
            self._stopped()
            return
        if self._load is None:
            self._warn("SIGHUP: there is no file to read again; the services are those of the command line")
            return
        if self._stop.is_set():
            return
        self._notify.reloading()
        try:
            self._read_again(self._load)
        finally:  # without this word systemd would wait for it, and then call the reload failed
            self._notify.ready()

    def _read_again(self, load: Load) -> None:
        try:
            config = load()
            lines = self._put_in_force(config)
        except (ConfigError, StartError) as fault:
            for line in str(fault).splitlines():
                self._warn(f"the new configuration is not in force, the old one stays: {line}")
            return
        self._config = config
        self._warn_of(config)
        self._log.event("notice", "reloaded", "the new configuration is in force")
        for line in lines:
            self._log.event("notice", "listening", f"listening {line}")

    def _warn_of(self, config: Config) -> None:
        """Say what in a configuration that is in force is dangerous, or not in force after all."""
        self._awaited.look(config)
        self._first_look.begin(config)
        if config.user != self._user:
            self._warn(f"user: now {_quoted(config.user)}, but popover was started with {_quoted(self._user)}, which "
                       "a reload does not change: restart popover")  # fmt: skip
        for name in sorted(unused(self._inherited, config)):
            places = ", ".join(shown(sock) for sock in self._inherited[name])
            self._warn(f"systemd listens on {places} for us, but no service takes that socket, and its clients wait in "
                       f'vain: write listen = "systemd:{name}", or take it out of the socket unit')  # fmt: skip
        self._warn_of_services(config)
        if config.status is not None and config.status.is_public:
            self._warn("status: unsafe_public: public networks may look at the status page")
        if is_root():
            how = 'user = "nobody" at the top of the file' if self._load else "popover run --user nobody"
            self._warn(f"running as root: better name a user to become ({how})")

    def _warn_of_services(self, config: Config) -> None:
        """Likewise, what each service leads to, and whom it lets in."""
        for line in self._gateway.doubts(config):
            self._warn(line)
        for service in config.services:
            for target in config.targets_of(service):
                oddity, remedy = doubt(target.server)
                if oddity:
                    self._warn(f"{service.name}: {oddity}: {remedy}")
            if service.admission.max_sessions > self._ceiling:
                self._warn(f"{service.name}: max_sessions = {service.admission.max_sessions}, but the limit of open "
                           f"files allows {self._ceiling}: raise LimitNOFILE (ulimit -n)")  # fmt: skip
            if service.is_public:
                danger = "" if service.inside.seals_logins else ", and their passwords come here unencrypted"
                self._warn(f"{service.name}: unsafe_public: clients from public networks are let in{danger}")

    def _warn(self, text: str) -> None:
        self._log.event("warning", "warning", text)

    def _report(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        fault = context.get("exception")
        what = f"{context.get('message')}: {type(fault).__name__ if fault else 'no exception'}"
        self._log.event("warning", "internal", f"a bug of popover, please report it: {what}")


def unused(inherited: Inherited, config: Config) -> set[str]:
    """The names of systemd's sockets from which no service accepts."""
    taken = {listen.name for listen in config.listeners if isinstance(listen, Activated)}
    return {name for name in inherited if ":" not in name} - taken


def _quoted(user: str | None) -> str:
    return f'"{user}"' if user else "none"


def serve(
    config: Config,
    log: Log,
    load: Load | None,
    announce: Callable[[str], None],
    inherited: Inherited | None = None,
) -> None:
    """Run a daemon in an event loop of its own until it is stopped.

    `inherited`: listening sockets by name; None: those that systemd hands over.
    """
    predecessor = Predecessor()
    sockets = (inherited_sockets() if inherited is None else inherited) | predecessor.sockets

    async def main() -> None:
        await Daemon(config, log, load, sockets, predecessor).run(announce)

    with contextlib.suppress(KeyboardInterrupt):  # SIGINT before the handler stands
        asyncio.run(main())
