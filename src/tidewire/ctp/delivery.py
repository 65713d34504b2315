"""Where the callbacks of a queue run: in a thread of their own, or in an event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable

from tidewire import _ctp

__all__ = ["Drainer"]


class Drainer:
    """Takes what waits in a session's queue until the session is released and all is delivered; then calls ``done``.

    With a ``loop``, ``wake_fd`` is an eventfd that the queue writes to when its first event comes; closed here.
    """

    def __init__(
        self,
        session: _ctp.Session,
        loop: asyncio.AbstractEventLoop | None,
        wake_fd: int,
        name: str,
        done: Callable[[], object],
    ) -> None:
        self._session, self._loop, self._wake_fd, self._done = session, loop, wake_fd, done
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        if self._loop is None:
            self._thread.start()
        else:
            self._loop.call_soon_threadsafe(self._loop.add_reader, self._wake_fd, self._wake)

    def finish(self) -> None:
        """After the session's release: deliver what waits, in the thread or loop where callbacks run."""
        if self._loop is None:
            if not self._thread.is_alive():
                self._run()  # never started
            elif self._thread is not threading.current_thread():
                self._thread.join()
        elif self._loop.is_running() and self._loop is not _running_loop():
            self._loop.call_soon_threadsafe(self._leave_loop)
        else:
            self._leave_loop()

    def _run(self) -> None:
        while self._session.drain(3600.0) >= 0:
            pass
        self._done()

    def _wake(self) -> None:
        os.eventfd_read(self._wake_fd)
        self._session.drain(0.0)

    def _leave_loop(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._wake_fd)
        os.close(self._wake_fd)
        while self._session.drain(0.0) >= 0:
            pass
        self._done()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
