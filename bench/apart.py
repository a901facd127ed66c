"""An object that lives in a process of its own, and does there what it is asked."""

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")

# Seconds. The longest job, 9,000 sessions through a slow machine, takes a quarter of it.
_PATIENCE = 240


class Apart(Generic[T]):
    """`with Apart(Clients) as clients: clients.do(Clients.sessions, port, 100)`.

    What is raised over there is raised here, as RuntimeError with its traceback as text; TimeoutError when no
    answer comes. The process ends with the block.
    """

    def __init__(self, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
        # A fresh interpreter: a fork would share this one's memory, which is one of the things measured.
        context = multiprocessing.get_context("spawn")
        self._pipe, far_end = context.Pipe()
        self._process = context.Process(target=_live, args=(far_end, make, args, kwargs), daemon=True)
        self._process.start()
        far_end.close()

    def do(self, what: Callable[Concatenate[T, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a method over there, given as `Class.method`, and wait for what it returns."""
        self._pipe.send((what, args, kwargs))
        if not self._pipe.poll(_PATIENCE):
            raise TimeoutError(f"{what.__qualname__}{args}: no answer in {_PATIENCE} s")
        try:
            done, answer = self._pipe.recv()
        except (EOFError, ConnectionError):
            raise RuntimeError(f"{what.__qualname__}{args}: the process ended") from None
        if not done:
            raise RuntimeError(f"{what.__qualname__}{args} failed:\n{answer}")
        result: R = answer
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _live(pipe: Connection, make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        it = make(*args, **kwargs)
        while True:
            what, args, kwargs = pipe.recv()
            try:
                answer = (True, what(it, *args, **kwargs))
            except Exception:  # noqa: BLE001  whatever it was, the asking side raises it
                answer = (False, traceback.format_exc())
            pipe.send(answer)
    except (EOFError, KeyboardInterrupt, BrokenPipeError):
        pass  # the other side is gone: the end of the run
