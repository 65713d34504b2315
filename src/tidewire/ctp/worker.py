"""The one thread of a session: takes what the vendor's threads leave, and wakes when something is due.

The vendor's threads only put into a queue, which never blocks, so that a slow reader cannot make a front drop the
session.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

__all__ = ["Worker"]

log = logging.getLogger("tidewire.ctp")

_BATCH = 256  # events between two looks at the clock


class Worker:
    """Run ``handle(event)`` for each event and ``pump(now)``, which says when it wants to be called again."""

    def __init__(self, name: str, handle: Callable[[Any], None], pump: Callable[[float], float | None]) -> None:
        self._handle = handle
        self._pump = pump
        self._events: SimpleQueue[Any] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def backlog(self) -> int:
        """Events that wait to be handled."""
        return self._events.qsize()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put(self, event: Any) -> None:
        """Leave an event; any thread, never blocks."""
        self._events.put(event)

    def poke(self) -> None:
        """Have ``pump`` called soon."""
        self._events.put(_POKE)

    def stop(self) -> None:
        """Handle what is there, and end; wait for that unless on the thread itself. Repeating is harmless."""
        self._events.put(_STOP)
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        due: float | None = None
        while True:
            for event in self._take(due):
                if event is _STOP:
                    return
                if event is not _POKE:
                    self._guard(self._handle, event)
            due = self._guard(self._pump, time.monotonic())

    def _take(self, due: float | None) -> Iterator[Any]:
        timeout = None if due is None else max(0.0, due - time.monotonic())
        with suppress(Empty):
            yield self._events.get(timeout=timeout)
            for _ in range(_BATCH):
                yield self._events.get_nowait()

    def _guard(self, function: Callable[[Any], Any], argument: Any) -> Any:
        """One bad event must not end the session: it is reported and the next one taken."""
        try:
            return function(argument)
        except Exception:
            log.exception("CTP session: an event could not be handled")
            return None


_POKE, _STOP = object(), object()
