"""Procedures of several requests, written one below the other, and promises that end in time.

A procedure is a generator that yields the ``Future``s it waits for. It runs under its session's lock in whichever
thread completes them, so that it sees the session's state as a single thread would; blocking clients wait for its own
``Future``, asyncio ones await it.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any, TypeVar

__all__ = ["Deadlines", "Steps", "fail", "fulfil", "run"]

T = TypeVar("T")
Steps = Generator[Future[Any], Any, T]


def run(lock: threading.RLock, steps: Steps[T]) -> Future[T]:
    """Start a procedure; the future is its result. Cancelling the future lets the procedure go on unheard."""
    outcome: Future[T] = Future()
    _advance(lock, steps, outcome, None)
    return outcome


def fulfil(future: Future[T], value: T) -> None:
    """Give a future its result, unless it has one or nobody wants it any more."""
    with suppress(InvalidStateError):
        future.set_result(value)


def fail(future: Future[Any], error: BaseException) -> None:
    """Give a future its error, unless it has an outcome or nobody wants it any more."""
    with suppress(InvalidStateError):
        future.set_exception(error)


def _advance(lock: threading.RLock, steps: Steps[T], outcome: Future[T], arrived: Future[Any] | None) -> None:
    try:
        with lock:
            while arrived is None or arrived.done():
                arrived = _step(steps, arrived)
    except StopIteration as end:
        fulfil(outcome, end.value)
    except BaseException as error:  # noqa: BLE001 - whoever waits gets it
        fail(outcome, error)
    else:
        arrived.add_done_callback(lambda future: _advance(lock, steps, outcome, future))


def _step(steps: Steps[Any], arrived: Future[Any] | None) -> Future[Any]:
    if arrived is None:
        return next(steps)
    error = arrived.exception()
    return steps.send(arrived.result()) if error is None else steps.throw(error)


class Deadlines:
    """Futures that something must be said about in time. Pure; not thread-safe."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Future[Any], Callable[[], None]]] = []
        self._count = itertools.count()

    def add(self, when: float, future: Future[Any], late: Callable[[], None]) -> None:
        """Call ``late`` at ``when`` unless the future is done by then."""
        heapq.heappush(self._heap, (when, next(self._count), future, late))

    def pump(self, now: float) -> float | None:
        """Call what is late; return when to come back, or ``None``."""
        while self._heap and (self._heap[0][2].done() or self._heap[0][0] <= now):
            _, _, future, late = heapq.heappop(self._heap)
            if not future.done():
                late()
        return self._heap[0][0] if self._heap else None
